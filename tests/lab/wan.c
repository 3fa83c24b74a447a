/* A link between two network namespaces whose delay, rate, loss and temper can be changed live.
 *
 *     wan NETNS_A NETNS_B DEVICE_A DEVICE_B    ("" for the namespace of whoever starts it)
 *
 * The kernels this runs on have no sch_netem. So each side gets a TUN device, and this
 * program carries packets between the two: a FIFO bottleneck of so many Mbit/s, then a
 * one-way delay. Orders come on standard input, a line each, of KEY=NUMBER words; every
 * line is answered with "ok" once it holds. The end of the input is the end of the shape.
 *
 *     delay_us   one-way delay (the round trip is twice that)
 *     mbit       rate of each direction, 0 for unlimited; counts IP bytes + 14 as Ethernet does
 *     queue_kb   what waits before the bottleneck; more is dropped
 *     loss_ppm   packets of a million that are lost
 *     cut        1: everything is dropped, and nobody is told
 *     idle_ms    a TCP connection silent for so long is forgotten: its packets are dropped
 *                without a word, as a NAT or firewall does; 0 for never
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { VNET = 10, LONGEST = 65536 + 64, SLOTS = 1 << 14, FLOWS = 1 << 12, BURST = 32 };

struct packet { uint64_t due; uint32_t length; unsigned char *bytes; };
struct way {
    int in, out;
    struct packet *ring;
    uint32_t head, tail;
    uint64_t free_at, last_due;
};
struct flow { uint32_t low, high; uint16_t low_port, high_port; uint64_t seen; };

static struct { uint64_t delay_us, mbit, queue_kb, loss_ppm, cut, idle_ms; } shape = { .queue_kb = 512 };
static struct way ways[2];
static struct flow flows[FLOWS];

static void die(const char *what) { perror(what); exit(1); }

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static int open_tun(const char *netns, const char *device) {
    char path[256];
    int own = open("/proc/self/ns/net", O_RDONLY), there = -1;
    if (*netns) {
        snprintf(path, sizeof path, "/run/netns/%s", netns);
        if ((there = open(path, O_RDONLY)) < 0 || setns(there, CLONE_NEWNET)) die(path);
    }
    int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    struct ifreq request = { 0 };
    request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
    strncpy(request.ifr_name, device, IFNAMSIZ - 1);
    if (tun < 0 || ioctl(tun, TUNSETIFF, &request)) die("TUNSETIFF");
    int size = VNET;
    if (ioctl(tun, TUNSETVNETHDRSZ, &size)) die("TUNSETVNETHDRSZ");
    if (*netns && setns(own, CLONE_NEWNET)) die("setns");
    close(own);
    if (there >= 0) close(there);
    return tun;
}

/* A rate is met with real packets; without one the kernel may hand over 64 KB at once. */
static void offload(void) {
    unsigned what = shape.mbit ? TUN_F_CSUM : TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
    for (int i = 0; i < 2; i++) if (ioctl(ways[i].in, TUNSETOFFLOAD, what)) die("TUNSETOFFLOAD");
}

static void obey(char *line) {
    for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n")) {
        char *value = strchr(word, '=');
        if (!value) { fprintf(stderr, "what is %s?\n", word); exit(2); }
        *value++ = 0;
        uint64_t n = strtoull(value, NULL, 10);
        if (!strcmp(word, "delay_us")) shape.delay_us = n;
        else if (!strcmp(word, "mbit")) shape.mbit = n;
        else if (!strcmp(word, "queue_kb")) shape.queue_kb = n;
        else if (!strcmp(word, "loss_ppm")) shape.loss_ppm = n;
        else if (!strcmp(word, "cut")) shape.cut = n;
        else if (!strcmp(word, "idle_ms")) shape.idle_ms = n;
        else { fprintf(stderr, "what is %s?\n", word); exit(2); }
    }
    offload();
    printf("ok\n");
    fflush(stdout);
}

