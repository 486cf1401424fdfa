import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRtspUrl } from '@oxbow/wire/rtsp/rtsp-url';
import { cameraStretch } from '../../../../test/fixtures/rtsp/camera-stretch.ts';
import { openOnvifCamera } from '../../../../test/fixtures/rtsp/onvif-camera.ts';
import { openReplayCamera, type ReplayCameraOptions } from '../../../../test/fixtures/rtsp/replay-camera.ts';
import { parseOnvifUrl } from '../../../ingest/onvif/onvif-url.ts';
import { createNet } from '../../../net/net.ts';
import type { GapSurroundings, HealingGap } from '../source.ts';
import { assertHealed, readFound, surroundingsOf, utcMsOf } from '../surroundings.fixture.ts';
import { openOnvifSource, openRtspSource, type ReplaySourceOptions } from './replay-source.ts';

const { signal } = new AbortController();
const T0 = Date.UTC(2026, 10, 30);
const how = { maxBytes: 1e9, maxMs: 60_000, signal };
/** What the camera sent for three minutes, by its clock. */
const sent = cameraStretch(T0, 180, 7);
/** It was recorded with the times of its arrival. */
const lateMs = 1730;
const broadcast = { ...sent, utcOffsetUs: sent.utcOffsetUs + lateMs * 1000 };
const gap: HealingGap = { fromMs: T0 + 80_000, toMs: T0 + 92_400, cause: 'source-silent' as HealingGap['cause'] };
const nowMs = () => gap.toMs + 60_000;

function optionsWith(net: ReplaySourceOptions['net'], more: Partial<ReplaySourceOptions> = {}): ReplaySourceOptions {
  const measureLevels = () => assert.fail('no sound is decoded where frames are the same');
  return { name: 'camera', maxShiftMs: 10_000, trusted: true, net, clock: { nowMs }, measureLevels, ...more };
}

async function find(camera: Partial<ReplayCameraOptions>, around: GapSurroundings = surroundingsOf(broadcast, gap)) {
  await using net = createNet({ allow: [] });
  await using server = await openReplayCamera({ stretches: [sent], ...camera });
  const source = openRtspSource(parseRtspUrl(`rtsp://127.0.0.1:${server.port}/rec`), optionsWith(net));
  const found = await source.find(gap, around, how);
  return found.kind === 'found' ? { kind: 'found' as const, read: await readFound(found) } : found;
}

test('the storage of a camera fills a gap exactly: its frames are those of the recording', async () => {
  for (const camera of [{}, { isOnvif: false }]) {
    const found = await find(camera);
    assert.ok(found.kind === 'found');
    assert.deepEqual(
      found.read.runs.map(({ exactness }) => exactness.kind),
      ['same-frames'],
    );
    await assertHealed(found.read, broadcast, gap, 1);
  }
});

test('a gap of the storage within the gap begins another run at the right time', async () => {
  const frames = (fromMs: number, toMs: number) =>
    sent.frames.filter((frame) => utcMsOf(sent, frame) >= fromMs && utcMsOf(sent, frame) < toMs);
  const missing = [T0 + 84_000, T0 + 88_000] as const;
  const stretches = [
    { ...sent, frames: frames(T0, missing[0]) },
    { ...sent, frames: frames(missing[1], T0 + 180_000) },
  ];
  const found = await find({ stretches });
  assert.ok(found.kind === 'found');
  assert.equal(found.read.runs.length, 2);
  await assertHealed(found.read, broadcast, { fromMs: gap.fromMs, toMs: missing[0] + lateMs }, 1);
  await assertHealed(found.read, broadcast, { fromMs: missing[1] + lateMs, toMs: gap.toMs }, 1);
});

test('a recording by arrival has another clock after the gap: media continues what is before it', async () => {
  const before = surroundingsOf(broadcast, gap);
  const after = surroundingsOf({ ...broadcast, utcOffsetUs: broadcast.utcOffsetUs + 400_000 }, gap);
  const read: GapSurroundings['read'] = (group, options) =>
    (before.before.includes(group) ? before : after).read(group, options);
  const found = await find({}, { ...before, after: after.after, read });
  assert.ok(found.kind === 'found');
  await assertHealed(found.read, broadcast, gap, 1);
});

test('where nothing is recorded to compare with, the dates of the camera count', async () => {
  const nothing = { ...surroundingsOf(broadcast, gap), before: [], after: [] };
  const found = await find({}, nothing);
  assert.ok(found.kind === 'found');
  assert.deepEqual(found.read.runs[0]?.exactness, { kind: 'dated' });
  await assertHealed(found.read, sent, gap, 1);
});

test('what a storage does not have says why, and whether it may come', async () => {
  const before = { ...sent, frames: sent.frames.filter((frame) => utcMsOf(sent, frame) < T0 + 20_000) };
  assert.deepEqual(await find({ stretches: [before] }), {
    kind: 'nothing',
    reason: 'its storage has nothing of this time',
    mayComeLater: true,
  });
  assert.deepEqual(await find({ isOnvif: false, isLive: true }), {
    kind: 'nothing',
    reason: 'its server does not replay recordings by their time',
    mayComeLater: false,
  });
});

test('a camera is searched over ONVIF; its clock may be wrong by hours', async () => {
  await using net = createNet({ allow: [] });
  const aheadMs = 2 * 3_600_000;
  const ahead = { ...sent, utcOffsetUs: sent.utcOffsetUs + aheadMs * 1000 };
  await using storage = await openReplayCamera({ stretches: [ahead], user: 'me', password: 'pw' });
  const recording = (token: string, fromMs: number, toMs: number) => {
    const shifted = { fromMs: fromMs + aheadMs, toMs: toMs + aheadMs };
    return { token, uri: `rtsp://192.0.2.1:${storage.port}/${token}`, ...shifted };
  };
  const recordings = [recording('old', T0 - 3_600_000, T0 - 60_000), recording('now', T0, T0 + 180_000)];
  // Its clock is ahead of that of oxbow, which is set to a minute after the gap.
  const camera = { recordings, user: 'me', password: 'pw', aheadMs: nowMs() + aheadMs - Date.now() };
  await using device = await openOnvifCamera(camera);
  const open = (query: string) =>
    openOnvifSource(parseOnvifUrl(`onvif://me:pw@127.0.0.1:${device.port}${query}`), optionsWith(net));
  const found = await open('').find(gap, surroundingsOf(broadcast, gap), how);
  assert.ok(found.kind === 'found');
  await assertHealed(await readFound(found), broadcast, gap, 1);
  const around = surroundingsOf(broadcast, gap);
  const other = await open('?recording=x').find(gap, around, how);
  assert.deepEqual(other, { kind: 'nothing', reason: 'its camera has no recording "x"', mayComeLater: true });
});
