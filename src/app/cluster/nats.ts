/**
 * Opens the connection to NATS, which the event bus and the transport of jobs share.
 * In: the context. Out: Nats; undefined without `nats.url`.
 */
import type { Nats } from '../../cluster/nats/nats.ts';
import type { AppContext } from '../../features/core.ts';
import { sleep } from '../../lib/abort.ts';
import { messageOf } from '../../lib/errors.ts';
import { redact } from '../../observe/redact.ts';

/** Longest wait for a reply of NATS, ms. */
const REPLY_MS = 2000;
/** Longest wait for the first connection, ms; then oxbow starts without it. */
const FIRST_MS = 3000;

/** Connects to NATS. Its library is loaded only if it is set. */
export async function openNats({ config, opened, log, services }: AppContext): Promise<Nats | undefined> {
  const { url, prefix, servers, token, credentials } = config.nats;
  if (url === undefined) return undefined;
  const library = await import('../../cluster/nats/nats.ts');
  const first = Promise.withResolvers<void>();
  const breaker = opened.use(await services.open({ service: 'nats', timeoutMs: REPLY_MS, failures: 3 }));
  const nats = opened.use(
    library.openNats({
      url,
      servers,
      token,
      credentials,
      breaker,
      timeoutMs: REPLY_MS,
      onConnected(isConnected, reason) {
        if (isConnected) {
          first.resolve();
          log.info({ subjects: `${prefix}.` }, 'NATS is connected');
        } else log.warn({ reason: redact(messageOf(reason)) }, 'the connection to NATS has ended');
      },
    }),
  );
  const late = new AbortController();
  await Promise.race([first.promise, sleep(FIRST_MS, late).catch(() => undefined)]); // aborted
  late.abort();
  return nats;
}
