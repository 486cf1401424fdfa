/**
 * The load generator of `bench rooms` and `bench cluster`: thousands of members of rooms in one thread.
 * In: arguments, see main; a file with one member a line: `ROOM<tab>HEADER FIELD`. Out: JSON on standard output. Members only write, or live as
 * people in rooms do: they come within a minute, report, request the time, write, react, leave and come back. It is written in C because
 * a load generator in Node would use as much CPU as the server; the benchmark compiles it with cc. Linux only: epoll(7). RFC 6455.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/** Loopback addresses as sources, in turn: one has too few ports for many runs. Most connections that are being opened at once. */
enum { ADDRESSES = 20, OPENING = 200 };
/** Most nodes of a cluster. */
enum { NODES = 8 };
/** Histogram of delays: steps of 0.05 ms up to 60 s. */
enum { STEPS_PER_MS = 20, STEPS = 1200000 };
/** People: intervals of reports and of questions for the time, mean time until one leaves, and for how long, ms; one of so many reacts. */
enum { REPORT_MS = 2000, CLOCK_MS = 5000, STAY_MS = 300000, AWAY_MS = 3000, REACT_ONE_IN = 50, LOOK_MS = 10 };

/** A member. `open`: 1 the upgrade is sent, 2 hello is sent, 3 it was welcomed. */
typedef struct {
  int fd, room, open;
  double retryAt; // ms; 0: no retry
  double comeAt, leaveAt, reportAt, clockAt; // of people, ms
  long lastSeq;
  bool isStalled, wasIn;
  char *rest; // an incomplete frame
  size_t restLen, restSize;
  const char *field;
} Member;

static char host[32]; // in the requests: the name of a cookie has its port
static int ports[NODES], nodes, members, poller, stalled;
static long welcomed, entered, opening, sent, unsent, closed, badFrames, left, frames; // entered: members that were ever in
static long received, joinBytes;                                                      // bytes; joinBytes: until the line on standard input
static double rate, seconds, warmUp, measureFrom = 1e18, measureTo = 1e18;
static bool isClosed, hasAcks, arePeople; // isClosed: each member sends its next message when the last one is done
static Member *all;
static char **rooms;
static long delivery[STEPS], acked[STEPS], clocks[STEPS];
static long deliveries, acks, refusals, answers;
/** Deliveries by the number of times that a message was passed to another node, and those at another node than the sender's. */
static long passed[3][STEPS], across[STEPS], passes[3], acrosses;
static char firstRefusal[256], buffer[1 << 18];
static uint32_t mask = 0x9e3779b9, luck = 1;

/** A random number of [0, 1). */
static double chance(void) {
  luck = luck * 1664525 + 1013904223;
  return luck / 4294967296.0;
}

static double nowMs(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

/** Members are at the nodes in turn. */
static int nodeOf(long number) {
  return number % nodes;
}

static void readPorts(char *list) {
  for (char *one = strtok(list, ","); one && nodes < NODES; one = strtok(NULL, ",")) ports[nodes++] = atoi(one);
}

static void dial(Member *m, int number) {
  int port = ports[nodeOf(number)];
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, small = 4096;
  struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons(port)};
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + number % ADDRESSES);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0) fail("room-load: socket");
  if (m->isStalled) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (bind(fd, (void *)&from, sizeof from) || connect(fd, (void *)&to, sizeof to)) fail("room-load: connect");
  fcntl(fd, F_SETFL, O_NONBLOCK);
  m->fd = fd;
  m->open = 1;
  opening++;
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = m};
  epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
  char text[2048];
  int length = snprintf(text, sizeof text,
                        "GET /api/v1/rooms/%s/socket HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-Fetch-Site: same-origin\r\nSec-WebSocket-Key: b3hib3ctcm9vbS1sb2FkIQ==\r\n%s\r\n\r\n",
                        rooms[m->room], host, m->field);
  if (send(fd, text, length, MSG_NOSIGNAL) != length) fail("room-load: send");
}

