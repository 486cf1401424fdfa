/**
 * Sealed hours for tests: a database, a place, and a sealer that takes everything.
 * In: a place. Out: what a server has of it.
 */
import { Leases } from '../../../cluster/lease/lease.ts';
import { createSystemClock } from '../../../lib/clock.ts';
import type { Store } from '../../../store/db.ts';
import { openLeaseTable } from '../../../store/lease-table.ts';
import { ViewingReads } from '../../../store/reading/viewing-reads.ts';
import { Contents } from '../contents.ts';
import type { SealedPlace } from './sealed-place.ts';
import { SealedReads } from './sealed-reads.ts';
import { SealedTable } from './sealed-table.ts';
import { Sealer } from './sealer.ts';

/** Options of a sealer. */
interface FixtureOptions {
  readonly contents?: Contents;
  readonly keepMs?: number;
  readonly batchRows?: number;
  readonly nowMs?: number;
  readonly holder?: string;
  /** Puts something in front of the list of batches. */
  readonly wrapTable?: (table: SealedTable) => SealedTable;
}

/** Everything that is older than an hour is sealed. */
export function sealingWith(db: Store['db'], place: SealedPlace, options: FixtureOptions = {}) {
  const clock = createSystemClock();
  const { contents = new Contents(db), keepMs = Number.MAX_SAFE_INTEGER, batchRows, holder = 'test' } = options;
  const leases = new Leases({
    store: openLeaseTable(db, clock),
    clock,
    failed(error) {
      throw error;
    },
  });
  const { wrapTable = (table: SealedTable) => table } = options;
  const table = wrapTable(new SealedTable(db));
  const sealer = new Sealer({
    table,
    place,
    contents,
    leases,
    holder,
    nowMs: () => options.nowMs ?? clock.nowMs(),
    ages: () => ({ sealAfterMs: 0, keepMs }),
    sealed: () => undefined,
    ...(batchRows !== undefined && { batchRows }),
  });
  const { signal } = new AbortController();
  const reads = new SealedReads({ reads: new ViewingReads((query) => query(db)), table, place, contents });
  return { table, contents, reads, seal: () => sealer.turn({ signal }), sealer };
}
