import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { isLinux } from '../../lib/platform.ts';
import { takeDeviceSlot } from './device-slots.ts';

const DEVICE = `slots-test-${process.pid}`;

test('a place is taken once, and is free again after its session', async () => {
  const first = (await takeDeviceSlot(DEVICE, [0, 1]))!;
  using _second = (await takeDeviceSlot(DEVICE, [0, 1]))!;
  assert.equal(await takeDeviceSlot(DEVICE, [0, 1]), undefined);
  first[Symbol.dispose]();
  using third = await takeDeviceSlot(DEVICE, [0, 1]);
  assert.ok(third);
});

test('processes share the places of a device, and those of a killed process are free', { skip: !isLinux }, async () => {
  const program = `
    import { takeDeviceSlot } from ${JSON.stringify(join(import.meta.dirname, 'device-slots.ts'))};
    const slot = await takeDeviceSlot('${DEVICE}-shared', [0]);
    console.log(slot ? 'taken' : 'none');
    setInterval(() => {}, 60_000);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [text] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  assert.equal(text.trim(), 'taken');
  assert.equal(await takeDeviceSlot(`${DEVICE}-shared`, [0]), undefined);
  child.kill('SIGKILL');
  await once(child, 'exit');
  using slot = await takeDeviceSlot(`${DEVICE}-shared`, [0]);
  assert.ok(slot);
});
