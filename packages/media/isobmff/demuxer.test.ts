import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, suite, test } from 'node:test';
import { listTracks } from '../../../test/fixtures/media/inside.ts';
import { madeOnce } from '../../../test/fixtures/media/made-once.ts';
import { concatBytes } from '../bytes.ts';
import { FormatError } from '../errors.ts';
import type { Frame, Track } from '../frame.ts';
import { namesOf } from '../left-out.ts';
import { seeded } from '../random.fixture.ts';
import { BoxWriter, fourccAt, readBoxes } from './box.ts';
import { createFmp4Demuxer } from './demuxer.ts';
import { fragmentLength, printFragment } from './fragment.ts';
import { printInit } from './init.ts';
import { audioTrack, framesOf, fuzz, hevcTrack, videoTrack } from './media.fixture.ts';

function open() {
  const seen = {
    tracks: [] as (readonly Track[])[],
    frames: [] as Frame[],
    damage: [] as string[],
    leftOut: [] as string[],
  };
  const demuxer = createFmp4Demuxer({
    tracks: (tracks) => seen.tracks.push(tracks),
    frame: (frame) => seen.frames.push(frame),
    damage: (reason) => seen.damage.push(reason),
    leftOut: (tracks) => seen.leftOut.push(namesOf(tracks)),
  });
  return { demuxer, ...seen };
}

function fragment(frames: readonly Frame[], tfdt = frames[0]!.dts): Uint8Array {
  const bytes = new Uint8Array(fragmentLength(frames));
  printFragment(bytes, 0, { sequence: 1, trackId: frames[0]!.trackId, tfdt, frames });
  return bytes;
}

function box(type: string, length: number): Uint8Array {
  const writer = new BoxWriter(new Uint8Array(length));
  const start = writer.open(type);
  writer.zeros(length - 8);
  writer.close(start);
  return writer.bytes;
}

function withoutTfdt(bytes: Uint8Array): Uint8Array {
  const copy = Buffer.from(bytes);
  copy.write('free', copy.indexOf('tfdt'));
  return copy;
}

const both = printInit([videoTrack, audioTrack]);

suite('the fMP4 demuxer on what ffmpeg writes', () => {
  let plain: Uint8Array;
  before(() => {
    const video = '-c:v libx264 -preset ultrafast -bf 2 -x264-params b-adapt=0:keyint=25:scenecut=0 -pix_fmt yuv420p';
    const input = '-f lavfi -i testsrc2=s=160x90:r=25 -f lavfi -i sine=r=48000 -t 4';
    plain = readFileSync(madeOnce(`${input} ${video} -c:a aac -b:a 64k -threads 1`.split(' '), 'mp4'));
  });

  const remux = (flags: string) => madeOnce(['-c', 'copy', ...flags.split(' ')], 'mp4', plain);

  const packets = (path: string) =>
    listTracks(path).flatMap(({ packets, ticksPerS }, i) =>
      packets.map(({ pts, bytes, key }) => ({ trackId: i + 1, pts: Math.round(pts * ticksPerS), size: bytes, key })),
    );

  const forms = {
    'plain fragments': '-movflags frag_keyframe+empty_moov+default_base_moof',
    'base-data-offset': '-movflags frag_keyframe+empty_moov',
    'negative composition offsets': '-movflags frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets',
    'CMAF in small chunks': '-movflags cmaf+empty_moov+default_base_moof+negative_cts_offsets -frag_duration 120000',
    'edit lists': '-movflags frag_keyframe+delay_moov+default_base_moof',
    'one moof for each track': '-movflags frag_keyframe+empty_moov+separate_moof+default_base_moof',
    'sidx and styp': '-movflags frag_keyframe+empty_moov+default_base_moof+dash+global_sidx',
    'one frame a fragment': '-map 0:v -movflags frag_every_frame+empty_moov+default_base_moof',
  };
  for (const [name, flags] of Object.entries(forms)) {
    test(`${name}: every packet with its pts, size and key flag, and dts <= pts`, () => {
      const path = remux(flags);
      const { demuxer, frames, tracks, damage } = open();
      demuxer.push(readFileSync(path));
      demuxer.flush();
      assert.deepEqual(damage, []);
      assert.equal(tracks.length, 1);
      const expected = packets(path);
      for (const id of [1, 2]) {
        const own = frames.filter(({ trackId }) => trackId === id);
        const seen = own.map(({ trackId, pts, data, key }) => ({ trackId, pts, size: data.length, key }));
        // ffmpeg reads signed offsets late by their depth; by the standard the first picture is at 0, as in
        // the original.
        const late =
          id === 1 && flags.includes('negative_cts') ? expected.find(({ trackId }) => trackId === 1)!.pts : 0;
        assert.deepEqual(
          seen,
          expected.filter(({ trackId }) => trackId === id).map((packet) => ({ ...packet, pts: packet.pts - late })),
        );
        if (late > 0) assert.equal(own[0]!.pts, 0);
        for (const [i, frame] of own.entries()) {
          assert.ok(frame.dts <= frame.pts);
          assert.ok(i === 0 || frame.dts > own[i - 1]!.dts);
        }
      }
    });
  }

  test('a base-data-offset counts in a file of which only a piece came: every packet of the piece', () => {
    const bytes = new Uint8Array(readFileSync(remux(forms['base-data-offset'])));
    const starts = readBoxes(bytes, 0, bytes.length).filter(({ type }) => type === 'moof');
    const whole = open();
    whole.demuxer.push(bytes);
    for (const [i, { start }] of starts.entries()) {
      const piece = open();
      piece.demuxer.push(concatBytes([bytes.subarray(0, starts[0]!.start), bytes.subarray(start)]));
      piece.demuxer.flush();
      assert.deepEqual(piece.damage, [], `from fragment ${i}`);
      const first = piece.frames[0]!;
      assert.deepEqual(
        piece.frames.filter(({ trackId }) => trackId === 1),
        whole.frames.filter(({ trackId, dts }) => trackId === 1 && dts >= first.dts),
      );
    }
  });

  test('any chunking gives the same frames', () => {
    const bytes = new Uint8Array(readFileSync(remux(forms['CMAF in small chunks'])));
    const whole = open();
    whole.demuxer.push(bytes);
    whole.demuxer.flush();
    const random = seeded(4);
    for (const largest of [1, 7, 100, 5000]) {
      const pieces = open();
      for (let at = 0; at < bytes.length; ) {
        const next = at + 1 + random(largest);
        pieces.demuxer.push(bytes.subarray(at, next));
        at = next;
      }
      pieces.demuxer.flush();
      assert.deepEqual(pieces.frames, whole.frames);
      assert.deepEqual(pieces.tracks, whole.tracks);
    }
  });
});

