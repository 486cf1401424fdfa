import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { StreamView, TimelineView } from '../../src/api/shapes.ts';
import { pictureHashes } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { makeHls, type Origin, openOrigin } from '../fixtures/origin.ts';
import { download, readFirstVariant, stretchesOf } from '../fixtures/playlists.ts';
import { type Folder, openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { type Listed, lengthOf, perSecond, readListed, slidingList } from '../fixtures/sliding-list.ts';
import { assertCovered } from '../fixtures/timeline.ts';
import { until } from '../fixtures/wait.ts';
import { firstOf, fullTest } from '../full.ts';

/** Long enough that every fault is in the middle. */
const SECONDS = 14;
/** Longer than the list that is offered behind it. */
const OUTAGE_MS = 6000;

/** Each fault is met by its own stream; all are pulled at once. */
const all = ['missing', 'garbage', 'cut', 'outage', 'error', 'slow', 'reset', 'break'] as const;
type Name = (typeof all)[number];
const names: readonly Name[] = firstOf(4, all);

const secondsOf = ({ from, to }: { from: string; to: string }) => (Date.parse(to) - Date.parse(from)) / 1000;

suite('a source with faults', { skip: need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let origin: Origin;
  let server: Server;
  const lists = new Map<Name, readonly Listed[]>();

  /** How many segments the stream that will miss some has offered, and when the outage began. */
  let outageAt = () => 0;
  let outage: { readonly at: number; readonly sinceMs: number } | undefined;

  before(async () => {
    folder = opened.use(await openFolder('origin'));
    const first = join(folder.path, 'first');
    const second = join(folder.path, 'second');
    await Promise.all([
      makeHls({ folder: first, seconds: SECONDS, size: '128x72' }),
      makeHls({ folder: second, seconds: 6, size: '128x72' }),
    ]);
    origin = opened.use(await openOrigin({ folder: folder.path }));
    for (const name of names) {
      const going = perSecond({ first: 3, seconds: 1, waits: true });
      // The source continues during an outage.
      const released = () => {
        if (name !== 'outage') return going();
        return outage ? outage.at + (performance.now() - outage.sinceMs) / 1000 : Math.min(6, going());
      };
      if (name === 'outage') outageAt = released;
      // Every stream has separate addresses, so that its faults are its own.
      const own = await readListed(first, `${name}/first/`);
      const others = await readListed(second, `${name}/second/`);
      for (const [i, { uri }] of own.entries()) alias(`/${uri}`, join('first', `seg${i}.ts`));
      for (const [i, { uri }] of others.entries()) alias(`/${uri}`, join('second', `seg${i}.ts`));
      const path = `/${name}.m3u8`;
      const joined = [...own.slice(0, 7), { ...others[0]!, discontinuity: true }, ...others.slice(1)];
      if (name === 'break') {
        put(name, path, joined, slidingList({ segments: joined, window: 8, released }));
      } else if (name === 'reset') {
        const before = slidingList({ segments: own.slice(0, 7), window: 5, released, ends: false });
        const behind = slidingList({ segments: others, window: 5, released: () => released() - 7 });
        put(name, path, joined, () => (released() < 8 ? before() : behind()));
      } else {
        // An unreadable segment is loaded again while it is listed: here always, however slow the machine is.
        const window = { outage: 3, garbage: SECONDS }[name as string] ?? 8;
        put(name, path, own, slidingList({ segments: own, window, released }));
      }
    }
    origin.fault('missing/first/seg6.ts', { kind: 'status', status: 404 });
    origin.fault('error.m3u8', { kind: 'status', status: 500 }, 0);
    origin.fault('slow/first/seg5.ts', { kind: 'drip', bytes: 2048, everyMs: 100 }, 1);
    origin.fault('cut/first/seg5.ts', { kind: 'cut', bytes: 1000 }, 2);
    origin.fault('garbage/first/seg6.ts', { kind: 'body', body: 'this is no transport stream'.repeat(100) });
    const args = names.map((name) => `${name}=${origin.url}/${name}.m3u8`);
    server = opened.use(await startPlainServer({ data: join(folder.path, 'data'), args }));
    // These two begin once media flows.
    if (names.includes('error')) {
      await server.stream('error');
      origin.fault('error.m3u8', { kind: 'status', status: 500 }, 2);
    }
    await server.stream('outage');
    const began = performance.now();
    outage = { at: outageAt(), sinceMs: began };
    origin.fault('outage', { kind: 'status', status: 503 });
    await until('the outage has lasted', () => performance.now() - began > OUTAGE_MS);
    origin.heal('outage');
  });
  after(() => opened.disposeAsync());

  /** Requests of `path` get the file `target` of the folder. */
  function alias(path: string, target: string): void {
    origin.put(path, () => readFileSync(join(folder.path, target)));
  }

  function put(name: Name, path: string, listed: readonly Listed[], print: () => string): void {
    lists.set(name, listed);
    origin.put(path, print);
  }

  /** The stream once its source has ended, and all of it is recorded or known to be missing. */
  async function ended(name: Name): Promise<{ view: StreamView; timeline: TimelineView; lengthS: number }> {
    await server.stream(name, 'over', 90_000);
    const lengthS = lengthOf(lists.get(name)!);
    const { view, timeline } = await until(`all of ${name} is on the timeline`, async () => {
      const read = await server.timeline(name);
      const now = await server.json<StreamView>(`/api/v1/streams/${name}`);
      const knownS = now.recorded.seconds + read.gaps.reduce((sum, gap) => sum + secondsOf(gap), 0);
      if (knownS < lengthS - 0.1) throw new Error(`${knownS} of ${lengthS} s: ${JSON.stringify(read)}`);
      return { view: now, timeline: read };
    });
    assertCovered(timeline);
    return { view, timeline, lengthS };
  }

  /** @param shown what explains a failure */
  const about = (a: number, b: number, within: number, shown: unknown) =>
    assert.ok(Math.abs(a - b) < within, `${a} is about ${b}: ${JSON.stringify(shown)}`);

  test('a missing segment is a gap of its duration, and media continues', async () => {
    const { view, timeline, lengthS } = await ended('missing');
    assert.deepEqual(
      timeline.gaps.map(({ cause }) => cause),
      ['source-skipped'],
    );
    assert.match(timeline.gaps[0]!.detail, /404.*seg6|seg6.*404/);
    about(secondsOf(timeline.gaps[0]!), 1, 0.1, timeline);
    about(view.recorded.seconds, lengthS - 1, 0.1, timeline);
  });

  test('an unreadable segment is a gap with that cause', async () => {
    const { view, timeline, lengthS } = await ended('garbage');
    assert.deepEqual(
      timeline.gaps.map(({ cause }) => cause),
      ['bad-media'],
    );
    assert.match(timeline.gaps[0]!.detail, /seg6/);
    about(view.recorded.seconds, lengthS - 1, 0.1, timeline);
  });

  for (const [name, what] of [
    ['error', 'a list that answers 500 twice'],
    ['slow', 'a segment that drips in'],
    ['cut', 'a segment whose body breaks off twice'],
  ] as const) {
    (names.includes(name) ? test : fullTest)(`${what} loses nothing`, async () => {
      const { view, timeline, lengthS } = await ended(name);
      assert.deepEqual(timeline.gaps, []);
      about(view.recorded.seconds, lengthS, 0.1, timeline);
      assert.deepEqual(await recordedPictures(name, view), await sourcePictures('first', SECONDS));
    });
  }

  fullTest('a discontinuity starts a run without a gap, and the window has it', async () => {
    const { view, timeline, lengthS } = await ended('break');
    assert.deepEqual(timeline.gaps, []);
    assert.equal(timeline.runs.length, 2);
    about(view.recorded.seconds, lengthS, 0.1, timeline);
    const pictures = [...(await sourcePictures('first', 7)), ...(await sourcePictures('second', 6))];
    assert.deepEqual(await recordedPictures('break', view), pictures);
  });

  fullTest('an origin that restarts its numbers with other media is followed', async () => {
    const { view, timeline, lengthS } = await ended('reset');
    assert.deepEqual(timeline.gaps, []);
    assert.equal(timeline.runs.length, 2);
    about(view.recorded.seconds, lengthS, 0.1, timeline);
  });

  test('an outage is a gap with its cause and the duration of the missed media', async () => {
    const { view, timeline, lengthS } = await ended('outage');
    const lostS = lengthS - view.recorded.seconds;
    assert.ok(timeline.gaps.some(({ cause, detail }) => cause === 'source-down' && /503/.test(detail)));
    about(
      timeline.gaps.reduce((sum, gap) => sum + secondsOf(gap), 0),
      lostS,
      0.5,
      timeline,
    );
    assert.ok(lostS > 0 && lostS < OUTAGE_MS / 1000 + 4, `${lostS} s are lost`);
    assert.ok(timeline.spans.length >= 2, 'media continues after it');
  });

  test('no bug was counted', async () => {
    assert.deepEqual(server.log('error'), []);
    assert.match(Buffer.from(await server.bytes('/metrics')).toString(), /^oxbow_bugs_total 0$/m);
  });

  /** MD5 of all pictures of a recording, stretch by stretch. */
  async function recordedPictures(name: Name, { recorded }: StreamView): Promise<string[]> {
    const [from, to] = [Date.parse(recorded.from!), Date.parse(recorded.to!)];
    const { path, list } = await readFirstVariant(server, `/vod/${name}/${from}/${to}/index.m3u8`);
    const hashes: string[] = [];
    for (const [i, stretch] of stretchesOf(list).entries()) {
      const file = join(folder.path, `${name}-${i}.mp4`);
      await download(server, path, stretch, file);
      hashes.push(...(await pictureHashes(file)));
    }
    return hashes;
  }

  async function sourcePictures(name: 'first' | 'second', seconds: number): Promise<string[]> {
    return (await pictureHashes(join(folder.path, name, 'index.m3u8'))).slice(0, seconds * 25);
  }
});
