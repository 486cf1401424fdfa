import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findHardwareEncoders, type HardwareHost } from '../hardware-encoders.ts';
import { readSpeeds, speedFile } from './speed-cache.ts';

test('a speed is measured once with a version of driver and FFmpeg, and each start still tries one picture', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-speeds-'));
  const file = join(folder, 'deep', 'speeds.json');
  const tried: string[] = [];
  let isBroken = false;
  const host: HardwareHost = {
    devices: () => [{ kind: 'emulated', device: 'gpu0' }],
    async tryEncoder({ name }, measures) {
      tried.push(`${name} ${measures}`);
      if (isBroken) throw new Error('it is gone');
      return measures ? 410 : 0;
    },
  };
  const find = async (versions: string) => {
    const [encoder] = await findHardwareEncoders(host, await readSpeeds(file, versions));
    return encoder!.speed;
  };
  try {
    assert.deepEqual([await find('driver 1'), await find('driver 1'), await find('driver 2')], [410, 410, 410]);
    assert.deepEqual(tried.splice(0), ['h264_emulated true', 'h264_emulated false', 'h264_emulated true']);
    isBroken = true;
    assert.equal(await find('driver 2'), 0, 'what does not work has no speed, whatever is known');
    isBroken = false;
    await writeFile(file, '{"versions": "driver 2", "speeds"');
    assert.equal(await find('driver 2'), 410, 'a damaged file costs a measurement');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the file is in the cache folder of the user', () => {
  assert.equal(
    speedFile({ XDG_CACHE_HOME: join('home', 'cache') }),
    join('home', 'cache', 'oxbow', 'encoder-speeds.json'),
  );
});
