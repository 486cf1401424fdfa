import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { need } from '../../../../test/fixtures/need.ts';
import { parseAdtsHeader } from '../../aac/adts.ts';
import { concatBytes } from '../../bytes.ts';
import { FormatError } from '../../errors.ts';
import type { Frame, Track } from '../../frame.ts';
import { h264Config } from '../../h264/avcc.ts';
import { audioTrack, framesOf, fuzz, videoTrack } from '../../isobmff/media.fixture.ts';
import { rescale } from '../../rescale.ts';
import { decodedMd5, makeTs, PICTURE, TONE, X264, X265 } from '../media.fixture.ts';
import { demuxAll, PPS, printSps } from '../packets.fixture.ts';
import { parsePmt, SectionReader } from '../psi.ts';
import { PES_TIMESCALE, TURN } from '../timestamps.ts';
import { muxedLength, muxSegment, type SegmentInput } from './muxer.ts';

const PACKET = 188;
const CLOCK_DELAY = 18_000;

interface Packet {
  readonly pid: number;
  readonly counter: number;
  readonly hasPayload: boolean;
  readonly starts: boolean;
  readonly randomAccess: boolean;
  /** Program clock reference, ticks of 90 kHz. */
  readonly clock: number | undefined;
  readonly payload: Uint8Array;
}

/** A second reader of packets, which takes nothing for granted. */
function packetsOf(bytes: Uint8Array): Packet[] {
  assert.equal(bytes.length % PACKET, 0);
  return Array.from({ length: bytes.length / PACKET }, (_, i) => {
    const packet = bytes.subarray(i * PACKET, (i + 1) * PACKET);
    assert.equal(packet[0], 0x47);
    const control = (packet[3]! >> 4) & 3;
    const adaptation = control & 2 ? packet[4]! : -1;
    const flags = adaptation > 0 ? packet[5]! : 0;
    if (control === 2) assert.equal(adaptation, 183);
    if (control === 3) assert.ok(adaptation <= 182, 'a payload of at least one byte is left');
    const clock =
      flags & 0x10
        ? new DataView(packet.buffer, packet.byteOffset + 6).getUint32(0) * 2 + (packet[10]! >> 7)
        : undefined;
    return {
      pid: ((packet[1]! & 0x1f) << 8) | packet[2]!,
      counter: packet[3]! & 15,
      hasPayload: (control & 1) === 1,
      starts: (packet[1]! & 0x40) !== 0,
      randomAccess: (flags & 0x40) !== 0,
      clock,
      payload: control & 1 ? packet.subarray(5 + adaptation) : new Uint8Array(0),
    };
  });
}

/** No counter of any PID jumps anywhere. */
function assertContinuous(bytes: Uint8Array): void {
  const last = new Map<number, number>();
  for (const { pid, counter, hasPayload } of packetsOf(bytes)) {
    const before = last.get(pid);
    if (before !== undefined) assert.equal(counter, hasPayload ? (before + 1) & 15 : before, `PID ${pid}`);
    last.set(pid, counter);
  }
}

const byTrack = (frames: readonly Frame[]) => Map.groupBy(frames, (frame) => frame.trackId);

/** Tracks with frames cut into segments at the key frames of the first video track, as the packager does. */
function segmentsOf(tracks: readonly Track[], frames: readonly Frame[]): SegmentInput[] {
  const byId = byTrack(frames);
  const video = tracks.find(({ kind }) => kind === 'video')!;
  const starts = byId.get(video.id)!.filter(({ key }) => key);
  return starts.map(({ pts }, i) => {
    const inside = tracks.map((track) => {
      const scaled = (ticks: number) => rescale(ticks, video.timescale, track.timescale);
      const own = byId.get(track.id) ?? [];
      if (track === video) {
        const to = starts[i + 1] ? own.indexOf(starts[i + 1]!) : own.length;
        return [track.id, own.slice(own.indexOf(starts[i]!), to)] as const;
      }
      const until = starts[i + 1] ? scaled(starts[i + 1]!.pts) : Number.POSITIVE_INFINITY;
      return [track.id, own.filter((frame) => frame.pts >= (i === 0 ? 0 : scaled(pts)) && frame.pts < until)] as const;
    });
    return { tracks, frames: new Map(inside) };
  });
}

const synthetic = (seconds = 2): SegmentInput => ({
  tracks: [videoTrack, audioTrack],
  frames: byTrack([...framesOf(videoTrack, 25 * seconds), ...framesOf(audioTrack, 47 * seconds)]),
});

