/* Waits for wall time: the camera is a server, and the movement ends 1.5 s after the last repetition. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openLiveCamera } from '../../../test/fixtures/rtsp/live-camera.ts';
import { until } from '../../../test/fixtures/wait.ts';
import { createSystemClock } from '../../lib/clock.ts';
import { createNet } from '../../net/net.ts';
import { CameraMover } from './camera-mover.ts';
import type { StoredCamera } from './camera-table.ts';

async function openRig() {
  const camera = await openLiveCamera({ media: { main: '' }, user: 'me', password: 'pw', usesHttpDigest: true });
  const net = createNet({ allow: [] });
  const row = {
    address: `http://127.0.0.1:${camera.port}/onvif/device_service`,
    login: { user: 'me', password: 'pw' },
    profile: 'main',
  } as StoredCamera;
  const failures: unknown[] = [];
  const parts = { net, clock: createSystemClock(), failed: (error: unknown) => failures.push(error) };
  const mover = new CameraMover(parts, () => row);
  return {
    camera,
    mover,
    failures,
    what: () => camera.movements.map(({ what }) => what),
    async [Symbol.asyncDispose]() {
      await mover[Symbol.asyncDispose]();
      await camera[Symbol.asyncDispose]();
      await net[Symbol.asyncDispose]();
    },
  };
}

suite('a camera that is moved', () => {
  test('stops when the movement is not repeated, although no stop was sent', async () => {
    await using rig = await openRig();
    await rig.mover.move({ pan: 1, tilt: 0, zoom: 0 });
    await until('the stop', () => rig.what().includes('stop'));
    assert.deepEqual(rig.what(), ['move', 'stop']);
  });

  test('gets the newest of many wishes, and a stop last', async () => {
    await using rig = await openRig();
    const moves = Array.from({ length: 20 }, (_, i) => rig.mover.move({ pan: i / 20, tilt: 0, zoom: 0 }));
    await Promise.all([...moves, rig.mover.stop()]);
    const what = rig.what();
    assert.ok(what.length < 5, what.join());
    assert.equal(what.at(-1), 'stop');
  });

  test('goes to the newest of many places', async () => {
    await using rig = await openRig();
    await Promise.all(Array.from({ length: 20 }, (_, i) => rig.mover.goTo(`${i}`)));
    const places = rig.camera.movements.filter(({ what }) => what === 'goto').map(({ detail }) => detail);
    assert.deepEqual(places, ['0', '19']);
  });

  test('stops when its stream goes while it moves', async () => {
    await using rig = await openRig();
    await rig.mover.move({ pan: 0, tilt: 1, zoom: 0 });
    await rig.mover[Symbol.asyncDispose]();
    assert.equal(rig.what().at(-1), 'stop');
  });

  test('that does not answer fails with a reason, and its places are none', async () => {
    await using rig = await openRig();
    await rig.camera[Symbol.asyncDispose]();
    await assert.rejects(rig.mover.move({ pan: 1, tilt: 0, zoom: 0 }), { code: 'source-failed' });
    await assert.rejects(rig.mover.stop(), { code: 'source-failed' });
    assert.deepEqual(await rig.mover.presets(), []);
    assert.equal(rig.failures.length, 1);
  });
});
