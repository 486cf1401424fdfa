import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { need } from '../../../test/fixtures/need.ts';
import { FPS, listOf, makeMedia, pull, removeMedia } from './pull.fixture.ts';

/**
 * The first session of the origin begins with this segment of 1 s, and ends after this many were published.
 */
const FIRST = 20;
const BEFORE = 5;
/** Segments in the playlist of the second session, which begins with the first one. */
const AFTER_S = 19;

suite('an origin with a separate audio playlist that restarts', { skip: need('ffmpeg') }, () => {
  let folder = '';
  before(async () => {
    folder = await makeMedia({ apart: { seconds: 28, container: 'fmp4', audio: 'separate' } });
  });
  after(removeMedia);

  for (const [name, aheadBy] of [
    ['level with the video', 0],
    ['a segment ahead of the video', 1],
  ] as const) {
    test(`has its audio at once if that was ${name}`, async () => {
      const master = (await readFile(join(folder, 'apart/master.m3u8'))).toString();
      const video = /^(?!#).*\.m3u8$/m.exec(master.slice(master.indexOf('RESOLUTION')))![0];
      const audio = /URI="([^"]*)"/.exec(master)![1]!;
      const uris = async (list: string) => {
        const text = (await readFile(join(folder, 'apart', list))).toString();
        const map = /#EXT-X-MAP:URI="([^"]*)"/.exec(text)![1];
        const segments = [...text.matchAll(/^\d.*m4s$/gm)].map(([uri]) => `apart/${uri}`);
        return { head: `#EXT-X-MAP:URI="apart/${map}"\n`, segments };
      };
      let isOver = false;
      const put = ({ head, segments }: Awaited<ReturnType<typeof uris>>, ahead: number) => {
        let shown = 2 + ahead;
        return () => {
          if (isOver) return listOf({ segments: segments.slice(0, AFTER_S), head, end: true });
          shown += 1;
          return listOf({ segments: segments.slice(FIRST, FIRST + shown), first: 1000 + FIRST, head });
        };
      };
      const [videos, audios] = [await uris(video), await uris(audio)];
      await using p = await pull('/master.m3u8', {}, (origin) => {
        origin.put('/video.m3u8', put(videos, 0));
        origin.put('/audio.m3u8', put(audios, aheadBy));
        origin.put(
          '/master.m3u8',
          [
            '#EXTM3U',
            '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="A",DEFAULT=YES,URI="audio.m3u8"',
            '#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\nvideo.m3u8',
          ].join('\n'),
        );
      });
      await p.until(() => p.input.segments >= BEFORE);
      isOver = true;
      await p.end();
      // After a restart only the last segments are pulled, so the second session is shorter than its
      // playlist.
      const { start, frames } = p.input.runs.at(-1)!;
      const [pictures, sounds] = start.tracks.map(({ id, timescale }) => {
        const own = frames.filter(({ trackId }) => trackId === id);
        return own.map(({ dts }) => dts / timescale);
      });
      const [firstS, endS] = [pictures![0]!, pictures!.at(-1)!];
      assert.deepEqual([firstS, endS, p.time.nowMs], [AFTER_S - 4, AFTER_S - 1 / FPS, 3000]);
      const beside = sounds!.filter((atS) => atS >= firstS && atS <= endS);
      assert.equal(beside.length, 183, 'every frame of 1,024 samples that begins in 3.96 s');
    });
  }
});
