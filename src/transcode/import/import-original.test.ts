import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { captionsByPicture, popOn, withCaptionsInStream } from '@oxbow/media/captions/captions.fixture';
import { need } from '../../../test/fixtures/need.ts';
import { scanChunk } from '../../archive/chunk-reader.ts';
import { MemorySegmentStore } from '../../archive/memory-segment-store.fixture.ts';
import { segmentLocation } from '../../archive/segment-store.ts';
import { FilmFolder, h264, importOf, testInput } from './film.fixture.ts';
import { joinFilms } from './joined-film.fixture.ts';

/** Groups of a chunk file, as the server reads them. */
async function groupsOf(chunk: Uint8Array) {
  await using store = new MemorySegmentStore();
  const location = segmentLocation('assets/a1/source/1-1.mp4');
  await store.put(location, chunk);
  const { state, groups, tracks, head } = await scanChunk(store, location);
  assert.equal(state, 'sealed');
  assert.equal(head.rendition, 'source');
  return { groups, tracks };
}

suite('import of an original', { skip: need('ffmpeg'), concurrency: 2 }, () => {
  const films = new FilmFolder();
  after(() => films[Symbol.dispose]());

  const aac = '-c:a aac -aac_coder fast -b:a 64k';
  const languages = '-metadata:s:a:0 language=eng -metadata:s:a:1 language=deu -metadata title=Harbour';
  const mp4 = films.make(`${testInput(9, 2)} ${h264} ${aac} ${languages}`, 'mp4');

  test('closed captions within the picture are facts of the film and a text track; a picture without any has none', async () => {
    const plain = films.make(
      '-f lavfi -i testsrc2=s=160x90:r=25:d=2 -c:v libx264 -preset ultrafast -bf 0 -slices 1 -pix_fmt yuv420p',
      'h264',
    );
    const pictures = captionsByPicture(50, { 3: { pairs: popOn('HELLO', 1, 2), field: 2 } });
    const film = films.make('-c copy -output_ts_offset 5', 'mp4', withCaptionsInStream(plain, pictures));
    const { facts, texts, names, chunks, originUs } = await importOf(film);
    assert.deepEqual(facts.captions, [{ service: 'CC3', language: 'und', name: 'CC3' }]);
    assert.deepEqual(
      texts?.map(({ stream, language, title, cues }) => [stream, language, title, cues]),
      [[1003, 'und', 'CC3', 1]],
    );
    // Its last command begins in picture 12; the clock of the file begins 5 s earlier.
    assert.equal(originUs, 5_000_000);
    const [head, cue, text] = new TextDecoder().decode(chunks[names.indexOf('text/1003.vtt')]).split(/\n+/);
    assert.deepEqual([head, cue?.slice(0, 29), text], ['WEBVTT', '00:00:00.480 --> 00:00:02.000', 'HELLO']);
    const without = await importOf(films.make('-c copy', 'mp4', plain));
    assert.deepEqual([without.facts.captions, without.texts], [[], []]);
  });

  test('MP4 with B frames, an edit list and two languages: packets and their distances are the same, cuts are at key frames', async () => {
    const { facts, cuts, endUs, source, chunks, names, originUs } = await importOf(mp4);
    assert.deepEqual([names, cuts, endUs, originUs], [['source/1.mp4'], [0, 4_000_000, 8_000_000], 9_000_000, 0]);
    assert.deepEqual([source?.tracks, source?.playable, source?.bytes], [[1, 2, 3], true, chunks[0]!.length]);
    assert.deepEqual([facts.container, facts.contentType, facts.title], ['mp4', 'video/mp4', 'Harbour']);
    assert.deepEqual(
      facts.tracks.map(({ kind, codec, trackId, language }) => [kind, codec, trackId, language]),
      [
        ['video', 'h264', 1, 'und'],
        ['audio', 'aac', 2, 'eng'],
        ['audio', 'aac', 3, 'deu'],
      ],
    );
    const [video] = facts.tracks;
    assert.deepEqual([video?.frameRate, video?.variableRate, video?.transfer], [25, false, 'sdr']);
    const same = films.assertSame(mp4, chunks[0]!, ['v:0', 'a:0', 'a:1']);
    // Picture and sound keep their distance within a millisecond.
    const distance = ([video, sound]: typeof same.before) => video![0]!.pts - sound![1]!.pts;
    assert.ok(Math.abs(distance(same.after) - distance(same.before)) < 0.001);
    const { groups, tracks } = await groupsOf(chunks[0]!);
    assert.deepEqual(
      tracks.map(({ id, language }) => [id, language]),
      [
        [1, 'und'],
        [2, 'eng'],
        [3, 'deu'],
      ],
    );
    assert.deepEqual(
      groups.map(({ msn, run, startUs, durationUs, tracks: [first] }) => [msn, run, startUs, durationUs, first!.flags]),
      [
        [1, 0, 0, 4_000_000, 1],
        [2, 0, 4_000_000, 4_000_000, 1],
        [3, 0, 8_000_000, 1_000_000, 1],
      ],
    );
  });

  test('MP4 whose video has several sample entries: all pictures are there, each after its parameter sets', async () => {
    const small = '-f lavfi -i testsrc2=s=160x90:r=25:d=3';
    const baseline = films.make(`${small} ${h264} -profile:v baseline`, 'mp4');
    const main = films.make(`${small.replace('160x90', '128x72')} ${h264} -profile:v main`, 'mp4');
    const joined = await joinFilms([baseline, main, baseline], new AbortController());
    const { chunks, endUs, source, facts } = await importOf(joined);
    // The pictures with B-frames begin two pictures later than those without.
    assert.deepEqual([endUs, source?.tracks, facts.warnings], [9_080_000, [1], []]);
    const shown = [baseline, main, baseline].flatMap((film) => films.pictures(film, '160:90'));
    assert.equal(shown.length, 225);
    assert.deepEqual(films.pictures(chunks[0]!, '160:90'), shown);
  });

  /** The film from a time on, as ffmpeg cuts without encoding. */
  const trimmed = (s: number) => films.make(`-ss ${s} -i ${films.store(mp4, 'mp4')} -map 0 -c copy`, 'mp4');

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
      name: 'fragmented MP4',
      args: '-map 0 -c copy -movflags frag_keyframe+empty_moov',
      given: mp4,
      ending: 'mp4',
      streams: ['v:0', 'a:0', 'a:1'],
      container: 'mp4',
    },
    {
      name: 'Matroska with HEVC, Opus and E-AC-3',
      args: `${testInput(5, 2)} -c:v libx265 -preset ultrafast -x265-params keyint=50:pools=none:frame-threads=1:log-level=none -c:a:0 libopus -c:a:1 eac3`,
      ending: 'mkv',
      streams: ['v:0', 'a:0', 'a:1'],
      container: 'matroska',
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

  test('MPEG-TS: all frames come, and the asset begins with the first picture', async () => {
    const film = films.make('-map 0 -c copy', 'ts', mp4);
    const { facts, chunks, endUs, originUs } = await importOf(film);
    assert.equal(facts.container, 'mpegts');
    assert.ok(originUs > 1_000_000, 'FFmpeg begins files of MPEG-TS at 1.4 s');
    assert.ok(Math.abs(endUs - 9_000_000) < 40_000);
    const [inFilm, inChunk] = [film, chunks[0]!].map((bytes) =>
      films.packets(bytes, ['v:0', 'a:0', 'a:1']).map(({ length }) => length),
    );
    assert.deepEqual(inChunk, inFilm);
    assert.equal(inChunk![0], 225);
  });

  test('MPEG-TS that was joined continues where its times jump ahead or back, and says so; nothing is lost', async () => {
    const at = (s: number) => films.make(`-map 0 -c copy -output_ts_offset ${s}`, 'ts', mp4);
    const [first, later] = [at(0), at(100)];
    const one = films.packets(first, ['v:0', 'a:0', 'a:1']);
    for (const [joined, how] of [
      [[first, later], 'jump ahead by 9'],
      [[later, first], 'go back by 10|jump ahead by 953'],
      [[first, first], 'go back by 9'],
    ] as const) {
      const { facts, chunks, endUs, cuts, losses } = await importOf(Buffer.concat(joined));
      assert.match(
        facts.warnings.join(),
        new RegExp(`^The times of the file (${how})[\\d.]+ s at [89]\\.\\d s, as where`),
      );
      assert.deepEqual(losses, []);
      assert.ok(Math.abs(endUs - 18_000_000) < 100_000, `${endUs}`);
      assert.ok(cuts.length >= 4);
      const packets = films.packets(chunks[0]!, ['v:0', 'a:0', 'a:1']);
      for (const [i, own] of packets.entries()) {
        // A frame of sound may overlap; it is counted.
        assert.ok(own.length === 2 * one[i]!.length || (i > 0 && own.length === 2 * one[i]!.length - 1));
        const shown = own.map(({ pts }) => pts).sort((a, b) => a - b);
        for (let n = 1; n < shown.length; n++) assert.ok(shown[n]! - shown[n - 1]! < 0.15, `${i}: a hole at ${n}`);
        // Picture and sound of the second part are as far apart as those of the first.
        const half = one[i]!.length;
        const apart = (from: number) =>
          shown[from]! - packets[0]!.map(({ pts }) => pts).sort((a, b) => a - b)[from === 0 ? 0 : 225]!;
        assert.ok(Math.abs(apart(0) - apart(half)) < 0.1);
      }
    }
  });

  test('captures of different encoders that were joined are left to the encoder', async () => {
    const small = films.make(`-map 0 -vf scale=80:46 ${h264} -c:a copy`, 'ts', mp4);
    const first = films.make('-map 0 -c copy', 'ts', mp4);
    const { source, facts, endUs, joined } = await importOf(Buffer.concat([first, small]));
    assert.deepEqual([source, joined?.length], [null, 2]);
    assert.match(facts.warnings.join(), /The captures that were joined have different pictures/);
    assert.ok(Math.abs(endUs - 18_000_000) < 200_000);
  });

  test('MP4 whose tables are continued by fragments: all frames come', async () => {
    const film = films.make('-map 0 -c copy -movflags frag_keyframe', 'mp4', mp4);
    const { facts, chunks, endUs } = await importOf(film);
    assert.ok(Math.abs(endUs - 9_000_000) < 40_000);
    assert.deepEqual(facts.warnings, []);
    films.assertSame(film, chunks[0]!, ['v:0', 'a:0', 'a:1']);
  });

  test('what an edit list cut off is not stored: the film begins at the cut, and is encoded where that is within a GOP', async () => {
    const within = await importOf(trimmed(2.6));
    assert.deepEqual([within.source, within.originUs, within.chunks, within.losses], [null, 0, [], []]);
    assert.ok(Math.abs(within.endUs - 6_400_000) < 100_000);
    assert.match(within.facts.warnings.join(' '), /hides 0\.6 s before its start/);
    const atKey = await importOf(trimmed(2));
    assert.deepEqual([atKey.source?.tracks, atKey.originUs, atKey.facts.warnings], [[1, 2, 3], 0, []]);
    assert.ok(Math.abs(atKey.endUs - 7_000_000) < 100_000);
  });

  test('a rate that a container declares, and its pictures do not have, refuses nothing', async () => {
    const film = films.make('-map 0:v -map 0:a:0 -c copy', 'flv', mp4);
    const at = Buffer.from(film).indexOf('framerate') + 10;
    const declared = new Uint8Array(film);
    new DataView(declared.buffer).setFloat64(at, 90_000);
    const { facts } = await importOf(declared);
    assert.equal(facts.tracks[0]!.frameRate, 25);
  });

  test('a codec that cannot be stored gives cuts on a grid of frame times, and no source rendition', async () => {
    const film = films.make(`${testInput(9)} -c:v mpeg4 -c:a libmp3lame`, 'avi');
    const { facts, source, cuts, endUs, chunks } = await importOf(film);
    assert.deepEqual([facts.container, source, cuts, chunks], ['avi', null, [0, 4_000_000, 8_000_000], []]);
    assert.ok(Math.abs(endUs - 9_000_000) <= 80_000);
  });

  test('sound that cannot be stored is left out of the source rendition', async () => {
    const film = films.make('-map 0:v -map 0:a:0 -c:v copy -c:a pcm_s16le', 'mov', mp4);
    const { facts, source } = await importOf(film);
    assert.deepEqual([facts.container, source?.tracks, source?.playable], ['mov', [1], false]);
    assert.deepEqual(
      facts.tracks.map(({ codec, trackId }) => [codec, trackId]),
      [
        ['h264', 1],
        ['pcm_s16le', undefined],
      ],
    );
    const wav = await importOf(films.make('-f lavfi -i sine=r=48000:d=5', 'wav'));
    assert.deepEqual([wav.facts.container, wav.source, wav.cuts.length], ['wav', null, 2]);
  });

  test('a variable frame rate is reported, and its times are kept', async () => {
    const film = films.make(
      '-f lavfi -i testsrc2=s=160x90:r=30:d=6 -vf select=not(mod(n\\,7))+not(mod(n\\,3)) -fps_mode vfr ' +
        '-c:v libx264 -preset ultrafast -bf 2 -g 12 -pix_fmt yuv420p',
      'mp4',
    );
    const { facts, chunks } = await importOf(film);
    assert.equal(facts.tracks[0]!.variableRate, true);
    films.assertSame(film, chunks[0]!, ['v:0']);
  });

  test('a turned picture is reported, and left to the encoder', async () => {
    const film = new Uint8Array(mp4);
    const at = Buffer.from(film).indexOf('tkhd') + 4 + 40; // the matrix of the first track, version 0
    new DataView(film.buffer).setInt32(at, 0);
    new DataView(film.buffer).setInt32(at + 4, 0x10000);
    new DataView(film.buffer).setInt32(at + 12, -0x10000);
    new DataView(film.buffer).setInt32(at + 16, 0);
    const { facts, source } = await importOf(film);
    assert.equal(facts.tracks[0]!.rotation, 90);
    assert.ok(Math.abs(facts.tracks[0]!.displayAspect! - 9 / 16) < 0.001);
    assert.equal(source, null);
  });

  test('interlaced pictures are a fact and a warning; whole pictures of a stream that allows fields are not', async () => {
    const picture =
      '-f lavfi -i testsrc2=s=160x96:r=50:d=2 -vf interlace -pix_fmt yuv420p -g 25 -c:v libx264 -preset veryfast';
    for (const [options, interlaced] of [
      ['-flags +ildct+ilme', true],
      ['-x264opts fake-interlaced=1:pic-struct=1', undefined],
    ] as const) {
      const { facts } = await importOf(films.make(`${picture} ${options}`, 'mp4'));
      assert.equal(facts.tracks[0]!.interlaced, interlaced);
      assert.equal(
        facts.warnings.some((text) => text.startsWith('The picture is interlaced')),
        interlaced === true,
      );
    }
  });

  test('key frames that are too rare leave the picture to the encoder', async () => {
    const film = films.make(
      '-f lavfi -i testsrc2=s=64x36:r=5:d=30 -c:v libx264 -preset ultrafast -g 1000 -sc_threshold 0',
      'mp4',
    );
    const { source, cuts, facts, losses } = await importOf(film);
    assert.deepEqual([source, cuts.length], [null, 8]);
    assert.match(facts.warnings.join(' '), /20 seconds apart/);
    assert.deepEqual(losses, [], 'all of it is encoded');
  });
});
