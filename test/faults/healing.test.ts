import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { EvidenceCheck } from '../../src/api/evidence/evidence-shapes.ts';
import type { TimelineView } from '../../src/api/shapes.ts';
import { pictureHashes } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { makeHls, type Origin, openOrigin } from '../fixtures/origin.ts';
import { readFirstVariant, resolvePath } from '../fixtures/playlists.ts';
import { type Folder, openFolder, runOxbow, type Server, startPlainServer } from '../fixtures/server.ts';
import { perSecond, readListed, slidingList } from '../fixtures/sliding-list.ts';
import { assertCovered } from '../fixtures/timeline.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';

/** Length of the source, seconds: a segment each. */
const SECONDS = 60;
/** Segments that the source lists as missing at first. */
const MISSING = { from: 5, to: 9 } as const;

/** Downloads the first rendition of a window as one file: its segments must have one init section. */
async function download(server: Server, index: string, file: string): Promise<void> {
  const { path, list } = await readFirstVariant(server, index);
  const bytes: Uint8Array[] = [];
  let map: string | undefined;
  for (const segment of list.segments) {
    if (segment.map && segment.map.uri !== map) bytes.push(await server.bytes(resolvePath(segment.map.uri, path)));
    map = segment.map?.uri;
    bytes.push(await server.bytes(resolvePath(segment.uri, path)));
  }
  await writeFile(file, Buffer.concat(bytes));
}

suite('a gap that the source has later', { skip: need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let origin: Origin;
  let server: Server;
  let isMissing = true;
  let healed: TimelineView;

  before(async () => {
    folder = opened.use(await openFolder('healing'));
    await makeHls({ folder: join(folder.path, 'source'), seconds: SECONDS, size: '128x72' });
    origin = opened.use(await openOrigin({ folder: join(folder.path, 'source') }));
    const segments = await readListed(join(folder.path, 'source'));
    // Its time begins with the first request.
    const released = perSecond({ first: 3, seconds: 1, waits: true });
    let printed: (() => string) | undefined;
    origin.put('/live.m3u8', () => {
      printed ??= slidingList({ segments, window: SECONDS, released, startMs: Date.now() - 3000, ends: false });
      const print = printed;
      if (!isMissing) return print();
      return print()
        .split('\n')
        .map((line) => {
          const number = Number(/^seg(\d+)\.ts$/.exec(line)?.[1] ?? -1);
          return number >= MISSING.from && number < MISSING.to ? `#EXT-X-GAP\n${line}` : line;
        })
        .join('\n');
    });
    server = opened.use(
      await startPlainServer({
        data: join(folder.path, 'data'),
        args: [`door=${origin.url}/live.m3u8`],
        adminToken: 'token-of-the-healing-test',
      }),
    );
    await server.stream('door');
    await until('the gap is listed', async () => {
      const { gaps, spans } = await server.timeline('door');
      assert.deepEqual([gaps.length, spans.length], [1, 2], JSON.stringify({ gaps, spans }));
      return true;
    });
    isMissing = false;
    healed = await until(
      'the gap is filled',
      async () => {
        const timeline = await server.timeline('door');
        assert.equal(timeline.gaps.length, 0, JSON.stringify(timeline));
        return timeline;
      },
      { withinMs: 60_000 },
    );
  });
  after(() => opened.disposeAsync());

  test('the timeline has no gap, and says when and from where it was filled', () => {
    assertCovered(healed);
    assert.equal(healed.spans.length, 1);
    const [piece] = healed.healed;
    assert.ok(piece);
    assert.deepEqual([piece.cause, piece.source, piece.how], ['source-skipped', 'source', 'dated']);
    assert.match(piece.detail, /EXT-X-GAP/);
    const seconds = (Date.parse(piece.to) - Date.parse(piece.from)) / 1000;
    assert.ok(Math.abs(seconds - (MISSING.to - MISSING.from)) < 0.1, `${seconds}`);
  });

  test('an exported file proves it, and says that it was filled in later', async () => {
    const to = new Date(Date.parse(healed.healed[0]!.to) + 2000).toISOString();
    await until('the recording continues', async () => Date.parse((await server.timeline('door')).to) > Date.parse(to));
    const file = join(folder.path, 'proved.mp4');
    const range = ['--from', healed.from, '--to', to];
    const exported = await runOxbow(['export', 'door', ...range, '--data', join(folder.path, 'data'), '-o', file]);
    assert.equal(exported.code, 0, exported.stderr);
    const verified = await runOxbow(['verify', file, '--data', join(folder.path, 'data'), '--json']);
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    const report = JSON.parse(verified.stdout) as EvidenceCheck;
    assert.deepEqual([report.ok, report.gaps], [true, []]);
    assert.ok(report.healed > 0);
    const { from, to: end } = report.parts[0]!;
    const checked = await server.json<EvidenceCheck>(`/api/v1/streams/door/evidence/check?from=${from}&to=${end}`);
    assert.deepEqual([checked.ok, checked.gaps, checked.healed], [true, [], report.healed]);
  });

  test('every picture is in the playlist of the past once, in order', async () => {
    const [fromMs, toMs] = [Date.parse(healed.from), Date.parse(healed.healed[0]!.to) + 3000];
    await until('the recording continues', async () => {
      return Date.parse((await server.timeline('door')).to) > toMs + 1000;
    });
    const path = `/vod/door/${fromMs}/${toMs}/v1/index.m3u8`;
    const file = join(folder.path, 'past.mp4');
    await download(server, path, file);
    const all = await pictureHashes(join(folder.path, 'source', 'index.m3u8'));
    const shown = await pictureHashes(file);
    const first = all.indexOf(shown[0]!);
    assert.deepEqual(shown, all.slice(first, first + shown.length));
    assert.ok(shown.length > (MISSING.to - MISSING.from) * 25);
  });

  test('it is deleted on request with what was recorded around it, and not requested again', async () => {
    const [piece] = healed.healed;
    const range = `${Date.parse(piece!.from)}/${Date.parse(piece!.to)}`;
    const { path: at, list } = await readFirstVariant(server, `/vod/door/${range}/v1/index.m3u8`);
    const addresses = list.segments.map(({ uri }) => resolvePath(uri, at));
    for (const address of addresses) assert.equal((await server.fetch(address)).status, 200);
    const query = `from=${Date.parse(piece!.from) - 500}&to=${Date.parse(piece!.to) + 500}`;
    const reply = await server.fetch(`/api/v1/streams/door/recordings?${query}`, { method: 'DELETE' });
    assert.ok(reply.ok, await reply.text());
    for (const address of addresses) assert.equal((await server.fetch(address)).status, 410, address);
    const timeline = await server.timeline('door');
    assert.deepEqual(timeline.healed, []);
    assertCovered({ ...timeline, offline: [...timeline.offline, ...timeline.deleted] });
  });
});

