import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BitWriter } from '../bits.ts';
import { concatBytes } from '../bytes.ts';
import type { Frame, Track } from '../frame.ts';
import { BoxWriter } from './box.ts';
import { createFmp4Demuxer } from './demuxer.ts';
import { fragmentLength, printFragment } from './fragment.ts';
import { fuzzAudioRecords, fuzzDemuxerForms, fuzzEmsg } from './fuzz.fixture.ts';
import { printInit } from './init.ts';
import { audioTrack, av1Track, framesOf, videoTrack, vp9Track } from './media.fixture.ts';
import { demuxAll, emsgBox } from './real-media.fixture.ts';

function fragment(frames: readonly Frame[]): Uint8Array {
  const bytes = new Uint8Array(fragmentLength(frames));
  printFragment(bytes, 0, { sequence: 1, trackId: frames[0]!.trackId, tfdt: frames[0]!.dts, frames });
  return bytes;
}

function open() {
  const seen = { tracks: [] as (readonly Track[])[], frames: [] as Frame[], damage: [] as string[] };
  const demuxer = createFmp4Demuxer({
    tracks: (tracks) => seen.tracks.push(tracks),
    frame: (frame) => seen.frames.push(frame),
    damage: (reason) => seen.damage.push(reason),
  });
  return { demuxer, ...seen };
}