suite('the fMP4 demuxer', () => {
  test('steps over styp, sidx, prft, free and uuid', () => {
    const { demuxer, frames, damage } = open();
    const extra = ['styp', 'sidx', 'prft', 'free', 'uuid'].map((type) => box(type, 40));
    demuxer.push(concatBytes([...extra, both, ...extra, fragment(framesOf(videoTrack, 5)), ...extra]));
    assert.equal(frames.length, 5);
    assert.deepEqual(damage, []);
  });

  test('delivers frames as views of the bytes that were pushed', () => {
    const { demuxer, frames } = open();
    const bytes = concatBytes([both, fragment(framesOf(videoTrack, 5))]);
    demuxer.push(bytes);
    assert.equal(frames[0]!.data.buffer, bytes.buffer);
    assert.deepEqual(frames, framesOf(videoTrack, 5));
  });

  test('without a tfdt the next fragment continues at the end of the last one, until a discontinuity', () => {
    const { demuxer, frames } = open();
    const [a, b] = [framesOf(audioTrack, 3, 48_000), framesOf(audioTrack, 3)];
    demuxer.push(concatBytes([both, fragment(a), withoutTfdt(fragment(b))]));
    demuxer.discontinuity();
    demuxer.push(withoutTfdt(fragment(b)));
    assert.deepEqual(
      frames.map(({ dts }) => dts),
      [48_000, 49_024, 50_048, 51_072, 52_096, 53_120, 0, 1024, 2048],
    );
  });

  test('the same init again says nothing new, another one does', () => {
    const { demuxer, tracks, frames } = open();
    demuxer.push(concatBytes([both, fragment(framesOf(videoTrack, 2)), both, fragment(framesOf(videoTrack, 2, 7200))]));
    assert.equal(tracks.length, 1);
    demuxer.push(concatBytes([printInit([hevcTrack, audioTrack]), fragment(framesOf(videoTrack, 2))]));
    assert.equal(tracks.length, 2);
    assert.equal(tracks[1]![0]!.config.codec, 'hevc');
    assert.equal(frames.length, 6);
  });

  test('renumbers tracks: video 1, audio 2 and 3, whatever their ids in the file', () => {
    const { demuxer, tracks, frames, damage } = open();
    const init = printInit([
      { ...audioTrack, id: 7 },
      { ...videoTrack, id: 9 },
      { ...audioTrack, id: 1, language: 'fra' },
    ]);
    demuxer.push(
      concatBytes([
        init,
        fragment(framesOf({ ...audioTrack, id: 1 }, 1)),
        fragment(framesOf({ ...videoTrack, id: 9 }, 1)),
      ]),
    );
    assert.deepEqual(
      tracks[0]!.map(({ id, kind, language }) => [id, kind, language]),
      [
        [1, 'video', 'und'],
        [2, 'audio', 'deu'],
        [3, 'audio', 'fra'],
      ],
    );
    assert.deepEqual(
      frames.map(({ trackId }) => trackId),
      [3, 1],
    );
    assert.deepEqual(damage, []);
  });

  test('what it leaves out it says once', () => {
    const { demuxer, frames, damage, leftOut } = open();
    const init = printInit([videoTrack, { ...videoTrack, id: 5 }]);
    const second = fragment(framesOf({ ...videoTrack, id: 5 }, 1));
    const unknown = fragment(framesOf({ ...videoTrack, id: 77 }, 1));
    demuxer.push(concatBytes([fragment(framesOf(videoTrack, 1)), init, second, second, unknown, unknown]));
    assert.equal(frames.length, 0);
    assert.deepEqual(
      damage.map((reason) => reason.slice(0, 24)),
      ['a fragment came before i', 'an mdat without a moof b', 'a fragment of unknown tr'],
    );
    demuxer.push(init);
    assert.deepEqual(leftOut, ['a second video track']);
  });

  test('NAL unit lengths of 1 and 2 bytes become 4', () => {
    for (const lengthBytes of [1, 2]) {
      const init = Buffer.from(printInit([videoTrack]));
      init[init.indexOf('avcC') + 8] = 0xfc | (lengthBytes - 1);
      const head = lengthBytes === 1 ? [3] : [0, 3];
      const data = Uint8Array.from([...head, 1, 2, 3, ...head.with(-1, 2), 4, 5]);
      const frame = { ...framesOf(videoTrack, 1)[0]!, data };
      const torn = { ...frame, dts: 3600, pts: 3600, data: Uint8Array.from([...head, 1]) };
      const { demuxer, frames, damage } = open();
      demuxer.push(concatBytes([init, fragment([frame]), fragment([torn])]));
      assert.deepEqual(
        frames.map((found) => [...found.data]),
        [[0, 0, 0, 3, 1, 2, 3, 0, 0, 0, 2, 4, 5]],
      );
      assert.equal(damage.length, 1);
    }
  });

  test('a segment that ends inside a box is damage, and the next one is taken', () => {
    const { demuxer, frames, damage } = open();
    const segment = fragment(framesOf(videoTrack, 5));
    demuxer.push(both);
    demuxer.push(segment.subarray(0, segment.length - 10));
    demuxer.flush();
    assert.equal(frames.length, 0);
    assert.equal(damage.length, 2);
    demuxer.push(segment);
    assert.equal(frames.length, 5);
  });

  test('what is not this container is refused at once, and for good', () => {
    const { demuxer } = open();
    const text = new TextEncoder().encode('<html><body>404 Not Found</body></html>');
    assert.throws(() => demuxer.push(text), { name: 'FormatError', message: /not fragmented MP4/ });
    assert.throws(() => demuxer.push(both), { name: 'FormatError' });
  });

  test('boxes beyond the bounds are refused before their bytes come', () => {
    for (const [type, size] of [
      ['moof', 5 * 2 ** 20],
      ['moov', 5 * 2 ** 20],
    ] as const) {
      const head = box(type, 16);
      new DataView(head.buffer).setUint32(0, size);
      assert.throws(() => open().demuxer.push(concatBytes([both, head])), {
        name: 'FormatError',
        message: /too large/,
      });
    }
    const media = fragment(framesOf(videoTrack, 1));
    const at = readBoxes(media)[1]!.start;
    new DataView(media.buffer).setUint32(at, 65 * 2 ** 20);
    assert.equal(fourccAt(media, at + 4), 'mdat');
    assert.throws(() => open().demuxer.push(concatBytes([both, media])), { name: 'FormatError', message: /too large/ });
  });

  test('a large unused box is skipped without buffering it', () => {
    const { demuxer, frames } = open();
    const head = box('free', 16);
    new DataView(head.buffer).setUint32(0, 80 * 2 ** 20);
    demuxer.push(concatBytes([both, head]));
    const filler = new Uint8Array(2 ** 20);
    for (let i = 0; i < 80; i++) demuxer.push(i < 79 ? filler : filler.subarray(0, 2 ** 20 - 16));
    demuxer.push(filler.subarray(0, 0));
    demuxer.push(fragment(framesOf(videoTrack, 2)));
    assert.equal(frames.length, 2);
  });

  test('an init without a track that we can take is refused', () => {
    const init = Buffer.from(printInit([videoTrack]));
    init.write('vp08', init.indexOf('avc1'));
    assert.throws(() => open().demuxer.push(init), { name: 'FormatError', message: /no track/ });
  });

  test('damaged streams give FormatError or damage and nothing else', () => {
    const good = concatBytes([
      both,
      fragment(framesOf(videoTrack, 6)),
      fragment(framesOf(audioTrack, 6)),
      fragment(framesOf(videoTrack, 6, 6 * 3600)),
    ]);
    fuzz(good, 2000, (bytes) => {
      const { demuxer, frames } = open();
      try {
        demuxer.push(bytes.subarray(0, bytes.length >> 1));
        demuxer.push(bytes.subarray(bytes.length >> 1));
        demuxer.flush();
      } catch (error) {
        assert.ok(error instanceof FormatError, String(error));
        assert.throws(() => demuxer.push(bytes), FormatError);
      }
      assert.ok(frames.length < 1000);
      for (const frame of frames) assert.ok(frame.dts <= frame.pts && frame.data.length <= bytes.length * 4);
    });
  });
});