/** A source of 30 gaps, each of which the list fills after a while. */
fullTest(
  '30 real gaps of 1 to 4 s are filled while the stream is live: no picture is twice or out of order',
  async () => {
    await using opened = new AsyncDisposableStack();
    const folder = opened.use(await openFolder('healing-many'));
    const seconds = 230;
    await makeHls({ folder: join(folder.path, 'source'), seconds, size: '128x72' });
    const origin = opened.use(await openOrigin({ folder: join(folder.path, 'source') }));
    const segments = await readListed(join(folder.path, 'source'));
    const released = perSecond({ first: 3, seconds: 1, waits: true });
    let out = 0;
    const count = () => {
      out = released();
      return out;
    };
    const cuts = Array.from({ length: 30 }, (_, i) => ({ from: 6 + 7 * i, to: 7 + 7 * i + (i % 4) }));
    let printed: (() => string) | undefined;
    origin.put('/live.m3u8', () => {
      printed ??= slidingList({ segments, window: seconds, released: count, startMs: Date.now() - 3000, ends: false });
      const lines = printed().split('\n');
      return lines
        .map((line) => {
          const number = Number(/^seg(\d+)\.ts$/.exec(line)?.[1] ?? -1);
          const isMissing = cuts.some(({ from, to }) => number >= from && number < to && out < to + 10);
          return isMissing ? `#EXT-X-GAP\n${line}` : line;
        })
        .join('\n');
    });
    const data = join(folder.path, 'data');
    const server = opened.use(await startPlainServer({ data, args: [`door=${origin.url}/live.m3u8`] }));
    await server.stream('door');
    await until('the source is over', () => out >= seconds, { withinMs: 400_000 });
    const timeline = await until(
      'all gaps are filled',
      async () => {
        const read = await server.timeline('door');
        const left = read.gaps.filter(({ cause }) => cause === 'source-skipped');
        assert.equal(left.length, 0, JSON.stringify(left));
        return read;
      },
      { withinMs: 120_000 },
    );
    assertCovered(timeline);
    assert.ok(timeline.healed.length >= cuts.length);
    const toMs = Date.parse(timeline.healed.at(-1)!.to);
    const file = join(folder.path, 'past.mp4');
    await download(server, `/vod/door/${Date.parse(timeline.from)}/${toMs}/v1/index.m3u8`, file);
    const all = await pictureHashes(join(folder.path, 'source', 'index.m3u8'));
    const shown = await pictureHashes(file);
    const first = all.indexOf(shown[0]!);
    assert.deepEqual(shown, all.slice(first, first + shown.length));
  },
);
