/**
 * The end of oxbow, once more where two threads serve (docs/decisions/0014): downloads pass both, held
 * reloads are in one of them.
 * In: the suite of one thread. Out: the same, answered by serving threads.
 */
process.env.OXBOW_THREADS = '2';
await import('../e2e/shutdown.test.ts');
