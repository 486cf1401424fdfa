/**
 * Opens the gateway of a node: requests for what other nodes own are passed to them.
 * In: the context, placement, store, clips, accounts, delivery. Out: the gateway; undefined without a cluster. docs/decisions/0055.
 */
import { isLoopback } from '../config/address.ts';
import { type Gateway, openGateway as open } from '../edge/nodes/gateway.ts';
import { readableFields } from '../http/api/foreign-pages.ts';
import { certificateFiles } from '../http/tls/tls-certificate.ts';
import { version } from '../lib/version.ts';
import { NodeSignature } from '../nodes/node-signature.ts';
import type { Placement } from '../nodes/placement.ts';
import type { AppContext, Parts } from './parts.ts';

/** Opens it before HTTP, which is closed before it. */
export function openGateway(
  { config, opened, clock, log, metrics }: AppContext,
  {
    placement,
    store,
    clips,
    accounts,
    delivery,
  }: Pick<Parts, 'store' | 'clips' | 'accounts' | 'delivery'> & { readonly placement: Placement },
): Gateway | undefined {
  const { cluster, http, publicUrl, trustedProxies, tls } = config;
  if (!cluster.enabled) return undefined;
  return opened.use(
    open({
      placement,
      signature: new NodeSignature({ secret: cluster.secret ?? '', node: cluster.node, clock }),
      memoryBytes: cluster.cache,
      tokens: accounts.access.watch,
      trustedProxies,
      isSecure: certificateFiles(tls) !== undefined,
      head: readableFields(http.address, publicUrl),
      isGuarded: isLoopback(http.address),
      // The name of a clip's stream does not change: what this node remembers of it is right, whoever owns the stream.
      streamOfClip: async (id) => clips.facts(id)?.stream ?? (await streamOf(store, id)),
      defaultStream: delivery.defaultStream,
      ...{ version, clock, log, metrics },
      failed(error, where) {
        metrics.bugs.inc();
        log.error({ where, err: error }, 'a request failed');
      },
    }),
  );
}

async function streamOf({ db }: Parts['store'], clip: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('clip')
    .innerJoin('stream', 'stream.id', 'clip.stream_id')
    .select('stream.name')
    .where('clip.id', '=', clip)
    .executeTakeFirst();
  return row?.name;
}