/** A sample of NAL units behind lengths of 4 bytes. */
function sample(...nals: readonly Uint8Array[]): Uint8Array {
  return concatBytes(nals.flatMap((nal) => [Uint8Array.of(0, 0, nal.length >> 8, nal.length & 255), nal]));
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const utf8 = (value: string) => new TextEncoder().encode(value);

/** An SPS of the baseline profile for pictures of this many macroblocks in one row. */
function spsOf(macroblocks: number): Uint8Array {
  const bits = new BitWriter();
  const ue = (value: number) => {
    const length = Math.floor(Math.log2(value + 1));
    bits.u(0, length).u(value + 1, length + 1);
  };
  bits.u(0x6742000a, 32);
  // id, log2_max_frame_num, order type 2, one reference; no gaps; size; frames only, direct, not cropped, no
  // VUI; stop bit
  for (const value of [0, 0, 2, 1]) ue(value);
  bits.u(0, 1);
  ue(macroblocks - 1);
  ue(0);
  return bits.u(0b11001, 5).finish();
}

const SPS_16 = spsOf(1);
const SPS_32 = spsOf(2);
const PPS = Uint8Array.of(0x68, 0xce, 0x38, 0x80);
const SLICE = Uint8Array.of(0x65, 1, 2, 3);

function withSamples(samples: readonly Uint8Array[]): Frame[] {
  return samples.map((data, i) => ({ trackId: 1, dts: i * 3600, pts: i * 3600, duration: 3600, key: true, data }));
}

/** The init of an H.264 track whose entry is avc3, and whose record may be empty. */
function avc3Init(record: Uint8Array, tracks: readonly Track[] = []): Uint8Array {
  const video: Track = {
    ...(videoTrack as Track & { kind: 'video' }),
    config: { ...videoTrack.config, record } as never,
  };
  const init = Buffer.from(printInit([video, ...tracks]));
  init.write('avc3', init.indexOf('avc1'));
  return new Uint8Array(init);
}
const EMPTY = Uint8Array.of(1, 0x42, 0, 0x0a, 0xff, 0xe0, 0);

suite('parameter sets in the samples (avc3, hev1)', () => {
  test('make the configuration, and are not in the frames', () => {
    const frames = withSamples([sample(SPS_16, PPS, SLICE), sample(SLICE), sample(SPS_16, PPS, SLICE)]);
    const { tracks, frames: seen, damage } = demuxAll(concatBytes([avc3Init(EMPTY), fragment(frames)]));
    assert.deepEqual(damage, []);
    assert.equal(tracks.length, 1);
    const [video] = tracks[0]!;
    assert.ok(video?.kind === 'video' && video.config.record.length > 15);
    assert.deepEqual([video.config.width, video.config.height, video.config.codecs], [16, 16, 'avc1.42000a']);
    assert.deepEqual(
      seen.map(({ data }) => data),
      [sample(SLICE), sample(SLICE), sample(SLICE)],
    );
  });

  test('that change midway make a new track, and the frames before keep the old one', () => {
    const frames = withSamples([sample(SPS_16, PPS, SLICE), sample(SPS_32, PPS, SLICE)]);
    const order: string[] = [];
    const demuxer = createFmp4Demuxer({
      tracks: ([video]) => order.push(`${video?.kind === 'video' && video.config.width} wide`),
      frame: ({ dts }) => order.push(`frame ${dts}`),
      damage: (reason) => order.push(reason),
    });
    demuxer.push(concatBytes([avc3Init(EMPTY), fragment(frames)]));
    demuxer.flush();
    assert.deepEqual(order, ['16 wide', 'frame 0', '32 wide', 'frame 3600']);
    // The same init before the next segment changes nothing back.
    const [, last] = frames;
    const next = { ...last!, dts: 7200, pts: 7200 };
    demuxer.push(concatBytes([avc3Init(EMPTY), fragment([next])]));
    demuxer.flush();
    assert.deepEqual(order.slice(4), ['frame 7200']);
  });

  test('are waited for: audio before them is reported with them', () => {
    const sound = framesOf(audioTrack, 5);
    const bytes = [avc3Init(EMPTY, [audioTrack]), fragment(sound), fragment(withSamples([sample(SPS_16, PPS, SLICE)]))];
    const { tracks, frames } = demuxAll(concatBytes(bytes));
    assert.deepEqual(
      tracks.map((set) => set.map(({ kind }) => kind)),
      [['video', 'audio']],
    );
    assert.equal(frames.length, 6);
  });

  test('that never come leave the sound', () => {
    const bytes = [
      avc3Init(EMPTY, [audioTrack]),
      fragment(withSamples([sample(SLICE)])),
      fragment(framesOf(audioTrack, 5)),
    ];
    const { tracks, frames, damage } = demuxAll(concatBytes(bytes));
    assert.deepEqual(
      tracks.map((set) => set.map(({ kind }) => kind)),
      [['audio']],
    );
    assert.equal(frames.length, 5);
    assert.ok(damage.includes('pictures came without parameter sets'), damage.join());
  });
});

suite('samples that are no NAL units', () => {
  for (const track of [av1Track, vp9Track]) {
    test(`of ${track.config.codec} are taken as they are, with the key frames that the flags name`, () => {
      const frames = framesOf(track, 30).map((frame) => ({
        ...frame,
        pts: frame.dts,
        data: Uint8Array.of(0x32, 0xff, 1),
      }));
      const { frames: seen, damage } = demuxAll(concatBytes([printInit([track]), fragment(frames)]));
      assert.deepEqual(damage, []);
      assert.deepEqual(seen, frames);
    });
  }

  test('of AV1 lose the temporal delimiter before them', () => {
    const [frame] = framesOf(av1Track, 1);
    const data = Uint8Array.of(0x12, 0, 0x32, 1, 9);
    const { frames } = demuxAll(concatBytes([printInit([av1Track]), fragment([{ ...frame!, data }])]));
    assert.deepEqual(frames[0]!.data, data.subarray(2));
  });
});

suite('events beside the fragments', () => {
  const pictures = framesOf(videoTrack, 50, 900_000).map((frame) => ({ ...frame, pts: frame.dts }));
  const ID3 = 'https://aomedia.org/emsg/ID3';
  const SCTE = 'urn:scte:scte35:2013:bin';

  test('become frames of data tracks, at their time, in front of the media that they belong to', () => {
    const id3 = emsgBox({
      version: 1,
      scheme: ID3,
      timescale: 1000,
      time: 10_500,
      duration: 2000,
      id: 7,
      data: utf8('ID3tag'),
    });
    const scte = emsgBox({
      version: 0,
      scheme: SCTE,
      timescale: 90_000,
      time: 9000,
      duration: 0xffffffff,
      id: 1,
      data: Uint8Array.of(0xfc, 1),
    });
    const { tracks, frames, damage } = demuxAll(concatBytes([printInit([videoTrack]), id3, scte, fragment(pictures)]));
    assert.deepEqual(damage, []);
    assert.deepEqual(
      tracks.map((set) => set.map(({ id, kind, config }) => [id, kind, config.codec])),
      [
        [
          [1, 'video', 'h264'],
          [250, 'data', 'id3'],
          [251, 'data', 'scte35'],
        ],
      ],
    );
    const events = frames.filter(({ trackId }) => trackId >= 250);
    assert.deepEqual(
      events.map(({ trackId, dts, pts, duration }) => [trackId, dts, pts, duration]),
      [
        [251, 909_000, 909_000, 0],
        [250, 945_000, 945_000, 180_000],
      ],
    );
    assert.equal(text(events[1]!.data), 'ID3tag');
    assert.equal(frames.length, 52);
  });

  test('wait until the media has reached their time, and are passed on once, even if repeated', () => {
    const late = emsgBox({
      version: 1,
      scheme: ID3,
      timescale: 1000,
      time: 12_500,
      duration: 0,
      id: 1,
      data: utf8('late'),
    });
    const { demuxer, frames } = open();
    const isEvent = ({ trackId }: Frame) => trackId === 250;
    demuxer.push(concatBytes([printInit([videoTrack]), late, fragment(pictures)]));
    demuxer.flush();
    assert.equal(frames.filter(isEvent).length, 0);
    demuxer.push(concatBytes([late, fragment(framesOf(videoTrack, 50, 1_080_000))]));
    assert.deepEqual(
      frames.filter(isEvent).map(({ pts }) => pts),
      [12.5 * 90_000],
    );
  });

  test('of one instant follow each other by a tick', () => {
    const event = (data: string) =>
      emsgBox({ version: 1, scheme: ID3, timescale: 1000, time: 10_100, duration: 0, id: 0, data: utf8(data) });
    const { frames } = demuxAll(concatBytes([printInit([videoTrack]), event('a'), event('b'), fragment(pictures)]));
    const events = frames.filter(({ trackId }) => trackId === 250);
    assert.deepEqual(
      events.map(({ dts, data }) => [dts, text(data)]),
      [
        [909_000, 'a'],
        [909_001, 'b'],
      ],
    );
  });

  test('of other schemes, and malformed ones, change nothing', () => {
    const other = emsgBox({
      version: 1,
      scheme: 'urn:mpeg:dash:event:2012',
      timescale: 1,
      time: 10,
      duration: 0,
      id: 0,
      data: utf8('x'),
    });
    const broken = other.slice();
    broken[8] = 9;
    const { tracks, frames, damage } = demuxAll(
      concatBytes([printInit([videoTrack]), other, broken, fragment(pictures)]),
    );
    assert.equal(tracks[0]!.length, 1);
    assert.equal(frames.length, 50);
    assert.deepEqual(damage, ['emsg version 9 is unknown']);
  });

  test('that begin midway join the tracks then', () => {
    const event = emsgBox({
      version: 1,
      scheme: ID3,
      timescale: 1000,
      time: 12_000,
      duration: 0,
      id: 0,
      data: utf8('x'),
    });
    const more = framesOf(videoTrack, 50, 1_080_000);
    const { tracks } = demuxAll(concatBytes([printInit([videoTrack]), fragment(pictures), event, fragment(more)]));
    assert.deepEqual(
      tracks.map((set) => set.length),
      [1, 2],
    );
  });
});

suite('encrypted media', () => {
  test('is refused by the name of its scheme', () => {
    // A sinf and its schm are as long as a record of 20 bytes.
    const record = new Uint8Array(20).fill(1, 0, 1);
    const track = { ...videoTrack, config: { ...videoTrack.config, record } } as Track;
    const init = Buffer.from(printInit([track]));
    init.write('encv', init.indexOf('avc1'));
    assert.throws(() => demuxAll(init), { code: 'unsupported-media', message: 'The media is encrypted (unknown).' });
    const sinf = new BoxWriter(init, init.indexOf('avcC') - 4);
    const box = sinf.open('sinf');
    const schm = sinf.openFull('schm', 0, 0);
    sinf.fourcc('cbcs');
    sinf.u32(0x10000);
    sinf.close(schm);
    sinf.close(box);
    assert.throws(() => demuxAll(init), { code: 'unsupported-media', message: 'The media is encrypted (cbcs).' });
  });
});

test('2,000 damaged events, and streams of each form, end in nothing worse than FormatError or damage', () => {
  fuzzEmsg(5, 2000);
  fuzzDemuxerForms(6, 2000);
});

test('2,000 random records of sound are read, or refused with a FormatError', () => {
  assert.ok(fuzzAudioRecords(102, 2000) > 2000);
});

suite('the end of a segment', () => {
  const frames = framesOf(videoTrack, 3);
  /** A fragment whose mdat reaches to the end. */
  const openEnd = (more: readonly Frame[] = frames) => {
    const bytes = fragment(more);
    const at = Buffer.from(bytes).indexOf('mdat') - 4;
    bytes.fill(0, at, at + 4);
    return bytes;
  };

  test('an mdat of size 0 reaches to it, and the next segment begins behind it (4.2.2)', () => {
    for (const size of [1, 7, 1000]) {
      const { demuxer, frames: found, damage } = open();
      demuxer.push(printInit([videoTrack]));
      const next = frames.map((frame) => ({ ...frame, dts: frame.dts + 90_000, pts: frame.pts + 90_000 }));
      for (const segment of [
        openEnd(),
        openEnd(next),
        fragment(next.map((one) => ({ ...one, dts: one.dts * 2, pts: one.pts * 2 }))),
      ]) {
        for (let at = 0; at < segment.length; at += size) demuxer.push(segment.subarray(at, at + size));
        demuxer.flush();
      }
      assert.equal(found.length, 9);
      assert.deepEqual(
        found.slice(0, 3).map(({ data }) => Buffer.from(data)),
        frames.map(({ data }) => Buffer.from(data)),
      );
      assert.deepEqual(damage, []);
    }
  });

  test('an open mdat without samples is stepped over, however long it is, and is reported', () => {
    const { demuxer, frames: found, damage } = open();
    demuxer.push(printInit([videoTrack]));
    demuxer.push(concatBytes([Uint8Array.of(0, 0, 0, 0), utf8('mdat'), new Uint8Array(1000)]));
    demuxer.push(new Uint8Array(1000));
    demuxer.flush();
    demuxer.push(fragment(frames));
    demuxer.flush();
    assert.equal(found.length, 3);
    assert.deepEqual(damage, ['an mdat without a moof before it was stepped over']);
  });
});
