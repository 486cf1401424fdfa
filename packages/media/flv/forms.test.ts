import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { concatBytes } from '../bytes.ts';
import { silentFlacFrame } from '../flac/silence.ts';
import { flacConfigFromHeader, printFlacHeader } from '../flac/stream-info.ts';
import { flacTrack } from '../isobmff/media.fixture.ts';
import { printMp3 } from '../mpegts/forms.fixture.ts';
import { printSps } from '../mpegts/packets.fixture.ts';
import {
  AAC_RECORD,
  aac,
  at,
  avc,
  colorInfo,
  exAudio,
  exVideo,
  FLAC_INFO,
  manyAudio,
  manyVideo,
  message,
  metadata,
  OPUS_HEAD,
  OPUS_PACKET,
  oneAudio,
  printAvcC,
  printNal,
  printPicture,
  u24,
} from './forms.fixture.ts';
import { demux } from './media.fixture.ts';
import { type FlvMessage, PACKET } from './message.ts';

const START = PACKET.sequenceStart;
const FRAMES = PACKET.codedFrames;
const sound = new Uint8Array(40).fill(0x21);
const fourCc = (text: string) => new TextEncoder().encode(text);
const bytes = (data: Uint8Array) => Buffer.from(data).toString('hex');
const codecsOf = (messages: readonly FlvMessage[]) =>
  demux(messages).tracks.map((tracks) => tracks.map(({ id, config }) => `${id} ${config.codecs}`));

suite('configurations', () => {
  test('NAL units after lengths of 1 or 2 bytes get lengths of 4', () => {
    for (const size of [1, 2]) {
      const out = demux([avc(0, printAvcC(size)), avc(1, printPicture(true, 60, size)), metadata({ videocodecid: 7 })]);
      assert.deepEqual(out.damage, []);
      assert.equal(bytes(out.frames[0]!.data), bytes(printPicture(true, 60)));
      assert.equal((out.tracks[0]![0]!.config.record[4] ?? 0) & 3, 3);
    }
  });

  test('parameter sets within a frame that differ from the configuration change the track; equal ones are left out', () => {
    const same = concatBytes([printNal(printSps()), printPicture(true)]);
    const other = concatBytes([printNal(printSps(8)), printPicture(true)]);
    const out = demux([
      ...[metadata({ videocodecid: 7 }), avc(0, printAvcC()), avc(1, same), at(40, avc(1, other))],
      at(80, avc(0, printAvcC())),
    ]);
    assert.deepEqual(
      out.tracks.map(([track]) => track!.kind === 'video' && track!.config.width),
      [64, 128],
    );
    assert.deepEqual(
      out.frames.map(({ data }) => bytes(data)),
      [printPicture(true), printPicture(true)].map(bytes),
    );
    assert.deepEqual(out.damage, []);
  });

  test('HEVC with the number 12, as some cameras send it, is H.265 and not unknown', () => {
    const out = demux([message('video', 0x1c, 0, u24(0), 1, 2, 3)]);
    assert.match(out.damage.join(), /hvcC/);
    assert.deepEqual(out.leftOut, []);
  });

  test('a frame before its configuration is damage, not a track', () => {
    const out = demux([avc(1, printPicture(true)), aac(1, sound)]);
    assert.deepEqual([out.tracks, out.frames], [[], []]);
    assert.equal(out.damage.length, 2);
  });
});

