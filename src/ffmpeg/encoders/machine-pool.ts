/**
 * The pool of the devices of this machine.
 * In: settings. Out: EncoderPool, for the server and for workers.
 */
import type { Clock } from '../../lib/clock.ts';
import { thisHardware } from '../hardware-encoders.ts';
import { takeDeviceSlot } from './device-slots.ts';
import { EncoderPool, type PoolReport, type PoolSettings } from './encoder-pool.ts';
import { readSpeeds, speedFile } from './speed-cache.ts';

/** Creates the pool. It looks for devices at its first use. */
export function createMachinePool(settings: PoolSettings, clock: Clock, report: PoolReport): EncoderPool {
  const { sessions, liveSessions, waitMs } = settings;
  const speeds = () => readSpeeds(speedFile());
  return new EncoderPool({
    sessions,
    liveSessions,
    waitMs,
    clock,
    report,
    speeds,
    host: thisHardware,
    takeSlot: takeDeviceSlot,
  });
}

/** What a pool reports, as lines for a person. */
export function poolLines(log: (text: string) => void): PoolReport {
  return {
    failed: (device, why, pauseMs) =>
      log(`the video device ${device} failed and is left alone for ${pauseMs / 1000} s: ${why}`),
    recovered: (device) => log(`the video device ${device} works again`),
  };
}