/** Sends a masked text message of less than 64 KiB. */
static bool say(Member *m, const char *text, size_t length) {
  unsigned char frame[4096 + 8];
  size_t head = length < 126 ? 6 : 8;
  frame[0] = 0x81;
  if (length < 126) frame[1] = 0x80 | length;
  else {
    frame[1] = 0x80 | 126;
    frame[2] = length >> 8;
    frame[3] = length & 255;
  }
  mask = mask * 1664525 + 1013904223;
  memcpy(frame + head - 4, &mask, 4);
  for (size_t i = 0; i < length; i++) frame[head + i] = text[i] ^ frame[head - 4 + (i & 3)];
  return send(m->fd, frame, head + length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)(head + length);
}

/** Sends a chat message; its text and its id have the time at which it was due, µs. */
static void chat(Member *m, double due) {
  char text[512];
  long number = m - all;
  int length = snprintf(text, sizeof text,
                        "{\"t\":\"chat\",\"id\":\"m%015.0f-%05ld\",\"text\":\"#%015.0f-%05ld What a shot, did you see how far he stood from the goal?\"}",
                        due * 1e3, number, due * 1e3, number);
  if (say(m, text, length)) sent++;
  else unsent++;
}

static void react(Member *m, long seq) {
  char text[128];
  int length = snprintf(text, sizeof text, "{\"t\":\"react\",\"seq\":%ld,\"emoji\":\"\U0001F389\",\"on\":true}", seq);
  if (say(m, text, length)) sent++;
  else unsent++;
}

static void count(long *histogram, long *total, double due, double at) {
  if (due < measureFrom || due >= measureTo) return;
  long step = (at - due) * STEPS_PER_MS;
  histogram[step < 0 ? 0 : step >= STEPS ? STEPS - 1 : step]++;
  ++*total;
}

/** Takes a message of the server. */
static void take(Member *m, const char *text, size_t length, double at) {
  if (at >= measureFrom && at < measureTo) frames++;
  if (length > 20 && !memcmp(text, "{\"t\":\"message\"", 14)) {
    const char *found = memmem(text, length, "\"#", 2);
    if (!found) return;
    double due = atof(found + 2) / 1e3;
    if (nodes > 1) {
      // Rooms are at the nodes in turn, as members are.
      int owner = nodeOf(m->room), from = nodeOf(atol(found + 18)), to = nodeOf(m - all), passedOn = (from != owner) + (to != owner);
      count(passed[passedOn], &passes[passedOn], due, at);
      if (from != to) count(across, &acrosses, due, at);
    }
    if (!isClosed) count(delivery, &deliveries, due, at);
    // Without a rate the messages that come in count, whenever they were sent.
    else if (at >= measureFrom && at < measureTo) {
      long step = (at - due) * STEPS_PER_MS;
      delivery[step >= STEPS ? STEPS - 1 : step]++;
      deliveries++;
    }
    if (arePeople) {
      const char *seq = memmem(text, length, "\"seq\":", 6);
      if (seq) m->lastSeq = atol(seq + 6);
      if (seq && chance() * REACT_ONE_IN < 1) react(m, m->lastSeq);
    }
    if (isClosed && !hasAcks && atol(found + 18) == m - all && at < measureTo) chat(m, at);
  } else if (length > 20 && !memcmp(text, "{\"t\":\"ack\"", 10)) {
    const char *found = memmem(text, length, "\"m", 2);
    if (found) count(acked, &acks, atof(found + 2) / 1e3, at);
    if (isClosed && at < measureTo) chat(m, at);
  } else if (!memcmp(text, "{\"t\":\"welcome\"", 14)) {
    m->open = 3;
    welcomed++;
    opening--;
    if (!m->wasIn) entered++;
    m->wasIn = true;
    m->leaveAt = at + chance() * 2 * STAY_MS;
    m->reportAt = at + chance() * REPORT_MS;
    m->clockAt = at;
    if (m->isStalled) epoll_ctl(poller, EPOLL_CTL_DEL, m->fd, 0);
  } else if (arePeople && !memcmp(text, "{\"t\":\"clock\"", 12)) {
    count(clocks, &answers, atof(text + 17), at);
  } else if (!memcmp(text, "{\"t\":\"refused\"", 14) || !memcmp(text, "{\"t\":\"bye\"", 10)) {
    if (refusals++ == 0) snprintf(firstRefusal, sizeof firstRefusal, "%.*s", (int)(length < 200 ? length : 200), text);
    m->retryAt = at + 100;
  }
}

