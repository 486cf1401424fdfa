/**
 * Looks at addresses for the API: a few at a time.
 * In: requests of the record page and of programs. Out: ProbeView.
 */
import type { ProbeRequest, ProbeView } from '../../api/probe.ts';
import type { Current } from '../../lib/current.ts';
import { OxbowError } from '../../lib/errors.ts';
import { parseQuality } from '../../lib/quality.ts';
import { tracedNet } from '../../net/traced.ts';
import { type ProbeDeps, probeAddress } from './probe.ts';

/** Looks at the same time; each may start a yt-dlp and decode a picture. */
const MOST = 4;

/** Looks at one address. Abort ends the look and rejects; `traceparent` goes along with what it asks. */
export type Prober = (
  request: ProbeRequest,
  options: { readonly signal: AbortSignal; readonly traceparent?: string | undefined },
) => Promise<ProbeView>;

/**
 * Makes what POST /api/v1/probe asks. Only administrators may, and they may make a stream of the address as well: their own cameras,
 * in private networks, are looked at too.
 *
 * @param running ends all looks when oxbow ends
 */
export function createProber(
  { net, clock, settings }: Omit<ProbeDeps, 'config'> & { readonly settings: Current<ProbeDeps['config']> },
  running: AbortSignal,
): Prober {
  let looks = 0;
  return async ({ url, quality }, { signal, traceparent }) => {
    parseQuality(quality ?? '');
    if (looks >= MOST) throw new OxbowError('busy', `oxbow looks at ${MOST} addresses already`);
    looks += 1;
    try {
      const options = { url, quality, trusted: true, picture: true };
      return await probeAddress(
        options,
        { clock, config: settings.now, net: tracedNet(net, traceparent) },
        { signal: AbortSignal.any([signal, running]) },
      );
    } catch (error) {
      // Nobody hears it; but what was ended on purpose is no mistake.
      if (signal.aborted) throw new OxbowError('not-ready', 'whoever asked went away', { cause: error });
      if (running.aborted) throw new OxbowError('not-ready', 'oxbow is shutting down', { cause: error });
      throw error;
    } finally {
      looks -= 1;
    }
  };
}
