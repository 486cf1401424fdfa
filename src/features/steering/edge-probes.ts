/**
 * Requests from every edge once a second whether it is ready: one that reports well and does not answer is
 * known as dead.
 * In: addresses of edges. Out: results for EdgeStates. docs/9-run/steering.md.
 */
import { isAbort, sleep } from '../../lib/abort.ts';
import type { Net } from '../../net/net.ts';
import type { Probed } from './edge-states.ts';

/** Pause between two probes of an edge, ms; a silent one is probed again sooner. */
const EVERY_MS = 1000;
const AGAIN_MS = 250;
/** Longest wait for an edge, ms. */
const WITHIN_MS = 1500;
const MAX_ANSWER_BYTES = 64 * 1024;

/** Probes one edge until the signal fires. Never rejects. */
export async function probeEdge(
  url: string,
  net: Pick<Net, 'fetch'>,
  probed: (result: Probed) => void,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    const result = await probe(url, net, signal);
    if (signal.aborted) return;
    probed(result);
    await sleep(result === 'silent' ? AGAIN_MS : EVERY_MS, { signal }).catch((error) => {
      if (!isAbort(error) && !signal.aborted) throw error;
    });
  }
}

async function probe(url: string, net: Pick<Net, 'fetch'>, signal: AbortSignal): Promise<Probed> {
  try {
    using answer = await net.fetch(`${url}/ready`, {
      signal,
      maxBytes: MAX_ANSWER_BYTES,
      deadlineMs: WITHIN_MS,
      idleMs: WITHIN_MS,
      trusted: new URL(url),
    });
    if (answer.status === 503) return 'refuses';
    return answer.status < 500 ? 'ready' : 'silent';
  } catch {
    return 'silent'; // every reason counts the same
  }
}
