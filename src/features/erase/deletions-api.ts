/**
 * The API of deletions and legal holds.
 * In: instants and texts that HTTP has checked. Out: DeletionView, HoldView, events, lines of the audit log.
 * docs/5-record/disk-space.md.
 */
import type { AuditTrail } from '../../accounts/audit/audit-trail.ts';
import type { DeletionView, HoldView } from '../../api/deletions/deletion-shapes.ts';
import type { DeletionsApi, Requester } from '../../api/deletions/deletions-api.ts';
import { printRfc3339 } from '../../api/instant.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Erasure } from '../../recording/erase/erasure-table.ts';
import type { Hold } from '../../recording/pin-table.ts';
import type { Catalog } from '../../streams/catalog.ts';
import type { StreamDeps } from '../../streams/stream-deps.ts';
import type { Eraser, PlannedErasure } from './eraser.ts';

/** A request waits this long for the work of a deletion, ms. */
const WAIT_MS = 2_000;
/** End of a hold without an end, µs since 1970: the year 2250, which integers of a double still reach. */
const ENDLESS_US = 8_835_984_000_000_000;

/** Copies that no server reaches. */
const UNREACHABLE: readonly string[] = [
  'Backups of the database and of files: delete them, or wait until they expire.',
  'Files that someone has downloaded or exported elsewhere, and what relays have sent to other servers.',
  'Copies in browsers, and in caches that are not in edges.urls, such as a CDN: purge it.',
];

/** Dependencies of the API. */
interface DeletionsApiOptions {
  readonly deps: Pick<StreamDeps, 'recordings' | 'events' | 'clock'>;
  readonly catalog: Pick<Catalog, 'get'>;
  /** Of a stream by its id, also of another node; undefined: it was removed. */
  readonly nameOf: (streamId: string) => Promise<string | undefined>;
  readonly eraser: Eraser;
  readonly audit: Pick<AuditTrail, 'record'>;
  readonly signal: AbortSignal;
}

export function createDeletionsApi({
  deps,
  catalog,
  nameOf,
  eraser,
  audit,
  signal,
}: DeletionsApiOptions): DeletionsApi {
  const { events, clock } = deps;
  const { pins, erasures } = deps.recordings;
  const record = (by: Requester, action: string, stream: string, hold: Hold) => {
    const request = `${stream} ${timeOf(hold.fromUs)}/${endOf(hold) ?? '…'}: "${hold.name}" ${hold.reason}`;
    audit.record({ ...by, action, request, status: null });
  };
  return {
    async delete(name, { fromMs, toMs, assets, isDry }, by) {
      if (fromMs >= toMs) throw new OxbowError('bad-time', '`from` must be before `to`.');
      const stream = catalog.get(name);
      const range = { fromUs: fromMs * 1000, toUs: toMs * 1000 };
      if (isDry) return plannedView(stream.name, await eraser.plan(stream, range));
      const erasure = await eraser.erase(stream, { ...range, assets }, by);
      return deletionView(await eraser.settled(erasure, WAIT_MS, { signal }));
    },
    async list({ stream, cursor, limit }) {
      if (cursor !== undefined && !/^\d{1,16}$/.test(cursor))
        throw new OxbowError('bad-request', 'The cursor is not one of this list.');
      const beforeUs = cursor === undefined ? undefined : Number(cursor);
      const rows = await erasures.page({ stream, beforeUs, limit: limit + 1 });
      const items = rows.slice(0, limit);
      return {
        items: items.map(deletionView),
        nextCursor: rows.length > limit ? String(items.at(-1)!.createdUs) : null,
      };
    },
    async get(id) {
      const erasure = await erasures.find(id);
      if (!erasure) throw new OxbowError('deletion-unknown', `There is no deletion ${id.slice(0, 80)}.`);
      return deletionView(erasure);
    },
    holds(name) {
      const { definition } = catalog.get(name);
      return pins.holds(definition.id).map((hold) => holdView(name, hold));
    },
    allHolds: () =>
      Promise.all(
        pins.allHolds().map(async ({ streamId, hold }) => holdView((await nameOf(streamId)) ?? streamId, hold)),
      ),
    async addHold(name, { fromMs, toMs, name: title, reason }, by) {
      const { definition } = catalog.get(name);
      const toUs = toMs === undefined ? ENDLESS_US : toMs * 1000;
      const fromUs = fromMs * 1000;
      if (fromUs >= toUs || toUs > ENDLESS_US) throw new OxbowError('bad-time', '`from` must be before `to`.');
      const createdUs = Math.round(clock.nowMs() * 1000);
      const hold = await pins.addHold(definition.id, {
        fromUs,
        toUs,
        name: title,
        reason,
        author: by.userId,
        createdUs,
      });
      record(by, 'setHold', name, hold);
      events.publish('hold.added', holdView(name, hold));
      return holdView(name, hold);
    },
    async liftHold(name, id, by) {
      const { definition } = catalog.get(name);
      const hold = await pins.removeHold(definition.id, id);
      if (!hold) throw new OxbowError('hold-unknown', `There is no legal hold ${id.slice(0, 80)}.`);
      record(by, 'liftHold', name, hold);
      events.publish('hold.lifted', holdView(name, hold));
    },
  };
}

const timeOf = (us: number): string => printRfc3339(us / 1000);

const endOf = ({ toUs }: Hold): string | null => (toUs >= ENDLESS_US ? null : timeOf(toUs));

function holdView(stream: string, hold: Hold): HoldView {
  const { id, name, reason, author, fromUs, createdUs } = hold;
  return { id, stream, from: timeOf(fromUs), to: endOf(hold), name, reason, author, createdAt: timeOf(createdUs) };
}

function plannedView(stream: string, { extent, report, left }: PlannedErasure): DeletionView {
  const times = { from: timeOf(extent.fromUs), to: timeOf(extent.toUs) };
  return {
    id: null,
    stream,
    state: 'planned',
    ...times,
    ...listsOf(report),
    left: left.map(leftView),
    unreachable: [...UNREACHABLE],
    author: '',
    createdAt: null,
    doneAt: null,
  };
}

function deletionView(erasure: Erasure): DeletionView {
  const { id, stream, fromUs, toUs, left, report, createdUs, doneUs, author } = erasure;
  const isTried = left.some(({ problem }) => problem !== '');
  return {
    id,
    stream,
    from: timeOf(fromUs),
    to: timeOf(toUs),
    ...listsOf(report),
    state: doneUs !== undefined ? 'done' : isTried ? 'waiting' : 'running',
    left: left.map(leftView),
    unreachable: [...UNREACHABLE],
    author,
    createdAt: timeOf(createdUs),
    doneAt: doneUs === undefined ? null : timeOf(doneUs),
  };
}

function listsOf({ clips, pins, assets, exports, edges, ...counts }: Erasure['report']) {
  const lists = { clips: [...clips], pins: [...pins], assets: [...assets], exports: [...exports] };
  return { ...counts, ...lists, edges: [...edges] };
}

function leftView({ kind, name, target, problem }: Erasure['left'][number]): DeletionView['left'][number] {
  return { kind, name, target: target ?? null, problem };
}
