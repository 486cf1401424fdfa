/**
 * Further originals that are imported, and damage of many.
 * In: films of ffmpeg. Out: their packets and facts, as the import stores them.
 */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import {
  assertDamageSurvived,
  FilmFolder,
  h264,
  importOf,
  testInput,
} from '../../src/transcode/import/film.fixture.ts';
import { need } from '../fixtures/need.ts';

suite('import of further originals', { skip: need('ffmpeg') }, () => {
  const films = new FilmFolder();
  after(() => films[Symbol.dispose]());
  const aac = '-c:a aac -aac_coder fast -b:a 64k';
  const mp4 = films.make(`${testInput(9, 2)} ${h264} ${aac}`, 'mp4');

  const others: readonly {
    name: string;
    args: string;
    /** What ffmpeg copies. */
    given?: Uint8Array;
    ending: string;
    streams: readonly string[];
    container: string;
  }[] = [
    {
      name: 'MP4 with its index in front',
      args: '-map 0 -c copy -movflags +faststart',
      given: mp4,
      ending: 'mp4',
      streams: ['v:0', 'a:0', 'a:1'],
      container: 'mp4',
    },
    {
      name: 'WebM with VP9',
      args: `${testInput(5)} -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 50 -c:a libopus`,
      ending: 'webm',
      streams: ['v:0', 'a:0'],
      container: 'webm',
    },
    {
      name: 'MP4 with AV1 and FLAC',
      args: `${testInput(5)} -c:v libsvtav1 -preset 12 -g 50 -svtav1-params lp=1 -pix_fmt yuv420p -c:a flac -strict -2`,
      ending: 'mp4',
      streams: ['v:0', 'a:0'],
      container: 'mp4',
    },
    {
      name: 'sound alone, MP3',
      args: '-f lavfi -i sine=r=44100:d=9 -c:a libmp3lame',
      ending: 'mp3',
      streams: ['a:0'],
      container: 'mp3',
    },
    {
      name: 'sound alone, FLAC',
      args: '-f lavfi -i sine=r=48000:d=5 -c:a flac',
      ending: 'flac',
      streams: ['a:0'],
      container: 'flac',
    },
  ];
  for (const { name, args, given, ending, streams, container } of others) {
    test(`${name}: the packets are the same`, async () => {
      const film = films.make(args, ending, given);
      const { facts, chunks, cuts, source } = await importOf(film);
      assert.equal(facts.container, container);
      assert.equal(cuts.length, Math.ceil(facts.durationUs / 1_000_000 / 4.2));
      assert.equal(source?.tracks.length, streams.length);
      films.assertSame(film, chunks[0]!, streams, 0.0021);
    });
  }

  test('random damage never ends the worker, and no process of FFmpeg remains', () =>
    assertDamageSurvived(films, films.make(`${testInput(4)} ${h264} -c:a aac -movflags +faststart`, 'mp4'), 12));

  test('interlaced pictures in MPEG-TS are a fact and a warning; whole pictures of a stream that allows fields are not', async () => {
    const picture =
      '-f lavfi -i testsrc2=s=160x96:r=50:d=2 -vf interlace -pix_fmt yuv420p -g 25 -c:v libx264 -preset veryfast';
    for (const [options, interlaced] of [
      ['-flags +ildct+ilme', true],
      ['-x264opts fake-interlaced=1:pic-struct=1', undefined],
    ] as const) {
      const { facts } = await importOf(films.make(`${picture} ${options}`, 'ts'));
      assert.equal(facts.tracks[0]!.interlaced, interlaced);
      assert.equal(
        facts.warnings.some((text) => text.startsWith('The picture is interlaced')),
        interlaced === true,
      );
    }
  });
});