suite('the set of tracks', () => {
  const picture = avc(1, printPicture(true));

  test('metadata that names video alone ends the wait at once; audio that comes later changes the tracks', () => {
    const start = [metadata({ videocodecid: 7 }), avc(0, printAvcC()), picture];
    assert.deepEqual(codecsOf(start), [['1 avc1.42c01e']]);
    const later = [...start, at(40, aac(0, AAC_RECORD)), at(40, aac(1, sound))];
    assert.deepEqual(codecsOf(later), [['1 avc1.42c01e'], ['1 avc1.42c01e', '2 mp4a.40.2']]);
  });

  test('without metadata video waits for audio for a second of media, and no frame is lost', () => {
    const pictures = Array.from({ length: 40 }, (_, i) => at(i * 40, picture));
    const out = demux([avc(0, printAvcC()), ...pictures]);
    assert.deepEqual(out.tracks.length, 1);
    assert.equal(out.frames.length, 40);
  });

  test('metadata that announces audio and video waits two seconds for both: who joins within a GOP has sound alone first', () => {
    const announced = [metadata({ videocodecid: 7, audiocodecid: 10 }), aac(0, AAC_RECORD)];
    const heard = (toMs: number) =>
      Array.from({ length: Math.floor((toMs * 48) / 1024) }, (_, i) => at(Math.round((i * 1024) / 48), aac(1, sound)));
    for (const lateMs of [1000, 1900, 2000]) {
      const out = demux([...announced, ...heard(lateMs), at(lateMs, avc(0, printAvcC())), at(lateMs, picture)]);
      assert.deepEqual(
        out.tracks.map((tracks) => tracks.map(({ kind }) => kind)),
        [['video', 'audio']],
        `after ${lateMs} ms`,
      );
      assert.equal(out.frames.length, heard(lateMs).length + 1);
    }
    const later = codecsOf([...announced, ...heard(2100), at(2100, avc(0, printAvcC())), at(2100, picture)]);
    assert.deepEqual(later, [['2 mp4a.40.2'], ['1 avc1.42c01e', '2 mp4a.40.2']]);
  });

  test('configurations have no part in the clock: encoders send them with 0, also where the media is about to wrap', () => {
    for (const bits of [31, 32]) {
      const wrapped = (ms: number) => (2 ** bits - 2000 + ms) % 2 ** bits;
      const heard = Array.from({ length: 100 }, (_, i) => at(wrapped(i * 40), avc(1, printPicture(i % 25 === 0))));
      const configured = heard.flatMap((one, i) => (i % 25 === 0 ? [avc(0, printAvcC()), one] : [one]));
      const out = demux([metadata({ videocodecid: 7 }), ...configured]);
      assert.deepEqual([out.damage, out.tracks.length, out.frames.length], [[], 1, 100]);
      const [first] = out.frames;
      assert.ok(out.frames.every(({ dts }, i) => dts === first!.dts + i * 3600));
    }
  });

  test('metadata as AMF0 of the encoders gives its name', () => {
    assert.deepEqual(codecsOf([metadata({ audiocodecid: 10, encoder: 'x' }), aac(0, AAC_RECORD), aac(1, sound)]), [
      ['2 mp4a.40.2'],
    ]);
    assert.deepEqual(demux([message('script', 0x02, 0xff)]).damage.length, 1);
    assert.deepEqual(demux([message('script', new Uint8Array(65_537))]).damage.length, 1);
  });
});

suite('enhanced RTMP, from own byte captures', () => {
  test('many audio tracks with many codecs, and one track with a number', () => {
    const out = demux([
      manyAudio(START, [
        ['mp4a', 0, AAC_RECORD],
        ['Opus', 1, OPUS_HEAD],
      ]),
      oneAudio('Opus', START, 2, OPUS_HEAD),
      manyAudio(FRAMES, [
        ['mp4a', 0, sound],
        ['Opus', 1, OPUS_PACKET],
      ]),
      oneAudio('Opus', FRAMES, 2, OPUS_PACKET),
    ]);
    assert.deepEqual(
      out.tracks.at(-1)!.map(({ id, config }) => `${id} ${config.codecs}`),
      ['2 mp4a.40.2', '4 opus', '6 opus'],
    );
    assert.deepEqual(
      out.frames.map(({ trackId }) => trackId),
      [2, 4, 6],
    );
    assert.equal(bytes(out.frames[1]!.data), bytes(OPUS_PACKET));
  });

  test('many video tracks with one codec', () => {
    const out = demux([
      manyVideo('avc1', START, [
        [0, printAvcC()],
        [1, printAvcC(4, 8)],
      ]),
      manyVideo('avc1', PACKET.codedFramesX, [
        [0, printPicture(true)],
        [1, printPicture(true, 20)],
      ]),
    ]);
    assert.deepEqual(
      out.frames.map(({ trackId, data }) => [trackId, data.length]),
      [
        [1, 44],
        [3, 24],
      ],
    );
  });

  test('a modifier moves the time by nanoseconds; unknown modifiers are skipped', () => {
    const nano = (type: number) => concatBytes([Uint8Array.of(2), u24(500_000), Uint8Array.of(type)]);
    const unknown = concatBytes([Uint8Array.of(255, 1, 0), new Uint8Array(257), Uint8Array.of(0x17)]);
    const out = demux([
      avc(0, printAvcC()),
      message('video', 0x97, unknown, nano(PACKET.codedFramesX), fourCc('avc1'), printPicture(true)),
    ]);
    assert.deepEqual(out.damage, []);
    assert.equal(out.frames[0]!.pts, 45);
  });

  test('frames of avc1 have a composition time, those of CodedFramesX none', () => {
    const out = demux([
      exVideo('avc1', START, printAvcC()),
      exVideo('avc1', FRAMES, concatBytes([u24(80), printPicture(true)])),
      at(40, exVideo('avc1', PACKET.codedFramesX, printPicture(false), false)),
    ]);
    assert.deepEqual(
      out.frames.map(({ dts, pts, key }) => [dts, pts, key]),
      [
        [0, 7200, true],
        [3600, 3600, false],
      ],
    );
  });

  test('Apple Lossless, VVC and AV1 in MPEG-TS form are named', () => {
    const out = demux([
      ...[exAudio('alac', START, fourCc('alac')), exAudio('alac', FRAMES, sound)],
      ...[exVideo('vvc1', START, sound), exVideo('vvc1', FRAMES, sound)],
    ]);
    assert.deepEqual(
      out.leftOut.map(({ name }) => name),
      ['VVC video', 'Apple Lossless audio'],
    );
    const ts = exVideo('av01', PACKET.mpegTsSequenceStart, Uint8Array.of(0x80, 4, 0x81, 0, 0xc, 0));
    assert.deepEqual(demux([ts]).leftOut[0]?.name, 'av01 video in MPEG-TS form');
  });

  test('VP8 has its size from its key frames, and is a track that is converted', () => {
    const key = Uint8Array.of(0x10, 2, 0, 0x9d, 0x01, 0x2a, 0x40, 1, 0xb4, 0, 0, 0);
    const out = demux([
      exVideo('vp08', FRAMES, key),
      at(40, exVideo('vp08', FRAMES, Uint8Array.of(0x11, 2, 0, 0), false)),
      at(80, exVideo('vp08', FRAMES, key.subarray(0, 8))),
    ]);
    const [track] = out.tracks.at(-1)!;
    assert.ok(track?.kind === 'video');
    assert.deepEqual([track.config.codec, track.config.width, track.config.height], ['vp8', 320, 180]);
    assert.deepEqual(
      out.frames.map((frame) => frame.key),
      [true, false],
    );
    assert.match(out.damage[0]!, /ends early/);
  });

  test('FLAC frames count as many samples as their headers say; others than the configuration are damage', () => {
    const full = silentFlacFrame(flacTrack.config);
    const last = silentFlacFrame(flacConfigFromHeader(FLAC_INFO.with(0, 0).with(2, 4).with(3, 0)));
    const mono = silentFlacFrame(flacConfigFromHeader(FLAC_INFO.with(12, 0)));
    const out = demux([
      ...[exAudio('fLaC', FRAMES, full), exAudio('fLaC', START, FLAC_INFO), exAudio('fLaC', FRAMES, full)],
      ...[at(96, exAudio('fLaC', FRAMES, last)), at(117, exAudio('fLaC', FRAMES, full))],
      ...[at(213, exAudio('fLaC', FRAMES, mono)), at(213, exAudio('fLaC', FRAMES, sound))],
      at(213, exAudio('fLaC', START, printFlacHeader(flacTrack.config.record))),
    ]);
    assert.deepEqual(
      out.frames.map(({ dts, duration }) => [dts, duration]),
      [
        [0, 4608],
        [4608, 1024],
        [5632, 4608],
      ],
    );
    assert.deepEqual(
      out.tracks.map((tracks) => tracks.map(({ config }) => config)),
      [[flacTrack.config]],
    );
    assert.equal(out.damage.length, 3);
    assert.match(out.damage.join(), /before its header.*other channels.*malformed FLAC/);
  });

  test('metadata, ends of sequences, layouts of channels, commands and silence are no frames and no damage', () => {
    const out = demux([
      ...[colorInfo({}, 'av01'), exVideo('avc1', PACKET.sequenceEnd, new Uint8Array(0))],
      ...[exAudio('mp4a', 4, Uint8Array.of(1, 2, 0, 0, 0, 3)), message('video', 0x50, 0), message('audio')],
      ...[message('video'), message('video', 0xd0, 0), avc(2, new Uint8Array(0))],
    ]);
    assert.deepEqual([out.frames, out.damage, out.leftOut], [[], [], []]);
  });
});