static void leave(Member *m) {
  closed++;
  if (m->open < 3) opening--;
  epoll_ctl(poller, EPOLL_CTL_DEL, m->fd, 0);
  close(m->fd);
  m->fd = -1;
}

/** Reads frames; returns the bytes of complete ones. */
static size_t readFrames(Member *m, char *bytes, size_t length, double at) {
  size_t from = 0;
  while (length - from >= 2) {
    unsigned char *head = (unsigned char *)bytes + from;
    size_t size = head[1] & 127, skip = 2;
    if (head[1] & 128) badFrames++;
    if (size == 126) {
      if (length - from < 4) break;
      size = head[2] << 8 | head[3];
      skip = 4;
    } else if (size == 127) {
      if (length - from < 10) break;
      size = 0;
      for (int i = 2; i < 10; i++) size = size << 8 | head[i];
      skip = 10;
    }
    if (length - from < skip + size) break;
    int code = head[0] & 15;
    if (code == 1) take(m, bytes + from + skip, size, at);
    else if (code == 9) {
      unsigned char pong[6] = {0x8a, 0x80, 1, 2, 3, 4};
      if (send(m->fd, pong, sizeof pong, MSG_NOSIGNAL) < 0) unsent++;
    } else if (code == 8) {
      unsigned char bye[6] = {0x88, 0x80, 1, 2, 3, 4};
      if (send(m->fd, bye, sizeof bye, MSG_NOSIGNAL) < 0) unsent++;
    } else badFrames++;
    from += skip + size;
    if (m->fd < 0) return length;
  }
  return from;
}

static void keepRest(Member *m, const char *bytes, size_t length) {
  if (length > m->restSize) {
    m->restSize = length;
    m->rest = realloc(m->rest, length);
  }
  memmove(m->rest, bytes, length);
  m->restLen = length;
}

static void readable(Member *m) {
  memcpy(buffer, m->rest, m->restLen);
  ssize_t got = recv(m->fd, buffer + m->restLen, sizeof buffer - m->restLen, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) {
    leave(m);
    return;
  }
  received += got;
  double at = nowMs();
  size_t length = m->restLen + got, from = 0;
  m->restLen = 0;
  if (m->open == 1) {
    char *end = memmem(buffer, length, "\r\n\r\n", 4);
    if (end && strncmp(buffer, "HTTP/1.1 101", 12)) {
      fprintf(stderr, "room-load: refused: %.*s\n", (int)length, buffer);
      exit(1);
    }
    if (!end) {
      keepRest(m, buffer, length);
      return;
    }
    m->open = 2;
    char hello[64];
    say(m, hello, m->lastSeq > 0 ? sprintf(hello, "{\"t\":\"hello\",\"since\":%ld}", m->lastSeq) : sprintf(hello, "{\"t\":\"hello\"}"));
    from = end + 4 - buffer;
  }
  from += readFrames(m, buffer + from, length - from, at);
  if (m->fd >= 0) keepRest(m, buffer + from, length - from);
}

static double quantile(const long *histogram, long total, double part) {
  long below = 0;
  for (int i = 0; i < STEPS; i++) {
    below += histogram[i];
    if (below > 0 && below >= total * part) return (i + 1.0) / STEPS_PER_MS;
  }
  return -1;
}

static void look(int timeoutMs) {
  static struct epoll_event events[1024];
  int found = epoll_wait(poller, events, 1024, timeoutMs);
  for (int i = 0; i < found; i++) readable(events[i].data.ptr);
}

