/**
 * Runs the process that draws and encodes the test picture.
 * In: options. Out: tracks and frames in real time; pts is UTC (UTC offset 0).
 */

import type { Frame, Track } from '@oxbow/media/frame';
import { sleep } from '../lib/abort.ts';
import { OxbowError } from '../lib/errors.ts';
import { openChild } from './child-process.ts';
import { messageKinds, parseFrame, parseTracks, printMessage } from './frame-protocol.ts';
import { type TestPictureOptions, testPictureDefaults } from './test-picture-options.ts';

/** Enough for 2160p; about 640 MB of it are Node's own reservations. */
const MAX_DATA_BYTES = 2 * 1024 * 1024 * 1024;
/** A child without a message in this many checks in a row counts as hung. */
const SILENT_CHECKS = 10;
const CHECK_EVERY_MS = 1_000;

/** Receiver of the frames. Called synchronously, tracks first. */
export interface TestPictureOutput {
  tracks(tracks: readonly Track[]): void;
  frame(frame: Frame): void;
}

/** A running test picture. Disposing ends its process and waits for the end. */
export interface TestPicture extends AsyncDisposable {
  readonly pid: number;
  /**
   * Resolves with the reason when the process has ended; rejects with the exception of `output`, which also
   * ends it.
   */
  readonly ended: Promise<string>;
}

/**
 * Starts the test picture. Abort kills its process at any time.
 *
 * @param options overrides of {@link testPictureDefaults}
 * @throws OxbowError `engine-failed` if an option is out of range or the process cannot be started
 */
export async function openTestPicture(
  options: Pick<TestPictureOptions, 'name'> & Partial<TestPictureOptions>,
  output: TestPictureOutput,
  { signal }: { signal: AbortSignal },
): Promise<TestPicture> {
  const whole: TestPictureOptions = { ...testPictureDefaults, ...options };
  checkOptions(whole);
  signal.throwIfAborted();
  let received = true;
  let thrown: { readonly error: unknown } | undefined;
  const child = await openChild({
    entry: 'test-picture-main',
    maxDataBytes: MAX_DATA_BYTES,
    onMessage(kind, payload) {
      received = true;
      if (signal.aborted || thrown) return;
      const frame = kind === messageKinds.frame ? parseFrame(payload) : undefined;
      const tracks = kind === messageKinds.tracks ? parseTracks(payload) : undefined;
      // A message that cannot be parsed is an error of the child; an exception of `output` is not and must
      // not count as a crash.
      try {
        if (frame) output.frame(frame);
        if (tracks) output.tracks(tracks);
      } catch (error) {
        thrown = { error };
        throw error;
      }
    },
  });
  const onAbort = () => child.kill('stopped');
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  child.send(printMessage(messageKinds.options, Buffer.from(JSON.stringify(whole))));

  const done = new AbortController();
  const watching = (async () => {
    // Checks are counted instead of time, so that the child is not killed after the computer slept or this
    // process was blocked.
    for (let silent = 0; silent < SILENT_CHECKS; silent = received ? 0 : silent + 1) {
      received = false;
      await sleep(CHECK_EVERY_MS, { signal: done.signal });
    }
    child.kill(`no picture for ${(SILENT_CHECKS * CHECK_EVERY_MS) / 1000} s`);
  })().catch(() => {}); // Only `done` makes it reject.
  const ended = child.ended.then(async (why) => {
    signal.removeEventListener('abort', onAbort);
    done.abort();
    await watching;
    if (thrown) throw thrown.error;
    return why;
  });
  ended.catch(() => {}); // Awaiting it is optional.
  return {
    pid: child.pid,
    ended,
    async [Symbol.asyncDispose]() {
      child.kill('stopped');
      await child.ended;
      await watching;
    },
  };
}

function checkOptions(options: TestPictureOptions): void {
  const { width, height, frameRate, keyframeIntervalS, bFrames } = options;
  const rate = frameRate.num / frameRate.den;
  const fits =
    width % 2 === 0 &&
    width >= 128 &&
    width <= 3840 &&
    height % 2 === 0 &&
    height >= 72 &&
    height <= 2160 &&
    rate >= 1 &&
    rate <= 120 &&
    Number.isInteger(frameRate.num) &&
    Number.isInteger(frameRate.den) &&
    Number.isInteger(keyframeIntervalS) &&
    keyframeIntervalS >= 1 &&
    keyframeIntervalS <= 10 &&
    Number.isInteger(bFrames) &&
    bFrames >= 0 &&
    bFrames <= 3;
  if (!fits) throw new OxbowError('engine-failed', `Invalid options of the test picture: ${JSON.stringify(options)}.`);
}
