/**
 * Opens the cluster side of a node: placement, request signatures, shared files.
 * In: the context, store, net. Out: Nodes; undefined without a cluster. docs/decisions/0055.
 */
import type { SegmentStore } from '../../archive/segment-store.ts';
import { Leases } from '../../cluster/lease/lease.ts';
import { ClusterNodes } from '../../cluster/placement/cluster-nodes.ts';
import { NodeRows } from '../../cluster/placement/node-rows.ts';
import { SharedPlacement } from '../../cluster/placement/shared-placement.ts';
import { RemoteStreams } from '../../cluster/requests/frames/remote-streams.ts';
import {
  createInternalRequests,
  type InternalRequestDeps,
  internalTarget,
} from '../../cluster/requests/internal-requests.ts';
import { NodeClient } from '../../cluster/requests/node-client.ts';
import { NodeFiles } from '../../cluster/requests/node-files.ts';
import { NodeSignature } from '../../cluster/requests/node-signature.ts';
import { nodeName } from '../../config/sections/cluster-section.ts';
import type { AppContext, Nodes, Parts } from '../../features/core.ts';
import { OxbowError } from '../../lib/errors.ts';
import { OncePer } from '../../lib/once-per.ts';
import { version } from '../../lib/version.ts';
import { createNet } from '../../net/net.ts';
import { openLeaseTable } from '../../store/lease-table.ts';
import { recoverElsewhere } from '../../streams/cluster/recover-elsewhere.ts';
import type { PublishElsewhere } from '../../streams/publish/publish-access.ts';
import { readStreamId, readStreamName } from '../../streams/stream-table.ts';
import { createStreamTimeline } from '../../streams/timeline/stream-timeline.ts';

const MIN_SECRET = 32;
/** Failures of other nodes are logged at most this often, ms. */
const LOG_EVERY_MS = 60_000;
/** A stream without a publisher moves within this time, ms. */
const GIVE_MS = 10_000;
const MAX_REFUSAL_BYTES = 4096;
/** Status of a stream whose publisher was led away and has not left. */
const MOVES_LATER = 202;
/** Connections to one node for streams that this one follows, and for requests about them. */
const MAX_FOLLOWED_OF_NODE = 1024;
/**
 * Another node reads within this time what was changed here, ms; one that is slower reads it with its next
 * look.
 */
const TELL_MS = 500;

/**
 * Registers this node, and reads who owns what.
 *
 * @throws OxbowError `bad-setting`
 */
export async function openNodes(
  { config, process: part, clock, log, opened, shutdown, failed, metrics }: AppContext,
  { store, net }: Pick<Parts, 'store' | 'net'>,
): Promise<Nodes | undefined> {
  const { url, secret, roles, takeover } = config.cluster;
  const node = nodeName(config);
  if (node === undefined || url === undefined) return undefined;
  if (store.engine !== 'postgresql' && !part) throw new OxbowError('bad-setting', '`cluster.url` needs `store.url`.');
  if (secret === undefined || secret.length < MIN_SECRET)
    throw new OxbowError(
      'bad-setting',
      `\`cluster.url\` needs \`cluster.secret\` with ${MIN_SECRET} characters or more.`,
    );
  const rows = new NodeRows(store.db, clock);
  if (part?.link.start.isFirst) await rows.spread(part.link.start.names);
  await rows.register({ name: node, url, roles, version });
  const unnoted = failed('the note that this node ends');
  const ended = new AbortController();
  opened.defer(() => {
    ended.abort();
    return rows.end(node).catch(unnoted);
  });
  shutdown.leaving.addEventListener('abort', () => void rows.drain(node).catch(unnoted), ended);
  const leases = new Leases({
    store: openLeaseTable(store.db, clock),
    clock,
    failed: (error) => log.warn({ err: error }, 'the lease of a dead node cannot be renewed'),
  });
  const placement = await SharedPlacement.open({
    rows,
    leases,
    node,
    roles,
    takeoverMs: takeover,
    spreadOver: part?.link.start.names,
    clock,
    log,
    tookOver: (dead, things) =>
      log.warn({ node: dead, things }, 'the lease of a node expired; its streams, rooms and assets were reassigned'),
  });
  const signature = new NodeSignature({ secret, node, clock });
  const list = new ClusterNodes({ db: store.db, rows, clock, placement });
  opened.defer(metrics.beforeScrape(() => list.measure(metrics)));
  const live = openRemoteStreams({ opened, clock, log, shutdown }, { placement, signature });
  return { placement, signature, roles, list, client: new NodeClient({ net, signature }), live };
}