test('begins with PAT and PMT, and the first access unit begins with a delimiter and the parameter sets', () => {
  const packets = packetsOf(muxSegment(synthetic()));
  assert.deepEqual(
    packets.slice(0, 2).map(({ pid }) => pid),
    [0, 0x1000],
  );
  const first = packets.find(({ pid }) => pid === 0x100)!;
  assert.ok(first.starts && first.randomAccess && first.clock !== undefined);
  const nals = [...Buffer.from(first.payload.subarray(19)).toString('latin1').split('\0\0\0\u0001')].slice(1);
  assert.deepEqual(
    nals.slice(0, 3).map((nal) => nal.charCodeAt(0) & 31),
    [9, 7, 8],
  );
});

test('the PMT names the language in three letters, however the track has it', () => {
  const languages = ['de-AT', 'fra', 'EN', 'und', 'i-klingon'];
  const tracks = languages.map((language, i) => ({ ...audioTrack, id: i + 2, language }));
  const bytes = muxSegment({ tracks: [videoTrack, ...tracks], frames: new Map([[1, framesOf(videoTrack, 2)]]) });
  const found: (readonly string[])[] = [];
  const reader = new SectionReader(
    (section) => found.push(parsePmt(section)!.streams.map(({ language }) => language)),
    assert.fail,
  );
  for (const { pid, payload, starts } of packetsOf(bytes))
    if (pid === 0x1000) reader.push(payload, 0, payload.length, starts);
  assert.deepEqual(found, [['und', 'deu', 'fra', 'eng', 'und', 'und']]);
});

test('each PID starts at count 0 and ends at 15, so that segments joined in any order have no jump', () => {
  const segments = [1, 2, 3].map((seconds) => muxSegment(synthetic(seconds)));
  for (const segment of segments) {
    for (const [pid, packets] of Map.groupBy(packetsOf(segment), (packet) => packet.pid)) {
      const counted = packets.filter(({ hasPayload }) => hasPayload);
      assert.equal(counted.length % 16, 0, `PID ${pid}`);
      assert.equal(counted[0]!.counter, 0);
    }
  }
  assertContinuous(concatBytes([2, 0, 1, 1, 0].map((i) => segments[i]!)));
});

test('a PMT of many languages takes two packets, and its counter does not jump either', () => {
  const tracks = Array.from({ length: 20 }, (_, i) => ({ ...audioTrack, id: i + 2 }));
  const frames = new Map([[1, framesOf(videoTrack, 5)]]);
  const bytes = muxSegment({ tracks: [videoTrack, ...tracks], frames });
  assertContinuous(concatBytes([bytes, bytes]));
  assert.equal(packetsOf(bytes).filter(({ pid }) => pid === 0x1000).length, 32);
});

test('the clock comes every 100 ms or sooner, behind every decode time, also at 5 frames per second', () => {
  const slow = framesOf(videoTrack, 10).map((frame) => ({
    ...frame,
    dts: frame.dts * 5,
    pts: frame.pts * 5,
    duration: 18_000,
  }));
  const clocks = packetsOf(muxSegment({ tracks: [videoTrack], frames: new Map([[1, slow]]) })).flatMap(({ clock }) =>
    clock === undefined ? [] : [clock > TURN / 2 ? clock - TURN : clock],
  );
  assert.equal(clocks[0], -CLOCK_DELAY);
  assert.equal(clocks.at(-1)! > 9 * 18_000 - CLOCK_DELAY, true);
  for (let i = 1; i < clocks.length; i++) assert.ok(clocks[i]! > clocks[i - 1]! && clocks[i]! - clocks[i - 1]! <= 9000);
});

test('where the video has a hole the PCR continues, and the tables stay unchanged', () => {
  const whole = packetsOf(muxSegment(synthetic()));
  const frames = new Map([[audioTrack.id, framesOf(audioTrack, 94)]]);
  const hole = packetsOf(muxSegment({ tracks: [videoTrack, audioTrack], frames }));
  assert.deepEqual(hole[1]!.payload, whole[1]!.payload);
  const clocks = hole.filter(({ clock }) => clock !== undefined);
  assert.ok(
    clocks.length >= 20 &&
      clocks.every(({ pid, hasPayload, counter }) => pid === 0x100 && !hasPayload && counter === 15),
  );
});

test('audio alone carries the clock itself', () => {
  const packets = packetsOf(muxSegment({ tracks: [audioTrack], frames: new Map([[2, framesOf(audioTrack, 94)]]) }));
  const clocks = packets.flatMap(({ clock, pid }) => (clock === undefined ? [] : [{ clock, pid }]));
  assert.ok(clocks.length >= 22 && clocks.every(({ pid }) => pid === 0x100));
});

