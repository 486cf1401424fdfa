/**
 * Opens deletions of ranges on request, and legal holds.
 * In: the context, recordings, streams, jobs, the library, accounts, nodes. Out: DeletionsApi; deletions
 * continue until the shutdown.
 */
import { assetPrefix } from '../../archive/asset-locations.ts';
import type { Placement } from '../../cluster/placement/placement.ts';
import { purgeCopies } from '../../cluster/requests/node-copies.ts';
import type { AppContext, Deletions, Nodes, Parts } from '../../features/core.ts';
import { createDeletionsApi } from '../../streams/erase/deletions-api.ts';
import { EdgePurges } from '../../streams/erase/edge-purges.ts';
import { Eraser } from '../../streams/erase/eraser.ts';
import { HiddenCopies } from '../../streams/erase/hidden-copies.ts';

/** Opens the API. Edges are purged of what is hidden from now on. */
export async function openDeletions(
  { settings, shutdown, opened, metrics, clock, log, failed }: AppContext,
  {
    ownEvents,
    recordings,
    streams: { deps, catalog },
    jobs,
    hooks,
    library: { assets },
    accounts,
    net,
    nodes,
  }: Pick<Parts, 'ownEvents' | 'recordings' | 'streams' | 'jobs' | 'hooks' | 'library' | 'accounts' | 'net' | 'nodes'>,
): Promise<Deletions> {
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
    objects: objects && { index: objects.index, targets: objects.targets },
    elsewhere: {
      async exports(stream, range) {
        const found = await Promise.all([...hooks.fileJobs].map((over) => over(stream, range)));
        return found.flat();
      },
      async removeExport(id) {
        await jobs.cancel(id);
      },
      titleOf: async (id) => (await assets.find(id))?.title,
      async removeAsset(id) {
        if (await assets.find(id)) await assets.purge(id);
        // What was made of its pictures: usually it waits a minute.
        const prefix = assetPrefix(id);
        release(prefix);
        await segments.delete(prefix);
        release(prefix);
      },
    },
    failed: failed('a deletion'),
  });
  opened.defer(metrics.beforeScrape(async () => metrics.deletionsWaiting.set((await erasures.unfinished()).length)));
  return { api: createDeletionsApi({ deps, catalog, eraser, audit, signal }), edgePurges: copies, eraser };
}

/** A dead node gives out nothing that it had in memory: when it is back, it has a new one. */
function livingOf({ placement }: Nodes): Pick<Placement, 'others'> {
  return {
    get others() {
      return placement.others.filter(({ isAlive }) => isAlive);
    },
  };
}

/** Continues deletions until the shutdown. */
export function startDeletions(
  { opened, shutdown }: AppContext,
  { deletions: { eraser }, catalog, placement }: Pick<Parts, 'deletions' | 'catalog' | 'placement'>,
): void {
  const owns = (streamId: string) => {
    // What is left of a removed stream is a file or a copy of it: any process reaches it.
    const name = catalog.definitionOf(streamId)?.name;
    return name !== undefined ? placement.find('stream', name) === 'own' : placement.node === '';
  };
  opened.use(shutdown.owns(eraser.run(owns)));
}
