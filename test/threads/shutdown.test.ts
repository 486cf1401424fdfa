/**
 * The end of oxbow, rights to watch, and another oxbow that pulls from it, once more where two threads serve (docs/decisions/0014).
 * In: the suites of one thread. Out: the same, answered by serving threads.
 */
process.env.OXBOW_THREADS = '2';
await import('../e2e/shutdown.test.ts');
await import('../e2e/signed.test.ts');
await import('../e2e/pull-low-latency.test.ts');
