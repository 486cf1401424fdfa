/**
 * What insight stores and answers, on every engine: rows of several nodes are added, sums follow, ranges and
 * filters select, pages are complete, old rows go.
 * In: a function that opens an empty database. Out: a suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { printRfc3339 } from '../../api/instant.ts';
import type { Store } from '../../store/db.ts';
import { ViewingReads } from '../../store/reading/viewing-reads.ts';
import type { OpenDatabase } from '../../store/store.fixture.ts';
import { eraseViewing } from '../../store/tables/viewing-rows.ts';
import { Contents } from './contents.ts';
import type { ViewingQueries } from './sealed/sealed-reads.ts';
import { ServedInsight } from './served-insight.ts';
import { type Content, HOUR_MS, MINUTE_MS, type ViewingRow } from './viewing-row.ts';
import { ViewingTable } from './viewing-table.ts';

const door: Content = { kind: 'stream', id: 'door-id' };
const yard: Content = { kind: 'stream', id: 'yard-id' };
const film: Content = { kind: 'asset', id: 'film' };
/** The beginning of a day. */
const DAY_MS = 1_700_006_400_000;
const DAY = { fromMs: DAY_MS, toMs: DAY_MS + 24 * HOUR_MS };

/** A minute of a session that played. */
export function viewingRow(
  content: Content,
  session: string,
  minutes: number,
  more: Partial<ViewingRow> = {},
): ViewingRow {
  return {
    content,
    session,
    minute: DAY_MS / MINUTE_MS + minutes,
    edge: '',
    country: '',
    source: 'event',
    begins: false,
    watchMs: 60_000,
    liveMs: 60_000,
    bitMs: 60_000,
    kbits: 60_000,
    startupMs: undefined,
    stalls: 0,
    stallMs: 0,
    errors: 0,
    failed: false,
    positionS: undefined,
    leftS: undefined,
    heat: new Map(),
    reached: [],
    ...more,
  };
}

/** Rows that are not in the database when a question comes. */
export interface RowsElsewhere {
  readonly reads: ViewingQueries;
  /** Takes all rows out of the database. */
  seal(): Promise<void>;
}
export type OpenElsewhere = (db: Store['db'], contents: Contents) => RowsElsewhere;

function openTablesOf(db: Store['db'], node = '', openElsewhere?: OpenElsewhere) {
  const contents = new Contents(db);
  const stored = new ViewingTable({ db, contents, node });
  const elsewhere = openElsewhere?.(db, contents);
  const table = {
    async add(rows: readonly ViewingRow[]) {
      await stored.add(rows);
      await elsewhere?.seal();
    },
  };
  const api = new ServedInsight({
    reads: elsewhere?.reads ?? new ViewingReads((query) => query(db)),
    contents,
    find: async ({ stream, asset }) => (stream ? { kind: 'stream', id: `${stream}-id` } : asset ? film : undefined),
    playing: () => [],
    flush: async () => undefined,
    node,
    hasNodes: true,
    nowMs: () => DAY_MS + 60 * MINUTE_MS,
  });
  return { contents, table, api };
}

