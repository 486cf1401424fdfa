/**
 * Opens the hardware encoders of this machine.
 * In: the context. Out: EncoderPool; its metrics and lines of the log.
 */

import type { AppContext } from '../features/core.ts';
import type { EncoderPool } from '../ffmpeg/encoders/encoder-pool.ts';
import { createMachinePool } from '../ffmpeg/encoders/machine-pool.ts';

/** Opens the pool, and measures its devices meanwhile. A machine without devices has nothing to measure. */
export function openEncoders({ config, opened, clock, log, metrics }: AppContext): EncoderPool {
  const { sessions, liveSessions, wait: waitMs } = config.transcode;
  const pool = opened.use(
    createMachinePool({ sessions, liveSessions, waitMs }, clock, {
      failed(device, why, pauseMs) {
        metrics.encoderFailures.inc({ device });
        log.warn({ device, why, pauseS: pauseMs / 1000 }, 'a video device failed; software encodes instead');
      },
      recovered: (device) => log.info({ device }, 'a video device works again'),
    }),
  );
  opened.defer(
    metrics.beforeScrape(() => {
      for (const { device, name, speed, used, state } of pool.view()) {
        metrics.encoderSessions.set({ device }, used);
        metrics.encoderUp.set({ device }, state === 'ready' ? 1 : 0);
        metrics.encoderSpeed.set({ device, encoder: name }, speed);
      }
    }),
  );
  void pool.ready().then(() => {
    const encoders = pool.view().map(({ name, device, speed }) => `${name} ${device}: ${speed} fps`);
    if (encoders.length > 0) log.info({ encoders }, 'video devices encode');
  });
  return pool;
}