static void readMembers(const char *path) {
  FILE *file = fopen(path, "r");
  if (!file) fail(path);
  static char line[4096];
  size_t room = 0;
  rooms = calloc(members + 1, sizeof *rooms);
  for (int i = 0; i < members; i++) {
    if (!fgets(line, sizeof line, file)) {
      fprintf(stderr, "room-load: %s has only %d members\n", path, i);
      exit(1);
    }
    line[strcspn(line, "\n")] = 0;
    char *tab = strchr(line, '\t');
    *tab = 0;
    if (i == 0 || strcmp(rooms[room - 1], line)) rooms[room++] = strdup(line);
    all[i].room = room - 1;
    all[i].field = strdup(tab + 1);
  }
  fclose(file);
}

/** People who are in a room report, and request the time. */
static void tell(Member *m, double now) {
  char text[128];
  if (now > m->reportAt) {
    m->reportAt += REPORT_MS;
    if (!say(m, text, sprintf(text, "{\"t\":\"report\",\"rev\":0,\"offsetMs\":%.1f,\"buffering\":false,\"roundTripMs\":20}", chance() * 20 - 10))) unsent++;
  }
  if (now > m->clockAt) {
    m->clockAt += CLOCK_MS;
    if (!say(m, text, sprintf(text, "{\"t\":\"clock\",\"c\":%.3f}", nowMs()))) unsent++;
  }
}

/** What people do by themselves: come, report, request the time, leave. */
static void live(double now) {
  for (Member *m = all; m < all + members; m++) {
    if (m->fd < 0) {
      if (now < m->comeAt || opening >= OPENING) continue;
      m->restLen = 0;
      dial(m, m - all);
    } else if (m->open == 3 && now > m->leaveAt) {
      // One in two says so; the others are just gone.
      unsigned char bye[6] = {0x88, 0x80, 1, 2, 3, 4};
      if (chance() < 0.5 && send(m->fd, bye, sizeof bye, MSG_NOSIGNAL) < 0) unsent++;
      close(m->fd);
      m->fd = -1;
      m->open = 0;
      m->comeAt = now + chance() * 2 * AWAY_MS;
      left++;
    } else if (m->open == 3) tell(m, now);
  }
}

static void printResult(void);

/** People come within `comeMs`, stay for the warm-up and the measurement, and write `rate` messages a second in all. */
static int runPeople(double comeMs) {
  double start = nowMs(), looked = 0;
  long due = 0;
  for (Member *m = all; m < all + members; m++) {
    m->fd = -1;
    m->comeAt = start + comeMs * (m - all) / members;
  }
  bool areIn = false;
  for (double now = start; !areIn || now < measureTo + 1000; now = nowMs()) {
    if (now > looked + LOOK_MS) {
      looked = now;
      live(now);
    }
    if (!areIn && entered == members) {
      areIn = true;
      printf("{\"welcomed\":%ld,\"joinMs\":%.0f}\n", welcomed, now - start);
      fflush(stdout);
      measureFrom = now + warmUp;
      measureTo = measureFrom + seconds * 1000;
    }
    if (!areIn && now > start + comeMs + 60e3) {
      fprintf(stderr, "room-load: %ld of %d came, %ld welcomes; %s\n", entered, members, welcomed, firstRefusal);
      return 1;
    }
    for (; now < measureTo && start + due * 1000 / rate <= now; due++) {
      Member *m = &all[due * 7919 % members];
      if (m->fd >= 0 && m->open == 3) chat(m, now);
    }
    look(1);
  }
  printResult();
  return 0;
}

/** Forgets what was measured. */
static void forget(void) {
  long *histograms[] = {delivery, acked, clocks, across, passed[0], passed[1], passed[2]};
  for (int i = 0; i < 7; i++) memset(histograms[i], 0, sizeof delivery);
  deliveries = acks = answers = acrosses = passes[0] = passes[1] = passes[2] = frames = sent = unsent = 0;
}

