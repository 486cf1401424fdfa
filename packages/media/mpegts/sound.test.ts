import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { listTracks, trackOf } from '../../../test/fixtures/media/inside.ts';
import { need } from '../../../test/fixtures/need.ts';
import { concatBytes } from '../bytes.ts';
import type { AudioTrack, Frame, Track, VideoTrack } from '../frame.ts';
import { audioTrack, framesOf, videoTrack } from '../isobmff/media.fixture.ts';
import { printAc3, printMp3 } from './forms.fixture.ts';
import { makeTs, PICTURE, TONE, X264 } from './media.fixture.ts';
import { muxedLength, muxSegment } from './muxer/muxer.ts';
import { AUDIO, collect, type Delivered, demuxAll, PacketWriter, PMT, printPat, printPmt } from './packets.fixture.ts';

const read = (path: string) => new Uint8Array(readFileSync(path));
const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex');
const ownFrames = (delivered: Delivered, id: number) => delivered.frames.filter((frame) => frame.trackId === id);
const encoded = (...args: string[]) => [...PICTURE, ...TONE, '-t', '2', ...X264, ...args];

/** MD5 of each packet of a stream of a source. */
const packetMd5 = (path: string, stream: string) => trackOf(listTracks(path), stream).packets.map(({ md5 }) => md5);

/**
 * MD5 of each packet of a stream, as ffmpeg copies them while it does `more` with the file, and what it
 * complains about.
 */
function readPackets(level: readonly string[], path: string, stream: string, more: readonly string[] = []) {
  const args = [...level, '-i', path, '-map', `0:${stream}`, '-c', 'copy', '-f', 'framemd5', '-', ...more];
  const { stdout, stderr, status } = spawnSync('ffmpeg', args);
  const lines = stdout.toString().split('\n');
  const hashes = lines.filter((line) => /^\d/.test(line)).map((line) => line.split(',')[5]!.trim());
  return { hashes, complaints: stderr.toString(), status };
}

interface Form {
  readonly args: readonly string[];
  readonly codec: AudioTrack['config']['codec'];
  readonly codecs: string;
  readonly rate: number;
  readonly channels: number;
  /** Hexadecimal. */
  readonly record: string;
  readonly samples: number;
}

const forms: Readonly<Record<string, Form>> = {
  MP3: {
    args: encoded('-c:a', 'libmp3lame', '-ar', '44100', '-ac', '2'),
    codec: 'mp3',
    codecs: 'mp4a.6B',
    rate: 44_100,
    channels: 2,
    record: '',
    samples: 1152,
  },
  'MP3 at a low rate': {
    args: encoded('-c:a', 'libmp3lame', '-ar', '22050', '-ac', '1'),
    codec: 'mp3',
    codecs: 'mp4a.69',
    rate: 22_050,
    channels: 1,
    record: '',
    samples: 576,
  },
  'MPEG audio Layer II': {
    args: encoded('-c:a', 'mp2', '-ar', '48000', '-ac', '2'),
    codec: 'mp3',
    codecs: 'mp4a.6B',
    rate: 48_000,
    channels: 2,
    record: '',
    samples: 1152,
  },
  'AC-3': {
    args: encoded('-c:a', 'ac3', '-ar', '48000', '-ac', '6', '-b:a', '448k'),
    codec: 'ac3',
    codecs: 'ac-3',
    rate: 48_000,
    channels: 6,
    record: '103de0',
    samples: 1536,
  },
  'AC-3 by its descriptor (DVB)': {
    args: encoded('-c:a', 'ac3', '-ar', '48000', '-ac', '2', '-b:a', '192k', '-mpegts_flags', 'system_b'),
    codec: 'ac3',
    codecs: 'ac-3',
    rate: 48_000,
    channels: 2,
    record: '101140',
    samples: 1536,
  },
  'E-AC-3': {
    args: encoded('-c:a', 'eac3', '-ar', '48000', '-ac', '2', '-b:a', '192k'),
    codec: 'eac3',
    codecs: 'ec-3',
    rate: 48_000,
    channels: 2,
    record: '0600200400',
    samples: 1536,
  },
  'E-AC-3 by its descriptor (DVB)': {
    args: encoded('-c:a', 'eac3', '-ar', '48000', '-ac', '6', '-b:a', '192k', '-mpegts_flags', 'system_b'),
    codec: 'eac3',
    codecs: 'ec-3',
    rate: 48_000,
    channels: 6,
    record: '0600200f00',
    samples: 1536,
  },
  Opus: {
    args: encoded('-c:a', 'libopus', '-ac', '2'),
    codec: 'opus',
    codecs: 'opus',
    rate: 48_000,
    channels: 2,
    record: '000200000000bb80000000',
    samples: 960,
  },
  'Opus with six channels': {
    args: encoded('-c:a', 'libopus', '-ac', '6', '-mapping_family', '1'),
    codec: 'opus',
    codecs: 'opus',
    rate: 48_000,
    channels: 6,
    samples: 960,
    record: '000600000000bb800000010402000401020305',
  },
};

