import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PPS } from '../../mpegts/packets.fixture.ts';
import { seeded } from '../../random.fixture.ts';
import { printRtp } from '../packet.ts';
import {
  AUDIO_SSRC,
  assertRising,
  audioPacket,
  audioTrack,
  live,
  mainSps,
  openSession,
  PT,
  picture,
  type Session,
  senderReport,
  UTC_MS,
  VIDEO_FROM,
  VIDEO_SSRC,
  videoPacket,
  videoTrack,
} from './receive.fixture.ts';

/** What the audio frame and the video frame of the same arrival differ by, ms. */
function offsetMs(session: Session, from = 0): number {
  const video = session.frames.slice(from).find(({ trackId }) => trackId === 1)!;
  const audio = session.frames.slice(from).find(({ trackId }) => trackId === 2)!;
  return (audio.pts / 48_000 - video.pts / 90_000) * 1000;
}

test('tracks come once, with the first frames of both, and frames follow each other where numbers and timestamps wrap', () => {
  const session = openSession([videoTrack, audioTrack]);
  live(session, { fromMs: 0, toMs: 4000 });
  session.demuxer.end();
  assert.equal(session.runs.length, 1);
  assert.deepEqual(
    session.runs[0]?.tracks.map(({ id, kind, timescale }) => [id, kind, timescale]),
    [
      [1, 'video', 90_000],
      [2, 'audio', 48_000],
    ],
  );
  assert.deepEqual(session.damage, []);
  assert.deepEqual([session.of(1).length, session.of(2).length], [100, 200]);
  for (const [id, step] of [
    [1, 3600],
    [2, 960],
  ] as const) {
    const frames = session.of(id);
    assertRising(frames);
    assert.ok(frames.every(({ pts, duration }, i) => duration === step && pts === frames[0]!.pts + i * step));
  }
  assert.deepEqual(session.of(1).filter(({ key }) => key).length, 4);
  assert.deepEqual(session.demuxer.stats, { packets: 300, lost: 0, retransmitted: 0, dropped: 0 });
});

test('the offset between audio and video is that of the sender reports, not of arrival', () => {
  for (const audioLateMs of [0, 180, -320]) {
    const session = openSession([videoTrack, audioTrack]);
    live(session, { fromMs: 0, toMs: 1000, audioLateMs });
    assert.equal(session.runs.length, 1);
    assert.ok(Math.abs(offsetMs(session) - audioLateMs) < 1, `${offsetMs(session)} for ${audioLateMs}`);
  }
});

test('without reports frames wait for 1.5 s, then arrival decides', () => {
  const session = openSession([videoTrack, audioTrack]);
  live(session, { fromMs: 0, toMs: 1500, reportMs: 0 });
  assert.equal(session.frames.length, 0);
  live(session, { fromMs: 1500, toMs: 2000, reportMs: 0 });
  assert.ok(Math.abs(offsetMs(session)) < 1);
  assert.ok(session.of(1).length >= 48);
});

test('a track alone does not wait', () => {
  const session = openSession([videoTrack]);
  live(session, { fromMs: 0, toMs: 200, audio: false, reportMs: 0 });
  assert.ok(session.frames.length >= 4);
});

test('sound keeps none of the memory of what was read with it from a connection', () => {
  const session = openSession([audioTrack]);
  for (let n = 0; n < 100; n++) {
    const payload = new Uint8Array(64 * 1024).fill(n).subarray(1000, 2200);
    payload[0] = 0xfc;
    session.demuxer.push({ ...audioPacket(n, n * 960), payload }, n * 20);
  }
  const { frames } = session;
  assert.ok(frames.length > 0);
  for (const [n, { data }] of frames.entries()) {
    assert.deepEqual([data.length, data[0], data[1], data.at(-1)], [1200, 0xfc, n, n]);
    assert.ok(data.buffer.byteLength <= 2 * data.length, `${data.buffer.byteLength} bytes are kept`);
  }
});

