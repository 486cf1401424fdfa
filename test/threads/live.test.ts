/**
 * A whole oxbow under the checker, once more where two threads serve (docs/decisions/0014): its live lists
 * are printed from replicas.
 * In: the suite of one thread. Out: the same, answered by serving threads.
 */
process.env.OXBOW_THREADS = '2';
await import('../conformance/live.test.ts');
