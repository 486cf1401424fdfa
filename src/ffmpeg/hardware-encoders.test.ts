import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findHardwareEncoders, thisHardware } from './hardware-encoders.ts';

test('only encoders whose device is there are tried, and those that fail have a reason', async () => {
  const tried: string[] = [];
  const found = await findHardwareEncoders({
    devices: () => [
      { kind: 'nvenc', device: 'nvidia0' },
      { kind: 'vaapi', device: 'renderD128' },
    ],
    async tryEncoder({ name }) {
      tried.push(name);
      if (name !== 'h264_nvenc') throw new Error('no such profile');
      return 400;
    },
  });
  assert.deepEqual(tried, ['h264_nvenc', 'hevc_nvenc', 'av1_nvenc', 'h264_vaapi', 'hevc_vaapi', 'av1_vaapi']);
  assert.deepEqual(
    found.filter(({ works }) => works).map(({ name, codec, device, speed }) => [name, codec, device, speed]),
    [['h264_nvenc', 'h264', 'nvidia0', 400]],
  );
  assert.equal(found[1]!.reason, 'no such profile');
});

test('without a device nothing is tried', async () => {
  const found = await findHardwareEncoders({ devices: () => [], tryEncoder: () => Promise.reject(new Error('tried')) });
  assert.deepEqual(found, []);
});

test('an encoder without its device fails with a reason, in a separate process', async () => {
  const { tryEncoder } = thisHardware;
  await assert.rejects(
    tryEncoder({ name: 'h264_none', kind: 'nvenc', codec: 'h264', device: 'nvidia0' }, true),
    /has no encoder h264_none/,
  );
  // The same picture in software: the try itself works.
  const device = { kind: 'nvenc', codec: 'h264', device: 'nvidia0' } as const;
  assert.ok((await tryEncoder({ name: 'libx264', ...device }, true)) > 0, 'its speed is measured');
  assert.equal(await tryEncoder({ name: 'libx264', ...device }, false), 0);
});
