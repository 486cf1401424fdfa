import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { ticksToUs } from '@oxbow/media/run';
import { parseRtspUrl } from '@oxbow/wire/rtsp/rtsp-url';
import { cameraStretch } from '../../../test/fixtures/rtsp/camera-stretch.ts';
import { type CameraStretch, openReplayCamera, type ReplayCamera } from '../../../test/fixtures/rtsp/replay-camera.ts';
import { createNet } from '../../net/net.ts';
import type { ReplayedFrames } from './replay-reader.ts';
import { ReplayReader } from './replay-reader.ts';
import { replayRtsp } from './rtsp-replay.ts';

const { signal } = new AbortController();
/** 2026-11-30T00:00:00Z */
const T0 = Date.UTC(2026, 10, 30);

async function replay(camera: ReplayCamera, fromMs: number, toMs: number, more = {}): Promise<ReplayedFrames[]> {
  await using net = createNet({ allow: [] });
  const { login = '', maxBytes = 1e8 } = more as { login?: string; maxBytes?: number };
  const address = parseRtspUrl(`rtsp://${login}127.0.0.1:${camera.port}/rec`);
  return Array.fromAsync(replayRtsp({ address, trusted: true, net, fromMs, toMs, maxBytes }, { signal }));
}

/** UTC of each frame of a track, ms, with its bytes. */
function timesOf(runs: readonly ReplayedFrames[], kind: 'video' | 'audio'): [utcMs: number, hex: string][] {
  return runs.flatMap(({ tracks, utcOffsetUs, frames }) => {
    const track = tracks.find((each) => each.kind === kind)!;
    return frames
      .filter(({ trackId }) => trackId === track.id)
      .map(({ pts, data }): [number, string] => [
        (utcOffsetUs + ticksToUs(pts, track.timescale)) / 1000,
        Buffer.from(data.subarray(-12)).toString('hex'),
      ]);
  });
}

/** All frames of a storage with their UTC. */
const stored = (stretches: readonly CameraStretch[], kind: 'video' | 'audio') => timesOf(stretches, kind);

/** Every frame of the range is here once, with its bytes and its UTC. */
function assertComplete(
  runs: readonly ReplayedFrames[],
  stretches: readonly CameraStretch[],
  fromMs: number,
  toMs: number,
) {
  for (const kind of ['video', 'audio'] as const) {
    const inRange = ([ms]: readonly [number, string]) => ms >= fromMs && ms < toMs;
    const expected = stored(stretches, kind).filter(inRange);
    const times = new Map(timesOf(runs, kind).map(([ms, hex]) => [hex, ms]));
    assert.ok(expected.length > 20);
    for (const [ms, hex] of expected) {
      const found = times.get(hex);
      assert.ok(found !== undefined && Math.abs(found - ms) <= 1, `${kind} of ${ms - T0}: ${(found ?? 0) - T0}`);
    }
    const all = timesOf(runs, kind).map(([, hex]) => hex);
    assert.equal(new Set(all).size, all.length, 'no frame twice');
  }
}

test('a range comes with the UTC of each packet, from the key frame before it (ONVIF Streaming 6)', async () => {
  const stretches = [cameraStretch(T0, 20, 1)];
  await using camera = await openReplayCamera({ stretches });
  const runs = await replay(camera, T0 + 5500, T0 + 9000);
  assertComplete(runs, stretches, T0 + 5500, T0 + 9000);
  assert.deepEqual(camera.ranges, ['clock=20261130T000005.500Z-20261130T000009.000Z']);
  const play = camera.server.messages.find((each) => each.kind === 'request' && each.method === 'PLAY')!;
  assert.deepEqual([play.headers.get('require'), play.headers.get('rate-control')], ['onvif-replay', 'no']);
  assert.equal(camera.server.methods.at(-1), 'TEARDOWN');
});

