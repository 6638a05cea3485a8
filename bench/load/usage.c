/* What processes have used of the machine: ours, and the server's. */
#define _GNU_SOURCE
#include "load.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#define MOST_PROCESSES 64

static pid_t pids[MOST_PROCESSES];
static clockid_t clocks[MOST_PROCESSES];
static int processes;

static double seconds_of(clockid_t clock) {
    struct timespec time = {0};
    clock_gettime(clock, &time); /* a process that has ended has used nothing since */
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

double seconds_now(void) { return seconds_of(CLOCK_MONOTONIC); }

void watch_servers(int count, char **words) {
    if (count > MOST_PROCESSES) wrong("more than %d processes to watch", MOST_PROCESSES);
    for (int i = 0; i < count; i++) {
        pids[i] = atoi(words[i]);
        int failed = clock_getcpuclockid(pids[i], &clocks[i]);
        if (failed) wrong("no processor clock of process %s: %s", words[i], strerror(failed));
    }
    processes = count;
}

double servers_ran(void) {
    double sum = 0;
    for (int i = 0; i < processes; i++) sum += seconds_of(clocks[i]);
    return sum;
}

/* Whether the kernel says how long a thread has run and waited for a core; both in seconds. */
static bool schedule_of(const char *path, double *ran, double *waited) {
    unsigned long long run_ns, wait_ns;
    FILE *file = fopen(path, "r");
    int read = file ? fscanf(file, "%llu %llu", &run_ns, &wait_ns) : 0;
    if (file) fclose(file);
    if (read != 2) return false;
    *ran = (double)run_ns / 1e9;
    *waited = (double)wait_ns / 1e9;
    return true;
}

double servers_waited(void) {
    double sum = 0, ran, waited;
    char path[512];
    for (int i = 0; i < processes; i++) {
        snprintf(path, sizeof path, "/proc/%d/task", pids[i]);
        DIR *threads = opendir(path);
        for (struct dirent *each; threads && (each = readdir(threads));) {
            snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pids[i], each->d_name);
            if (each->d_name[0] != '.' && schedule_of(path, &ran, &waited)) sum += waited;
        }
        if (threads) closedir(threads);
    }
    return sum;
}

double load_wanted(void) {
    double ran, waited;
    if (schedule_of("/proc/self/schedstat", &ran, &waited)) return ran + waited;
    return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}