suite('sound beside ffmpeg', { skip: need('ffmpeg') }, () => {
  for (const [name, form] of Object.entries(forms)) {
    test(`${name}: the same bytes in each frame, without a gap, and a configuration for MP4`, () => {
      const path = makeTs(form.args);
      const delivered = demuxAll(read(path));
      assert.deepEqual(delivered.damage, []);
      assert.equal(delivered.tracks.length, 1);
      const track = delivered.tracks[0]![1] as AudioTrack;
      const { codec, codecs, sampleRate, channels, record } = track.config;
      assert.deepEqual(
        { codec, codecs, rate: sampleRate, channels, record: Buffer.from(record).toString('hex') },
        { codec: form.codec, codecs: form.codecs, rate: form.rate, channels: form.channels, record: form.record },
      );
      assert.equal(track.timescale, form.rate);
      const frames = ownFrames(delivered, 2);
      assert.deepEqual(
        frames.map(({ data }) => md5(data)),
        packetMd5(path, 'a:0'),
      );
      assert.ok(
        frames.every((frame, i) => frame.duration === form.samples && frame.pts === frames[0]!.pts + i * form.samples),
      );
    });

    test(`${name}: what our muxer makes of it ffmpeg reads as the same, without a complaint`, () => {
      const path = makeTs(form.args);
      const { tracks, frames } = demuxAll(read(path));
      const input = { tracks: tracks[0]!, frames: Map.groupBy(frames, (frame) => frame.trackId) };
      const bytes = muxSegment(input);
      assert.equal(bytes.length, muxedLength(input));
      const folder = mkdtempSync(join(tmpdir(), 'oxbow-'));
      try {
        const file = join(folder, 'out.ts');
        writeFileSync(file, bytes);
        const read = readPackets(['-v', 'warning'], file, 'a:0', ['-f', 'null', '-']);
        assert.deepEqual(read, { hashes: packetMd5(path, 'a:0'), complaints: '', status: 0 });
        const again = demuxAll(bytes);
        assert.deepEqual(again.damage, []);
        assert.deepEqual(
          again.tracks[0]!.map(({ config }) => config),
          tracks[0]!.map(({ config }) => config),
        );
        assert.deepEqual(
          ownFrames(again, 2).map(({ data }) => md5(data)),
          frames.filter(({ trackId }) => trackId === 2).map(({ data }) => md5(data)),
        );
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }

  test('several audio tracks of one program, each with its codec and language', () => {
    const more = ['-map', '0:v', ...['1:a', '1:a', '1:a', '1:a'].flatMap((from) => ['-map', from])];
    const codecs = ['-c:a:0', 'aac', '-c:a:1', 'ac3', '-c:a:2', 'libmp3lame', '-c:a:3', 'libopus'];
    const languages = ['deu', 'eng', 'fra', 'spa'].flatMap((code, i) => [`-metadata:s:a:${i}`, `language=${code}`]);
    const path = makeTs(encoded(...more, ...codecs, ...languages));
    const delivered = demuxAll(read(path));
    assert.deepEqual(delivered.damage, []);
    assert.deepEqual(
      delivered.tracks.map((set) => set.map(({ id, language, config }) => `${id} ${config.codec} ${language}`)),
      [['1 h264 und', '2 aac deu', '3 ac3 eng', '4 mp3 fra', '5 opus spa']],
    );
    for (const [i, id] of [3, 4, 5].entries()) {
      assert.deepEqual(
        ownFrames(delivered, id).map(({ data }) => md5(data)),
        packetMd5(path, `a:${i + 1}`),
      );
    }
  });

  test('over the wrap at 33 bits, in the middle and between sound and pictures, no frame is moved (2.4.3.7)', () => {
    const delivered = demuxAll(read(makeTs(encoded('-c:a', 'ac3', '-ar', '48000', '-output_ts_offset', '95441.5'))));
    assert.deepEqual(delivered.damage, []);
    const [video, audio] = [ownFrames(delivered, 1), ownFrames(delivered, 2)];
    assert.ok(video[0]!.dts < 2 ** 33 && video.at(-1)!.dts > 2 ** 33, 'the wrap is inside');
    assert.ok(video.every((frame, i) => i === 0 || frame.dts - video[i - 1]!.dts === 3600));
    assert.ok(audio.every((frame, i) => i === 0 || frame.dts - audio[i - 1]!.dts === 1536));
    assert.ok(Math.abs(audio[0]!.pts / 48_000 - video[0]!.pts / 90_000) < 0.2);
  });
});

/** A stream of one audio track. */
function streamOf(
  type: number,
  units: readonly { data: Uint8Array; pts?: number }[],
  descriptors: readonly number[] = [],
): Uint8Array {
  const writer = new PacketWriter();
  const head = [writer.section(0, printPat()), writer.section(PMT, printPmt([[type, AUDIO, descriptors]]))];
  const times = (pts: number | undefined) => (pts === undefined ? {} : { pts });
  return concatBytes([...head, ...units.map(({ data, pts }) => writer.pes(AUDIO, data, times(pts)))]);
}

test('frames across PES packets are joined, and other bytes between frames are damage', () => {
  const whole = concatBytes([printMp3(1), printMp3(2), printMp3(3), printMp3(4)]);
  const cut = [whole.subarray(0, 250), whole.subarray(250, 251), whole.subarray(251, 600), whole.subarray(600)];
  const units = cut.map((data, i) => (i === 0 ? { data, pts: 90_000 } : { data }));
  const { frames, damage } = demuxAll(streamOf(0x03, units));
  assert.deepEqual([frames.map(({ data }) => data[10]), damage], [[1, 2, 3, 4], []]);
  const torn = [{ data: concatBytes([printMp3(1), Uint8Array.of(1, 2, 3), printMp3(2), printMp3(3)]), pts: 90_000 }];
  const again = demuxAll(streamOf(0x03, torn));
  assert.deepEqual(again.damage, ['bytes between MPEG audio frames']);
  assert.ok(again.frames.length >= 2);
});

test('six blocks of E-AC-3 and what depends on them are one frame, however they lie in PES packets (TS 102 366, F.5)', () => {
  const piece = (dependent: boolean) =>
    printAc3('eac3', 2, { dependent, map: 1 << 9, layout: dependent ? 6 : 7, lfe: !dependent });
  const frame = concatBytes([0, 1, 2].flatMap(() => [piece(false), piece(true)]));
  const together = streamOf(0x87, [{ data: concatBytes([frame, frame, frame]), pts: 90_000 }]);
  const apart = streamOf(
    0x06,
    [0, 1, 2].flatMap((i) => [{ data: frame.subarray(0, 500), pts: 90_000 + i * 2880 }, { data: frame.subarray(500) }]),
    [0x7a, 1, 0],
  );
  for (const bytes of [together, apart]) {
    const { frames, tracks, damage } = demuxAll(bytes);
    assert.deepEqual(damage, []);
    assert.deepEqual(
      frames.map(({ data, duration }) => [data.length, duration]),
      Array.from({ length: 3 }, () => [1200, 1536]),
    );
    const { config } = tracks[0]![0] as AudioTrack;
    assert.deepEqual([tracks.length, config.codecs, config.channels], [1, 'ec-3', 8]);
  }
});

test('the frame of E-AC-3 before a loss is kept', () => {
  const writer = new PacketWriter();
  const pes = [0, 1, 2, 3, 4, 5].map((i) => writer.pes(AUDIO, printAc3('eac3'), { pts: 90_000 + i * 2880 }));
  const head = [writer.section(0, printPat()), writer.section(PMT, printPmt([[0x87, AUDIO]]))];
  const { frames, tracks } = demuxAll(concatBytes([...head, ...pes.filter((_, i) => i !== 3)]));
  assert.deepEqual(
    frames.map(({ pts }) => (pts - 48_000) / 1536),
    [0, 1, 2, 4, 5],
  );
  assert.equal(tracks.length, 1);
});

test('a segment that ends between the blocks of a frame of E-AC-3 is no other configuration', () => {
  const units = Array.from({ length: 20 }, (_, i) => ({ data: printAc3('eac3', 1), pts: 90_000 + i * 480 }));
  const bytes = streamOf(0x87, units);
  const { demuxer, tracks, frames } = collect();
  const half = 188 * (2 + 2 * 10); // the tables, then two packets a PES
  demuxer.push(bytes.subarray(0, half));
  demuxer.flush();
  demuxer.push(bytes.subarray(half));
  demuxer.flush();
  assert.equal(tracks.length, 1);
  assert.equal(
    frames.reduce((sum, { duration }) => sum + duration, 0),
    20 * 256,
  );
});

test('an audio track that changes from AC-3 to E-AC-3 is reported again', () => {
  const units = [0, 1, 2, 3].map((i) => ({ data: printAc3(i < 2 ? 'ac3' : 'eac3'), pts: 90_000 + i * 2880 }));
  const { tracks, frames } = demuxAll(streamOf(0x81, units));
  assert.deepEqual([tracks.map(([track]) => track!.config.codec), frames.length], [['ac3', 'eac3'], 4]);
});

test('encrypted and foreign sound is refused by name', () => {
  const registered = (name: string) => [5, 4, ...new TextEncoder().encode(name)];
  const refused = (type: number, descriptors: readonly number[] = []) => {
    const { demuxer, leftOut } = collect();
    demuxer.push(streamOf(type, [], descriptors));
    demuxer.flush();
    demuxer.flush();
    return leftOut.map((tracks) => tracks.map(({ name }) => name));
  };
  assert.deepEqual(refused(0xc1), [['encrypted AC-3 audio']]);
  assert.deepEqual(refused(0x06, registered('AC-4')), [['AC-4 audio']]);
  assert.deepEqual(refused(0x06, [0x7c, 2, 0x58, 0]), [['AAC in LATM audio']]);
  assert.deepEqual(refused(0x06, [0x59, 0]), [['DVB subtitles']]);
  assert.deepEqual(refused(0x9a), [['a track of unknown stream type 0x9a']]);
  assert.deepEqual(refused(0x06, [0x56, 0]), [['teletext']]);
  assert.deepEqual(refused(0x06, registered('KLVA')), [['KLV metadata']]);
  assert.deepEqual(refused(0x06), [], 'private data of unknown type');
});

test('what MPEG-TS cannot carry the muxer refuses by name', () => {
  const refused = (track: Track) => {
    const frames: readonly Frame[] = framesOf(videoTrack, 2);
    for (const call of [muxSegment, muxedLength]) {
      assert.throws(
        () => call({ tracks: [track, audioTrack], frames: new Map([[track.id, frames]]) }),
        (error: Error & { code?: string }) =>
          error.code === 'unsupported-media' && /MPEG-TS cannot carry/.test(error.message),
      );
    }
  };
  const video = (codec: 'av1' | 'vp9'): VideoTrack => ({
    id: 1,
    kind: 'video',
    timescale: 90_000,
    language: 'und',
    label: '',
    config: { codec, record: Uint8Array.of(0x81, 4, 12, 0), codecs: codec, width: 64, height: 64 },
  });
  refused(video('av1'));
  refused(video('vp9'));
  const base = { id: 1, timescale: 1000, language: 'und', label: '' };
  refused({ ...base, kind: 'text', config: { codec: 'webvtt', record: new Uint8Array(0), codecs: 'wvtt' } });
  refused({ ...base, kind: 'data', config: { codec: 'scte35', record: new Uint8Array(0), codecs: '' } });
});