/** Lives until `untilMs`; people who are in write `perSecond` messages a second in all. */
static void liveUntil(double untilMs, double perSecond) {
  double start = nowMs(), looked = 0;
  long due = 0;
  for (double now = start; now < untilMs; now = nowMs()) {
    if (now > looked + LOOK_MS) {
      looked = now;
      for (Member *m = all; m < all + members; m++)
        if (m->open == 3 && m->fd >= 0) tell(m, now);
    }
    for (; perSecond > 0 && start + due * 1000 / perSecond <= now; due++) {
      Member *m = &all[due * 7919 % members];
      if (m->open == 3 && m->fd >= 0) chat(m, start + due * 1000 / perSecond);
    }
    look(1);
  }
}

/**
 * Does what lines on standard input say: `MEMBERS MESSAGES SECONDS SECONDS`, which is how many are in from now on, messages a second, the
 * warm-up and the measurement. Each has a line when all are in and a line with its result. Members report and request the time, and stay.
 */
static int runSteps(char **a) {
  readPorts(a[0]);
  strcpy(host, "127.0.0.1"); // as behind a load balancer
  int most = members = atoi(a[2]), in = 0;
  all = calloc(most, sizeof *all);
  readMembers(a[1]);
  arePeople = hasAcks = true;
  fcntl(0, F_SETFL, O_NONBLOCK);
  static char line[256];
  for (size_t length = 0;;) {
    members = in;
    ssize_t got = read(0, line + length, sizeof line - 1 - length);
    if (got == 0) return 0;
    if (got > 0) length += got;
    line[length] = 0;
    if (!strchr(line, '\n')) {
      liveUntil(nowMs() + 20, 0);
      continue;
    }
    length = 0;
    int wanted;
    if (sscanf(line, "%d %lf %lf %lf", &wanted, &rate, &warmUp, &seconds) != 4 || wanted < in || wanted > most) return 2;
    double began = nowMs();
    while (members < wanted || welcomed + closed < members) {
      while (members < wanted && opening < OPENING) {
        dial(&all[members], members);
        members++;
      }
      look(10);
      if (nowMs() > began + 60e3) {
        fprintf(stderr, "room-load: %ld of %d are in; %s\n", welcomed, wanted, firstRefusal);
        return 1;
      }
    }
    in = members;
    printf("{\"welcomed\":%ld,\"joinMs\":%.0f}\n", welcomed, nowMs() - began);
    fflush(stdout);
    measureFrom = measureTo = 1e18;
    forget();
    measureFrom = nowMs() + warmUp * 1000;
    measureTo = measureFrom + seconds * 1000;
    liveUntil(measureTo, rate);
    liveUntil(measureTo + 1000, 0);
    printResult();
    fflush(stdout);
  }
}

/**
 * `room-load steps PORTS FILE MEMBERS`, see `runSteps`; members and rooms are at the nodes with these ports in turn. Otherwise:
 * Arguments: port, file, members, stalled members, messages per second (0: each member sends the next one when the last one is done), whether
 * the server acknowledges messages (0 or 1; then that is when they are done), seconds of warm-up and of the measurement; for people the
 * seconds within which they come: they write from the start, and nothing is waited for. A line on standard output when all are in, then it waits for a line on standard input; the last line is
 * the result. Members of a room follow each other in the file; those that stall are the first of their rooms.
 */
