import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { need } from '../../../test/fixtures/need.ts';
import { concatBytes } from '../bytes.ts';
import type { Frame, Track } from '../frame.ts';
import { parseAvcC } from '../h264/avcc.ts';
import { parseHvcC } from '../hevc/hvcc.ts';
import { decodedMd5, makeTs, PICTURE, probePackets, TONE, X264, X265 } from './media.fixture.ts';
import { collect, type Delivered, demuxAll } from './packets.fixture.ts';
import { TURN } from './timestamps.ts';

const h264 = () => makeTs([...PICTURE, ...TONE, '-t', '3', ...X264, '-c:a', 'aac', '-ar', '44100']);
const hevc = () => makeTs([...PICTURE, ...TONE, '-t', '3', ...X265, '-c:a', 'aac', '-ar', '48000', '-ac', '2']);
const read = (path: string) => new Uint8Array(readFileSync(path));
const of = (delivered: Delivered, id: number) => delivered.frames.filter((frame) => frame.trackId === id);

/** Byte stream of a video track, as an encoder would have written it. */
function toByteStream(track: Track, frames: readonly Frame[]): Uint8Array {
  const code = Uint8Array.of(0, 0, 0, 1);
  const { record, codec } = track.config;
  const { vps, sps, pps } = codec === 'h264' ? { vps: [], ...parseAvcC(record) } : parseHvcC(record);
  const heads = [...vps, ...sps, ...pps];
  const pieces = heads.flatMap((nal) => [code, nal]);
  for (const { data } of frames) {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    for (let at = 0; at < data.length; ) {
      const length = view.getUint32(at);
      pieces.push(code, data.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
  }
  return concatBytes(pieces);
}

suite('beside ffprobe', { skip: need('ffmpeg') }, () => {
  for (const [name, make] of [
    ['H.264 with B-frames and AAC in 44.1 kHz', h264],
    ['HEVC and AAC in 48 kHz', hevc],
  ] as const) {
    test(`${name}: the same packets, times and key frames as ffprobe lists`, () => {
      const path = make();
      const packets = probePackets(path);
      const delivered = demuxAll(read(path));
      assert.deepEqual(delivered.damage, []);
      assert.equal(delivered.tracks.length, 1);
      const video = of(delivered, 1);
      assert.deepEqual(
        video.map(({ pts, dts, key }) => ({ stream: 0, pts, dts, key })),
        packets.filter((packet) => packet.stream === 0),
      );
      assert.ok(video.slice(0, -1).every((frame, i) => frame.duration === video[i + 1]!.dts - frame.dts));
      assert.ok(video.every((frame) => frame.dts <= frame.pts));
      const rate = delivered.tracks[0]![1]!.timescale;
      const audio = of(delivered, 2);
      const probed = packets.filter((packet) => packet.stream === 1);
      assert.equal(audio.length, probed.length);
      audio.forEach((frame, i) => {
        const off = Math.abs(frame.pts / rate - probed[i]!.pts / 90_000);
        assert.ok(off < 0.0021, `frame ${i} is ${off} s off`);
        assert.equal(frame.pts, audio[0]!.pts + i * 1024);
      });
    });

    test(`${name}: what is delivered decodes to the same pictures`, () => {
      const path = make();
      const delivered = demuxAll(read(path));
      const folder = mkdtempSync(join(tmpdir(), 'oxbow-'));
      try {
        const track = delivered.tracks[0]![0]!;
        const file = join(folder, `out.${track.config.codec}`);
        writeFileSync(file, toByteStream(track, of(delivered, 1)));
        const pictures = decodedMd5(path, 'v');
        assert.equal(pictures.length, 75);
        assert.deepEqual(decodedMd5(file, 'v'), pictures);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });

    test(`${name}: the cut of the input changes nothing`, () => {
      const bytes = read(make());
      const whole = demuxAll(bytes);
      for (const size of [1, 7, 187, 188, 189, 1316, 4099, 65_536]) {
        assert.deepEqual(demuxAll(bytes, size), whole, `pieces of ${size}`);
      }
      const shifted = new Uint8Array(bytes.length + 1);
      shifted.set(bytes, 1);
      assert.deepEqual(demuxAll(shifted.subarray(1), 1316), whole, 'unaligned');
      const head = bytes.subarray(10_000); // begins within a packet
      assert.deepEqual(demuxAll(head, 99), demuxAll(head));
    });
  }

  test('the tracks tell codec, size, frame rate, sample rate and channels', () => {
    const [first, second] = [demuxAll(read(h264())).tracks[0]!, demuxAll(read(hevc())).tracks[0]!];
    assert.deepEqual(
      first.map((track) => ({ ...track, config: { ...track.config, record: undefined } })),
      [
        {
          id: 1,
          kind: 'video',
          timescale: 90_000,
          language: 'und',
          label: '',
          config: { codec: 'h264', codecs: 'avc1.64000b', width: 160, height: 90, frameRate: 25, record: undefined },
        },
        {
          id: 2,
          kind: 'audio',
          timescale: 44_100,
          language: 'und',
          label: '',
          config: { codec: 'aac', codecs: 'mp4a.40.2', sampleRate: 44_100, channels: 1, record: undefined },
        },
      ],
    );
    assert.match(second[0]!.config.codecs, /^hvc1\.1\.6\.L\d+\.90$/);
    assert.equal(second[1]!.config.codec === 'aac' && second[1]!.config.channels, 2);
  });

  test('over the wrap at 33 bits both tracks continue without a step (2.4.3.7)', () => {
    // 33 bits last 95443.7 s; the stream starts 1.4 s after its offset.
    const args = [...PICTURE, ...TONE, '-t', '3', ...X264, '-c:a', 'aac', '-ar', '48000', '-output_ts_offset', '95441'];
    const delivered = demuxAll(read(makeTs(args)));
    assert.deepEqual(delivered.damage, []);
    const [video, audio] = [of(delivered, 1), of(delivered, 2)];
    assert.equal(video.length, 75);
    assert.ok(video[0]!.dts < TURN && video.at(-1)!.dts > TURN, 'the wrap is inside');
    assert.ok(video.every((frame, i) => i === 0 || frame.dts - video[i - 1]!.dts === 3600));
    assert.ok(audio.every((frame, i) => i === 0 || frame.dts - audio[i - 1]!.dts === 1024));
    assert.ok(Math.abs(audio[0]!.pts / 48_000 - video[0]!.pts / 90_000) < 0.1);
  });

  test('an I picture with a recovery point is a key frame (open GOP)', () => {
    const args = [...PICTURE, '-t', '3', ...X264, '-x264-params', 'open-gop=1:bframes=2:keyint=25:b-adapt=0'];
    const path = makeTs(args);
    const { frames } = demuxAll(read(path));
    const keys = frames.map((frame) => frame.key);
    const isIdr = (frame: Frame) => [0, 1, 2, 3].some((i) => (nalTypes(frame.data)[i] ?? 0) === 5);
    assert.ok(
      frames.some((frame) => frame.key && !isIdr(frame)),
      'no open GOP in the fixture',
    );
    assert.deepEqual(
      keys,
      probePackets(path).map((packet) => packet.key),
    );
    assert.ok(keys.filter(Boolean).length >= 3);
  });

  test('segments with a flush after each give the same frames as the whole', () => {
    const bytes = read(h264());
    const whole = demuxAll(bytes);
    const { demuxer, ...delivered } = collect();
    // A segmenter cuts where a video PES starts; here: at the second key frame.
    const cut = findVideoStart(bytes, of(whole, 1).filter((frame) => frame.key)[1]!);
    demuxer.push(bytes.subarray(0, cut));
    demuxer.flush();
    const before = delivered.frames.length;
    demuxer.push(bytes.subarray(cut));
    demuxer.flush();
    assert.ok(before > 0 && before < whole.frames.length);
    assert.deepEqual(of(delivered, 1), of(whole, 1));
    assert.deepEqual(delivered.damage, []);
  });

  test('another picture size in the middle: tracks again, before the first frame that needs it', () => {
    const small = read(h264());
    const large = read(
      makeTs([
        '-f',
        'lavfi',
        '-i',
        'testsrc2=s=320x180:r=25',
        ...TONE,
        '-t',
        '1',
        ...X264,
        '-c:a',
        'aac',
        '-ar',
        '44100',
      ]),
    );
    const sizes: number[] = [];
    const { demuxer, ...delivered } = collect();
    demuxer.push(small);
    demuxer.discontinuity();
    const before = of(delivered, 1).length;
    demuxer.push(large);
    demuxer.flush();
    for (const tracks of delivered.tracks) if (tracks[0]!.kind === 'video') sizes.push(tracks[0]!.config.width);
    assert.deepEqual(sizes, [160, 320]);
    assert.deepEqual([before, of(delivered, 1).length], [75, 100]);
    assert.deepEqual(delivered.damage, []);
  });

  test('lost packets cost the units they belong to, are counted, and nothing else', () => {
    const bytes = read(h264());
    const whole = demuxAll(bytes);
    const packets = bytes.length / 188;
    for (const lost of [100, 101, Math.floor(packets / 2)]) {
      const rest = concatBytes([bytes.subarray(0, lost * 188), bytes.subarray((lost + 1) * 188)]);
      const delivered = demuxAll(rest);
      const known = new Set(whole.frames.map((frame) => `${frame.trackId} ${frame.dts} ${frame.data.length}`));
      assert.equal(delivered.damage.length, 1, delivered.damage.join());
      assert.ok(delivered.frames.every((frame) => known.has(`${frame.trackId} ${frame.dts} ${frame.data.length}`)));
      assert.ok(delivered.frames.length < whole.frames.length && delivered.frames.length > whole.frames.length - 20);
    }
  });
});

/** nal_unit_type of each NAL unit of an H.264 sample. */
function nalTypes(data: Uint8Array): number[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const types: number[] = [];
  for (let at = 0; at < data.length; at += 4 + view.getUint32(at)) types.push(data[at + 4]! & 0x1f);
  return types;
}

/** Offset of the packet that starts the video PES of a frame. */
function findVideoStart(bytes: Uint8Array, frame: Frame): number {
  for (let at = 0; at < bytes.length; at += 188) {
    const video = (bytes[at + 1]! & 0x5f) === 0x41 && bytes[at + 2] === 0;
    if (!video) continue;
    const pes = at + 5 + (bytes[at + 3]! & 0x20 ? bytes[at + 4]! : -1);
    const dts = pes + 14;
    const low = ((bytes[dts + 3]! << 7) | (bytes[dts + 4]! >> 1)) & 0x7fff;
    if ((bytes[pes + 7]! & 0xc0) === 0xc0 && low === (frame.dts & 0x7fff)) return at;
  }
  throw new Error('no such PES');
}
