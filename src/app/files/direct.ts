/**
 * Opens the addresses where viewers get stored bytes from a bucket, with a probe that requests one as a
 * viewer in a browser does.
 * In: the context, the object stores, the HTTP client. Out: DirectAddresses of serve; log lines, metrics.
 */
import { DirectAddresses } from '../../archive/objects/direct-addresses.ts';
import type { TieredStore } from '../../archive/objects/open-tiered.ts';
import type { AppContext } from '../../features/core.ts';
import type { Net } from '../../net/net.ts';

/** A probe that takes longer has failed, ms. */
const PROBE_MS = 3_000;
const MAX_PROBE_BYTES = 64 * 1024;
/** The page of a probe without `publicUrl`: buckets with `AllowedOrigins: *` allow it. */
const ANY_PAGE = 'https://oxbow.invalid';

/** Opens the addresses; undefined: no target is `direct`. */
export function openDirect(
  app: AppContext,
  { index, targets }: Pick<TieredStore, 'index' | 'targets'>,
  net: Net,
): DirectAddresses | undefined {
  const { config, clock, log, metrics, shutdown } = app;
  const names = targets.names.filter((name) => targets.find(name)!.direct === 'redirect');
  if (names.length === 0) return undefined;
  for (const target of names) metrics.directUp.set({ target }, 1);
  const origin = config.publicUrl === undefined ? ANY_PAGE : new URL(config.publicUrl).origin;
  const addresses = new DirectAddresses({
    index,
    targets,
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    probe: (url) => probe(net, url, origin, shutdown.signal),
    changed(target, problem) {
      if (shutdown.signal.aborted) return; // which ended the probe
      metrics.directUp.set({ target }, problem === undefined ? 1 : 0);
      if (problem === undefined) log.info({ target }, 'viewers are redirected to the object store again');
      else log.warn({ target, problem }, 'viewers are not redirected to the object store: oxbow sends the past itself');
    },
  });
  for (const target of names) {
    const failed = (error: unknown) => log.warn({ target, err: error }, 'no address of the object store can be signed');
    // The keys of a machine come from a server, which must not delay the start.
    addresses.prepare(target).catch(failed);
  }
  return addresses;
}

/**
 * Requests some bytes of an address as a script of a page does.
 *
 * @throws Error with the reason why a viewer has no success; errors of `net`
 */
async function probe(net: Net, url: string, origin: string, signal: AbortSignal): Promise<void> {
  using response = await net.fetch(url, {
    signal,
    trusted: new URL(url),
    headers: { range: 'bytes=8-15', origin },
    maxBytes: MAX_PROBE_BYTES,
    deadlineMs: PROBE_MS,
    idleMs: PROBE_MS,
  });
  const { status, headers } = response;
  if (status === 200) throw new Error('it ignores the field Range');
  if (status !== 206) throw new Error(`it answers a signed address with ${status}`);
  const allowed = headers['access-control-allow-origin'];
  if (allowed !== '*' && allowed !== origin) throw new Error(`its CORS rules do not allow pages of ${origin}`);
  await response.body();
}
