/**
 * The doctor's look at NATS.
 * In: settings. Out: a finding: whether it answers, and whether it has JetStream where events need it.
 */
import type { Config } from '../../config/schema.ts';
import { messageOf } from '../../lib/errors.ts';
import { redact } from '../../observe/redact.ts';
import { type Finding, ok, warning } from './finding.ts';

const NAME = 'nats';
/** Longest look, ms. */
const LOOK_MS = 5000;
/** Longest wait for JetStream, ms. */
const REPLY_MS = 2000;

/**
 * Connects to NATS as a server does.
 *
 * @returns undefined without `nats.url`
 */
export async function checkNats(
  { nats, cluster }: Pick<Config, 'nats' | 'cluster'>,
  { signal }: { readonly signal: AbortSignal },
): Promise<Finding | undefined> {
  const { url } = nats;
  if (url === undefined) return undefined;
  const { host } = new URL(url);
  const { closeNatsClient, openNatsClient } = await import('../../cluster/nats/nats-client.ts');
  const limit = AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)]);
  try {
    const client = await openNatsClient({ ...nats, url }, { signal: limit });
    try {
      const version = client.info?.version ?? 'unknown';
      if (!cluster.enabled || !cluster.pubsub.enabled) return ok(NAME, `${host}: version ${version}`);
      const isStored = await client.request('$JS.API.INFO', '', { timeout: REPLY_MS }).then(
        (reply) => !('error' in (reply.json() as object)),
        () => false, // no responders
      );
      if (isStored) return ok(NAME, `${host}: version ${version}, with JetStream`);
      const text = `${host}: JetStream does not answer: events of this node wait, and do not reach its clients`;
      return warning(NAME, text, 'Start nats-server with -js, or enable JetStream for the account of oxbow.');
    } finally {
      closeNatsClient(client);
    }
  } catch (error) {
    signal.throwIfAborted();
    return warning(NAME, `${host}: ${redact(messageOf(error))}`, 'Check nats.url, its user and its password.');
  }
}