test('a gap of the storage begins another run, whether or not timestamps continue over it', async () => {
  for (const joinsTimestamps of [false, true]) {
    const stretches = [cameraStretch(T0, 10, 1), cameraStretch(T0 + 40_000, 10, 2)];
    await using camera = await openReplayCamera({ stretches, joinsTimestamps });
    const runs = await replay(camera, T0 + 2000, T0 + 48_000);
    assertComplete(runs, stretches, T0 + 2000, T0 + 48_000);
  }
});

test('a server without ONVIF is dated by the range and RTP-Info of its response (RFC 2326 12.33)', async () => {
  const stretches = [cameraStretch(T0, 20, 3)];
  await using camera = await openReplayCamera({ stretches, isOnvif: false });
  const runs = await replay(camera, T0 + 3000, T0 + 8000);
  assertComplete(runs, stretches, T0 + 3000, T0 + 8000);
});

test('a server that plays the present, whatever is requested, is no source of the past', async () => {
  await using camera = await openReplayCamera({ stretches: [cameraStretch(T0, 2, 3)], isOnvif: false, isLive: true });
  await assert.rejects(replay(camera, T0, T0 + 2000), {
    code: 'source-failed',
    message: /sends packets without times/,
  });
});

test('a time that the storage does not have is refused with 457, a wrong password with 401', async () => {
  await using camera = await openReplayCamera({ stretches: [cameraStretch(T0, 5, 3)], user: 'me', password: 'secret' });
  const login = 'me:secret@';
  await assert.rejects(replay(camera, T0 + 60_000, T0 + 70_000, { login }), { name: 'RtspRefused', status: 457 });
  await assert.rejects(replay(camera, T0, T0 + 2000, { login: 'me:wrong@' }), { name: 'RtspRefused', status: 401 });
  assertComplete(await replay(camera, T0, T0 + 4000, { login }), [cameraStretch(T0, 5, 3)], T0, T0 + 4000);
});

test('the bound of bytes ends a replay', async () => {
  await using camera = await openReplayCamera({ stretches: [cameraStretch(T0, 20, 3)] });
  const runs = await replay(camera, T0, T0 + 20_000, { maxBytes: 20_000 });
  const frames = runs.reduce((sum, each) => sum + each.frames.length, 0);
  assert.ok(frames > 50 && frames < 400, `${frames} frames`);
});

test('packets that come before the response to PLAY are kept up to 8 MiB', async () => {
  const stretch = cameraStretch(T0, 12, 3);
  const frames = stretch.frames.map((frame) => {
    if (frame.trackId !== 1) return frame;
    const data = Buffer.concat([frame.data, new Uint8Array(40_000).fill(0xfe)]);
    data.writeUInt32BE(data.length - 4);
    return { ...frame, data };
  });
  await using camera = await openReplayCamera({ stretches: [{ ...stretch, frames }], isHasty: true });
  const runs = await replay(camera, T0, T0 + 12_000, { maxBytes: 16e6 });
  const bytes = runs.flatMap((each) => each.frames).reduce((sum, { data }) => sum + data.length, 0);
  assert.ok(bytes > 4e6 && bytes <= 8 * 1024 * 1024, `${bytes} bytes`);
});

test('random and scrambled packets of a replay are damage, nothing is thrown', () => {
  const random = seeded(12);
  const format = {
    encoding: 'H264',
    clockRate: 90_000,
    channels: 1,
    parameters: new Map(),
    feedback: [],
    payloadType: 96,
  };
  const media = [{ kind: 'video', isUsable: true, formats: [format], sources: [], leftOut: [] }] as never;
  for (let round = 0; round < 50; round++) {
    const reader = new ReplayReader(
      media,
      random(2) ? { utcMs: T0, rtpTimes: new Map([[0, random(2 ** 32)]]) } : undefined,
    );
    for (let i = 0; i < 100; i++) {
      const packet = Uint8Array.from({ length: random(60) }, () => random(256));
      if (packet.length > 16 && random(4) > 0) packet.set([random(2) ? 0x90 : 0x80, 96]);
      if (packet.length > 16 && random(2)) packet.set([0xab, 0xac, 0, 3], 12);
      reader.push(random(2), packet);
      reader.take();
    }
    reader.end();
  }
});
