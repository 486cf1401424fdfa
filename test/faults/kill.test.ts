import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { seeded } from '@oxbow/media/random.fixture';
import type { TimelineView } from '../../src/api/shapes.ts';
import { printFindings } from '../conformance/checker.ts';
import { pictureHashes } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { makeHls, openOrigin } from '../fixtures/origin.ts';
import { changesOf, PlaylistRecorder } from '../fixtures/playlist-recorder.ts';
import { download, readMedia, stretchesOf as segmentsTogether } from '../fixtures/playlists.ts';
import { isRunning, openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { perSecond, putSlidingList } from '../fixtures/sliding-list.ts';
import { assertCovered, stretchesOf } from '../fixtures/timeline.ts';
import { until } from '../fixtures/wait.ts';
import { isFull, perTier } from '../full.ts';

const KILLS = perTier({ first: 1, full: 10 });
const names = ['made', 'pulled'] as const;
const SEED = 20_261_120;
/** A kill comes at any time up to this much after the stream is live, ms. */
const LATEST_MS = 4500;
/** Longer than all lives of the server. */
const SOURCE_SECONDS = perTier({ first: 100, full: 280 });
/**
 * Segments of a second that the source offers at once: longer than a start takes, so that nothing of it is
 * missed.
 */
const OFFERED = 40;

suite(`kill -9 at ${KILLS} moment(s)`, { skip: need('ffmpeg') }, () => {
  test('loses no recorded segment, uses no name twice, and lists the gaps', async (context) => {
    await using folder = await openFolder('kill');
    const media = join(folder.path, 'media');
    await makeHls({ folder: media, seconds: SOURCE_SECONDS, size: '128x72' });
    await using origin = await openOrigin({ folder: media });
    const released = perSecond({ first: OFFERED, seconds: 1 });
    const options = { folder: media, window: OFFERED, released, startMs: Date.now() - 1000 * OFFERED };
    const url = await putSlidingList(origin, options);
    const config = join(folder.path, 'oxbow.yaml');
    await writeFile(
      config,
      [
        'hls: { segmentDuration: 1s }',
        `testPicture: ${perTier({ first: '{ width: 160, height: 90 }', full: '{ width: 320, height: 180 }' })}`,
        'streams:',
        '  made: { source: { type: test } }',
        `  pulled: { source: { type: pull, url: "${url}" } }`,
      ].join('\n'),
    );
    const data = join(folder.path, 'data');
    const random = seeded(SEED);
    const recorder = new PlaylistRecorder(names);
    const nowS = Math.floor(Date.now() / 1000);
    for (const name of names) recorder.add(`/vod/${name}/${nowS - 60}/${nowS + 600}/av0.m3u8`);
    const kills: number[] = [];
    /** Media of the timelines after the last start: on the disk, so that no later kill takes it. */
    const earlier = new Map<string, TimelineView['spans']>();

    const ends = Array.from({ length: KILLS }, () => 'SIGKILL' as const);
    /** All that was recorded is there, under the names that it had. */
    const assertWhole = async (server: Server) => {
      await recorder.recheck(server, { killed: false });
      assert.deepEqual(recorder.problems, []);
      const changes = [...recorder.shown].flatMap(([path, texts]) => changesOf(path, texts, ends));
      assert.equal(printFindings(changes), '', 'no playlist removed or changed its content');
      for (const name of names) {
        const timeline = await until(`${name} is recorded after the last kill`, async () => {
          const read = await server.timeline(name);
          return Date.parse(read.spans.at(-1)!.to) > kills.at(-1)! && read;
        });
        const segments = recorder.liveMsns(name).size;
        assert.ok(segments >= KILLS / 2, `${segments} segments were listed`);
        assertCovered(timeline);
        const stretches = stretchesOf(timeline);
        // The test picture cannot draw the past. A loaded machine may hold it up for more than half a second:
        // what it then leaves out is rightly listed. The other source still offers what was missed, so it has
        // no hole.
        const expected = name === 'made' ? ['crash', 'source-skipped'] : [];
        const others = timeline.gaps.filter(({ cause }) => !expected.includes(cause));
        assert.deepEqual(others, [], JSON.stringify(timeline));
        context.diagnostic(`${name}: ${segments} segments, ${timeline.gaps.length} gaps`);
        for (const [i, atMs] of kills.entries()) {
          const stretch = stretches.find(({ fromMs, toMs }) => fromMs <= atMs && atMs < toMs);
          assert.ok(stretch, `kill ${i} at ${new Date(atMs).toISOString()} is in ${JSON.stringify(timeline)}`);
          const { kind } = stretch;
          const expectedKind = name === 'made' ? 'crash' : 'media';
          assert.equal(kind, expectedKind, `kill ${i} at ${new Date(atMs).toISOString()}`);
        }
      }
      const pictures = await recordedPictures(server, folder.path);
      const source = await pictureHashes(join(media, 'index.m3u8'));
      const at = source.indexOf(pictures[0]!);
      assert.deepEqual(
        pictures,
        source.slice(at, at + pictures.length),
        'every picture over all lives, once and in order',
      );
    };

    for (let life = 0; life <= KILLS; life++) {
      await using server = await startPlainServer({ data, args: ['--config', config] });
      if (life > 0) await recorder.recheck(server, { killed: true });
      assert.deepEqual(recorder.problems, []);
      for (const name of names) {
        const { spans } = await server.timeline(name);
        for (const old of earlier.get(name) ?? []) {
          const isKept = spans.some(({ from, to }) => from <= old.from && to >= old.to);
          assert.ok(isKept, `${name}: ${old.from} to ${old.to} is in ${JSON.stringify(spans)}`);
        }
        earlier.set(name, spans);
      }
      await using following = recorder.follow(server);
      await Promise.all(names.map((name) => server.stream(name)));
      if (life < KILLS) kills.push(await killAfter(server, random(LATEST_MS), () => following.over()));
      else
        await until('each has a new segment', () => names.every((name) => recorder.liveMsns(name).size >= KILLS / 2));
      following.over();
      if (life === KILLS && !isFull) await assertWhole(server);
    }
    if (!isFull) return;
    await using last = await startPlainServer({ data, args: ['--config', config] });
    await assertWhole(last);
  });
});

/** MD5 of every picture that was recorded of the pulled stream. */
async function recordedPictures(server: Server, folder: string): Promise<string[]> {
  const { recorded } = await server.stream('pulled');
  const window = `/vod/pulled/${Date.parse(recorded.from!)}/${Date.parse(recorded.to!)}/av0.m3u8`;
  const { path, list } = await readMedia(server, window);
  const hashes: string[] = [];
  for (const [i, segments] of segmentsTogether(list).entries()) {
    const file = join(folder, `life-${i}.mp4`);
    await download(server, path, segments, file);
    hashes.push(...(await pictureHashes(file)));
  }
  return hashes;
}

/** Kills the server after a time. Returns the moment, ms since 1970. @param onKill called just before */
async function killAfter(server: Server, afterMs: number, onKill: () => void): Promise<number> {
  const started = () => server.log().flatMap(({ msg, pid }) => (msg === 'test picture started' ? [pid as number] : []));
  // The log of a line comes later than its state in the API.
  const children = await until(
    'the process of the test picture is in the log',
    () => started().length === 1 && started(),
  );
  // A fixed time, independent of what oxbow is doing.
  await sleep(afterMs);
  onKill();
  const atMs = Date.now();
  await server.stop('SIGKILL');
  for (const pid of children) await until('the process of the test picture has ended', () => !isRunning(pid));
  return atMs;
}
