/* Echo over TCP and UDP in plain C on epoll: what a server costs that does nothing else. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 512
#define BACKLOG 1024
#define SIZE 65536

struct talk {
    int socket;
    char *owed; /* what the peer has not taken yet: nothing is read before it has */
    size_t at, left;
};

static struct talk listening, datagrams;
static int poll_fd;
static char buffer[SIZE];

static int need(int result, const char *call) {
    if (result < 0) perror(call), exit(1);
    return result;
}

static void interest(struct talk *talk, int change, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = talk};
    need(epoll_ctl(poll_fd, change, talk->socket, &event), "epoll_ctl");
}

static void open_door(struct talk *talk, int type, const char *name) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    talk->socket = need(socket(AF_INET, type | SOCK_NONBLOCK, 0), "socket");
    need(bind(talk->socket, (struct sockaddr *)&address, size), "bind");
    if (type == SOCK_STREAM) need(listen(talk->socket, BACKLOG), "listen");
    need(getsockname(talk->socket, (struct sockaddr *)&address, &size), "getsockname");
    interest(talk, EPOLL_CTL_ADD, EPOLLIN);
    printf("%s 127.0.0.1:%d\n", name, ntohs(address.sin_port));
}

static void accept_all(void) {
    int yes = 1, socket;
    while ((socket = accept4(listening.socket, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct talk *talk = calloc(1, sizeof *talk);
        talk->socket = socket;
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        interest(talk, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static void hang_up(struct talk *talk) {
    close(talk->socket);
    free(talk->owed);
    free(talk);
}

static void pay(struct talk *talk) {
    ssize_t took = send(talk->socket, talk->owed + talk->at, talk->left, MSG_NOSIGNAL);
    if (took < 0 && errno != EAGAIN) return hang_up(talk);
    if (took > 0) talk->at += (size_t)took, talk->left -= (size_t)took;
    if (!talk->left) interest(talk, EPOLL_CTL_MOD, EPOLLIN);
}

static void answer(struct talk *talk) {
    ssize_t got = recv(talk->socket, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return hang_up(talk);
    ssize_t took = send(talk->socket, buffer, (size_t)got, MSG_NOSIGNAL);
    if (took == got) return;
    if (took < 0 && errno != EAGAIN) return hang_up(talk);
    if (took < 0) took = 0;
    if (!talk->owed) talk->owed = malloc(SIZE);
    talk->at = 0;
    talk->left = (size_t)(got - took);
    memcpy(talk->owed, buffer + took, talk->left);
    interest(talk, EPOLL_CTL_MOD, EPOLLOUT);
}

static void answer_datagrams(void) {
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    ssize_t got;
    while ((got = recvfrom(datagrams.socket, buffer, sizeof buffer, 0, (struct sockaddr *)&peer, &size)) >= 0)
        sendto(datagrams.socket, buffer, (size_t)got, 0, (struct sockaddr *)&peer, size);
}

int main(void) {
    struct epoll_event events[EVENTS];
    poll_fd = need(epoll_create1(0), "epoll_create1");
    open_door(&listening, SOCK_STREAM, "echo-tcp");
    open_door(&datagrams, SOCK_DGRAM, "echo-udp");
    fflush(stdout);
    for (;;) {
        int ready = epoll_wait(poll_fd, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            struct talk *talk = events[i].data.ptr;
            if (talk == &listening) accept_all();
            else if (talk == &datagrams) answer_datagrams();
            else if (talk->left) pay(talk);
            else answer(talk);
        }
    }
}
