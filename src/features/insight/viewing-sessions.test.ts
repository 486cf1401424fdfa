import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseCmcd } from './cmcd/report.ts';
import type { ReportedBy } from './play-session.ts';
import { bucketOf, type Content, MINUTE_MS, type ViewingRow } from './viewing-row.ts';
import { ViewingSessions } from './viewing-sessions.ts';

const door: Content = { kind: 'stream', id: 'door-id' };
const film: Content = { kind: 'asset', id: 'film' };
/** A whole minute. */
const START_MS = 1_700_000_040_000;

/** Sessions on a clock that the test moves. */
function sessionsAt(limits?: { readonly inAll: number; readonly perClient: number }) {
  let nowMs = START_MS;
  const rows: ViewingRow[] = [];
  const sessions = new ViewingSessions({
    nowMs: () => nowMs,
    store: (row) => rows.push(row),
    ...(limits && { limits }),
  });
  const by = (more: Partial<ReportedBy> = {}): ReportedBy => ({
    content: door,
    client: '192.0.2.1',
    edge: '',
    country: '',
    source: 'event',
    windowMs: undefined,
    ...more,
  });
  return {
    sessions,
    rows,
    /** Sends a report `seconds` after the start. */
    at(seconds: number, keys: string, more?: Partial<ReportedBy>) {
      nowMs = START_MS + seconds * 1000;
      return sessions.report(by(more), parseCmcd(`sid="a",${keys}`)!);
    },
    /** Everything that is stored at the end. */
    end() {
      sessions.close();
      const sum = (of: (row: ViewingRow) => number) => rows.reduce((all, row) => all + of(row), 0);
      return {
        watchMs: sum((row) => row.watchMs),
        liveMs: sum((row) => row.liveMs),
        stalls: sum((row) => row.stalls),
        stallMs: sum((row) => row.stallMs),
        startups: rows.flatMap(({ startupMs }) => startupMs ?? []),
        errors: sum((row) => row.errors),
        failed: rows.some(({ failed }) => failed),
      };
    },
    advance(seconds: number) {
      nowMs = START_MS + seconds * 1000;
    },
  };
}

