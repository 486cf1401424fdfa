/**
 * The load generator of `bench viewers` and `bench footprint`: thousands of clients in one thread.
 * In: arguments, see main. Out: JSON on standard output. It is written in C because a load generator in Node would use as much CPU as the
 * server; the benchmark compiles it with cc. Linux only: epoll(7), loopback addresses as sources.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/** The server limits held requests per address: clients use several loopback addresses in turn. */
enum { ADDRESSES = 20, HEAD = 2048, MAX_PARTS = 1 << 20 };
/** Histogram of delays: steps of 0.1 ms from -1 s to 29 s. */
enum { STEPS_PER_MS = 10, STEPS = 300000, ZERO = 10000 };
/** Number of parts that the first viewer watches alone: the median of their times is the reference for later releases. */
enum { ALONE = 15 };

/** A connection with one request at a time, like those of browsers. */
typedef struct {
  int fd, viewer, status, headLen;
  bool isPart, isBusy;
  long requested, known, left; // known: newest part at the time of the request; left: bytes of the body, -1 while the head is read
  double retryAt;              // ms; 0: no retry
  char head[HEAD];
} Conn;

/** A viewer. Parts are numbered from the first one that a viewer waited for. */
typedef struct {
  Conn list, part;
  long announced, fetched;
} Viewer;

static int port, viewers, perSegment, ready, poller;
static long firstMsn, edge = -1, errors, refused, parts;
static double partMs, rampS, seconds, joinFrom = 1e18, measureFrom = 1e18, measureTo, reference;
static const char *listPath, *partPath, *fields, *stream;
static bool inHeaders;
static Viewer *all;
static double firstAt[ALONE];
static long delays[STEPS];
static char buffer[1 << 18];

static double nowMs(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static int dial(int number, int receiveBuffer) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
  struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons(port)};
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + number % ADDRESSES);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (receiveBuffer) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, sizeof receiveBuffer);
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (fd < 0 || bind(fd, (void *)&from, sizeof from) || connect(fd, (void *)&to, sizeof to)) {
    perror("load-generator: connect");
    exit(1);
  }
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

static void join(Conn *c) {
  c->fd = dial(c->viewer, 0);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event);
}

static void ask(Conn *c, long index) {
  char text[4096], target[1024], sid[64], cmcd[256] = "";
  long msn = firstMsn + index / perSegment, number = index % perSegment;
  snprintf(sid, sizeof sid, "%08x-3c55-4f0e-9a8b-2f9d1c1e7a10", c->viewer);
  if (c->isPart) snprintf(target, sizeof target, "%s%ld.%ld.m4s", partPath, msn, number);
  else snprintf(target, sizeof target, "%s?_HLS_msn=%ld&_HLS_part=%ld&_HLS_skip=YES", listPath, msn, number);
  if (inHeaders) snprintf(cmcd, sizeof cmcd, "CMCD-Session: cid=\"%s\",sf=h,sid=\"%s\",st=l\r\n", stream, sid);
  else {
    size_t at = strlen(target);
    snprintf(target + at, sizeof target - at, "%cCMCD=cid%%3D%%22%s%%22%%2Csf%%3Dh%%2Csid%%3D%%22%s%%22%%2Cst%%3Dl",
             c->isPart ? '?' : '&', stream, sid);
  }
  int length = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s\r\n%s\r\n", target, port, fields, cmcd);
  c->requested = index;
  c->known = edge;
  c->isBusy = true;
  c->left = -1;
  c->headLen = 0;
  if (send(c->fd, text, length, MSG_NOSIGNAL) != length) errors++;
}

static void fetchNext(Viewer *v) {
  if (!v->part.isBusy && v->part.retryAt == 0 && v->fetched <= v->announced) ask(&v->part, v->fetched);
}

static void count(double ms) {
  long step = ZERO + ms * STEPS_PER_MS;
  delays[step < 0 ? 0 : step >= STEPS ? STEPS - 1 : step]++;
}

/** A response has been read completely. */
static void answered(Conn *c, double at) {
  Viewer *v = &all[c->viewer];
  c->isBusy = false;
  if (c->status != 200) {
    bool isTooMany = c->status == 503 || c->status == 429;
    *(isTooMany ? &refused : &errors) += 1;
    if (isTooMany || !c->isPart) c->retryAt = at + 1000;
    else v->fetched++; // deleted: continue with the next one
  } else if (c->isPart) {
    v->fetched = c->requested + 1;
    if (at >= measureFrom && at < measureTo) {
      parts++;
      count(at - reference - c->requested * partMs);
    }
  } else {
    // The playlist lists all parts up to the newest one at the time of the request.
    v->announced = c->requested > c->known ? c->requested : c->known;
    ask(c, v->announced + 1);
  }
  fetchNext(v);
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/** Computes when part 0 was due. */
static void findReference(void) {
  double found[ALONE];
  for (int g = 0; g < ALONE; g++) found[g] = firstAt[g] - g * partMs;
  qsort(found, ALONE, sizeof *found, ascending);
  reference = found[ALONE / 2];
  joinFrom = found[ALONE / 2] + ALONE * partMs;
  measureFrom = joinFrom + rampS * 1000 + 2000;
  measureTo = measureFrom + seconds * 1000;
}

static void readHead(Conn *c, double at) {
  char *field = strcasestr(c->head, "\r\ncontent-length:");
  c->status = atoi(c->head + 9);
  c->left = field ? atol(field + 17) : 0;
  if (!field) errors++;
  if (c->status != 200 || c->isPart || c->requested <= edge || c->requested >= MAX_PARTS) return;
  edge = c->requested; // the first response that lists this part
  if (edge < ALONE) firstAt[edge] = at;
  if (edge == ALONE - 1) findReference();
}

static void take(Conn *c) {
  ssize_t got = recv(c->fd, buffer, sizeof buffer, 0);
  double at = nowMs();
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) {
    if (at < measureTo) errors++;
    close(c->fd);
    c->fd = -1;
    c->isBusy = false;
    c->retryAt = at + 1000;
    return;
  }
  for (char *p = buffer; got > 0 && c->isBusy;) {
    if (c->left < 0) {
      // The head may come in several reads.
      int room = HEAD - 1 - c->headLen, before = c->headLen, copied = got < room ? got : room;
      memcpy(c->head + before, p, copied);
      c->head[before + copied] = 0;
      char *end = strstr(c->head, "\r\n\r\n");
      if (!end && copied == room) exit(1); // longer than any head of oxbow
      int used = end ? end + 4 - c->head - before : copied;
      c->headLen += used;
      p += used;
      got -= used;
      if (!end) return;
      end[2] = 0;
      readHead(c, at);
    }
    long used = got < c->left ? got : c->left;
    p += used;
    got -= used;
    c->left -= used;
    if (c->left == 0) answered(c, at);
  }
}