test('a track that sends nothing delays the others by 1.5 s; it joins with another run at a key frame', () => {
  const session = openSession([videoTrack, audioTrack]);
  live(session, { fromMs: 0, toMs: 2200, audioLateMs: 100, audio: false });
  assert.deepEqual(
    session.runs.map(({ tracks }) => tracks.length),
    [1],
  );
  assert.equal(session.of(1).length, 55);
  live(session, { fromMs: 2200, toMs: 4000, audioLateMs: 100 });
  assert.deepEqual(
    session.runs.map(({ tracks }) => tracks.length),
    [1, 2],
  );
  const { at } = session.runs[1]!;
  assert.equal(session.frames.slice(at).find(({ trackId }) => trackId === 1)?.key, true);
  // The report of audio came before its packets, which begin at 2.2 s.
  const first = session.of(2)[0]!;
  const video = session.of(1)[0]!;
  assert.ok(Math.abs((first.pts / 48_000 - video.pts / 90_000) * 1000 - 2300) < 1);
  assertRising(session.of(1));
});

test('reports that differ by more than 40 ms, twice, begin another run at a key frame', () => {
  const session = openSession([videoTrack, audioTrack]);
  live(session, { fromMs: 0, toMs: 2000, audioLateMs: 0 });
  live(session, { fromMs: 2000, toMs: 5000, audioLateMs: 30 });
  assert.equal(session.runs.length, 1);
  live(session, { fromMs: 5000, toMs: 6120, audioLateMs: 90, gop: 1000 });
  assert.equal(session.runs.length, 1);
  live(session, { fromMs: 6120, toMs: 8000, audioLateMs: 90 });
  assert.equal(session.runs.length, 2);
  const { at } = session.runs[1]!;
  assert.equal(session.frames.slice(at).find(({ trackId }) => trackId === 1)?.key, true);
  const [before, after] = [session.frames.slice(0, at), session.frames.slice(at)];
  const lastAudio = before.findLast(({ trackId }) => trackId === 2)!;
  const nextAudio = after.find(({ trackId }) => trackId === 2)!;
  assert.ok(Math.abs((nextAudio.pts - lastAudio.pts) / 48 - 20 - 90) < 1);
  assertRising(session.of(1));
});

test('reports that cannot be true are not used: audio and video far apart', () => {
  const session = openSession([videoTrack, audioTrack]);
  live(session, { fromMs: 0, toMs: 3000, audioLateMs: 3_600_000 });
  assert.equal(session.runs.length, 1);
  assert.ok(Math.abs(offsetMs(session)) < 1);
});

test('timestamps that jump begin another run; a pause of the network does not', () => {
  const session = openSession([videoTrack]);
  const { demuxer, runs, damage } = session;
  for (let n = 0; n < 25; n++) demuxer.push(videoPacket(n, n * 3600, picture(n === 0)), n * 40);
  for (let n = 25; n < 50; n++) demuxer.push(videoPacket(n, n * 3600, picture(false)), 9000 + n * 40);
  assert.equal(runs.length, 1);
  for (let n = 50; n < 75; n++) demuxer.push(videoPacket(n, 1e9 + n * 3600, picture(n === 50)), 9000 + n * 40);
  demuxer.end();
  assert.equal(runs.length, 2);
  assert.deepEqual(damage, ['the timestamps of a source jumped']);
  const frames = session.of(1);
  assert.equal(frames.length, 75);
  // The new place is that of the arrival.
  const last = frames.at(-1)!;
  assert.ok(Math.abs(last.pts - frames[0]!.pts - (9000 + 74 * 40) * 90) < 900_000);
});

test('VP8 is a track of its size; another size begins another run', () => {
  const session = openSession([videoTrack]);
  const { demuxer } = session;
  for (let n = 0; n < 20; n++) {
    const head = n % 10 === 0 ? [0x10, 0, 2, 0, 0x9d, 1, 0x2a, n === 0 ? 0x80 : 0x40, 2, 0x68, 1, 0] : [0x10, 1, 2];
    demuxer.push({ ...videoPacket(n, n * 3600, Uint8Array.from(head)), payloadType: PT.vp8 }, n * 40);
  }
  demuxer.end();
  const sizes = session.runs.map(({ tracks }) =>
    tracks.map(({ config }) => 'width' in config && [config.codec, config.width]),
  );
  assert.deepEqual(sizes, [[['vp8', 640]], [['vp8', 576]]]);
  assert.deepEqual(
    session.of(1).flatMap(({ key }, index) => (key ? index : [])),
    [0, 10],
  );
});

