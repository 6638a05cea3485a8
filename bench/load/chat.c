/* A room of many members on an IRC server: everybody hears what a few of them say.
 *
 * The plan: `connections` members, `train` of them speak, each with `depth` messages in flight, of
 * `size` bytes. A message is in flight until all others have heard it. What was heard is numbered, so
 * that one that is lost, doubled or out of order is noticed. An operation is one message heard by one
 * member; with `join`, one member who has entered the room and been told who is there. */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 512
#define MOST_SENDERS 16
#define MOST_IN_FLIGHT 64
#define LINE 4096 /* longer than any that these servers send */

struct member {
    int socket, number;
    bool welcome, inside;
    size_t held; /* bytes of a line that is not complete */
    char line[LINE];
    uint64_t next[MOST_SENDERS]; /* what is to be heard of each sender */
};

static const struct plan *plan;
static int poll_fd, welcomed, entered;
static struct member *members;
static char incoming[LONGEST];
static char room[32]; /* of this run alone: the members of the last one may not be gone yet */
static uint64_t sent[MOST_SENDERS];
static int heard[MOST_SENDERS][MOST_IN_FLIGHT], in_flight[MOST_SENDERS];

static void say(struct member *member, const char *text, size_t length) {
    /* Short, and one at a time: the socket always has room for it. */
    if (send(member->socket, text, length, MSG_NOSIGNAL) != (ssize_t)length)
        wrong("member %d: send: %s", member->number, strerror(errno));
}

static void speak(int sender) {
    char text[1024];
    while (in_flight[sender] < plan->depth) {
        uint64_t number = sent[sender]++;
        int start = snprintf(text, sizeof text, "PRIVMSG %s :", room);
        int length = start + snprintf(text + start, 64, "%d %llu ", sender, (unsigned long long)number);
        while (length < start + plan->size && length < (int)sizeof text - 3) text[length++] = 'x';
        text[length++] = '\r', text[length++] = '\n';
        heard[sender][number % MOST_IN_FLIGHT] = 0;
        in_flight[sender]++;
        say(&members[sender], text, (size_t)length);
    }
}

static void message_heard(struct member *member, const char *text) {
    char *end;
    long sender = strtol(text, &end, 10);
    uint64_t number = strtoull(end, NULL, 10);
    if (sender < 0 || sender >= plan->train) wrong("member %d heard of sender %ld", member->number, sender);
    if (number != member->next[sender])
        wrong("member %d heard message %llu of sender %ld instead of %llu", member->number,
              (unsigned long long)number, sender, (unsigned long long)member->next[sender]);
    member->next[sender]++;
    operation_done();
    if (++heard[sender][number % MOST_IN_FLIGHT] == plan->connections - 1) in_flight[sender]--;
}

static void line_heard(struct member *member, char *line, bool joining) {
    char *command = strchr(line, ' ');
    if (!strncmp(line, "PING ", 5)) {
        line[1] = 'O';
        strcat(line, "\r\n");
        say(member, line, strlen(line));
    } else if (!command) {
        return;
    } else if (!strncmp(command, " PRIVMSG ", 9)) {
        char *text = strstr(command, " :");
        if (!text) wrong("member %d: a message without a text", member->number);
        message_heard(member, text + 2);
    } else if (!strncmp(command, " 001 ", 5)) {
        member->welcome = true, welcomed++;
    } else if (!strncmp(command, " 366 ", 5) && !member->inside) {
        member->inside = true, entered++;
        if (joining) operation_done();
    } else if (!strncmp(line, "ERROR", 5) || !strncmp(command, " 433 ", 5)) {
        wrong("member %d: %s", member->number, line);
    }
}

