/**
 * Runs the test picture, which is drawn and encoded in the process that all streams share, or in its own.
 * In: options. Out: tracks and frames in real time; pts is UTC (UTC offset 0). When the shared process
 * crashes, its frames continue from the next one without a gap.
 */

import type { Frame, Track } from '@oxbow/media/frame';
import { sleep } from '../lib/abort.ts';
import { OxbowError } from '../lib/errors.ts';
import { openChild } from './child-process.ts';
import type { EngineClient } from './engine-client.ts';
import { messageKinds, parseFrame, parseTracks, printMessage } from './frame-protocol.ts';
import { sharedEngine } from './shared-engine.ts';
import { type TestPictureOptions, testPictureDefaults, testTracks } from './test-picture-options.ts';

/** Enough for 2160p; about 640 MB of it are Node's own reservations. */
const MAX_DATA_BYTES = 2 * 1024 * 1024 * 1024;
/** A picture without a message in this many checks in a row counts as hung. */
const SILENT_CHECKS = 10;
const CHECK_EVERY_MS = 1_000;
/** Largest picture in the shared process, pixels a second: 640 × 360 at 30. */
const MAX_SHARED_PIXELS = 640 * 360 * 30;

/** Receiver of the frames. Called synchronously, tracks first. */
export interface TestPictureOutput {
  tracks(tracks: readonly Track[]): void;
  frame(frame: Frame): void;
}

/** A running test picture. Disposing ends it and waits for the end. */
export interface TestPicture extends AsyncDisposable {
  /** The process in which it began. */
  readonly pid: number;
  /**
   * Resolves with the reason when it has ended; rejects with the exception of `output`, which also ends it.
   */
  readonly ended: Promise<string>;
}

/**
 * Starts the test picture: in the process that all streams share if it is small and the only one there, and
 * in its own otherwise. Abort ends it at any time.
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
  const shared = isSmall(whole) ? await openShared(sharedEngine, whole, output, { signal }) : undefined;
  return shared ?? (await openAlone(whole, output, { signal }));
}

/**
 * Whether it may share the process: drawing it keeps requests from waiting, and it can continue in another
 * one.
 */
function isSmall({ width, height, frameRate, bFrames }: TestPictureOptions): boolean {
  return bFrames === 0 && (width * height * frameRate.num) / frameRate.den <= MAX_SHARED_PIXELS;
}

/** Starts it in the process of a client; undefined if another one is there. */
export async function openShared(
  engine: Pick<EngineClient, 'host'>,
  picture: TestPictureOptions,
  output: TestPictureOutput,
  { signal }: { signal: AbortSignal },
): Promise<TestPicture | undefined> {
  const receiver = new Receiver(output, signal);
  const ended = Promise.withResolvers<string>();
  ended.promise.catch(() => {}); // Awaiting it is optional.
  const done = new AbortController();
  const onAbort = () => void close('stopped');
  let isClosed = false;
  const hosting = engine.host(
    {
      start: () => ({ what: 'test-picture', picture, after: { ...receiver.last } }),
      onMessage(kind, payload) {
        try {
          receiver.take(kind, payload);
        } catch (error) {
          if (!receiver.thrown) throw error;
          void close('stopped');
        }
      },
      onEnded: (why) => void close(why),
    },
    { signal },
  );
  const close = async (why: string) => {
    if (isClosed) return;
    isClosed = true;
    signal.removeEventListener('abort', onAbort);
    done.abort();
    const residence = await hosting.catch(() => undefined); // It was thrown below.
    await residence?.release();
    if (receiver.thrown) ended.reject(receiver.thrown.error);
    else ended.resolve(why);
  };
  const residence = await hosting;
  if (!residence) return undefined;
  const { pid = 0 } = residence;
  const watching = watchSilence(receiver, (why) => residence.kill(why), done.signal);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return {
    pid,
    ended: ended.promise,
    async [Symbol.asyncDispose]() {
      await close('stopped');
      await Promise.allSettled([ended.promise, watching]);
    },
  };
}

/** In a separate process. */
async function openAlone(
  picture: TestPictureOptions,
  output: TestPictureOutput,
  { signal }: { signal: AbortSignal },
): Promise<TestPicture> {
  const receiver = new Receiver(output, signal);
  const child = await openChild({
    entry: 'test-picture-main',
    maxDataBytes: MAX_DATA_BYTES,
    onMessage: (kind, payload) => receiver.take(kind, payload),
  });
  const onAbort = () => child.kill('stopped');
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  child.send(printMessage(messageKinds.options, Buffer.from(JSON.stringify(picture))));
  const done = new AbortController();
  const watching = watchSilence(receiver, (why) => child.kill(why), done.signal);
  const ended = child.ended.then(async (why) => {
    signal.removeEventListener('abort', onAbort);
    done.abort();
    await watching;
    if (receiver.thrown) throw receiver.thrown.error;
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

/** Takes what a process sends. */
class Receiver {
  /** Something has come since this was last set to false. */
  received = true;
  thrown: { readonly error: unknown } | undefined;
  readonly last: { video?: number; audio?: number } = {};
  readonly #output: TestPictureOutput;
  readonly #signal: AbortSignal;
  #tracks = '';

  constructor(output: TestPictureOutput, signal: AbortSignal) {
    this.#output = output;
    this.#signal = signal;
  }

  /**
   * A message that cannot be parsed is an error of the child; an exception of the output is not and must not
   * count as a crash: it is in `thrown` too.
   */
  take(kind: number, payload: Uint8Array): void {
    this.received = true;
    if (this.#signal.aborted || this.thrown) return;
    const frame = kind === messageKinds.frame ? parseFrame(payload) : undefined;
    const tracks = kind === messageKinds.tracks ? parseTracks(payload) : undefined;
    try {
      if (frame) this.#frame(frame);
      if (tracks) this.#setTracks(tracks, payload);
    } catch (error) {
      this.thrown = { error };
      throw error;
    }
  }

  /** Another process may begin with a frame that has come. */
  #frame(frame: Frame): void {
    const name = frame.trackId === testTracks.video ? 'video' : 'audio';
    if (frame.dts <= (this.last[name] ?? Number.NEGATIVE_INFINITY)) return;
    this.last[name] = frame.dts;
    this.#output.frame(frame);
  }

  /** The next process has the same encoders: its frames continue. */
  #setTracks(tracks: readonly Track[], payload: Uint8Array): void {
    const text = Buffer.from(payload).toString();
    if (text === this.#tracks) return;
    this.#tracks = text;
    this.#output.tracks(tracks);
  }
}

/** Calls `kill` when nothing has come for a while, until `done` fires. Never rejects. */
async function watchSilence(receiver: Receiver, kill: (why: string) => void, done: AbortSignal): Promise<void> {
  try {
    // Checks are counted instead of time, so that the child is not killed after the computer slept or this
    // process was blocked.
    for (let silent = 0; ; silent = receiver.received ? 0 : silent + 1) {
      if (silent >= SILENT_CHECKS) {
        kill(`no picture for ${(SILENT_CHECKS * CHECK_EVERY_MS) / 1000} s`);
        silent = 0;
      }
      receiver.received = false;
      await sleep(CHECK_EVERY_MS, { signal: done });
    }
  } catch {
    // Only `done` makes it reject.
  }
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