static void retry(Conn *c, double at) {
  if (c->retryAt == 0 || at < c->retryAt) return;
  c->retryAt = 0;
  if (c->fd < 0) join(c);
  if (c->isPart) fetchNext(&all[c->viewer]);
  else ask(c, c->requested);
}

static double quantile(double share) {
  long sum = 0, seen = 0;
  for (int i = 0; i < STEPS; i++) sum += delays[i];
  for (int i = 0; i < STEPS; i++) {
    seen += delays[i];
    if (seen > 0 && seen >= sum * share) return (i - ZERO) / (double)STEPS_PER_MS;
  }
  return 0;
}

static void report(void) {
  long late = 0, missing = 0;
  for (int i = ZERO + partMs * STEPS_PER_MS + 1; i < STEPS; i++) late += delays[i];
  for (int i = 0; i < viewers; i++)
    for (long g = all[i].fetched; g < MAX_PARTS; g++) {
      double release = reference + g * partMs;
      if (release + partMs >= measureTo) break;
      if (release >= measureFrom) missing++;
    }
  printf("{\"parts\":%ld,\"late\":%ld,\"missing\":%ld,\"errors\":%ld,\"refused\":%ld,\"p50Ms\":%.1f,\"p99Ms\":%.1f,\"worstMs\":%.1f}\n",
         parts, late, missing, errors, refused, quantile(0.5), quantile(0.99), quantile(1));
}

/** Follows a live stream: each viewer holds a reload on one connection and fetches the parts on another. */
static int watch(char **a) {
  listPath = a[0], partPath = a[1], stream = a[2], firstMsn = atol(a[3]), perSegment = atoi(a[4]), partMs = atof(a[5]);
  viewers = atoi(a[6]);
  rampS = atof(a[7]), seconds = atof(a[8]);
  inHeaders = strcmp(a[9], "headers") == 0, fields = a[10];
  all = calloc(viewers, sizeof *all);
  poller = epoll_create1(0);
  struct epoll_event events[1024];
  double lookAt = 0;
  bool isReported = false;
  measureTo = nowMs() + 60e3; // ends if the server releases no part
  for (double at = nowMs(); at < measureTo; at = nowMs()) {
    int wanted = at < joinFrom ? 1 : 1 + (viewers - 1) * ((at - joinFrom) / (rampS * 1000));
    for (int some = 0; ready < wanted && ready < viewers && some < 32; some++, ready++) {
      Viewer *v = &all[ready];
      v->list.viewer = v->part.viewer = ready;
      v->part.isPart = true;
      v->announced = edge;
      v->fetched = edge + 1;
      join(&v->list);
      join(&v->part);
      ask(&v->list, edge + 1);
    }
    int n = epoll_wait(poller, events, 1024, ready < viewers && at >= joinFrom ? 1 : 50);
    for (int i = 0; i < n; i++) take(events[i].data.ptr);
    if (!isReported && at >= measureFrom) {
      isReported = puts("{\"joined\":true}") >= 0;
      fflush(stdout);
    }
    if (at < lookAt) continue;
    lookAt = at + 100;
    for (int i = 0; i < ready; i++) retry(&all[i].list, at), retry(&all[i].part, at);
  }
  report();
  return 0;
}

/** Sends `requests` requests at once on each connection and reads `perSecond` bytes per second, until standard input ends. */
static int slow(char **a) {
  int readers = atoi(a[1]), requests = atoi(a[2]), perSecond = atoi(a[3]), *fds = calloc(readers, sizeof *fds);
  char text[4096];
  int length = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n\r\n", a[0], a[4]);
  for (int i = 0; i < readers; i++) {
    fds[i] = dial(i, 4096);
    for (int k = 0; k < requests; k++) if (send(fds[i], text, length, MSG_NOSIGNAL) != length) return 1;
  }
  puts("{\"open\":true}");
  fflush(stdout);
  for (struct pollfd in = {.fd = 0, .events = POLLIN}; poll(&in, 1, 1000) == 0;)
    for (int i = 0; i < readers; i++) if (recv(fds[i], buffer, perSecond, 0) == 0) return 1;
  return 0;
}

/** `load-generator watch PORT …` or `load-generator slow PORT …`, then the arguments of `watch` or `slow`. */
int main(int argc, char **argv) {
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  port = argc > 2 ? atoi(argv[2]) : 0;
  if (argc == 14 && strcmp(argv[1], "watch") == 0) return watch(argv + 3);
  if (argc == 8 && strcmp(argv[1], "slow") == 0) return slow(argv + 3);
  return 2;
}
