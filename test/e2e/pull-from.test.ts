import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { TimelineView } from '../../src/api/shapes.ts';
import { pictureHashes } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { makeHls, openOrigin } from '../fixtures/origin.ts';
import { datesOf, readFirstVariant } from '../fixtures/playlists.ts';
import { openFolder, startServer } from '../fixtures/server.ts';
import { perSecond, putSlidingList } from '../fixtures/sliding-list.ts';
import { assertCovered, stretchesOf } from '../fixtures/timeline.ts';
import { until } from '../fixtures/wait.ts';

const SECONDS = 300;
/** Pictures a second: few, because there are so many seconds. */
const FPS = 5;
/** Segments of a second that the source offers when it is begun. */
const OFFERED = 90;

suite('recording that starts before the live edge', { skip: need('ffmpeg') }, () => {
  test('records the past at its original time, then follows the live edge, without duplicates', async () => {
    await using folder = await openFolder('from');
    const media = join(folder.path, 'media');
    await makeHls({ folder: media, seconds: SECONDS, fps: FPS, size: '128x72', container: 'fmp4' });
    await using origin = await openOrigin({ folder: media });
    const startMs = Date.now() - 1000 * OFFERED;
    const released = perSecond({ first: OFFERED, seconds: 1 });
    const url = await putSlidingList(origin, { folder: media, window: SECONDS, released, startMs });
    const data = join(folder.path, 'data');
    const args = ['--from', '-1m', `tv=${url}`];
    const live = async (server: Awaited<ReturnType<typeof startServer>>) => {
      await server.stream('tv');
      await until('the live list is near the edge', async () => {
        const { list } = await readFirstVariant(server, '/live/tv/index.m3u8');
        const endMs = datesOf(list).at(-1)! + 1000 * list.segments.at(-1)!.durationS;
        return Math.abs(startMs + 1000 * released() - endMs) < 6000;
      });
    };
    {
      await using server = await startServer({ data, args });
      await live(server);
      const { recorded } = await until('the past is recorded', async () => {
        const view = await server.stream('tv');
        return view.recorded.seconds > 62 && view;
      });
      const fromMs = Date.parse(recorded.from!);
      const behindS = (fromMs - startMs) / 1000;
      // A minute before the edge, which has advanced until oxbow requested the playlist.
      assert.ok(behindS >= 29 && behindS <= 60, `it begins ${behindS} s after the source`);
      const firstFrame = Math.round(behindS) * FPS;
      const file = join(folder.path, 'clip.mp4');
      await writeFile(file, await server.bytes(`/clip/tv/${fromMs}/${fromMs + 20_000}.mp4`));
      const source = await pictureHashes(join(media, 'index.m3u8'));
      const clip = await pictureHashes(file);
      assert.deepEqual(clip, source.slice(firstFrame, firstFrame + clip.length), 'its pictures lie at their true time');
      const timeline = await server.timeline('tv', `?from=${Math.round(fromMs / 1000)}`);
      assertCovered(timeline);
      assert.deepEqual(timeline.gaps, []);
      assert.deepEqual(server.log('error'), []);
      assert.equal((await server.stop()).code, 0);
    }
    await using server = await startServer({ data, args });
    await live(server);
    const lacksOf = (timeline: TimelineView) => {
      const stretches = stretchesOf(timeline);
      const fromMs = stretches.find(({ kind }) => kind === 'media')!.fromMs;
      return stretches.filter((each) => each.kind !== 'media' && each.fromMs > fromMs);
    };
    const timeline = await until('what came while oxbow was away is taken', async () => {
      const read = await server.timeline('tv', `?from=${Math.round(startMs / 1000)}`);
      const lacks = lacksOf(read);
      if (lacks.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0) < 5000) return read;
      throw new Error(JSON.stringify(lacks));
    });
    assertCovered(timeline);
    const media2 = stretchesOf(timeline).filter(({ kind }) => kind === 'media');
    const heldMs = media2.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
    assert.ok(heldMs <= Date.now() - media2[0]!.fromMs, 'no second is there twice');
  });
});
