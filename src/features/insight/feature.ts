/**
 * Insight: what players report about their sessions, stored by minute and summed by hour.
 * In: reports of players. Out: the feature. docs/9-run/insight.md, docs/decisions/0107.
 */
import { streamUnknown } from '../../api/stream/stream-refusals.ts';
import { isLoopback } from '../../config/address.ts';
import { playbackSessionRoutes } from '../../http/routes/streams/playback-sessions.ts';
import { sleep } from '../../lib/abort.ts';
import { OxbowError } from '../../lib/errors.ts';
import { OncePer } from '../../lib/once-per.ts';
import { eraseViewing } from '../../store/tables/viewing-rows.ts';
import { readStreamId } from '../../streams/stream-table.ts';
import type { AppContext } from '../core.ts';
import { type CoreParts, defineFeature, type OpenFeature } from '../feature.ts';
import { Collector } from './collector.ts';
import type { Insight } from './collector-route.ts';
import { Contents } from './contents.ts';
import { insightMetrics } from './metrics.ts';
import { sealedRefusals } from './refusals.ts';
import { insightRoutes } from './routes.ts';
import { openSealed } from './sealed/open-sealed.ts';
import { ServedInsight } from './served-insight.ts';
import { insightSection } from './settings.ts';
import { ViewingQueue } from './viewing-queue.ts';
import { HOUR_MS, MINUTE_MS } from './viewing-row.ts';
import { ViewingSessions } from './viewing-sessions.ts';
import { ViewingTable } from './viewing-table.ts';
import { WatchedFinder } from './watched.ts';

/** Minutes that are over are stored this often, ms. */
const STORE_EVERY_MS = 5000;
/** Rows that are too old are deleted this often, ms; sums once in so many times. */
const SWEEP_EVERY_MS = HOUR_MS;
const SUMS_EVERY = 24;
/** Failures of the database are logged at most this often, ms. */
const REPORT_EVERY_MS = 60_000;

/** Follows sessions, stores them until the shutdown, and deletes what is too old. */
function openInsight(app: AppContext, parts: CoreParts): OpenFeature<Insight> {
  const { store, nodes, placement, library, delivery, countries } = parts;
  const { config, settings, clock, metrics, opened, shutdown, failed } = app;
  const node = nodes ? placement.node : '';
  const nowMs = () => clock.nowMs();
  const reported = new OncePer(REPORT_EVERY_MS, () => clock.monotonicMs());
  const report = failed('the record of viewing');
  const contents = new Contents(store.db);
  const sealed = openSealed(app, parts, contents);
  const sessions = new ViewingSessions({ nowMs, store: (row) => queue.push(row) });
  const queue = new ViewingQueue({
    table: new ViewingTable({ db: store.db, contents, node }),
    everyMs: STORE_EVERY_MS,
    before: () => sessions.sweep(),
    lost: (rows) => metrics.insightRows.inc({ result: 'lost' }, rows),
    stored: (rows) => metrics.insightRows.inc({ result: 'stored' }, rows),
    failed: (error) => reported.call(() => report(error)),
  });
  const finder = new WatchedFinder({
    nowMs: () => clock.monotonicMs(),
    streamId: (name) => readStreamId(store.db, name),
    hasAsset: async (id) => (await library.assets.find(id)) !== undefined,
  });
  const pathways = Object.values(config.steering.pathways).map(({ url }) => new URL(url).host);
  const collector = new Collector({
    sessions,
    finder,
    metrics,
    nowMs: () => clock.monotonicMs(),
    isOn: () => settings.now.insight.enabled,
    edges: () => new Set([...pathways, ...settings.now.insight.edges]),
  });
  const unheard = failed('the report of a player');
  opened.defer(
    delivery.viewers.reports.subscribe(({ content, text, isRequest }) => {
      const { cmcd, address, country, host, isOptedOut } = text;
      const client = { address, isLocal: isLoopback(address) };
      const sender = {
        client,
        country: country ?? countries.find(address),
        ownHosts: [host],
        isOptedOut,
        mayWatch: () => true, // checked before it came here
      };
      void collector.take([cmcd], sender, isRequest ? 'request' : 'report', content).catch(unheard);
    }),
  );
  const api = new ServedInsight({
    reads: sealed.reads,
    contents,
    async find({ stream, asset }) {
      if (stream !== undefined) {
        const id = await readStreamId(store.db, stream);
        if (id === undefined) throw streamUnknown(stream);
        return { kind: 'stream', id };
      }
      if (asset === undefined) return undefined;
      if (!(await library.assets.find(asset))) throw new OxbowError('asset-unknown', `There is no asset ${asset}.`);
      return { kind: 'asset', id: asset };
    },
    playing: () => sessions.playing(),
    async flush() {
      sessions.sweep();
      await queue.flush();
    },
    node,
    hasNodes: nodes !== undefined,
    nowMs,
  });
  opened.defer(async () => {
    sessions.close();
    await queue.flush();
  });
  const erased = failed('deleting what was stored of viewing');
  opened.defer(
    library.trash.removed.subscribe(({ id }) => void eraseViewing(store.db, { kind: 'asset', id }).catch(erased)),
  );
  opened.defer(
    metrics.beforeScrape(() => {
      metrics.insightSessions.set(sessions.size);
      metrics.insightWaiting.set(queue.size);
    }),
  );
  return {
    own: { api, collector },
    start() {
      opened.use(shutdown.owns(queue.run(shutdown)));
      opened.use(shutdown.owns(sweepRows(app, contents)));
      opened.use(shutdown.owns(sealed.run(shutdown)));
    },
  };
}

/** Deletes rows that are older than the settings permit, until the shutdown. */
async function sweepRows({ settings, clock, shutdown, failed }: AppContext, contents: Contents): Promise<void> {
  const { signal } = shutdown;
  for (let turn = 0; !signal.aborted; turn++) {
    const { keep, keepSums } = settings.now.insight;
    const nowMs = clock.nowMs();
    await contents.removeMinutes(Math.floor((nowMs - keep) / MINUTE_MS)).catch(failed('deleting old sessions'));
    if (turn % SUMS_EVERY === 0) {
      await contents.removeSums(Math.floor((nowMs - keepSums) / HOUR_MS)).catch(failed('deleting old sums'));
    }
    await sleep(SWEEP_EVERY_MS, { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
  }
}

/** The feature. */
export const insight = defineFeature({
  name: 'insight',
  routes: insightRoutes,
  after: playbackSessionRoutes,
  adds: { settings: { insight: insightSection }, metrics: insightMetrics, refusals: sealedRefusals },
  open(app, parts) {
    const opened = openInsight(app, parts);
    parts.hooks.insight = opened.own.api;
    return opened;
  },
});