/* Whether a firewall that forgets idle connections would drop this packet. */
static int forgotten(const unsigned char *ip, uint32_t length, uint64_t now) {
    if (!shape.idle_ms || length < 40 || ip[0] >> 4 != 4 || ip[9] != 6) return 0;
    const unsigned char *tcp = ip + 4 * (ip[0] & 15);
    uint32_t from, to;
    uint16_t from_port, to_port;
    memcpy(&from, ip + 12, 4); memcpy(&to, ip + 16, 4);
    memcpy(&from_port, tcp, 2); memcpy(&to_port, tcp + 2, 2);
    int swapped = from > to;
    struct flow key = { swapped ? to : from, swapped ? from : to,
                        swapped ? to_port : from_port, swapped ? from_port : to_port, now };
    uint32_t at = (key.low * 31 + key.high * 17 + key.low_port * 7 + key.high_port) % FLOWS;
    for (int i = 0; i < 64; i++, at = (at + 1) % FLOWS) {
        struct flow *f = &flows[at];
        int same = f->seen && f->low == key.low && f->high == key.high &&
                   f->low_port == key.low_port && f->high_port == key.high_port;
        if (!same && f->seen) continue;
        int begins = tcp[13] & 2;
        int alive = same && now - f->seen <= shape.idle_ms * 1000000ull;
        if (!begins && !alive) return 1;
        *f = key;
        return 0;
    }
    return 0;
}

static int take(struct way *w, uint64_t now) {
    int count = 0;
    for (; count < BURST; count++) {
        uint32_t next = (w->head + 1) % SLOTS;
        struct packet *p = &w->ring[w->head];
        if (!p->bytes && !(p->bytes = malloc(LONGEST))) die("malloc");
        ssize_t got = read(w->in, p->bytes, LONGEST);
        if (got <= VNET) break;
        uint32_t length = got - VNET;
        if (shape.cut || next == w->tail) continue;
        if (shape.loss_ppm && (uint64_t)(drand48() * 1e6) < shape.loss_ppm) continue;
        if (forgotten(p->bytes + VNET, length, now)) continue;
        uint64_t due = now;
        if (shape.mbit) {
            if (w->free_at < now) w->free_at = now;
            if ((w->free_at - now) * shape.mbit / 8000 > shape.queue_kb * 1024) continue;
            w->free_at += (length + 14) * 8000ull / shape.mbit;
            due = w->free_at;
        }
        due += shape.delay_us * 1000;
        if (due < w->last_due) due = w->last_due;
        w->last_due = p->due = due;
        p->length = got;
        w->head = next;
    }
    return count;
}

static void give(struct way *w, uint64_t now) {
    while (w->tail != w->head && w->ring[w->tail].due <= now) {
        struct packet *p = &w->ring[w->tail];
        if (shape.cut == 0 && write(w->out, p->bytes, p->length) < 0 && errno == EAGAIN) return;
        w->tail = (w->tail + 1) % SLOTS;
    }
}

/* Sleep until there is something to do, or only look at the orders if `busy`. */
static void wait_for_work(int busy) {
    uint64_t next = UINT64_MAX, now = now_ns();
    for (int i = 0; i < 2; i++) {
        struct way *w = &ways[i];
        if (w->tail != w->head && w->ring[w->tail].due < next) next = w->ring[w->tail].due;
    }
    struct pollfd waited[3] = { { ways[0].in, POLLIN, 0 }, { ways[1].in, POLLIN, 0 }, { 0, POLLIN, 0 } };
    uint64_t left = !busy && next > now ? next - now : 0;
    struct timespec pause = { left / 1000000000ull, left % 1000000000ull };
    ppoll(waited, 3, next == UINT64_MAX && !busy ? NULL : &pause, NULL);
    if (waited[2].revents) {
        char line[512];
        if (!fgets(line, sizeof line, stdin)) exit(0);
        obey(line);
    }
}

int main(int argc, char **argv) {
    if (argc != 5) { fprintf(stderr, "usage: wan NETNS_A NETNS_B DEVICE_A DEVICE_B\n"); return 2; }
    setvbuf(stdin, NULL, _IONBF, 0);
    int a = open_tun(argv[1], argv[3]), b = open_tun(argv[2], argv[4]);
    ways[0] = (struct way){ .in = a, .out = b };
    ways[1] = (struct way){ .in = b, .out = a };
    for (int i = 0; i < 2; i++) ways[i].ring = calloc(SLOTS, sizeof(struct packet));
    prctl(PR_SET_TIMERSLACK, 1);
    /* best effort: what delays this program delays every packet */
    struct sched_param first = { .sched_priority = 10 };
    sched_setscheduler(0, SCHED_RR, &first);
    offload();
    printf("ok\n");
    fflush(stdout);
    for (unsigned turn = 0;; turn++) {
        int taken = 0;
        for (int i = 0; i < 2; i++) { taken += take(&ways[i], now_ns()); give(&ways[i], now_ns()); }
        if (!taken || turn % 64 == 0) wait_for_work(taken);
    }
}