suite('viewing sessions', () => {
  test('a session is watched while it plays, minute by minute, and stalls are counted with their time', () => {
    const { at, end, rows } = sessionsAt();
    at(0, 'sta=s');
    at(0.8, 'sta=p');
    at(30, 'e=t,sta=p');
    at(50, 'sta=r');
    at(53, 'sta=p');
    at(70, 'sta=a');
    at(100, 'sta=p');
    at(110, 'sta=e');
    assert.deepEqual(end(), {
      watchMs: 49_200 + 17_000 + 10_000,
      liveMs: 49_200 + 17_000 + 10_000,
      stalls: 1,
      stallMs: 3000,
      startups: [800],
      errors: 0,
      failed: false,
    });
    assert.deepEqual(
      rows.map(({ minute, begins, watchMs }) => [minute - START_MS / MINUTE_MS, begins, watchMs]),
      [
        [0, true, 56_200],
        [1, false, 20_000],
      ],
    );
  });

  test('a state that was overtaken does not come back, unless the clock of the player was set back', () => {
    const { at, end } = sessionsAt();
    const ts = (seconds: number) => `ts=${START_MS + seconds * 1000}`;
    at(1, `sta=p,${ts(0.9)}`);
    at(1.1, `sta=s,${ts(0.8)}`);
    at(11, `sta=r,${ts(11)}`);
    at(12, `sta=p,${ts(12)}`);
    at(12.1, `sta=r,${ts(11)}`);
    at(22, `sta=r,${ts(-600)}`);
    at(23, `sta=p,${ts(-599)}`);
    const { stalls, watchMs, startups } = end();
    assert.deepEqual([stalls, watchMs, startups], [2, 10_100, [100]]);
  });

  test('totals of a report that was overtaken do not count stalls twice, nor change what is shown', () => {
    const { at, end } = sessionsAt();
    const ts = (seconds: number) => `ts=${START_MS + seconds * 1000}`;
    at(0, `sta=p,bsa=0,bsda=0,br=1000,${ts(0)}`);
    at(10, `sta=p,bsa=3,bsda=3000,br=2000,${ts(10)}`);
    at(10.1, `sta=r,bsa=1,bsda=1000,br=500,pr=2,${ts(5)}`);
    at(20, `sta=p,bsa=3,bsda=3000,${ts(20)}`);
    at(30, `sta=p,bsa=1,bsda=500,${ts(30)}`); // the player was loaded again
    at(31, `sta=p,bsa=2,bsda=700,${ts(31)}`);
    const { stalls, stallMs } = end();
    assert.deepEqual([stalls, stallMs], [4, 3200]);
  });

  test('an empty buffer at the start and after a seek is no stall', () => {
    const { at, end } = sessionsAt();
    at(0, 'sta=s');
    at(1, 'sta=r');
    at(2, 'sta=p');
    at(5, 'sta=k');
    at(6, 'sta=r');
    at(7, 'sta=p');
    assert.equal(end().stalls, 0);
  });

  test('the time in which a player fills its buffer before it plays is no stall: Shaka Player rebuffers then', () => {
    const { at, end } = sessionsAt();
    at(0, 'e=ps,sta=r');
    at(4, 'e=ps,sta=p');
    at(5, 'e=t,sta=p,msd=4000');
    at(10, 'e=ps,sta=r');
    at(11, 'e=ps,sta=p');
    at(12, 'e=ps,sta=e');
    const { stalls, stallMs, startups } = end();
    assert.deepEqual([stalls, stallMs, startups], [1, 1000, [4000]]);
  });

  test('a start-up time that a player reports before it plays is not its own: dash.js reports that of the manifest', () => {
    const { at, end } = sessionsAt();
    at(0, 'sta=s');
    at(0.1, 'sta=s,msd=1', { source: 'request' });
    at(0.2, 'sta=k,msd=100');
    at(0.4, 'sta=w');
    at(0.9, 'sta=p');
    at(5, 'sta=p,msd=4');
    assert.deepEqual(end().startups, [900]);
  });

  test('a start-up time counts once the player plays, also where the request with its state is overtaken', () => {
    const startups = (...reports: (readonly [seconds: number, keys: string])[]) => {
      const { at, end } = sessionsAt();
      for (const report of reports) at(...report);
      return end().startups;
    };
    // Shaka Player 5.2: its reports have no state, which the page sends; it seeks before it plays.
    assert.deepEqual(startups([0, 'e=ps,sta=k'], [1, 'e=t,msd=900'], [1.1, 'e=ps,sta=p']), [900]);
    assert.deepEqual(startups([0, 'e=ps,sta=k'], [1, 'e=t,msd=900'], [9, 'e=ps,sta=k']), []);
    // A viewer who seeks at once.
    const late = `e=ps,sta=p,msd=900,ts=${START_MS + 900}`;
    assert.deepEqual(startups([1, `e=ps,sta=k,ts=${START_MS + 1000}`], [1.1, late]), [900]);
  });

  test('counts of the player replace changes of its state, and begin where a session comes from another node', () => {
    const { at, end } = sessionsAt();
    at(0, 'sta=p,bsa=(4),bsda=(9000)');
    at(10, 'sta=r,bsa=(5),bsda=(9000)');
    at(20, 'sta=p,bsa=(7),bsda=(12500)');
    at(30, 'sta=e,bsa=(7),bsda=(12500)');
    const { stalls, stallMs } = end();
    assert.deepEqual([stalls, stallMs], [3, 3500]);
  });

  test('events of a batch are placed by their own times, also by a clock that is hours off', () => {
    for (const offMs of [0, -7_200_000]) {
      const { at, end } = sessionsAt();
      const ts = (seconds: number) => `ts=${START_MS + seconds * 1000 + offMs}`;
      at(0, `sta=s,${ts(0)}`);
      at(20, `sta=p,${ts(1)}`);
      at(20, `sta=r,${ts(11)}`);
      at(20, `sta=p,${ts(13)}`);
      at(20, `sta=a,${ts(20)}`);
      const { watchMs, stallMs, startups } = end();
      assert.deepEqual([watchMs, stallMs, startups], [17_000, 2000, [1000]], `${offMs}`);
    }
  });

  test('a player that is silent is not watched, and is forgotten', () => {
    const { at, sessions, advance, end } = sessionsAt();
    at(0, 'sta=p');
    at(3600, 'sta=p');
    assert.equal(sessions.size, 1);
    advance(3600 + 181);
    sessions.sweep();
    assert.equal(sessions.size, 0);
    assert.equal(end().watchMs, 90_000);
  });

  test('the watched seconds of the past are counted by their bucket, those of live media are not', () => {
    const { at, rows, end } = sessionsAt();
    at(0, 'sta=p,st=v,ltc=3600000');
    at(10, 'sta=p,st=v,ltc=3600000');
    at(20, 'sta=p,st=ll,ltc=3000');
    at(40, 'sta=a,st=ll,ltc=3000');
    end();
    const heat = new Map(rows.flatMap((row) => [...row.heat]));
    const first = bucketOf((START_MS - 3_600_000) / 1000);
    assert.deepEqual([...heat.keys()].sort(), [first, first + 1, first + 2, first + 3]);
    assert.equal(
      [...heat.values()].reduce((sum, ms) => sum + ms),
      20_000,
    );
    assert.equal(
      rows.reduce((sum, { liveMs }) => sum + liveMs, 0),
      20_000,
    );
  });

  test('an asset is reached bucket by bucket, each once for a session, and left where it ended', () => {
    const { at, rows, sessions, advance } = sessionsAt();
    const asset = { content: film };
    at(0, 'sta=p,pt=0', asset);
    at(10, 'sta=k,pt=10000', asset);
    at(11, 'sta=p,pt=0', asset);
    at(16, 'sta=e,pt=5000', asset);
    advance(16 + 61);
    sessions.sweep();
    assert.deepEqual(
      rows.flatMap(({ reached }) => reached),
      [0, 1],
    );
    const heat = rows.flatMap((row) => [...row.heat]);
    assert.deepEqual(heat, [
      [0, 10_000],
      [1, 5000],
    ]);
    assert.deepEqual(
      rows.flatMap(({ leftS }) => leftS ?? []),
      [5],
    );
  });

  test('a window of a recording that starts at a time is watched from there by its playhead', () => {
    const { at, rows, end } = sessionsAt();
    const windowMs = START_MS - 86_400_000;
    at(0, 'sta=p,pt=60000', { windowMs });
    at(5, 'sta=a,pt=65000', { windowMs });
    end();
    assert.deepEqual([...rows[0]!.heat.keys()], [bucketOf(windowMs / 1000 + 60)]);
    assert.equal(rows[0]!.liveMs, 0);
  });

  test('a fatal error fails the session once, and each error is counted', () => {
    const { at, end } = sessionsAt();
    at(0, 'sta=p');
    at(5, 'e=ps,sta=f');
    at(5, 'e=e,sta=f,ec=("x")');
    const { failed, errors } = end();
    assert.deepEqual([failed, errors], [true, 1]);
  });

  test('requests count what a player without reports says, and nothing of one with reports', () => {
    const { at, end } = sessionsAt();
    at(0, 'br=1000', { source: 'request' });
    at(4, 'br=1000,bs', { source: 'request' });
    at(8, 'br=1000', { source: 'request' });
    assert.deepEqual([end().watchMs, end().stalls], [8000, 1]);
    const both = sessionsAt();
    both.at(0, 'sta=p');
    both.at(4, 'br=1000,bs', { source: 'request' });
    both.at(8, 'sta=a');
    assert.deepEqual([both.end().watchMs, both.end().stalls], [8000, 0]);
  });

  test('a player whose reports have no state plays only while it loads media', () => {
    const { at, end, rows } = sessionsAt();
    at(0, 'e=t,msd=500');
    at(1, 'br=1000', { source: 'request' });
    at(10, 'br=1000', { source: 'request' });
    for (let seconds = 20; seconds < 120; seconds += 10) at(seconds, 'e=t');
    const { watchMs, startups } = end();
    assert.deepEqual([watchMs, startups], [39_000, [500]]);
    assert.equal(rows[0]!.source, 'event');
  });

  test('a player that claims to be everywhere in a minute has a bounded number of places in it', () => {
    const { at, end, rows } = sessionsAt();
    for (let i = 0; i < 5000; i++) at(i / 100, `e=t,ltc=${(i + 20) * 600_000},pr=16,st=v,sta=p`);
    end();
    assert.ok(rows.every(({ heat }) => heat.size <= 256));
    assert.ok(rows.some(({ heat }) => heat.size === 256));
  });

  test('one address and all together have bounds; others are not affected', () => {
    const { sessions, rows } = sessionsAt({ inAll: 5, perClient: 3 });
    const report = (client: string, sid: string) =>
      sessions.report(
        { content: door, client, edge: '', country: '', source: 'event', windowMs: undefined },
        parseCmcd(`sid="${sid}",sta=p`)!,
      );
    assert.deepEqual(
      ['1', '2', '3', '4'].map((sid) => report('evil', sid)),
      [true, true, true, false],
    );
    assert.equal(report('other', '5'), true);
    assert.equal(report('third', '6'), true);
    assert.equal(report('third', '7'), false, 'all together');
    assert.equal(report('evil', '1'), true, 'a session that is known');
    sessions.close();
    assert.equal(sessions.size, 0);
    assert.equal(rows.length, 5);
  });
});