static void hear(struct member *member, bool joining) {
    ssize_t got = recv(member->socket, incoming, sizeof incoming, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) wrong("member %d: %s", member->number, got ? strerror(errno) : "closed by the server");
    char *at = incoming, *over = incoming + got;
    for (char *end; (end = memchr(at, '\n', (size_t)(over - at))); at = end + 1) {
        *end = 0;
        if (end > at && end[-1] == '\r') end[-1] = 0;
        if (member->held) {
            size_t more = strlen(at);
            if (member->held + more + 3 > LINE) wrong("member %d: a line too long", member->number);
            memcpy(member->line + member->held, at, more + 1);
            size_t length = member->held + more;
            if (length && member->line[length - 1] == '\r') member->line[length - 1] = 0;
            member->held = 0;
            line_heard(member, member->line, joining);
        } else {
            line_heard(member, at, joining);
        }
    }
    if (member->held + (size_t)(over - at) + 3 > LINE) wrong("member %d: a line too long", member->number);
    memcpy(member->line + member->held, at, (size_t)(over - at));
    member->held += (size_t)(over - at);
}

static void turn(bool joining) {
    struct epoll_event events[EVENTS];
    int ready = epoll_wait(poll_fd, events, EVENTS, 100);
    for (int i = 0; i < ready; i++) hear(events[i].data.ptr, joining);
}

static void wait_for(const int *count, const char *what, bool joining) {
    double until = seconds_now() + 6 * PATIENCE;
    while (*count < plan->connections && seconds_now() < until) turn(joining);
    if (*count < plan->connections) wrong("only %d of %d members %s", *count, plan->connections, what);
}

static void come(struct member *member) {
    int yes = 1;
    char text[128];
    member->socket = need(socket(AF_INET, SOCK_STREAM, 0), "socket");
    need(setsockopt(member->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes), "TCP_NODELAY");
    need(connect(member->socket, (const struct sockaddr *)&plan->to, sizeof plan->to), "connect");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = member};
    need(epoll_ctl(poll_fd, EPOLL_CTL_ADD, member->socket, &event), "epoll_ctl");
    int length = snprintf(text, sizeof text, "NICK m%03x%04d\r\nUSER m 0 * :m\r\n", getpid() & 0xfff, member->number);
    say(member, text, (size_t)length);
}

static void gather(const struct plan *given) {
    plan = given;
    snprintf(room, sizeof room, "#b%d", (int)getpid());
    if (plan->train > MOST_SENDERS || plan->depth > MOST_IN_FLIGHT) wrong("too many senders, or too much in flight");
    struct rlimit limit;
    need(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
    limit.rlim_cur = limit.rlim_max;
    need(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
    poll_fd = need(epoll_create1(0), "epoll_create1");
    members = calloc((size_t)plan->connections, sizeof *members);
    for (int i = 0; i < plan->connections; i++) {
        members[i].number = i;
        come(&members[i]);
        turn(false); /* what the server says meanwhile */
    }
    wait_for(&welcomed, "were welcomed", false);
}

static void all_enter(bool joining) {
    char text[64];
    int length = snprintf(text, sizeof text, "JOIN %s\r\n", room);
    for (int i = 0; i < plan->connections; i++) {
        say(&members[i], text, (size_t)length);
        if (i % 16 == 0) turn(joining);
    }
    wait_for(&entered, "entered", joining);
}

static void all_leave(void) {
    for (int i = 0; i < plan->connections; i++) close(members[i].socket);
}

void load_chat(const struct plan *given) {
    gather(given);
    all_enter(false);
    window_from_now();
    for (int sender = 0; sender < plan->train; sender++) speak(sender);
    while (window_open()) {
        turn(false);
        for (int sender = 0; sender < plan->train; sender++) speak(sender);
    }
    double until = seconds_now() + PATIENCE;
    int left = 1;
    while (left && seconds_now() < until) {
        turn(false);
        left = 0;
        for (int sender = 0; sender < plan->train; sender++) left += in_flight[sender];
    }
    if (left) wrong("%d messages were not heard by all", left);
    all_leave();
}

void load_join(const struct plan *given) {
    gather(given);
    window_now();
    all_enter(true);
    window_over();
    all_leave();
}