suite('audio times', () => {
  const frames = (times: readonly number[], one = aac(1, sound)) =>
    demux([aac(0, AAC_RECORD), metadata({ audiocodecid: 10 }), ...times.map((time) => at(time, one))]);

  test('jitter of milliseconds leaves no trace, a pause does', () => {
    const exact = Array.from({ length: 60 }, (_, i) => (i * 1024) / 48);
    const jittered = exact.map((time, i) => Math.max(0, Math.round(time + [0, 1, -1, 2, -2][i % 5]!)));
    const out = frames(jittered);
    assert.ok(out.frames.every(({ dts }, i) => dts === i * 1024));
    const paused = frames([...jittered, 3000, 3021]);
    assert.equal(paused.frames.at(-2)!.dts, 144_000);
  });

  test('a clock that drifts is followed', () => {
    const out = frames(Array.from({ length: 2000 }, (_, i) => Math.round((i * 1024 * 1.0005) / 48)));
    const late = out.frames.map(({ dts }, i) => Math.abs(dts / 48 - (i * 1024 * 1.0005) / 48));
    assert.ok(Math.max(...late) < 5, String(Math.max(...late)));
    assert.equal(out.frames.length, 2000);
  });

  test('frames with the same timestamp follow each other; late ones are damage', () => {
    const pairs = frames([0, 0, 43, 43, 85, 85]);
    assert.deepEqual(
      pairs.frames.map(({ dts }) => dts),
      [0, 1024, 2048, 3072, 4096, 5120],
    );
    const late = frames([1000, 1021, 800, 1043]);
    assert.deepEqual([late.frames.length, late.damage.length], [3, 1]);
  });

  test('MP3 has its rate in every frame', () => {
    const out = frames([0], message('audio', 0x2f, printMp3(), printMp3()));
    assert.deepEqual(
      out.frames.map(({ dts }) => dts),
      [0, 1152],
    );
  });
});