int main(int argc, char **argv) {
  struct rlimit limit = {65536, 65536};
  setrlimit(RLIMIT_NOFILE, &limit);
  poller = epoll_create1(0);
  if (argc == 5 && !strcmp(argv[1], "steps")) return runSteps(argv + 2);
  if (argc != 9 && argc != 10) return 2;
  readPorts(argv[1]);
  snprintf(host, sizeof host, "127.0.0.1:%d", ports[0]);
  members = atoi(argv[3]);
  stalled = atoi(argv[4]);
  rate = atof(argv[5]);
  isClosed = rate == 0;
  hasAcks = atoi(argv[6]);
  warmUp = atof(argv[7]) * 1000;
  seconds = atof(argv[8]);
  all = calloc(members, sizeof *all);
  readMembers(argv[2]);
  for (int i = 0, left = stalled; i < members && left > 0; i++)
    if (i == 0 || all[i].room != all[i - 1].room) {
      all[i].isStalled = true;
      left--;
    }
  if (argc == 10) {
    arePeople = true;
    return runPeople(atof(argv[9]) * 1000);
  }
  double began = nowMs();
  for (int i = 0; i < members || welcomed + closed < members;) {
    while (i < members && opening < OPENING) {
      dial(&all[i], i);
      i++;
    }
    look(10);
    if (nowMs() - began > 120e3) {
      fprintf(stderr, "room-load: %ld of %d are in after 120 s; %s\n", welcomed, members, firstRefusal);
      return 1;
    }
  }
  printf("{\"welcomed\":%ld,\"joinMs\":%.0f}\n", welcomed, nowMs() - began);
  fflush(stdout);
  // What the joins of the others caused is read meanwhile.
  struct epoll_event input = {.events = EPOLLIN, .data.ptr = 0};
  epoll_ctl(poller, EPOLL_CTL_ADD, 0, &input);
  for (bool isWaiting = true; isWaiting;) {
    struct epoll_event event;
    if (epoll_wait(poller, &event, 1, -1) != 1) continue;
    if (event.data.ptr) readable(event.data.ptr);
    else isWaiting = false;
  }
  epoll_ctl(poller, EPOLL_CTL_DEL, 0, 0);
  joinBytes = received;

  double start = nowMs();
  measureFrom = start + warmUp;
  measureTo = measureFrom + seconds * 1000;
  for (int i = 0; isClosed && i < members; i++)
    if (!all[i].isStalled) chat(&all[i], start);
  long due = 0;
  double retried = start;
  // Members write in turn, one of each room and then the next of each: 7919 is prime.
  for (double now = start; now < measureTo + (rate > 0 ? 1000 : 0); now = nowMs()) {
    for (; rate > 0 && now < measureTo && start + due * 1000 / rate <= now; due++) {
      Member *m = &all[due * 7919 % members];
      for (int i = 0; i < members && (m->isStalled || m->fd < 0); i++) m = m + 1 < all + members ? m + 1 : all;
      chat(m, start + due * 1000 / rate);
    }
    look(rate >= 2000 ? 0 : 1);
    if (!isClosed || now < retried + 50) continue;
    retried = now;
    for (int i = 0; i < members; i++)
      if (all[i].retryAt > 0 && all[i].retryAt < now && all[i].fd >= 0) {
        all[i].retryAt = 0;
        chat(&all[i], now);
      }
  }
  printResult();
  return 0;
}

static void printResult(void) {
  printf("{\"deliveries\":%ld,\"frames\":%ld,\"left\":%ld,\"acks\":%ld,\"sent\":%ld,\"unsent\":%ld,\"closed\":%ld,\"bad\":%ld,\"refused\":%ld,\"joinBytes\":%ld,\"refusal\":", deliveries, frames, left, acks,
         sent, unsent, closed, badFrames, refusals, joinBytes);
  putchar('"');
  for (char *c = firstRefusal; *c; c++) putchar(*c == '"' || *c == '\\' ? '\'' : *c);
  printf("\",\"seconds\":%g", seconds);
  const struct {
    const char *name;
    long *histogram, total;
  } both[] = {{"delivery", delivery, deliveries}, {"ack", acked, acks}, {"clock", clocks, answers}, {"across", across, acrosses},
              {"passed0", passed[0], passes[0]}, {"passed1", passed[1], passes[1]}, {"passed2", passed[2], passes[2]}};
  for (int i = 0; i < (nodes > 1 ? 7 : 3); i++)
    printf(",\"%s\":{\"p50\":%.2f,\"p95\":%.2f,\"p99\":%.2f,\"max\":%.2f}", both[i].name, quantile(both[i].histogram, both[i].total, 0.5),
           quantile(both[i].histogram, both[i].total, 0.95), quantile(both[i].histogram, both[i].total, 0.99),
           quantile(both[i].histogram, both[i].total, 1));
  printf("}\n");
}
