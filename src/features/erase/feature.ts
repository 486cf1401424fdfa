/**
 * Deletions of ranges on request, legal holds, and purges of the edges that have copies of hidden media.
 * In: recordings, streams, jobs, the library, accounts, nodes. Out: the feature; deletions continue until the
 * shutdown.
 */
import { deletionEvents } from '../../api/deletions/deletion-events.ts';
import { assetPrefix } from '../../archive/asset-locations.ts';
import type { Placement } from '../../cluster/placement/placement.ts';
import { purgeCopies } from '../../cluster/requests/node-copies.ts';
import { timelineRoutes } from '../../http/routes/streams/timeline.ts';
import { readStreamName } from '../../streams/stream-table.ts';
import type { AppContext, Nodes } from '../core.ts';
import { type CoreParts, defineFeature, type OpenFeature } from '../feature.ts';
import { continuesDeletion } from './continues-deletion.ts';
import { createDeletionsApi } from './deletions-api.ts';
import { EdgePurges } from './edge-purges.ts';
import { Eraser } from './eraser.ts';
import { HiddenCopies } from './hidden-copies.ts';
import { eraseMetrics } from './metrics.ts';
import { edgePurgeRoutes } from './purge-routes.ts';
import { eraseRefusals } from './refusals.ts';
import { deletionRoutes, type Erase } from './routes.ts';
import { edgesSection } from './settings.ts';

/** Opens the API. Edges are purged of media that is hidden from now on. */
async function openErase(
  { settings, shutdown, opened, metrics, clock, log, failed }: AppContext,
  {
    ownEvents,
    recordings,
    streams: { deps, catalog },
    jobs,
    hooks,
    library: { assets, trash },
    accounts,
    store,
    net,
    nodes,
    placement,
  }: CoreParts,
): Promise<OpenFeature<Erase>> {
  const { objects, reader, segments, release, deleteElsewhere, erasures } = recordings;
  const { audit } = accounts.access;
  const { signal } = shutdown;
  const edges = new EdgePurges({ settings, net });
  const living = nodes && { client: nodes.client, placement: livingOf(nodes) };
  const copies = new HiddenCopies({
    edges,
    clock,
    log,
    signal,
    failed: failed('a purge of edges'),
    purgeNodes: living && ((things, options) => purgeCopies(living, things, options)),
    hasRules(stream) {
      const { streams: byDefault } = settings.now.encryption;
      const { watchRules, past, encryption = byDefault } = catalog.find(stream)?.definition ?? {};
      return watchRules !== undefined || past !== undefined || encryption !== 'none';
    },
    async assetHasRules(id) {
      const { watchRules, encryption } = (await assets.find(id)) ?? {};
      return (watchRules ?? null) !== null || (encryption ?? settings.now.encryption.assets) !== 'none';
    },
    flush: () => ownEvents.flush(),
  });
  opened.defer(() => copies.settled());
  const subscription = await ownEvents.subscribe({ event: (published) => copies.received(published) });
  opened.defer(() => subscription.close());
  const eraser = new Eraser({
    deps,
    catalog,
    reader,
    deleteElsewhere,
    audit,
    signal,
    edges,
    purgeNodes: nodes && ((things, options) => purgeCopies(nodes, things, options)),
    objects,
    elsewhere: {
      async exports(stream, range) {
        const results = await Promise.all([...hooks.fileJobs].map((over) => over(stream, range)));
        return results.flat();
      },
      async removeExport(id) {
        await jobs.cancel(id);
      },
      titleOf: async (id) => (await assets.find(id))?.title,
      async removeAsset(id) {
        if (await assets.find(id)) await trash.purge(id);
        // Files made of its pictures: usually they wait a minute.
        const prefix = assetPrefix(id);
        release(prefix);
        await segments.delete(prefix);
        release(prefix);
      },
    },
    failed: failed('a deletion'),
  });
  opened.defer(metrics.beforeScrape(async () => metrics.deletionsWaiting.set((await erasures.unfinished()).length)));
  hooks.edgePurges = copies;
  const nameOf = (streamId: string) => readStreamName(store.db, streamId);
  return {
    own: { deletions: createDeletionsApi({ deps, catalog, nameOf, eraser, audit, signal }), edgePurges: copies },
    start() {
      const owners = { placement, nameOf: async (id: string) => catalog.definitionOf(id)?.name ?? (await nameOf(id)) };
      opened.use(shutdown.owns(eraser.run((streamId) => continuesDeletion(streamId, owners))));
    },
  };
}

/** A dead node gives out nothing that it had in memory: when it is back, it has a new one. */
function livingOf({ placement }: Nodes): Pick<Placement, 'others'> {
  return {
    get others() {
      return placement.others.filter(({ isAlive }) => isAlive);
    },
  };
}

/** The feature. */
export const erase = defineFeature({
  name: 'erase',
  routes: [...deletionRoutes, ...edgePurgeRoutes],
  after: timelineRoutes,
  adds: {
    settings: { edges: edgesSection },
    refusals: eraseRefusals,
    metrics: eraseMetrics,
    events: deletionEvents,
  },
  open: openErase,
});
