/**
 * Opens sealed hours: their place, what reads them, and what seals them.
 * In: the context, the database, the object stores. Out: queries for ServedInsight; work until the shutdown.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Leases } from '../../../cluster/lease/lease.ts';
import { sleep } from '../../../lib/abort.ts';
import { OxbowError, reasonOf } from '../../../lib/errors.ts';
import { systemFiles } from '../../../lib/files/files.ts';
import { openLeaseTable } from '../../../store/lease-table.ts';
import { ViewingReads } from '../../../store/reading/viewing-reads.ts';
import { SEALED_FOLDER } from '../../../store/sealed-files.ts';
import type { AppContext } from '../../core.ts';
import type { CoreParts } from '../../feature.ts';
import type { Contents } from '../contents.ts';
import { ClickHousePlace } from './clickhouse-place.ts';
import { ParquetPlace } from './parquet-place.ts';
import type { SealedPlace } from './sealed-place.ts';
import { SealedReads, type ViewingQueries } from './sealed-reads.ts';
import { SealedTable } from './sealed-table.ts';
import { Sealer } from './sealer.ts';

/** Rows are looked for this often, ms; deletions wait for it. */
const TURN_EVERY_MS = 60_000;
const MIB = 2 ** 20;

/** Sealed hours of a server. */
export interface OpenSealed {
  readonly reads: ViewingQueries;
  /** Seals until the signal fires. Never rejects. */
  run(options: { readonly signal: AbortSignal }): Promise<void>;
}

function openPlace({ config, dataFolder }: AppContext, { recordings, net }: CoreParts): SealedPlace {
  const { seal, target, duckdb, memory, clickhouse } = config.insight;
  if (seal === 'clickhouse') {
    const { url, database, user, passwordFile } = clickhouse;
    if (url === undefined)
      throw new OxbowError('bad-setting', '`insight.seal: clickhouse` needs `insight.clickhouse.url`.');
    const password = async () =>
      passwordFile === '' ? '' : (await systemFiles.readFile(passwordFile)).toString().replace(/\r?\n$/, '');
    return new ClickHousePlace({ url, database, user, password, net });
  }
  const targets = recordings.objects?.targets;
  const copies = targets && target !== '' ? targets : undefined;
  return new ParquetPlace({
    folder: join(dataFolder, SEALED_FOLDER),
    copies: copies && { target, prefix: copies.find(target)?.prefix ?? '', client: () => copies.client(target) },
    duckdb,
    memoryMb: Math.floor(memory / MIB),
    threads: Math.min(4, availableParallelism()),
  });
}

/** Opens them. */
export function openSealed(app: AppContext, parts: CoreParts, contents: Contents): OpenSealed {
  const { store, nodes, placement, health } = parts;
  const { config, settings, clock, metrics, opened, log, failed, process: part } = app;
  const { seal, target } = config.insight;
  const place = opened.use(openPlace(app, parts));
  const table = new SealedTable(store.db);
  // Nodes of one folder share its files; others need a bucket.
  const isShared = nodes === undefined || part !== undefined || target !== '' || seal === 'clickhouse';
  if (seal !== 'off' && !isShared) log.info('viewing is not sealed: nodes without a common folder need insight.target');
  const isSealing = seal !== 'off' && isShared;
  const leases = new Leases({ store: openLeaseTable(store.db, clock), clock, failed: failed('a lease') });
  const sealer = new Sealer({
    table,
    place,
    contents,
    leases,
    holder: placement.node || 'server',
    nowMs: () => clock.nowMs(),
    ages: () => ({
      sealAfterMs: isSealing ? settings.now.insight.sealAfter : undefined,
      keepMs: settings.now.insight.keep,
    }),
    sealed: (rows) => metrics.insightRows.inc({ result: 'sealed' }, rows),
  });
  let problem: string | undefined;
  opened.defer(
    health.register(
      'insight',
      () => {
        if (problem !== undefined) throw new Error(`hours of viewing are not sealed: ${problem}`);
        return isSealing ? 'hours of viewing are sealed' : 'viewing stays in the database';
      },
      { ready: false, degrades: true },
    ),
  );
  opened.defer(
    metrics.beforeScrape(async () => {
      const { batches, bytes } = await table.totals();
      metrics.insightSealedBatches.set(batches);
      metrics.insightSealedBytes.set(bytes);
    }),
  );
  const reads = new ViewingReads((query) => store.read(query));
  return {
    reads: new SealedReads({ reads, table, place, contents }),
    async run({ signal }) {
      while (!signal.aborted) {
        await sealer.turn({ signal }).then(
          () => (problem = undefined),
          (error) => {
            if (signal.aborted) return;
            if (problem === undefined) failed('sealing hours of viewing')(error);
            problem = reasonOf(error);
          },
        );
        await sleep(TURN_EVERY_MS, { signal }).catch(() => undefined); // only the signal rejects it
      }
    },
  };
}
