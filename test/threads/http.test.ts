/**
 * Requests and answers, once more where two threads serve (docs/decisions/0014).
 * In: the suites of one thread. Out: the same, answered by serving threads.
 */
process.env.OXBOW_THREADS = '2';
await import('../../src/http/hot/responder.test.ts');
await import('../../src/http/media/media.test.ts');
await import('../../src/http/server.test.ts');
await import('../../src/http/tls/tls.test.ts');
await import('../../src/http/headers.test.ts');
await import('../../src/http/api/access.test.ts');
await import('../../src/http/api/guesses.test.ts');
await import('../../src/http/media/vanished.test.ts');
await import('../../src/http/client/host-check.test.ts');
await import('../../src/http/api/foreign-pages.test.ts');
