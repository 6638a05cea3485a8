/* Connections that do not stay: connect, ask once, hear the answer, close; `connections` at a time. */
#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 256

/* Closed connections keep their port for a minute. So each comes from another address of loopback,
 * 127.1.0.0 to 127.1.15.255: enough for a hundred million a minute. */
#define FIRST_SOURCE 0x7f010000
#define SOURCES 4096

struct talk {
    int socket;
    uint64_t which;
    int received;
    bool asked;
};

static const struct plan *plan;
static int poll_fd;
static int open_now;
static uint64_t made;
static char incoming[LONGEST];

void source_address(int socket) {
    static uint32_t next;
    struct sockaddr_in source = {.sin_family = AF_INET};
    int yes = 1;
    if (!next) next = (uint32_t)(seconds_now() * 1000); /* another place than the last run's */
    source.sin_addr.s_addr = htonl(FIRST_SOURCE + next++ % SOURCES);
    need(setsockopt(socket, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes), "IP_BIND_ADDRESS_NO_PORT");
    need(bind(socket, (struct sockaddr *)&source, sizeof source), "bind");
}

static void begin(struct talk *talk) {
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = talk};
    *talk = (struct talk){.which = made++};
    talk->socket = need(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
    source_address(talk->socket);
    int connected = connect(talk->socket, (const struct sockaddr *)&plan->to, sizeof plan->to);
    if (connected < 0 && errno != EINPROGRESS) wrong("connect: %s", strerror(errno));
    need(epoll_ctl(poll_fd, EPOLL_CTL_ADD, talk->socket, &event), "epoll_ctl");
    open_now++;
}

static void ask(struct talk *talk) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = talk};
    ssize_t took = send(talk->socket, pattern(talk->which, 0), (size_t)plan->size, MSG_NOSIGNAL);
    if (took != plan->size) wrong("send: %s", took < 0 ? strerror(errno) : "the socket is full");
    need(epoll_ctl(poll_fd, EPOLL_CTL_MOD, talk->socket, &event), "epoll_ctl");
    talk->asked = true;
}

/* Return whether the answer is complete; then the connection is closed. */
static bool hear(struct talk *talk) {
    ssize_t got = recv(talk->socket, incoming, sizeof incoming, 0);
    if (got < 0 && errno == EAGAIN) return false;
    if (got <= 0) wrong("recv: %s", got < 0 ? strerror(errno) : "closed by the server");
    if (talk->received + got > plan->size) wrong("more came back than was sent");
    if (memcmp(incoming, pattern(talk->which, (uint64_t)talk->received), (size_t)got))
        wrong("other bytes came back than were sent");
    talk->received += (int)got;
    if (talk->received < plan->size) return false;
    close(talk->socket);
    open_now--;
    operation_done();
    return true;
}

static void turn(bool asking) {
    struct epoll_event events[EVENTS];
    int ready = epoll_wait(poll_fd, events, EVENTS, 100);
    for (int i = 0; i < ready; i++) {
        struct talk *talk = events[i].data.ptr;
        if (!talk->asked) ask(talk);
        else if (hear(talk) && asking) begin(talk);
    }
}

void load_churn(const struct plan *given) {
    plan = given;
    poll_fd = need(epoll_create1(0), "epoll_create1");
    struct talk *talks = calloc((size_t)plan->connections, sizeof *talks);
    for (int i = 0; i < plan->connections; i++) begin(&talks[i]);
    while (window_open()) turn(true);
    double until = seconds_now() + PATIENCE;
    while (open_now && seconds_now() < until) turn(false);
    if (open_now) wrong("%d connections were never answered", open_now);
}
