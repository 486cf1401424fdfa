/**
 * Opens the gateway of a node: requests for resources of other nodes are passed to them.
 * In: the context, nodes, clips, accounts, delivery. Out: the gateway. docs/decisions/0055.
 */
import { Gateway } from '../../cluster/gateway/gateway.ts';
import { isLoopback } from '../../config/address.ts';
import type { AppContext, Nodes, Parts } from '../../features/core.ts';
import { messageOf } from '../../lib/errors.ts';
import { version } from '../../lib/version.ts';
import { isDeparture, reportBug } from '../../observe/errors/report-bug.ts';
import { mediaFields } from '../../serve/client/foreign-pages.ts';
import { certificateFiles } from '../../serve/tls/tls-certificate.ts';

/** Opens it before HTTP, which is closed before it. */
export function openGateway(
  { config, opened, clock, log, metrics, telemetry }: AppContext,
  { placement, signature }: Nodes,
  { hooks: { clips }, accounts, delivery }: Pick<Parts, 'hooks' | 'accounts' | 'delivery'>,
): Gateway {
  const { cluster, http, trustedProxies, tls } = config;
  return opened.use(
    new Gateway({
      placement,
      signature,
      trustedProxies,
      countryHeader: config.watchRules.countryHeader,
      version,
      clock,
      log,
      metrics,
      telemetry,
      memoryBytes: cluster.cache,
      // All nodes have one secret for playback tokens; an authorization server decides about each of them all
      // the same.
      tokens: accounts.auth ? undefined : accounts.access.watch,
      isSecure: certificateFiles(tls) !== undefined,
      head: mediaFields(http.address, config),
      isGuarded: isLoopback(http.address),
      // The name of a clip's stream does not change: what this node remembers of it is right, also of a
      // stream that has moved.
      streamOfClip: async (id) => clips.facts(id)?.stream ?? (await clips.streamOf(id)),
      defaultStream: delivery.defaultStream,
      failed(error, where) {
        if (isDeparture(error)) log.debug({ where, error: messageOf(error) }, 'a client left before the answer');
        else reportBug({ metrics, log }, error, { where }, 'a request failed');
      },
    }),
  );
}
