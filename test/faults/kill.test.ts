import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { seeded } from '../../src/lib/random.fixture.ts';
import { pictureHashes } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { makeHls, openOrigin } from '../fixtures/origin.ts';
import { download, readMedia, stretchesOf as segmentsTogether } from '../fixtures/playlists.ts';
import { isRunning, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { perSecond, putSlidingList } from '../fixtures/sliding-list.ts';
import { assertCovered, stretchesOf } from '../fixtures/timeline.ts';
import { until } from '../fixtures/wait.ts';
import { Witness } from '../fixtures/witness.ts';

const KILLS = 10;
const SEED = 20_261_120;
/** A kill comes at any time up to this much after the stream is live, ms. */
const LATEST_MS = 4500;
/** A segment is recorded when its bytes are on the disk; a live list names it as soon as it is whole. A disk may take its time. */
const MAY_BE_LOST = 5;
/** Longer than ten lives of the server. */
const SOURCE_SECONDS = 280;
/** Segments of a second that the source offers at once: longer than a start takes, so that nothing of it is missed. */
const OFFERED = 40;

suite(`kill -9 at ${KILLS} moments`, { skip: need('ffmpeg') }, () => {
  test('loses nothing that was listed as recorded, names nothing twice, and lists the hole', async (context) => {
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
        'testPicture: { width: 320, height: 180 }',
        'streams:',
        '  made: { source: { type: test } }',
        `  pulled: { source: { type: pull, url: "${url}" } }`,
      ].join('\n'),
    );
    const data = join(folder.path, 'data');
    const random = seeded(SEED);
    const witnesses = [new Witness('made'), new Witness('pulled')];
    const kills: number[] = [];

    for (let life = 0; life <= KILLS; life++) {
      await using server = await startServer({ data, args: ['--config', config] });
      for (const witness of witnesses) {
        const lost = await witness.check(server);
        assert.ok(lost <= MAY_BE_LOST, `${lost} segments that were only live are lost`);
      }
      await Promise.all(witnesses.map(({ name }) => server.stream(name)));
      if (life === KILLS) {
        await Promise.all(witnesses.map((witness) => untilListed(server, witness)));
        break;
      }
      kills.push(await killWhileWatched(server, witnesses, random(LATEST_MS)));
    }

    await using server = await startServer({ data, args: ['--config', config] });
    for (const witness of witnesses) {
      await until(`${witness.name} is recorded`, async () => (await server.stream(witness.name)).recorded.seconds > 0);
      assert.equal(await witness.check(server), 0, 'a stop in order loses nothing');
      assert.ok(witness.recordedSegments >= KILLS / 2, `${witness.recordedSegments} segments were watched`);
      const timeline = await server.timeline(witness.name);
      assertCovered(timeline);
      const stretches = stretchesOf(timeline);
      // The test picture cannot draw the past. A loaded machine may hold it up for more than half a second: what it then leaves
      // out is rightly listed. The other source still offers what was missed, so it has no hole.
      const expected = witness.name === 'made' ? ['crash', 'source-skipped'] : [];
      const others = timeline.gaps.filter(({ cause }) => !expected.includes(cause));
      assert.deepEqual(others, [], JSON.stringify(timeline));
      context.diagnostic(`${witness.name}: ${witness.recordedSegments} segments, ${timeline.gaps.length} gaps`);
      for (const [i, atMs] of kills.entries()) {
        const stretch = stretches.find(({ fromMs, toMs }) => fromMs <= atMs && atMs < toMs);
        assert.ok(stretch, `kill ${i} at ${new Date(atMs).toISOString()} is in ${JSON.stringify(timeline)}`);
        const { kind } = stretch;
        const expectedKind = witness.name === 'made' ? 'crash' : 'media';
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

/** A last look at everything, once the list has a segment. */
async function untilListed(server: Server, witness: Witness): Promise<void> {
  await until(`${witness.name} has a list`, async () => {
    await witness.look(server);
    return true;
  });
}

/** Looks on until the moment has come; what the last look had not finished is no loss. */
async function killWhileWatched(server: Server, witnesses: readonly Witness[], afterMs: number): Promise<number> {
  const children = server.log().flatMap((line) => (line.msg === 'test picture started' ? [line.pid as number] : []));
  let killed = false;
  const watching = witnesses.map(async (witness) => {
    while (!killed) {
      try {
        await witness.look(server);
      } catch (error) {
        // Before its first segment a stream has neither list nor window.
        if (!killed && !/: 404 /.test(String(error))) throw error;
      }
    }
  });
  // The moment is what is tested: it may not depend on what oxbow is doing.
  await sleep(afterMs);
  killed = true;
  const atMs = Date.now();
  await server.stop('SIGKILL');
  await Promise.all(watching);
  for (const pid of children) await until('the test picture has ended too', () => !isRunning(pid));
  return atMs;
}
