/* Load on an echo server, with every byte that comes back compared with what was sent.
 *
 *   load stream|churn|datagrams|fetch|chat|join HOST PORT CONNECTIONS SIZE DEPTH TRAIN SECONDS PID...
 *
 * Prints one JSON object, see bench/rows.py: PID are the server's processes. Exits with 1 and one line if
 * the server was wrong. */
#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A prime, so that no two conversations, and no two places of one, look alike for long. */
#define PERIOD 65521

/* What was done, and what it took, since the start. */
struct figures {
    uint64_t operations;
    double seconds, server, waited, load;
};

static char bytes[PERIOD + LONGEST];
static struct figures begin, end;
static uint64_t operations, lost;
static double warming, window_begins, window_ends;

void wrong(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

int need(int result, const char *call) {
    if (result < 0) wrong("%s: %s", call, strerror(errno));
    return result;
}

const char *pattern(uint64_t which, uint64_t offset) {
    return bytes + (which * 977 + offset) % PERIOD;
}

void operation_done(void) { operations++; }
void count_lost(uint64_t datagrams) { lost += datagrams; }

static struct figures figures_now(void) {
    return (struct figures){operations, seconds_now(), servers_ran(), servers_waited(), load_wanted()};
}

bool window_open(void) {
    double time = seconds_now();
    if (begin.seconds == 0 && time >= window_begins) begin = figures_now();
    /* On a busy machine the server may not have had its turn yet. */
    bool enough = operations > begin.operations || time >= window_ends + PATIENCE;
    if (end.seconds == 0 && time >= window_ends && enough) end = figures_now();
    return end.seconds == 0;
}

void window_from_now(void) {
    double later = seconds_now() + warming - window_begins;
    window_begins += later;
    window_ends += later;
}

void window_now(void) { begin = figures_now(); }
void window_over(void) { end = figures_now(); }

static void make_pattern(void) {
    uint32_t random = 2463534242;
    for (size_t i = 0; i < PERIOD; i++) {
        random ^= random << 13, random ^= random >> 17, random ^= random << 5;
        bytes[i] = (char)random;
    }
    for (size_t i = PERIOD; i < sizeof bytes; i++) bytes[i] = bytes[i - PERIOD];
}

static void report(void) {
    double seconds = end.seconds - begin.seconds;
    if (end.operations == begin.operations) wrong("no reply came within %.1f s", seconds);
    printf("{\"operations\": %llu, \"seconds\": %.9f, ", (unsigned long long)(end.operations - begin.operations), seconds);
    printf("\"server\": %.9f, \"waited\": %.9f, ", end.server - begin.server, end.waited - begin.waited);
    printf("\"load\": %.9f, \"lost\": %llu}\n", end.load - begin.load, (unsigned long long)lost);
}

int main(int count, char **words) {
    if (count < 10)
        wrong("usage: load stream|churn|datagrams|fetch|chat|join HOST PORT CONNECTIONS SIZE DEPTH TRAIN SECONDS PID...");
    struct plan plan = {
        .to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[3]))},
        .connections = atoi(words[4]), .size = atoi(words[5]), .depth = atoi(words[6]),
        .train = atoi(words[7]), .seconds = atof(words[8])};
    if (inet_pton(AF_INET, words[2], &plan.to.sin_addr) != 1) wrong("%s: no IPv4 address", words[2]);
    watch_servers(count - 9, words + 9);
    make_pattern();
    warming = plan.seconds / 5 < 0.1 ? plan.seconds / 5 : 0.1;
    window_begins = seconds_now() + warming;
    window_ends = window_begins + plan.seconds;
    if (!strcmp(words[1], "stream")) load_stream(&plan);
    else if (!strcmp(words[1], "churn")) load_churn(&plan);
    else if (!strcmp(words[1], "datagrams")) load_datagrams(&plan);
    else if (!strcmp(words[1], "fetch")) load_fetch(&plan);
    else if (!strcmp(words[1], "chat")) load_chat(&plan);
    else if (!strcmp(words[1], "join")) load_join(&plan);
    else wrong("%s: no such load", words[1]);
    report();
}
