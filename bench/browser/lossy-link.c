/*
 * A lossy link of this computer: IP packets that enter one TUN device leave the other one after a delay, or
 * are lost, as a seed says. Of TCP and UDP alike, unlike a relay of either.
 * In: two names of devices, the delay of a direction in ms, lost packets of 10,000, a seed. Out: the line
 * "ready"; it ends when its standard input does, and prints the packets and the lost ones of each direction.
 */
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* Packets on the way in a direction; more are lost, as in a full router. */
#define QUEUE 16384
#define MTU 1500

struct packet {
	double due_ms;
	int length;
	unsigned char bytes[MTU];
};

struct direction {
	struct packet *queue;
	unsigned first, count;
	uint64_t random;
	long packets, lost;
};

static double now_ms(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static int open_tun(const char *name) {
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int file = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (file < 0 || ioctl(file, TUNSETIFF, &request) < 0) {
		perror(name);
		exit(1);
	}
	return file;
}

/* A number below 10,000; xorshift64. */
static unsigned draw(struct direction *way) {
	way->random ^= way->random << 13;
	way->random ^= way->random >> 7;
	way->random ^= way->random << 17;
	return way->random % 10000;
}

static void take(int file, struct direction *way, double delay_ms, unsigned lost_of_10000) {
	for (;;) {
		struct packet *next = &way->queue[(way->first + way->count) % QUEUE];
		unsigned char dropped[MTU];
		int is_full = way->count == QUEUE;
		int length = read(file, is_full ? dropped : next->bytes, MTU);
		if (length <= 0) return;
		way->packets++;
		if (draw(way) < lost_of_10000 || is_full) {
			way->lost++;
			continue;
		}
		next->length = length;
		next->due_ms = now_ms() + delay_ms;
		way->count++;
	}
}

/* Sends what is due; returns the ms until the next packet is, at most 1000. */
static double give(int file, struct direction *way) {
	while (way->count > 0) {
		struct packet *packet = &way->queue[way->first];
		double wait = packet->due_ms - now_ms();
		if (wait > 0) return wait;
		if (write(file, packet->bytes, packet->length) < 0) way->lost++;
		way->first = (way->first + 1) % QUEUE;
		way->count--;
	}
	return 1000;
}

int main(int argc, char **argv) {
	if (argc != 6) {
		fprintf(stderr, "usage: lossy-link DEVICE DEVICE DELAY_MS LOST_OF_10000 SEED\n");
		return 2;
	}
	double delay_ms = atof(argv[3]);
	unsigned lost_of_10000 = atoi(argv[4]);
	uint64_t seed = strtoull(argv[5], NULL, 10);
	int files[2] = {open_tun(argv[1]), open_tun(argv[2])};
	struct direction ways[2];
	for (int i = 0; i < 2; i++) {
		struct direction way = {.queue = malloc(QUEUE * sizeof(struct packet))};
		way.random = seed * 2654435761u + 88172645463325252ull * (i + 1);
		ways[i] = way;
	}
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		double wait = 1000;
		for (int i = 0; i < 2; i++) {
			double next = give(files[1 - i], &ways[i]);
			if (next < wait) wait = next;
		}
		struct pollfd polled[3] = {{files[0], POLLIN, 0}, {files[1], POLLIN, 0}, {0, POLLIN, 0}};
		poll(polled, 3, wait < 1 ? 1 : (int)wait);
		char byte;
		if (polled[2].revents && read(0, &byte, 1) <= 0) break;
		for (int i = 0; i < 2; i++) take(files[i], &ways[i], delay_ms, lost_of_10000);
	}
	for (int i = 0; i < 2; i++) printf("%ld %ld\n", ways[i].packets, ways[i].lost);
	return 0;
}