/** The suite of all that is answered, from the database or from sealed rows. */
export function insightAnswersContract(name: string, open: OpenDatabase, openElsewhere?: OpenElsewhere): void {
  const openTables = (db: Store['db'], node?: string) => openTablesOf(db, node, openElsewhere);
  suite(`insight: ${name}`, () => {
    test('a minute that comes in parts and from two nodes is added up once for each part', async () => {
      await using store = await open();
      const { table, api } = openTables(store.db, 'a');
      const other = openTables(store.db, 'b');
      await table.add([viewingRow(door, 's', 0, { begins: true, startupMs: 900, watchMs: 20_000 })]);
      await table.add([viewingRow(door, 's', 0, { watchMs: 10_000, stalls: 1, stallMs: 500, failed: true })]);
      await other.table.add([viewingRow(door, 's', 0, { watchMs: 5000, begins: true })]);
      await other.table.add([viewingRow(door, 's', 1, { watchMs: 7000, errors: 2 })]);
      const { items } = await api.sessions({}, DAY, { limit: 10, cursor: undefined });
      assert.equal(items.length, 1);
      const { watched, startup, stalls, stalled, failed, errors, startedAt, endedAt } = items[0]!;
      assert.deepEqual(
        { watched, startup, stalls, stalled, failed, errors },
        { watched: 42, startup: 0.9, stalls: 1, stalled: 0.5, failed: true, errors: 2 },
      );
      assert.deepEqual([startedAt, endedAt], [DAY_MS, DAY_MS + 2 * MINUTE_MS].map(printRfc3339));
    });

    test('the audience has a point for each step, by minutes in short ranges and by hours in long ones', async () => {
      await using store = await open();
      const { table, api } = openTables(store.db);
      await table.add([0, 1, 2].flatMap((minute) => ['s', 't'].map((session) => viewingRow(door, session, minute))));
      const short = await api.audience({ stream: 'door' }, { fromMs: DAY_MS, toMs: DAY_MS + HOUR_MS }, undefined, 60);
      assert.equal(short.step, 60);
      assert.deepEqual(short.series[0]!.points.map(({ viewers }) => viewers).slice(0, 5), [2, 2, 2, 0, 0]);
      assert.equal(short.series[0]!.points.length, 60);
      const long = await api.audience({}, DAY, undefined, 0);
      assert.deepEqual([long.step, long.series[0]!.points.length], [3600, 24]);
      assert.deepEqual([long.series[0]!.points[0]!.watched, long.series[0]!.points[0]!.viewers], [0.1, 0.1]);
    });

    test('series are by stream, edge and country, the largest first; further ones are one sum', async () => {
      await using store = await open();
      const { table, api } = openTables(store.db);
      await table.add([
        viewingRow(door, 's', 0, { edge: 'eu.example', country: 'DE' }),
        viewingRow(door, 's', 1, { edge: 'eu.example', country: 'DE' }),
        viewingRow(yard, 't', 0, { country: 'FR', begins: true }),
        viewingRow(film, 'u', 0),
      ]);
      const by = async (key: 'stream' | 'asset' | 'edge' | 'country') =>
        (await api.audience({}, DAY, key, 0)).series.map(({ key, points }) => [key, points[0]!.watched * 60]);
      assert.deepEqual(await by('stream'), [
        ['door-id', 2],
        ['yard-id', 1],
      ]);
      assert.deepEqual(await by('asset'), [['film', 1]]);
      assert.deepEqual(
        (await by('edge')).map(([, watched]) => watched),
        [2, 2],
      );
      assert.deepEqual((await by('country'))[0], ['DE', 2]);
      assert.equal((await api.audience({ country: 'FR' }, DAY, undefined, 0)).series[0]!.sessions, 1);
      await table.add(
        Array.from({ length: 30 }, (_, i) =>
          viewingRow(door, `c${i}`, 2, { country: `A${String.fromCharCode(65 + (i % 26))}`, edge: i > 25 ? 'x' : '' }),
        ),
      );
      const { series } = await api.audience({}, DAY, 'country', 0);
      assert.equal(series.length, 21);
      assert.equal(series.at(-1)!.rest, true);
      const all = (await api.audience({}, DAY, undefined, 0)).series[0]!;
      const sum = series.reduce((watched, each) => watched + each.watched, 0);
      assert.ok(Math.abs(sum - all.watched) < 1e-9, `${sum} of ${all.watched}`);
    });

    test('the quality has percentiles of start-up times, ratios and means, for each key and hour', async () => {
      await using store = await open();
      const { table, api } = openTables(store.db);
      const times = Array.from({ length: 100 }, (_, i) => 500 + i * 20);
      await table.add(
        times.map((startupMs, i) =>
          viewingRow(door, `s${i}`, i, { startupMs, begins: true, edge: i < 50 ? 'eu' : 'us' }),
        ),
      );
      await table.add([
        viewingRow(door, 's0', 0, { watchMs: 0, bitMs: 0, kbits: 0, stalls: 2, stallMs: 60_000, edge: 'eu' }),
      ]);
      const [all] = await api.quality({ stream: 'door' }, DAY, undefined);
      assert.deepEqual([all!.sessions, all!.startup.count, all!.stalls, all!.bitrate], [100, 100, 2, 1_000_000]);
      assert.ok(Math.abs(all!.startup.p50! - 1.5) < 0.08, `${all!.startup.p50}`);
      assert.ok(Math.abs(all!.startup.p95! - 2.4) < 0.13, `${all!.startup.p95}`);
      assert.ok(Math.abs(all!.stallRatio! - 1 / 101) < 1e-9);
      const edges = await api.quality({}, DAY, 'edge');
      assert.deepEqual(edges.map(({ key, startup }) => [key, startup.count]).toSorted(), [
        ['eu', 50],
        ['us', 50],
      ]);
      const hours = await api.quality({}, DAY, 'hour');
      assert.deepEqual(
        hours.map(({ at, sessions }) => [at, sessions]),
        [
          [printRfc3339(DAY_MS), 60],
          [printRfc3339(DAY_MS + HOUR_MS), 40],
        ],
      );
      assert.deepEqual(await api.quality({ stream: 'garden' }, DAY, undefined), []);
      for (const by of [undefined, 'edge', 'hour', 'stream'] as const) {
        const [sums, rows] = [await api.quality({}, DAY, by), await api.quality({}, DAY, by, { exact: true })];
        assert.deepEqual(rows, sums, `exact, by ${by}`);
      }
      const tenMinutes = { fromMs: DAY_MS + 10 * MINUTE_MS, toMs: DAY_MS + 20 * MINUTE_MS };
      const [exact] = await api.quality({}, tenMinutes, undefined, { exact: true });
      assert.deepEqual([exact!.sessions, exact!.startup.count], [10, 10]);
      const long = { fromMs: DAY_MS - 32 * 24 * HOUR_MS, toMs: DAY_MS };
      await assert.rejects(api.quality({}, long, undefined, { exact: true }), { code: 'bad-request' });
    });

    test('the heat of a stream has what was watched of the range of its media, and the most watched first', async () => {
      await using store = await open();
      const { table, api } = openTables(store.db);
      const bucket = DAY_MS / 5000;
      await table.add([
        viewingRow(door, 's', 200, {
          heat: new Map([
            [bucket, 5000],
            [bucket + 1, 5000],
            [bucket + 9, 1000],
          ]),
          leftS: (bucket + 9) * 5,
        }),
        viewingRow(door, 't', 900, {
          heat: new Map([
            [bucket + 1, 4000],
            [bucket - 1, 5000],
          ]),
        }),
      ]);
      const range = { fromMs: DAY_MS, toMs: DAY_MS + 60_000 };
      const heat = await api.heat('door', range, 5, 2);
      assert.deepEqual(
        heat.items.map(({ at, watched, left }) => [Date.parse(at) - DAY_MS, watched, left]),
        [
          [0, 5, 0],
          [5000, 9, 0],
          [45_000, 1, 1],
        ],
      );
      assert.deepEqual(
        heat.most.map(({ watched }) => watched),
        [9, 5],
      );
      const coarse = await api.heat('door', range, 30, 10);
      assert.deepEqual(
        coarse.items.map(({ watched }) => watched),
        [14, 1],
      );
    });

    test('the retention of an asset is the share of its sessions at each position', async () => {
      await using store = await open();
      const { table, api } = openTables(store.db);
      await table.add([
        viewingRow(film, 's', 0, { begins: true, reached: [0, 1, 2, 3], heat: new Map([[0, 5000]]), leftS: 19 }),
        viewingRow(film, 't', 0, { begins: true, reached: [0, 1], leftS: 9 }),
      ]);
      const { sessions, step, points } = await api.retention('film', DAY);
      assert.deepEqual([sessions, step], [2, 5]);
      assert.deepEqual(
        points.map(({ at, share, left }) => [at, share, left]),
        [
          [0, 1, 0],
          [5, 1, 1],
          [10, 0.5, 0],
          [15, 0.5, 1],
        ],
      );
    });

    test('pages of sessions have each once, in the order of their start', async () => {
      await using store = await open();
      const { table, api } = openTables(store.db);
      const rows = Array.from({ length: 25 }, (_, i) => viewingRow(door, `s${i}`, i % 3, { begins: true }));
      await table.add(rows);
      const ids: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await api.sessions({ stream: 'door' }, DAY, { limit: 4, cursor });
        ids.push(...page.items.map(({ id }) => id));
        cursor = page.nextCursor ?? undefined;
      } while (cursor !== undefined);
      assert.equal(ids.length, 25);
      assert.deepEqual(new Set(ids), new Set(rows.map(({ session }) => session)));
      await assert.rejects(api.sessions({}, DAY, { limit: 4, cursor: 'x' }), { code: 'bad-request' });
    });
  });
}

