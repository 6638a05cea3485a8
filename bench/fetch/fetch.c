/* Clients that fetch one file over TFTP, over and over, and compare every byte of it.
 *
 *   fetch HOST PORT NAME FILE CLIENTS BLKSIZE WINDOW SECONDS PID
 *
 * Prints one JSON object, see bench/rows.py; an operation is a KiB that arrived. PID is the server: what it
 * uses is counted, and what the processes that it starts use, those in ticks of the kernel's clock. */
#define _GNU_SOURCE
#include "../load/load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCH 64
#define DATAGRAM 65535
#define LOST_AFTER 0.5  /* seconds of silence after which the last packet is sent again */
#define ROOM (4 << 20)  /* of a socket's receive buffer, if the kernel gives it */

struct client {
    int socket;
    uint64_t got, acked; /* blocks in order, and the last that was acknowledged */
    bool begun, gap_told;
    struct sockaddr_in server; /* its port is that of the transfer once it has answered */
    double heard, asked;
};

static struct sockaddr_in to;
static const char *name, *content;
static size_t size, blksize, window;
static int poll_fd;
static uint64_t bytes, lost;

_Noreturn void wrong(const char *format, ...) {
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

/* Ticks that a process has used, or those of its children that it has waited for. */
static unsigned long long ticks(int pid, bool of_children) {
    char path[64], text[1024];
    unsigned long long user = 0, kernel = 0, more_user = 0, more_kernel = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = 0;
    char *rest = strrchr(text, ')');
    if (!rest) return 0;
    sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu", &user, &kernel, &more_user,
           &more_kernel);
    return of_children ? more_user + more_kernel : user + kernel;
}

static double used(int pid) {
    unsigned long long sum = ticks(pid, true);
    char path[64];
    int child;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
    FILE *file = fopen(path, "r");
    while (file && fscanf(file, "%d", &child) == 1) sum += ticks(child, false);
    if (file) fclose(file);
    return servers_ran() + (double)sum / (double)sysconf(_SC_CLK_TCK);
}

static void send_to(struct client *client, const void *packet, size_t length) {
    client->asked = seconds_now();
    sendto(client->socket, packet, length, 0, (struct sockaddr *)&client->server, sizeof client->server);
}

static void request(struct client *client) {
    char packet[512];
    int length = 2;
    packet[0] = 0, packet[1] = 1;
    length += sprintf(packet + length, "%s", name) + 1;
    length += sprintf(packet + length, "octet") + 1;
    if (blksize != 512) {
        length += sprintf(packet + length, "blksize") + 1;
        length += sprintf(packet + length, "%zu", blksize) + 1;
    }
    if (window != 1) {
        length += sprintf(packet + length, "windowsize") + 1;
        length += sprintf(packet + length, "%zu", window) + 1;
    }
    send_to(client, packet, (size_t)length);
}

static void begin(struct client *client) {
    int room = ROOM;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    *client = (struct client){.socket = need(socket(AF_INET, SOCK_DGRAM, 0), "socket"), .server = to};
    setsockopt(client->socket, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    need(epoll_ctl(poll_fd, EPOLL_CTL_ADD, client->socket, &event), "epoll_ctl");
    client->heard = seconds_now();
    request(client);
}

static void end(struct client *client) { close(client->socket); }

static void acknowledge(struct client *client) {
    unsigned char packet[4] = {0, 4, (unsigned char)(client->got >> 8), (unsigned char)client->got};
    client->acked = client->got;
    send_to(client, packet, sizeof packet);
}

static void check_options(const char *packet, size_t length) {
    char text[32];
    size_t at = 2;
    while (at < length) {
        const char *option = packet + at, *value = option + strlen(option) + 1;
        size_t wanted = !strcmp(option, "blksize") ? blksize : !strcmp(option, "windowsize") ? window : 0;
        snprintf(text, sizeof text, "%zu", wanted);
        if (wanted && strcmp(value, text)) wrong("%s %s was agreed to, not %s", option, value, text);
        at = (size_t)(value + strlen(value) + 1 - packet);
    }
}

/* Take a block; return whether the file is whole. */
static bool block(struct client *client, const unsigned char *packet, size_t length) {
    unsigned number = (unsigned)packet[2] << 8 | packet[3];
    size_t at = client->got * blksize, left = size - at, wanted = left < blksize ? left : blksize;
    if (number != ((client->got + 1) & 0xffff)) {
        unsigned ahead = (number - (unsigned)client->got - 1) & 0xffff;
        if (ahead < window && !client->gap_told) {
            client->gap_told = true;
            lost++;
            acknowledge(client);
        }
        return false;
    }
    if (length - 4 != wanted) wrong("block %u has %zu bytes, not %zu", number, length - 4, wanted);
    if (memcmp(packet + 4, content + at, wanted)) wrong("block %u is not what is in the file", number);
    client->got++;
    client->gap_told = false;
    bytes += wanted;
    if (wanted < blksize || client->got - client->acked >= window) acknowledge(client);
    return wanted < blksize;
}

static bool packet(struct client *client, const char *data, size_t length, const struct sockaddr_in *from) {
    if (length < 4) wrong("a packet of %zu bytes", length);
    if (!client->begun) client->begun = true, client->server = *from;
    if (from->sin_port != client->server.sin_port) return false; /* an answer to a request sent twice */
    switch (data[1]) {
    case 3: return block(client, (const unsigned char *)data, length);
    case 6: check_options(data, length), acknowledge(client); return false;
    case 5: wrong("the server says %s", data + 4);
    default: wrong("a packet of type %d", data[1]);
    }
}

static void hear(struct client *client) {
    static char room[BATCH][DATAGRAM + 1];
    static struct sockaddr_in from[BATCH];
    static struct mmsghdr messages[BATCH];
    static struct iovec parts[BATCH];
    for (int i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){room[i], DATAGRAM};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1, .msg_name = &from[i],
                                              .msg_namelen = sizeof from[i]};
    }
    int came = recvmmsg(client->socket, messages, BATCH, MSG_DONTWAIT, NULL);
    bool whole = false;
    for (int i = 0; i < came && !whole; i++) {
        room[i][messages[i].msg_len] = 0;
        whole = packet(client, room[i], messages[i].msg_len, &from[i]);
    }
    client->heard = seconds_now();
    if (whole) end(client), begin(client);
}

