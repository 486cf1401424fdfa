/**
 * The door to FFmpeg: what the rest of oxbow may ask of it. All of it happens in child processes that may crash; FFmpeg sees bytes, never a URL or path.
 * In: bytes of media; what to draw. Out: JPEG stills, descriptions of files, the test picture's frames. Every failure is an OxbowError `engine-failed`.
 */
import { OxbowError } from '../lib/errors.ts';
import { EngineClient } from './engine-client.ts';
import { parseJson } from './frame-protocol.ts';
import type { Probe } from './probe-shape.ts';

export type { Probe, ProbedStream } from './probe-shape.ts';
export { openTestPicture, type TestPicture, type TestPictureOutput } from './test-picture.ts';
export { type TestPictureOptions, testPictureDefaults } from './test-picture-options.ts';

/** One for the process: questions about all streams go through the same child. */
const client = new EngineClient();
const nothing = new Uint8Array(0);

/** Widest still, pixels. */
export const MAX_STILL_WIDTH = 3840;

/** What a still is made from. */
export interface StillInput {
  /** A Media Initialization Section and one segment that starts with a key frame; or any file FFmpeg knows. At most 64 MiB, not kept. */
  readonly bytes: Uint8Array;
  /** Seconds after the first key frame's pts; the last frame at or before it is taken. Default 0. */
  readonly atS?: number;
  /** Of the JPEG, pixels, 16 to 3840; the height follows from the shape of the picture. */
  readonly width: number;
}

/**
 * Which FFmpeg this is, e.g. `FFmpeg 8.1-Jellyfin`. Abort rejects at once.
 *
 * @throws OxbowError `engine-failed`
 */
export async function engineVersion({ signal }: { signal: AbortSignal }): Promise<string> {
  return new TextDecoder().decode(await client.request({ what: 'version' }, nothing, { signal }));
}

/**
 * Makes a JPEG of one frame. Abort rejects at once.
 *
 * @returns a JPEG file
 * @throws OxbowError `engine-failed` when there is no picture in the bytes, 64 requests wait, or it took longer than 5 s
 */
export async function makeStill(input: StillInput, { signal }: { signal: AbortSignal }): Promise<Uint8Array> {
  const { bytes, atS = 0, width } = input;
  if (!Number.isInteger(width) || width < 16 || width > MAX_STILL_WIDTH || !Number.isFinite(atS)) {
    throw new OxbowError('engine-failed', `a still ${width} pixels wide at ${atS} s cannot be made`);
  }
  return client.request({ what: 'still', atS, width }, bytes, { signal });
}

/**
 * Says what a file is. Abort rejects at once.
 *
 * @param bytes the file or its beginning (a few MiB are enough where the header comes first), at most 64 MiB
 * @throws OxbowError `engine-failed` when FFmpeg does not know the container
 */
export async function probeBytes(bytes: Uint8Array, { signal }: { signal: AbortSignal }): Promise<Probe> {
  return parseJson(await client.request({ what: 'probe' }, bytes, { signal })) as Probe;
}

/** Refuses what waits and ends the shared process; resolves when it is gone. May be called twice. Test pictures have owners of their own. */
export async function closeEngine(): Promise<void> {
  await client[Symbol.asyncDispose]();
}

/** Process id of the shared child, undefined while none runs; for tests and `oxbow doctor`. */
export function enginePid(): number | undefined {
  return client.pid;
}