test('audio is beside the video of its time', () => {
  const times = packetsOf(muxSegment(synthetic())).flatMap(({ pid, starts, payload }) => {
    if (!starts || pid === 0 || pid === 0x1000) return [];
    const at = payload[7]! & 0x40 ? 14 : 9;
    return [
      ((payload[at]! >> 1) & 7) * 2 ** 30 +
        ((payload[at + 1]! << 22) |
          ((payload[at + 2]! >> 1) << 15) |
          (payload[at + 3]! << 7) |
          (payload[at + 4]! >> 1)),
    ];
  });
  for (let i = 1; i < times.length; i++) assert.ok(times[i]! >= times[i - 1]!);
});

test('times are taken modulo 2^33, after 26.5 hours as before', () => {
  const from = TURN - PES_TIMESCALE;
  const track: Track = { ...videoTrack, kind: 'video', config: h264Config([printSps()], [PPS]) };
  const slices = (frames: readonly Frame[]) =>
    frames.map((frame) => ({ ...frame, data: Uint8Array.of(0, 0, 0, 3, frame.key ? 0x65 : 0x41, 0x88, 0x80) }));
  const early = muxSegment({ tracks: [track], frames: new Map([[1, slices(framesOf(videoTrack, 50, from))]]) });
  const turns = muxSegment({
    tracks: [track],
    frames: new Map([[1, slices(framesOf(videoTrack, 50, from + 7 * TURN))]]),
  });
  assert.deepEqual(early, turns);
  const { frames, damage } = demuxAll(early);
  assert.deepEqual(damage, []);
  assert.deepEqual(
    frames.map(({ dts }) => dts),
    framesOf(videoTrack, 50, from).map(({ dts }) => dts),
  );
});

test('an audio frame that does not follow the one before has its own time', () => {
  const whole = framesOf(audioTrack, 20);
  const torn = whole.filter((_, i) => i !== 5 && i !== 6);
  const { frames, damage } = demuxAll(muxSegment({ tracks: [audioTrack], frames: new Map([[2, torn]]) }));
  assert.deepEqual(damage, []);
  assert.deepEqual(
    frames.map(({ pts }) => pts),
    torn.map(({ pts }) => pts),
  );
});

test('data that no PES packet can tell the length of is left out, and what surrounds it stays', () => {
  const config = { codec: 'id3', record: new Uint8Array(0), codecs: '' } as const;
  const data: Track = { id: 9, kind: 'data', timescale: PES_TIMESCALE, config, language: 'und', label: '' };
  const tag = (bytes: number) => {
    const text = new Uint8Array(bytes);
    text.set([0x49, 0x44, 0x33, 4, 0, 0, (bytes - 10) >> 21, ((bytes - 10) >> 14) & 0x7f, ((bytes - 10) >> 7) & 0x7f]);
    text[9] = (bytes - 10) & 0x7f;
    return text;
  };
  const sound = framesOf(audioTrack, 60);
  const sent = [300, 70_000, 60_000].map((bytes, i) => {
    const at = rescale(sound[i * 20]!.pts, audioTrack.timescale, PES_TIMESCALE);
    return { trackId: 9, dts: at, pts: at, duration: 0, key: true, data: tag(bytes) };
  });
  const frames = new Map([
    [2, sound],
    [9, sent],
  ]);
  const read = demuxAll(muxSegment({ tracks: [audioTrack, data], frames }));
  assert.deepEqual(read.damage, []);
  const tags = read.frames.filter((frame) => frame.data[0] === 0x49 && frame.data[1] === 0x44);
  assert.deepEqual(
    tags.map((frame) => frame.data.length),
    [300, 60_000],
  );
  assert.equal(read.frames.length - tags.length, 60);
});

test('the length is known without the bytes', () => {
  const input = synthetic(3);
  assert.equal(muxedLength(input), muxSegment(input).length);
});

test('AAC that ADTS has no words for is refused by name', () => {
  const config = { ...audioTrack.config, record: Uint8Array.of(0x12, 0x14) } as Extract<
    Track,
    { kind: 'audio' }
  >['config'];
  const odd: Track = { ...audioTrack, kind: 'audio', config };
  const frames = new Map([[2, framesOf(audioTrack, 2)]]);
  assert.throws(() => muxSegment({ tracks: [odd], frames }), { name: 'OxbowError', code: 'unsupported-media' });
});

