/**
 * Whether an oxbow in this container answers: for HEALTHCHECK, in images without curl.
 * In: its address, http://127.0.0.1:8080 where none is given. Out: exit code 0, or 1 with a sentence.
 * It asks /live, since who asks may start the container anew, and that helps against nothing that /ready and /health tell.
 */
const address = process.argv[2] ?? 'http://127.0.0.1:8080';
try {
  const response = await fetch(new URL('/live', address), { signal: AbortSignal.timeout(4000) });
  if (!response.ok) throw new Error(`it answers ${response.status}`);
} catch (error) {
  console.error(`${address}: ${error.cause?.message ?? error.message}`);
  process.exitCode = 1;
}
