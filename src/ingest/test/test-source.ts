/**
 * The `test` source: a clock, a tone and something that moves, drawn and encoded by a process that may crash and comes back.
 * In: settings. Out: runs and frames into a stream. pts is UTC, so the UTC offset is 0 in every run.
 */
import { openTestPicture, type TestPicture, type TestPictureOptions } from '../../ffmpeg/engine.ts';
import { backoffMs, sleep } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import type { StreamInput } from '../../live/input.ts';

/** A process that delivered for this long is well: the next restart comes quickly again. */
const WELL_AFTER_MS = 10_000;
const MAX_DETAIL_CHARS = 200;

/** What the source says to the operator. */
export interface TestSourceLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** What a test source is made of. */
export interface TestSourceSetup {
  /** Of the stream; drawn into the picture. */
  readonly name: string;
  /** What differs from the default picture. */
  readonly picture: Partial<Omit<TestPictureOptions, 'name'>>;
  readonly input: StreamInput;
  readonly clock: Clock;
  readonly log: TestSourceLog;
}

/**
 * Feeds the stream until aborted. Each start of the process begins a run; each end of it is an absence with cause `crash`.
 * Abort kills the process; the promise then resolves once it is gone.
 *
 * @throws only what `input` throws; a process that fails is started again
 */
export async function runTestSource(setup: TestSourceSetup, { signal }: { signal: AbortSignal }): Promise<void> {
  const { input, clock, log } = setup;
  for (let attempt = 0; !signal.aborted; attempt++) {
    const startedMs = clock.monotonicMs();
    const why = await runOnce(setup, signal);
    if (signal.aborted) break;
    input.absent('crash', `test picture: ${why}`.slice(0, MAX_DETAIL_CHARS));
    if (clock.monotonicMs() - startedMs >= WELL_AFTER_MS) attempt = 0;
    const pauseMs = backoffMs(attempt);
    log.warn({ why, pauseMs }, 'the test picture ended; it is started again');
    await sleep(pauseMs, { signal }).catch(() => {}); // Only the signal makes it reject, and ends the loop.
  }
}

/** Runs the process once; tells why it ended. */
async function runOnce({ name, picture, input, log }: TestSourceSetup, signal: AbortSignal): Promise<string> {
  let running: TestPicture;
  try {
    running = await openTestPicture(
      { ...picture, name },
      {
        tracks: (tracks) => input.startRun({ tracks, utcOffsetUs: 0, clock: 'source', pace: { kind: 'continuous' } }),
        frame: (frame) => input.publish(frame),
      },
      { signal },
    );
  } catch (error) {
    return messageOf(error);
  }
  await using child = running;
  log.info({ pid: child.pid }, 'the test picture runs');
  return await child.ended;
}