static void patience(struct client *clients, int count) {
    double time = seconds_now();
    for (int i = 0; i < count; i++) {
        struct client *client = &clients[i];
        if (time - client->heard > PATIENCE) wrong("no answer in %.0f s", PATIENCE);
        if (time - client->heard < LOST_AFTER || time - client->asked < LOST_AFTER) continue;
        lost++;
        client->gap_told = false;
        if (client->begun) acknowledge(client);
        else request(client);
    }
}

int main(int count, char **words) {
    if (count != 10) wrong("usage: fetch HOST PORT NAME FILE CLIENTS BLKSIZE WINDOW SECONDS PID");
    to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[2]))};
    if (inet_pton(AF_INET, words[1], &to.sin_addr) != 1) wrong("%s: no IPv4 address", words[1]);
    name = words[3];
    int file = need(open(words[4], O_RDONLY), words[4]), clients_count = atoi(words[5]), pid = atoi(words[9]);
    struct stat found;
    watch_servers(1, words + 9);
    need(fstat(file, &found), "fstat");
    size = (size_t)found.st_size;
    content = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, file, 0);
    if (content == MAP_FAILED) wrong("mmap: %s", strerror(errno));
    blksize = (size_t)atoi(words[6]), window = (size_t)atoi(words[7]);
    poll_fd = need(epoll_create1(0), "epoll_create1");
    struct client *clients = calloc((size_t)clients_count, sizeof *clients);
    for (int i = 0; i < clients_count; i++) begin(&clients[i]);
    double seconds = atof(words[8]), begins = seconds_now() + (seconds < 0.5 ? seconds / 5 : 0.1), ends = begins + seconds;
    double first = 0, last = 0, server = 0, wish = 0, waited = 0;
    uint64_t before = 0;
    while (last == 0) {
        struct epoll_event events[BATCH];
        int ready = epoll_wait(poll_fd, events, BATCH, 50);
        for (int i = 0; i < ready; i++) hear(events[i].data.ptr);
        double time = seconds_now();
        if (ready < BATCH) patience(clients, clients_count);
        if (first == 0 && time >= begins) first = time, before = bytes, server = used(pid), wish = load_wanted(), waited = servers_waited();
        if (first > 0 && time >= ends) last = time;
    }
    double kib = (double)(bytes - before) / 1024;
    printf("{\"operations\": %.0f, \"seconds\": %.9f, \"server\": %.6f, ", kib, last - first, used(pid) - server);
    printf("\"waited\": %.9f, \"load\": %.9f, \"lost\": %llu}\n", servers_waited() - waited, load_wanted() - wish,
           (unsigned long long)lost);
    for (int i = 0; i < clients_count; i++) {
        if (clients[i].begun) send_to(&clients[i], "\0\5\0\0enough", 11);
        end(&clients[i]);
    }
    if (bytes == before) wrong("nothing came within %.1f s", seconds);
}