/** The live streams of other nodes. Their connections are apart: each lasts while its stream is followed. */
function openRemoteStreams(
  { opened, clock, log, shutdown }: Pick<AppContext, 'opened' | 'clock' | 'log' | 'shutdown'>,
  { placement, signature }: Pick<Nodes, 'placement' | 'signature'>,
): RemoteStreams {
  const net = createNet({ allow: [], userAgent: 'oxbow-node', maxPerHost: MAX_FOLLOWED_OF_NODE });
  opened.defer(() => net.close());
  const failures = new OncePer(LOG_EVERY_MS, () => clock.monotonicMs());
  return new RemoteStreams({
    client: new NodeClient({ net, signature }),
    placement,
    clock,
    signal: shutdown.signal,
    failed: (stream, error) =>
      failures.call((leftOut) =>
        log.warn({ stream, err: error, leftOut }, 'a stream of another node cannot be followed'),
      ),
  });
}

/** The store of the files of all nodes. */
export function openNodeFiles(
  { process: part, clock, log }: AppContext,
  { placement, client }: Nodes,
  segments: SegmentStore,
): NodeFiles {
  const failures = new OncePer(LOG_EVERY_MS, () => clock.monotonicMs());
  return new NodeFiles({
    own: segments,
    client,
    placement,
    isOneFolder: part !== undefined,
    failed: (node, error) =>
      failures.call((leftOut) => log.warn({ node, err: error, leftOut }, 'another node could not delete its files')),
  });
}

/** Answers what other nodes request of this one. */
export function openInternalRequests(
  { config, process: part, failed, shutdown, telemetry }: AppContext,
  { streams, recordings, changes, publishPorts }: Pick<Parts, 'streams' | 'recordings' | 'changes' | 'publishPorts'>,
  { placement }: Pick<Nodes, 'placement'>,
  deps: { readonly copies: Pick<InternalRequestDeps, 'purge'> } & Pick<InternalRequestDeps, 'view' | 'epoch'>,
): ReturnType<typeof createInternalRequests> {
  const { copies, view, epoch } = deps;
  const { control, catalog } = streams;
  const timelineOf = (stream: string) => {
    catalog.get(stream); // throws `stream-unknown`
    return createStreamTimeline(() => catalog.find(stream), recordings.chunks);
  };
  return createInternalRequests({
    files: recordings.files,
    isOneFolder: part !== undefined,
    release: recordings.release,
    purge: (thing) => copies.purge(thing),
    telemetry,
    edge(stream) {
      const timeline = timelineOf(stream);
      const isLive = catalog.find(stream)?.status.state === 'live';
      return { edgeMs: timeline.edgeMs() ?? null, distanceMs: timeline.distanceMs(), isLive };
    },
    sinks: (stream) => catalog.get(stream).stream.sinks,
    signal: shutdown.signal,
    async look() {
      await changes?.look();
      if (part) await placement.refresh();
    },
    view,
    epoch,
    span: async (stream, positionMs) => (await timelineOf(stream).span(positionMs)) ?? null,
    give: (stream, node, options) => control.give(stream, node, options),
    publishUrls: () => {
      const { publishUrl } = config.cluster;
      // They are opened last: a node that starts is none to go to yet.
      const isOpen = publishPorts.rtmp !== undefined || publishPorts.rtmps !== undefined;
      return publishUrl.length > 0 && isOpen && !shutdown.isEnding ? publishUrl : undefined;
    },
    failed: failed('a request of another node'),
  });
}