test('damaged frames are refused with the byte, never with anything else', () => {
  const [frame] = framesOf(videoTrack, 1);
  const data = concatBytes([Uint8Array.of(0, 0, 0, 3, 0x65, 1, 2, 0, 0, 0, 4, 0x06, 1, 2, 3), frame!.data]);
  fuzz(
    data,
    2000,
    (bytes) => void muxSegment({ tracks: [videoTrack], frames: new Map([[1, [{ ...frame!, data: bytes }]]]) }),
  );
  const cut = { ...frame!, data: data.subarray(0, 9) };
  assert.throws(() => muxSegment({ tracks: [videoTrack], frames: new Map([[1, [cut]]]) }), FormatError);
});

suite('beside ffmpeg', { skip: need('ffmpeg') }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'oxbow-muxer-'));
  after(() => rmSync(folder, { recursive: true }));
  const AAC = ['-c:a', 'aac', '-ac', '2'];
  const two = [...PICTURE, ...TONE, '-f', 'lavfi', '-i', 'sine=f=880', '-map', '0', '-map', '1', '-map', '2'];
  const languages = ['-metadata:s:a:0', 'language=deu', '-metadata:s:a:1', 'language=fra'];
  for (const [name, args] of [
    ['H.264 with B-frames and AAC in 44.1 kHz', [...PICTURE, ...TONE, '-t', '5', ...X264, ...AAC, '-ar', '44100']],
    ['HEVC and AAC in 48 kHz', [...PICTURE, ...TONE, '-t', '4', ...X265, ...AAC, '-ar', '48000']],
    ['two languages', [...two, '-t', '4', ...X264, ...AAC, ...languages]],
  ] as const) {
    test(`${name}: segments joined play without a word, frame by frame the same as the source`, () => {
      const source = makeTs(args);
      const { tracks, frames } = demuxAll(new Uint8Array(readFileSync(source)));
      const segments = segmentsOf(tracks.at(-1)!, frames).map(muxSegment);
      assert.ok(segments.length >= 4);
      const joined = concatBytes(segments);
      assertContinuous(joined);
      const file = join(folder, 'joined.ts');
      writeFileSync(file, joined);
      const { stderr, status } = spawnSync('ffmpeg', ['-v', 'warning', '-i', file, '-map', '0', '-f', 'null', '-']);
      assert.equal(stderr.toString(), '');
      assert.equal(status, 0);
      assert.deepEqual(decodedMd5(file, 'v'), decodedMd5(source, 'v'));
      assert.deepEqual(decodedMd5(file, 'a'), decodedMd5(source, 'a'));
      const again = demuxAll(joined);
      assert.deepEqual(again.damage, []);
      assert.deepEqual(again.tracks.at(-1), tracks.at(-1));
      for (const { id } of tracks.at(-1)!) {
        const timesOf = (all: readonly Frame[]) =>
          all.filter((frame) => frame.trackId === id).map(({ pts, dts, key }) => [pts, dts, key]);
        assert.deepEqual(timesOf(again.frames), timesOf(frames));
      }
    });
  }

  test('ffprobe finds the languages, and every segment alone opens and decodes', () => {
    const { tracks, frames } = demuxAll(
      new Uint8Array(readFileSync(makeTs([...two, '-t', '4', ...X264, ...AAC, ...languages]))),
    );
    for (const [i, segment] of segmentsOf(tracks.at(-1)!, frames).map(muxSegment).entries()) {
      const file = join(folder, `${i}.ts`);
      writeFileSync(file, segment);
      const { stderr } = spawnSync('ffmpeg', ['-v', 'warning', '-i', file, '-map', '0', '-f', 'null', '-']);
      assert.equal(stderr.toString(), '', `segment ${i}`);
      const told = execFileSync('ffprobe', [
        '-v',
        'error',
        '-show_entries',
        'stream_tags=language',
        '-of',
        'csv=p=0',
        file,
      ]);
      assert.deepEqual(
        told
          .toString()
          .split('\n')
          .filter((line) => /^[a-z]{3}$/.test(line)),
        ['deu', 'fra'],
      );
    }
  });
});

test('an ADTS header says what the configuration says', () => {
  const packets = packetsOf(muxSegment({ tracks: [audioTrack], frames: new Map([[2, framesOf(audioTrack, 1)]]) }));
  const { payload } = packets.find(({ pid }) => pid === 0x100)!;
  const pes = concatBytes(packets.filter(({ pid }) => pid === 0x100).map((packet) => packet.payload));
  assert.equal(payload[3], 0xc0);
  const header = parseAdtsHeader(pes, 14, pes.length);
  const { data } = framesOf(audioTrack, 1)[0]!;
  assert.deepEqual(header, {
    objectType: 2,
    sampleRate: 48_000,
    channelConfiguration: 2,
    headerBytes: 7,
    frameBytes: 7 + data.length,
    blocks: 1,
  });
});
