/**
 * What a program has in the heap of the C library, by the size of the blocks: `npm run soak -- memory --allocations`.
 * In: LD_PRELOAD with this library, ALLOCATIONS with a path. Out: each second a table in the file `path.PID`. Linux with glibc.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** Four classes for each power of two, from 16 bytes on. */
enum { CLASSES = 96, LEAST_LOG = 4, NAME_BYTES = 4096 };

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static _Atomic long blocks[CLASSES], bytes[CLASSES], made[CLASSES];

static int classOf(size_t size) {
  int log = size < 16 ? LEAST_LOG : 63 - __builtin_clzl(size);
  int class = 4 * (log - LEAST_LOG) + (int)((size >> (log - 2)) & 3);
  return class < CLASSES ? class : CLASSES - 1;
}

static size_t leastOf(int class) {
  return (size_t)(4 + class % 4) << (class / 4 + LEAST_LOG - 2);
}

static void *counted(void *block) {
  if (!block) return block;
  size_t size = malloc_usable_size(block);
  int class = classOf(size);
  atomic_fetch_add_explicit(&blocks[class], 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&made[class], 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&bytes[class], (long)size, memory_order_relaxed);
  return block;
}

static void gone(size_t size) {
  int class = classOf(size);
  atomic_fetch_sub_explicit(&blocks[class], 1, memory_order_relaxed);
  atomic_fetch_sub_explicit(&bytes[class], (long)size, memory_order_relaxed);
}

void *malloc(size_t size) {
  return counted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size) {
  return counted(__libc_calloc(count, size));
}

void *realloc(void *old, size_t size) {
  size_t before = old ? malloc_usable_size(old) : 0;
  void *block = __libc_realloc(old, size);
  // Without memory the old block stays.
  if (old && (block || size == 0)) gone(before);
  return counted(block);
}

void *memalign(size_t align, size_t size) {
  return counted(__libc_memalign(align, size));
}

void *aligned_alloc(size_t align, size_t size) {
  return memalign(align, size);
}

int posix_memalign(void **block, size_t align, size_t size) {
  *block = memalign(align, size);
  return *block ? 0 : 12; // ENOMEM
}

void free(void *block) {
  if (block) gone(malloc_usable_size(block));
  __libc_free(block);
}

static void print(const char *name, const char *draft) {
  FILE *file = fopen(draft, "w");
  if (!file) return;
  struct mallinfo2 heaps = mallinfo2();
  fprintf(file, "heaps %.1f MB: %.1f in use, %.1f free; %.1f MB mapped one by one\n", heaps.arena / 1e6, heaps.uordblks / 1e6,
          heaps.fordblks / 1e6, heaps.hblkhd / 1e6);
  fprintf(file, "%10s %8s %8s %10s\n", "bytes", "blocks", "MB", "made");
  for (int class = 0; class < CLASSES; class++)
    if (made[class]) fprintf(file, "%10zu %8ld %8.2f %10ld\n", leastOf(class), blocks[class], bytes[class] / 1e6, made[class]);
  fclose(file);
  rename(draft, name);
}

static void *report(void *base) {
  char name[NAME_BYTES], draft[NAME_BYTES];
  snprintf(name, sizeof name, "%s.%d", (char *)base, getpid());
  snprintf(draft, sizeof draft, "%s.%d.draft", (char *)base, getpid());
  for (;; sleep(1)) print(name, draft);
  return NULL;
}

__attribute__((constructor)) static void start(void) {
  char *base = getenv("ALLOCATIONS");
  pthread_t thread;
  if (base) pthread_create(&thread, NULL, report, strdup(base));
}
