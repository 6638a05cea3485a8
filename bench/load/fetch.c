/* Files fetched: `connections` at a time, each of `size` bytes of the pattern, under the name f<size>.
 *
 * An operation is a file, or of files of more than that a MiB.
 *
 * `depth` 0 makes a connection for each file, 1 keeps it. `train` adds up what to do: 1 asks by HTTP/1.1
 * and not by lines; 2 has the kernel throw the bytes away unread, so that this side is not the limit;
 * 4 asks for it below /files/, where netdemo's web door has it. */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 256
#define HTTP 1
#define DISCARD 2
#define BELOW 4
#define HEAD 4096
#define MEASURE (1 << 20) /* a larger file counts as so many of these */
#define LAST 256 /* a line behind the bytes */

struct talk {
    int socket;
    bool asked;
    int head;            /* bytes of the head that came; -1: all of it */
    int last;            /* the same of the line behind the bytes */
    int64_t received;    /* bytes of the file */
    char words[HEAD];
};

static const struct plan *plan;
static int poll_fd, open_now;
static bool http, discard;
static char request[256], incoming[LONGEST];

/* Count what came of a file. */
static void came(struct talk *talk, int64_t bytes) {
    int64_t before = talk->received / MEASURE;
    talk->received += bytes;
    if (plan->size <= MEASURE) return;
    for (int64_t i = talk->received / MEASURE - before; i > 0; i--) operation_done();
}

static void begin(struct talk *talk) {
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = talk};
    int yes = 1;
    talk->socket = need(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
    talk->asked = false;
    talk->head = talk->last = 0, talk->received = 0;
    need(setsockopt(talk->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes), "TCP_NODELAY");
    source_address(talk->socket);
    int connected = connect(talk->socket, (const struct sockaddr *)&plan->to, sizeof plan->to);
    if (connected < 0 && errno != EINPROGRESS) wrong("connect: %s", strerror(errno));
    need(epoll_ctl(poll_fd, EPOLL_CTL_ADD, talk->socket, &event), "epoll_ctl");
    open_now++;
}

static void leave(struct talk *talk) {
    close(talk->socket);
    open_now--;
}

static void ask(struct talk *talk) {
    size_t size = strlen(request);
    ssize_t took = send(talk->socket, request, size, MSG_NOSIGNAL);
    if (took != (ssize_t)size) wrong("send: %s", took < 0 ? strerror(errno) : "the socket is full");
    talk->asked = true;
    talk->head = talk->last = 0, talk->received = 0;
}

/* Take what belongs to the head; return how much that was. */
static size_t take_head(struct talk *talk, const char *data, size_t size) {
    size_t taken = 0;
    while (taken < size) {
        if (talk->head == HEAD - 1) wrong("an endless head");
        talk->words[talk->head++] = data[taken++];
        talk->words[talk->head] = 0;
        bool over = http ? talk->head > 3 && !memcmp(talk->words + talk->head - 4, "\r\n\r\n", 4) : data[taken - 1] == '\n';
        if (!over) continue;
        if (strncmp(talk->words, http ? "HTTP/1." : "OK ", http ? 7 : 3) || (http && strncmp(talk->words + 8, " 200", 4)))
            wrong("refused: %.60s", talk->words);
        talk->head = -1;
        break;
    }
    return taken;
}

/* Take what belongs to the line behind the bytes; return whether it is complete. */
static bool take_last(struct talk *talk, const char *data, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (talk->last == LAST - 1) wrong("an endless last line");
        talk->words[talk->last++] = data[i];
        if (data[i] != '\n') continue;
        if (memcmp(talk->words, "DONE ", 5)) wrong("no DONE but %.60s", talk->words);
        return true;
    }
    return false;
}

static bool take(struct talk *talk, const char *data, size_t size) {
    if (talk->head >= 0) {
        size_t taken = take_head(talk, data, size);
        data += taken, size -= taken;
    }
    if (talk->head >= 0) return false;
    size_t due = (size_t)(plan->size - talk->received), body = size < due ? size : due;
    if (memcmp(data, pattern(0, (uint64_t)talk->received), body)) wrong("other bytes came than are in the file");
    came(talk, (int64_t)body);
    if (talk->received < plan->size) return false;
    if (http && size > body) wrong("more came than the file has");
    return http || take_last(talk, data + body, size - body);
}

/* Return whether the file has come. */
static bool hear(struct talk *talk) {
    int64_t due = plan->size - talk->received;
    bool blind = discard && talk->head < 0 && due > 0;
    size_t most = blind ? (due < (64 << 20) ? (size_t)due : (64 << 20)) : sizeof incoming;
    ssize_t got = recv(talk->socket, incoming, most, blind ? MSG_TRUNC : 0);
    if (got < 0 && errno == EAGAIN) return false;
    if (got <= 0) wrong("recv: %s", got < 0 ? strerror(errno) : "closed by the server");
    if (!blind) return take(talk, incoming, (size_t)got);
    came(talk, got);
    return http && talk->received == plan->size;
}

/* Go on with the next file, on this connection or another. */
static void next(struct talk *talk) {
    bool closes = !plan->depth || (http && strstr(talk->words, "HTTP/1.0"));
    if (plan->size <= MEASURE) operation_done();
    if (closes) {
        leave(talk);
        begin(talk);
    } else {
        ask(talk);
    }
}

void load_fetch(const struct plan *given) {
    struct epoll_event events[EVENTS];
    plan = given;
    http = plan->train & HTTP, discard = plan->train & DISCARD;
    const char *close = plan->depth ? "keep-alive" : "close";
    const char *below = plan->train & BELOW ? "/files" : "", *format = "GET %s/f%d HTTP/1.1\r\nHost: localhost\r\nConnection: %s\r\n\r\n";
    if (http) snprintf(request, sizeof request, format, below, plan->size, close);
    else sprintf(request, "GET f%d\n", plan->size);
    poll_fd = need(epoll_create1(0), "epoll_create1");
    struct talk *talks = calloc((size_t)plan->connections, sizeof *talks);
    for (int i = 0; i < plan->connections; i++) begin(&talks[i]);
    while (window_open()) {
        int ready = epoll_wait(poll_fd, events, EVENTS, 100);
        for (int i = 0; i < ready; i++) {
            struct talk *talk = events[i].data.ptr;
            if (!talk->asked) {
                struct epoll_event event = {.events = EPOLLIN, .data.ptr = talk};
                ask(talk);
                need(epoll_ctl(poll_fd, EPOLL_CTL_MOD, talk->socket, &event), "epoll_ctl");
            } else if (hear(talk)) {
                next(talk);
            }
        }
    }
}
