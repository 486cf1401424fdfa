/**
 * Checks that the oxbow in this container responds: for HEALTHCHECK, in images without curl.
 * In: its address, by default http://127.0.0.1:8080. Out: exit code 0, or 1 with a sentence.
 * It requests /live: a failure may restart the container, which would not fix what /ready and /health report.
 */
const address = process.argv[2] ?? 'http://127.0.0.1:8080';
try {
  const response = await fetch(new URL('/live', address), { signal: AbortSignal.timeout(4000) });
  if (!response.ok) throw new Error(`status ${response.status}`);
} catch (error) {
  console.error(`${address}: ${error.cause?.message ?? error.message}`);
  process.exitCode = 1;
}
