/**
 * A whole oxbow under the checker, and behind proxies, once more where two threads serve (docs/decisions/0014).
 * In: the suites of one thread. Out: the same, answered by serving threads.
 */
process.env.OXBOW_THREADS = '2';
await import('../conformance/live.test.ts');
await import('../e2e/serve.test.ts');
await import('../e2e/proxies.test.ts');