/** Brings streams of other nodes to this one when they are published here. */
export function openPublishElsewhere(
  { process: part, shutdown }: AppContext,
  { placement, client }: Nodes,
  { streams, store, changes, recordings }: Pick<Parts, 'streams' | 'store' | 'changes' | 'recordings'>,
): PublishElsewhere {
  /** Streams that are awaited by a client which was accepted already: it is one for each. */
  const awaited = new Set<string>();
  return {
    nameOf: (streamId) => readStreamName(store.db, streamId),
    idOf: (name) => readStreamId(store.db, name),
    readKeys: async () => changes?.look(),
    ...(part && {
      async processOf(name: string) {
        const owner = await placement.lookUp('stream', name);
        return owner !== undefined && owner !== 'own' && owner.isAlive ? owner.name : undefined;
      },
      async isRecorded(name: string) {
        const id = await readStreamId(store.db, name);
        return id !== undefined && (await recordings.chunks.upTo(id, Number.MAX_SAFE_INTEGER)) !== undefined;
      },
    }),
    async bring(name, onWait) {
      const owner = await placement.lookUp('stream', name);
      if (owner === undefined || owner === 'own') return;
      if (!owner.isAlive) {
        const extra = { retryAfterSeconds: 2 };
        throw new OxbowError('not-ready', `${name} was on the node ${owner.name}, which does not run.`, { extra });
      }
      const { signal } = shutdown;
      const request = { method: 'POST', maxBytes: MAX_REFUSAL_BYTES, deadlineMs: GIVE_MS, signal } as const;
      const ask = (waits: boolean) => client.send(owner, { ...request, target: internalTarget.give(name, waits) });
      const wait = async () => {
        const isFirst = !awaited.has(name);
        if (isFirst) onWait?.();
        awaited.add(name);
        try {
          return await ask(true);
        } finally {
          if (isFirst) awaited.delete(name);
        }
      };
      using first = await ask(false);
      using response = first.status === MOVES_LATER ? await wait() : first;
      // Another client that was led here may have brought it meanwhile.
      if (first.status === MOVES_LATER) await placement.refresh();
      if (response.status !== 204 && placement.find('stream', name) !== 'own') {
        const detail = Buffer.from(await response.body()).toString() || `the node ${owner.name} keeps ${name}`;
        throw new OxbowError('publisher-active', detail);
      }
      await placement.refresh();
      await streams.control.settled();
    },
  };
}

/** Has the living nodes read what has changed. Resolves when those that answer have. */
async function notifyLiving(
  { shutdown: { signal } }: Pick<AppContext, 'shutdown'>,
  { placement, client }: Nodes,
): Promise<void> {
  const request = { method: 'POST', target: internalTarget.changes, maxBytes: MAX_REFUSAL_BYTES } as const;
  const living = signal.aborted ? [] : placement.others.filter(({ isAlive }) => isAlive);
  const notifying = living.map(async (node) => {
    using _response = await client.send(node, { ...request, deadlineMs: TELL_MS, signal });
  });
  // A node that does not answer looks by itself.
  await Promise.allSettled(notifying);
}

/** The other processes of this server know the address of one that starts before it is ready. */
export async function announceProcess(app: AppContext, nodes: Nodes): Promise<void> {
  if (app.process) await notifyLiving(app, nodes);
}

/**
 * Keeps the owners current until the shutdown, and recovers what this node recorded of streams that others
 * have now.
 */
export function startNodes(
  { process: part, opened, shutdown, failed }: AppContext,
  nodes: Nodes,
  { streams, changes }: Pick<Parts, 'streams' | 'changes'>,
): void {
  const { placement } = nodes;
  changes?.tellBy(() => notifyLiving({ shutdown }, nodes));
  opened.use(shutdown.owns(placement.run(shutdown)));
  if (part) return; // all processes write to one folder: the owner of a stream recovers it
  const recovering = recoverElsewhere(streams.deps, shutdown).catch(failed('the recovery of recordings'));
  opened.use(shutdown.owns(recovering));
}
