import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { need } from '../../../../test/fixtures/need.ts';
import { concatBytes } from '../../bytes.ts';
import type { Frame, Track } from '../../frame.ts';
import { makeTs, PICTURE, TONE, X264, X265 } from '../media.fixture.ts';
import { collect, type Delivered, demuxAll } from '../packets.fixture.ts';
import { LiveTsMuxer, PAYLOAD_BYTES } from './live-muxer.ts';

const START_US = 1_795_298_033_643_838;

/** Frames in the order in which a publisher sends them. */
function inOrder({ frames }: Delivered, tracks: readonly Track[]): Frame[] {
  const scale = new Map(tracks.map(({ id, timescale }) => [id, timescale]));
  const timeOf = ({ trackId, dts }: Frame) => dts / scale.get(trackId)!;
  return frames.toSorted((a, b) => timeOf(a) - timeOf(b));
}

/** Checks each PID's counter: it never jumps. Returns the number of packets of each PID. */
function countPackets(bytes: Uint8Array): Map<number, number> {
  const last = new Map<number, number>();
  const packets = new Map<number, number>();
  for (let at = 0; at < bytes.length; at += 188) {
    assert.equal(bytes[at], 0x47);
    const pid = ((bytes[at + 1]! & 0x1f) << 8) | bytes[at + 2]!;
    const counter = bytes[at + 3]! & 0x0f;
    const before = last.get(pid);
    const hasPayload = (bytes[at + 3]! & 0x10) !== 0;
    if (before !== undefined) assert.equal(counter, hasPayload ? (before + 1) & 15 : before, `PID ${pid} at ${at}`);
    last.set(pid, counter);
    packets.set(pid, (packets.get(pid) ?? 0) + 1);
  }
  return packets;
}

suite('live MPEG-TS', { skip: need('ffmpeg') }, () => {
  for (const [name, args] of [
    ['H.264 with B-frames and AAC', [...PICTURE, ...TONE, '-t', '3', ...X264, '-c:a', 'aac', '-ar', '48000']],
    ['HEVC and AC-3', [...PICTURE, ...TONE, '-t', '3', ...X265, '-c:a', 'ac3', '-ar', '48000']],
    ['audio alone', [...TONE, '-t', '3', '-c:a', 'libmp3lame', '-ar', '48000']],
  ] as const) {
    test(`${name}: a receiver gets the same frames at the same distances, without damage`, () => {
      const source = demuxAll(new Uint8Array(readFileSync(makeTs([...args]))));
      const tracks = source.tracks.at(-1)!;
      const payloads: Uint8Array[] = [];
      const muxer = new LiveTsMuxer((payload) => payloads.push(payload.slice()));
      assert.deepEqual(muxer.startRun(tracks, { utcOffsetUs: START_US }), tracks);
      for (const frame of inOrder(source, tracks)) muxer.frame(frame);
      muxer.flush();
      assert.ok(payloads.every(({ length }) => length % 188 === 0 && length <= PAYLOAD_BYTES));
      const bytes = concatBytes(payloads);
      const packets = countPackets(bytes);
      assert.ok(packets.get(0)! >= 28, 'tables every 100 ms');
      const received = demuxAll(bytes);
      assert.deepEqual(received.damage, []);
      for (const { id, timescale } of tracks) {
        const [ours, theirs] = [received, source].map(({ frames }) => frames.filter(({ trackId }) => trackId === id));
        assert.deepEqual(
          ours!.map(({ data }) => data),
          theirs!.map(({ data }) => data),
        );
        const shift = ours![0]!.dts - theirs![0]!.dts;
        for (const [i, frame] of ours!.entries()) {
          // Ticks of 90 kHz are not those of the sample rate.
          const most = timescale === 90_000 ? 0 : 1;
          assert.ok(Math.abs(frame.dts - theirs![i]!.dts - shift) <= most, `frame ${i}`);
          assert.ok(Math.abs(frame.pts - theirs![i]!.pts - shift) <= most, `frame ${i}`);
        }
      }
    });
  }

  test('a receiver that joins later starts with the next key frame, and counters continue over runs', () => {
    const source = demuxAll(
      new Uint8Array(readFileSync(makeTs([...PICTURE, ...TONE, '-t', '3', ...X264, '-c:a', 'aac', '-ar', '48000']))),
    );
    const tracks = source.tracks.at(-1)!;
    const frames = inOrder(source, tracks);
    const payloads: Uint8Array[] = [];
    const muxer = new LiveTsMuxer((payload) => payloads.push(payload.slice()));
    for (const run of [0, 1]) {
      muxer.startRun(tracks, { utcOffsetUs: START_US + run * 10_000_000 });
      for (const frame of frames) muxer.frame(frame);
    }
    muxer.flush();
    countPackets(concatBytes(payloads));
    const keys = frames.filter(({ trackId, key }) => trackId === 1 && key).length;
    assert.ok(keys >= 2);
    const { demuxer, ...late } = collect();
    for (const payload of payloads.slice(20)) demuxer.push(payload);
    demuxer.flush();
    const video = late.frames.filter(({ trackId }) => trackId === 1);
    assert.equal(video[0]!.key, true);
    assert.equal(video.filter(({ key }) => key).length, 2 * keys - 1);
  });

  test('a run whose UTC is before the end of the one before it follows that one: no frame is dropped', () => {
    const source = demuxAll(
      new Uint8Array(readFileSync(makeTs([...PICTURE, ...TONE, '-t', '3', ...X264, '-c:a', 'aac', '-ar', '48000']))),
    );
    const tracks = source.tracks.at(-1)!;
    // A run begins with a key frame.
    const startS = source.frames.find(({ trackId }) => trackId === 1)!.pts / 90_000;
    const frames = inOrder(source, tracks).filter(({ trackId, pts }) => trackId === 1 || pts / 48_000 >= startS);
    const payloads: Uint8Array[] = [];
    const muxer = new LiveTsMuxer((payload) => payloads.push(payload.slice()));
    for (const offsetS of [0, 2.6, 10]) {
      muxer.startRun(tracks, { utcOffsetUs: START_US + offsetS * 1_000_000 });
      for (const frame of frames) muxer.frame(frame);
    }
    muxer.flush();
    const received = demuxAll(concatBytes(payloads));
    assert.deepEqual(received.damage, []);
    assert.equal(received.frames.length, 3 * frames.length);
    const keys = received.frames.filter(({ trackId, key }) => trackId === 1 && key).map(({ dts }) => dts / 90_000);
    const [first, second, third] = [keys[0]!, keys[keys.length / 3]!, keys[(2 * keys.length) / 3]!];
    assert.ok(second - first > 2.99 && second - first < 3.2, `the second run begins after ${second - first} s`);
    assert.ok(Math.abs(third - first - 10) < 0.001, 'the third one has its UTC again');
  });

  test('tracks that MPEG-TS cannot carry are left out', () => {
    const text = { id: 9, kind: 'text', timescale: 1000, language: 'und', label: '' } as const;
    const muxer = new LiveTsMuxer(() => assert.fail('nothing is written'));
    const tracks = [{ ...text, config: { codec: 'webvtt', record: new Uint8Array(0), codecs: 'wvtt' } }] as const;
    assert.deepEqual(muxer.startRun(tracks, { utcOffsetUs: 0 }), []);
    muxer.frame({ trackId: 9, dts: 0, pts: 0, duration: 1, key: true, data: new Uint8Array(1) });
    muxer.flush();
  });
});
