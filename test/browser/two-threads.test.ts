/**
 * Third-party players, oxbow's player and a guest, again with two serving threads (docs/decisions/0014).
 * In: the suites of one thread. Out: the same, answered by serving threads.
 */
process.env.OXBOW_THREADS = '2';
await import('./players.test.ts');
await import('./now-and-then.test.ts');
await import('./guest.test.ts');