/** The suite of the database: also what is about its rows only. */
export function insightContract(name: string, open: OpenDatabase): void {
  const openTables = (db: Store['db'], node?: string) => openTablesOf(db, node);
  insightAnswersContract(name, open);
  suite(`insight in the database: ${name}`, () => {
    test('sessions of other nodes count now, those of this node only from memory', async () => {
      await using store = await open();
      await openTables(store.db, 'b').table.add([viewingRow(door, 's', 59), viewingRow(door, 't', 20)]);
      await openTables(store.db, 'a').table.add([viewingRow(door, 'u', 59)]);
      const now = await openTables(store.db, 'a').api.now({});
      assert.deepEqual([now.viewers, now.live, now.streams], [1, 1, [{ key: 'door-id', viewers: 1 }]]);
    });

    test('old rows and sums go, and all rows of what is erased', async () => {
      await using store = await open();
      const { table, contents, api } = openTables(store.db);
      await table.add([
        viewingRow(door, 's', 0, { startupMs: 5 }),
        viewingRow(yard, 't', 0),
        viewingRow(yard, 't', 90),
      ]);
      await contents.removeMinutes(DAY_MS / MINUTE_MS + 60);
      await contents.removeSums(DAY_MS / HOUR_MS + 1);
      const count = async (table: 'viewing_minute' | 'viewing_hour' | 'viewing_startup' | 'viewing_content') =>
        (await store.db.selectFrom(table).selectAll().execute()).length;
      assert.deepEqual(
        await Promise.all([count('viewing_minute'), count('viewing_hour'), count('viewing_startup')]),
        [1, 1, 0],
      );
      await eraseViewing(store.db, yard);
      assert.deepEqual(
        await Promise.all([count('viewing_minute'), count('viewing_hour'), count('viewing_content')]),
        [0, 0, 1],
      );
      assert.deepEqual((await api.audience({ stream: 'yard' }, DAY, undefined, 0)).series, []);
    });
  });
}
