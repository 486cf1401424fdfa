/**
 * Runs the process that draws and encodes the test picture.
 * In: what to draw. Out: tracks and frames, as they are made; pts is UTC (UTC offset 0).
 */
import { sleep } from '../lib/abort.ts';
import { OxbowError } from '../lib/errors.ts';
import type { Frame, Track } from '../media/frame.ts';
import { openChild } from './child-process.ts';
import { messageKinds, parseFrame, parseTracks, printMessage } from './frame-protocol.ts';
import { type TestPictureOptions, testPictureDefaults } from './test-picture-options.ts';

/** Room for 2160p; Node's own reservations count with about 640 MB. */
const MAX_DATA_BYTES = 2 * 1024 * 1024 * 1024;
/** A child that says nothing for this many looks in a row is taken for hung. */
const SILENT_LOOKS = 10;
const LOOK_EVERY_MS = 1_000;

/** Where the frames go. Called synchronously, tracks first. */
export interface TestPictureOutput {
  tracks(tracks: readonly Track[]): void;
  frame(frame: Frame): void;
}

/** A running test picture. Disposing ends it and waits until the process is gone. */
export interface TestPicture extends AsyncDisposable {
  readonly pid: number;
  /** Resolves with the reason once the process is gone, for whatever cause; rejects with what `output` threw, which also ends it. */
  readonly ended: Promise<string>;
}

/**
 * Starts the test picture. Abort kills its process, also later; `ended` tells when it is gone.
 *
 * @param options what differs from {@link testPictureDefaults}
 * @throws OxbowError `engine-failed` when an option is out of range or the process cannot be started
 */
export async function openTestPicture(
  options: Pick<TestPictureOptions, 'name'> & Partial<TestPictureOptions>,
  output: TestPictureOutput,
  { signal }: { signal: AbortSignal },
): Promise<TestPicture> {
  const whole: TestPictureOptions = { ...testPictureDefaults, ...options };
  checkOptions(whole);
  signal.throwIfAborted();
  let heard = true;
  let thrown: { readonly error: unknown } | undefined;
  const child = await openChild({
    entry: 'test-picture-main',
    maxDataBytes: MAX_DATA_BYTES,
    onMessage(kind, payload) {
      heard = true;
      if (signal.aborted || thrown) return;
      const frame = kind === messageKinds.frame ? parseFrame(payload) : undefined;
      const tracks = kind === messageKinds.tracks ? parseTracks(payload) : undefined;
      // What the child sent wrong, above, is its fault; what our side throws is not, and must not be taken for a crash.
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
    // Looks are counted, not time: after the computer slept, or this process was held up, the child gets its chance.
    for (let silent = 0; silent < SILENT_LOOKS; silent = heard ? 0 : silent + 1) {
      heard = false;
      await sleep(LOOK_EVERY_MS, { signal: done.signal });
    }
    child.kill(`no picture for ${(SILENT_LOOKS * LOOK_EVERY_MS) / 1000} s`);
  })().catch(() => {}); // Only `done` makes it reject.
  const ended = child.ended.then(async (why) => {
    signal.removeEventListener('abort', onAbort);
    done.abort();
    await watching;
    if (thrown) throw thrown.error;
    return why;
  });
  ended.catch(() => {}); // Whoever awaits it learns; nobody has to.
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
  if (!fits) throw new OxbowError('engine-failed', `a test picture cannot be like this: ${JSON.stringify(options)}`);
}
