/**
 * Emulated video devices, and a pool of them, for tests: devices that work, fail, hang or are full when a
 * test says so.
 * In: names of devices. Out: the folder that EMULATED_VIDEO_DEVICES names, a pool. Used by tests only.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystemClock } from '../../lib/clock.ts';
import { thisHardware } from '../hardware-encoders.ts';
import { takeDeviceSlot } from './device-slots.ts';
import { EMULATED_KIND, EMULATED_VARIABLE, type EmulatedBehaviour } from './emulated-devices.ts';
import { EncoderPool, type PoolSettings } from './encoder-pool.ts';

/** Emulated devices. Disposing removes them. */
export interface EmulatedDevices extends AsyncDisposable {
  /** Variables for a server that has them. */
  readonly env: Readonly<Record<string, string>>;
  /** From the next picture on a device does this. */
  behave(device: string, behaviour: EmulatedBehaviour): Promise<void>;
  /** Whether a session was opened beyond the bound of a device. */
  wasRefused(device: string): boolean;
}

/**
 * Creates devices with these names, unique on the machine by the number of the test's process: processes
 * share their places.
 */
export async function createEmulatedDevices(
  devices: Readonly<Record<string, EmulatedBehaviour>>,
): Promise<EmulatedDevices> {
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-devices-'));
  const behave = async (device: string, behaviour: EmulatedBehaviour) => {
    const path = join(folder, device, 'behaviour.json');
    await writeFile(`${path}.part`, JSON.stringify(behaviour));
    await rename(`${path}.part`, path);
  };
  for (const [device, behaviour] of Object.entries(devices)) {
    await mkdir(join(folder, device));
    await behave(device, behaviour);
  }
  return {
    env: { [EMULATED_VARIABLE]: folder, XDG_CACHE_HOME: `${folder}-cache` },
    behave,
    wasRefused: (device) => existsSync(join(folder, device, 'refused')),
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
      await rm(`${folder}-cache`, { recursive: true, force: true });
    },
  };
}

/** A pool of the emulated devices in this process; `said` are its reports. */
export function openEmulatedPool(
  { env }: EmulatedDevices,
  settings: Partial<PoolSettings> = {},
): { readonly pool: EncoderPool; readonly said: string[] } {
  process.env[EMULATED_VARIABLE] = env[EMULATED_VARIABLE];
  const said: string[] = [];
  const pool = new EncoderPool({
    sessions: 3,
    liveSessions: 0,
    waitMs: 0,
    ...settings,
    clock: createSystemClock(),
    takeSlot: takeDeviceSlot,
    host: {
      devices: () => thisHardware.devices().filter(({ kind }) => kind === EMULATED_KIND),
      tryEncoder: thisHardware.tryEncoder,
    },
    report: {
      failed: (device, why) => said.push(`${device} failed: ${why}`),
      recovered: (device) => said.push(`${device} is back`),
    },
  });
  return { pool, said };
}
