/* What the loads share: the plan, the window of time that counts, and bytes that can be told apart. */
#ifndef LOAD_H
#define LOAD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest run of bytes that is sent or checked at once. */
#define LONGEST (256 * 1024)

/* Seconds after which a reply that has not come will not come. Long, for the machine may be busy. */
#define PATIENCE 10.0

struct plan {
    struct sockaddr_in to;
    int connections;  /* or sockets, or connections being made at one time */
    int size;         /* bytes of a message */
    int depth;        /* messages in flight on each connection */
    int train;        /* datagrams sent at once; for a stream 1 */
    double seconds;
};

void load_stream(const struct plan *plan);
void load_churn(const struct plan *plan);
void load_datagrams(const struct plan *plan);
void load_fetch(const struct plan *plan);
void load_chat(const struct plan *plan);
void load_join(const struct plan *plan);

/* Give a socket the next of many addresses of our own: a closed connection keeps its port for a minute. */
void source_address(int socket);

/* Whether to go on asking. Begins the window after a moment of warming up, and ends it. */
bool window_open(void);

/* Begin the window a moment from now instead: it took a while to get ready. */
void window_from_now(void);

/* For what cannot go on for ever: begin the window, and end it. */
void window_now(void);
void window_over(void);

void operation_done(void);
void count_lost(uint64_t datagrams);

/* usage.c; all in seconds, since the start of each process. */
double seconds_now(void);
void watch_servers(int count, char **pids);
double servers_ran(void);
double servers_waited(void); /* for a core, while others had it */
double load_wanted(void);    /* ran, or waited: it is the limit when it always wants to run */

/* The bytes of conversation `which` from `offset` on; valid for LONGEST bytes. */
const char *pattern(uint64_t which, uint64_t offset);

/* Say in one line what is wrong, and exit. */
_Noreturn void wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Exit if the result of a system call is negative. */
int need(int result, const char *call);

#endif