test('MPEG-TS is passed as bytes', () => {
  const pieces: (readonly [number, number])[] = [];
  const formats = [
    { payloadType: 33, encoding: 'MP2T', clockRate: 90_000, channels: 1, parameters: new Map(), feedback: [] },
  ];
  const session = openSession([{ id: 1, kind: 'video', formats }], {
    bytes: (bytes, trackId) => pieces.push([trackId, bytes.length]),
  });
  for (const n of [0, 2, 1]) {
    session.demuxer.push({ ...videoPacket(n, n, new Uint8Array(188 * (n + 1))), payloadType: 33 }, 0);
  }
  assert.deepEqual(pieces, [
    [1, 188],
    [1, 376],
    [1, 564],
  ]);
});

test('30,000 random packets, reports and moments: nothing is thrown, and decode times rise within each run (seeded)', () => {
  const random = seeded(4588);
  const session = openSession([videoTrack, audioTrack], { transportExtension: 3 });
  const { demuxer, frames, runs } = session;
  let [nowMs, sequence, timestamp] = [0, 0, 0];
  for (let n = 0; n < 30_000; n++) {
    nowMs += random(30);
    sequence += random(50) === 0 ? random(70_000) : random(3);
    timestamp += random(200) === 0 ? random(2 ** 32) : random(4000);
    const ssrc = [VIDEO_SSRC, AUDIO_SSRC, 0x3333, random(2 ** 32)][random(20) === 0 ? random(4) : random(2)]!;
    const isAudio = ssrc === AUDIO_SSRC;
    const packet = isAudio
      ? audioPacket(sequence, timestamp)
      : videoPacket(sequence, timestamp, picture(random(5) === 0), ssrc);
    const payloadType = random(30) === 0 ? random(128) : packet.payloadType;
    const datagram = printRtp({ ...packet, payloadType, marker: random(4) > 0 });
    if (random(40) === 0) datagram[random(datagram.length)] = random(256);
    demuxer.push(datagram, nowMs);
    if (random(50) === 0) demuxer.report(senderReport(ssrc, UTC_MS + random(100_000), random(2 ** 32)), nowMs);
    if (random(500) === 0) demuxer.report([{ type: 'bye', sources: [ssrc] }], nowMs);
    if (random(3) === 0) demuxer.tick(nowMs);
    if (random(10) === 0) demuxer.feedback(nowMs);
    if (random(300) === 0) demuxer.requestKeyFrame();
  }
  demuxer.end();
  assert.ok(frames.length > 1000, String(frames.length));
  for (const [i, { at }] of runs.entries()) {
    const run = frames.slice(at, runs[i + 1]?.at);
    for (const id of [1, 2]) assertRising(run.filter(({ trackId }) => trackId === id));
  }
});

test('B pictures without a reorder depth in the parameter sets: it is measured while the first eight pictures wait', () => {
  const session = openSession([videoTrack]);
  const { demuxer, frames, damage } = session;
  const order = [0, ...Array.from({ length: 20 }, (_, i) => [4, 2, 1, 3].map((shown) => shown + 4 * i)).flat()];
  const sets = [mainSps(0), PPS].map((nal, i) => ({ ...videoPacket(i, VIDEO_FROM, nal), marker: false }));
  for (const packet of sets) demuxer.push(packet, 0);
  for (const [i, shown] of order.entries()) {
    demuxer.push(videoPacket(2 + i, VIDEO_FROM + shown * 3600, picture(i === 0)), i * 40);
    // After the wait no picture waits, except the newest for its duration.
    assert.ok(i < 7 ? frames.length === 0 : frames.length >= i, `${frames.length} frames after picture ${i}`);
  }
  demuxer.end();
  assert.deepEqual(damage, []);
  assert.equal(frames.length, order.length);
  assertRising(frames);
  assert.deepEqual(
    frames.map(({ pts }) => (pts - frames[0]!.pts) / 3600),
    order,
  );
  assert.ok(frames.every(({ dts }, i) => i === 0 || dts - frames[i - 1]!.dts <= 3600));
});
