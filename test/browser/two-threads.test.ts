/**
 * Players of the world and our own, and a guest, once more where two threads serve (docs/decisions/0014).
 * In: the suites of one thread. Out: the same, answered by serving threads.
 */
process.env.OXBOW_THREADS = '2';
await import('./players.test.ts');
await import('./now-and-then.test.ts');
await import('./guest.test.ts');
