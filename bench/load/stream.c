/* Connections that stay: `depth` messages in flight on each, sent again as they come back. */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 512

struct talk {
    int socket;
    uint64_t which, sent, received;
    bool blocked; /* the socket took no more; epoll says when it does */
};

static const struct plan *plan;
static int poll_fd;
static char incoming[LONGEST];

static void interest(struct talk *talk, int change) {
    struct epoll_event event = {.events = talk->blocked ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = talk};
    need(epoll_ctl(poll_fd, change, talk->socket, &event), "epoll_ctl");
}

static void ask(struct talk *talk) {
    uint64_t size = (uint64_t)plan->size;
    uint64_t until = (talk->received / size + (uint64_t)plan->depth) * size;
    bool was_blocked = talk->blocked;
    talk->blocked = false;
    while (talk->sent < until && !talk->blocked) {
        size_t left = until - talk->sent < LONGEST ? until - talk->sent : LONGEST;
        ssize_t took = send(talk->socket, pattern(talk->which, talk->sent), left, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (took < 0 && errno != EAGAIN) wrong("connection %d: send: %s", (int)talk->which, strerror(errno));
        if (took > 0) talk->sent += (uint64_t)took;
        talk->blocked = took < (ssize_t)left;
    }
    if (talk->blocked != was_blocked) interest(talk, EPOLL_CTL_MOD);
}

static void hear(struct talk *talk) {
    ssize_t got = recv(talk->socket, incoming, sizeof incoming, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) wrong("connection %d: recv: %s", (int)talk->which, strerror(errno));
    if (got == 0) wrong("connection %d: closed by the server", (int)talk->which);
    if (talk->received + (uint64_t)got > talk->sent) wrong("more came back than was sent");
    if (memcmp(incoming, pattern(talk->which, talk->received), (size_t)got))
        wrong("connection %d: other bytes came back than were sent", (int)talk->which);
    uint64_t before = talk->received / (uint64_t)plan->size;
    talk->received += (uint64_t)got;
    for (uint64_t done = talk->received / (uint64_t)plan->size; before < done; before++) operation_done();
}

static void connect_to_server(struct talk *talk) {
    int yes = 1;
    talk->socket = need(socket(AF_INET, SOCK_STREAM, 0), "socket");
    need(setsockopt(talk->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes), "TCP_NODELAY");
    need(connect(talk->socket, (const struct sockaddr *)&plan->to, sizeof plan->to), "connect");
    interest(talk, EPOLL_CTL_ADD);
}

static bool all_came_back(const struct talk *talks) {
    for (int i = 0; i < plan->connections; i++)
        if (talks[i].received != talks[i].sent) return false;
    return true;
}

static void turn(bool asking) {
    struct epoll_event events[EVENTS];
    int ready = epoll_wait(poll_fd, events, EVENTS, 100);
    for (int i = 0; i < ready; i++) {
        struct talk *talk = events[i].data.ptr;
        if (events[i].events & ~(uint32_t)EPOLLOUT) hear(talk);
        if (asking) ask(talk);
        else if (talk->blocked) talk->blocked = false, interest(talk, EPOLL_CTL_MOD);
    }
}

void load_stream(const struct plan *given) {
    plan = given;
    poll_fd = need(epoll_create1(0), "epoll_create1");
    struct talk *talks = calloc((size_t)plan->connections, sizeof *talks);
    for (int i = 0; i < plan->connections; i++) {
        talks[i].which = (uint64_t)i;
        connect_to_server(&talks[i]);
    }
    /* Not before all are connected: a server that accepts slowly would stand still. */
    for (int i = 0; i < plan->connections; i++) ask(&talks[i]);
    while (window_open()) turn(true);
    double until = seconds_now() + PATIENCE;
    while (!all_came_back(talks) && seconds_now() < until) turn(false);
    if (!all_came_back(talks)) wrong("not all that was sent came back");
    for (int i = 0; i < plan->connections; i++) close(talks[i].socket);
}
