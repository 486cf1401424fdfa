/**
 * Probes addresses for the API, a few at a time.
 * In: requests of the record page and of programs. Out: ProbeView.
 */
import type { ProbeRequest, ProbeView } from '../../api/probe.ts';
import type { Current } from '../../lib/current.ts';
import { OxbowError } from '../../lib/errors.ts';
import { parseQuality } from '../../lib/quality.ts';
import { tracedNet } from '../../net/traced.ts';
import { type ProbeDeps, probeAddress } from './probe.ts';

/** Simultaneous probes; each may run yt-dlp and decode a picture. */
const MAX_PROBES = 4;

/** Probes one address. Abort rejects; `traceparent` is sent with its requests. */
export type Prober = (
  request: ProbeRequest,
  options: { readonly signal: AbortSignal; readonly traceparent?: string | undefined },
) => Promise<ProbeView>;

/**
 * Creates the prober of POST /api/v1/probe. Addresses in private networks are allowed: only administrators
 * can probe, and they can also create a stream with such an address.
 *
 * @param running aborts all probes at the shutdown
 */
export function createProber(
  { net, clock, settings }: Omit<ProbeDeps, 'config'> & { readonly settings: Current<ProbeDeps['config']> },
  running: AbortSignal,
): Prober {
  let probes = 0;
  return async ({ url, quality }, { signal, traceparent }) => {
    parseQuality(quality ?? '');
    if (probes >= MAX_PROBES) throw new OxbowError('busy', `${MAX_PROBES} probes are running already.`);
    probes += 1;
    try {
      const options = { url, quality, trusted: true, picture: true };
      return await probeAddress(
        options,
        { clock, config: settings.now, net: tracedNet(net, traceparent) },
        { signal: AbortSignal.any([signal, running]) },
      );
    } catch (error) {
      // The client does not receive this, but an abort must not count as a bug.
      if (signal.aborted) throw new OxbowError('not-ready', 'The client has disconnected.', { cause: error });
      if (running.aborted) throw new OxbowError('not-ready', 'oxbow is shutting down.', { cause: error });
      throw error;
    } finally {
      probes -= 1;
    }
  };
}
