/* Datagrams: `depth` in flight from each socket, sent one by one or `train` at once.
 *
 * A train leaves in one call by UDP segmentation, and comes back in one where the server sends it so:
 * that is a peer like our own client, and keeps this side from being the limit. Both are left out
 * where the kernel cannot. */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 64
#define BATCH 64
#define RING 1024 /* more than are ever in flight from one socket */

/* Seconds without any reply after which what is in flight is counted as lost, and asked again. */
#define LOST_AFTER 0.25

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

struct source {
    int socket;
    uint64_t which, next;
    int flying;
    bool segments;
    double heard;
    uint64_t waiting[RING]; /* numbers in flight, plus one; 0: none */
};

static const struct plan *plan;
static int poll_fd;
static char incoming[BATCH][65536];

/* A datagram is its number and then the pattern at that place. */
static void fill(const struct source *source, uint64_t number, char *packet) {
    memcpy(packet, &number, sizeof number);
    memcpy(packet + sizeof number, pattern(source->which, number * 13), (size_t)plan->size - sizeof number);
}

static void send_packets(struct source *source, char *packets, int count) {
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    int calls = source->segments ? 1 : count, left = source->segments ? count * plan->size : plan->size;
    for (int i = 0; i < calls; i++) {
        parts[i] = (struct iovec){packets + (size_t)i * (size_t)plan->size, (size_t)left};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    int sent = sendmmsg(source->socket, messages, (unsigned)calls, MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != ENOBUFS) wrong("sendmmsg: %s", strerror(errno));
    /* What the socket did not take is lost like any datagram: no reply will come. */
}

static void ask(struct source *source) {
    static char packets[BATCH * 65536];
    while (plan->depth - source->flying >= plan->train) {
        int room = plan->depth - source->flying, count = 0;
        int most = plan->train > 1 ? plan->train : room < BATCH ? room : BATCH;
        for (; count < most; count++, source->next++) {
            fill(source, source->next, packets + (size_t)count * (size_t)plan->size);
            source->waiting[source->next % RING] = source->next + 1;
        }
        source->flying += count;
        send_packets(source, packets, count);
    }
}

static void check(struct source *source, const char *packet, size_t size) {
    static char wanted[65536];
    uint64_t number;
    if (size != (size_t)plan->size) wrong("%zu bytes came back for %d", size, plan->size);
    memcpy(&number, packet, sizeof number);
    if (number >= source->next) wrong("a datagram came back that was never sent");
    fill(source, number, wanted);
    if (memcmp(packet, wanted, size)) wrong("other bytes came back than were sent");
    if (source->waiting[number % RING] != number + 1) return; /* late, or a second time */
    source->waiting[number % RING] = 0;
    source->flying--;
    operation_done();
}

static size_t segment_size(struct msghdr *message, size_t whole) {
    struct cmsghdr *each = CMSG_FIRSTHDR(message);
    for (; each; each = CMSG_NXTHDR(message, each))
        if (each->cmsg_level == SOL_UDP && each->cmsg_type == UDP_GRO) return (size_t) * (int *)CMSG_DATA(each);
    return whole;
}

static void hear(struct source *source) {
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    char control[BATCH][64];
    for (int i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){incoming[i], sizeof incoming[i]};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1, .msg_control = control[i],
                                              .msg_controllen = source->segments ? sizeof control[i] : 0};
    }
    int got = recvmmsg(source->socket, messages, BATCH, MSG_DONTWAIT, NULL);
    if (got < 0 && errno != EAGAIN) wrong("recvmmsg: %s", strerror(errno));
    for (int i = 0; i < got; i++) {
        size_t whole = messages[i].msg_len, one = segment_size(&messages[i].msg_hdr, whole), at = 0;
        for (; at < whole; at += one)
            check(source, incoming[i] + at, whole - at < one ? whole - at : one);
        if (!whole) wrong("an empty datagram came back");
    }
    source->heard = seconds_now();
}

static void give_up(struct source *source) {
    count_lost((uint64_t)source->flying);
    source->flying = 0;
    memset(source->waiting, 0, sizeof source->waiting);
}

static void open_socket(struct source *source) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};
    int yes = 1, room = 4 << 20;
    source->socket = need(socket(AF_INET, SOCK_DGRAM, 0), "socket");
    setsockopt(source->socket, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (plan->train > 1)
        source->segments = !setsockopt(source->socket, SOL_UDP, UDP_SEGMENT, &plan->size, sizeof plan->size) &&
                           !setsockopt(source->socket, SOL_UDP, UDP_GRO, &yes, sizeof yes);
    need(connect(source->socket, (const struct sockaddr *)&plan->to, sizeof plan->to), "connect");
    need(epoll_ctl(poll_fd, EPOLL_CTL_ADD, source->socket, &event), "epoll_ctl");
    source->heard = seconds_now();
}

static void turn(struct source *sources, bool asking) {
    struct epoll_event events[EVENTS];
    int ready = epoll_wait(poll_fd, events, EVENTS, 100);
    for (int i = 0; i < ready; i++) {
        hear(events[i].data.ptr);
        if (asking) ask(events[i].data.ptr);
    }
    if (ready || !asking) return;
    for (int i = 0; i < plan->connections; i++)
        if (seconds_now() - sources[i].heard > LOST_AFTER) give_up(&sources[i]), ask(&sources[i]);
}

void load_datagrams(const struct plan *given) {
    plan = given;
    if (plan->size < 8 || plan->depth >= RING || plan->train > BATCH || plan->depth < plan->train)
        wrong("a datagram has at least 8 bytes, and a train at most %d datagrams of those in flight", BATCH);
    poll_fd = need(epoll_create1(0), "epoll_create1");
    struct source *sources = calloc((size_t)plan->connections, sizeof *sources);
    for (int i = 0; i < plan->connections; i++) {
        sources[i].which = (uint64_t)i;
        open_socket(&sources[i]);
        ask(&sources[i]);
    }
    while (window_open()) turn(sources, true);
    double until = seconds_now() + LOST_AFTER;
    for (int flying = 1; flying && seconds_now() < until;) {
        turn(sources, false);
        flying = 0;
        for (int i = 0; i < plan->connections; i++) flying += sources[i].flying;
    }
    for (int i = 0; i < plan->connections; i++) give_up(&sources[i]);
}
