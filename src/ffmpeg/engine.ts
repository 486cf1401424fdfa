/**
 * The interface to FFmpeg. It runs in child processes that may crash, and receives bytes, never a URL or
 * path.
 * In: bytes of media, options of the test picture. Out: JPEG stills, probe results, frames. Every failure is
 * an OxbowError `engine-failed`.
 */

import type { VideoConfig } from '@oxbow/media/frame';
import { OxbowError } from '../lib/errors.ts';
import {
  LUMA_SIDE,
  MessageSplitter,
  messageKinds,
  parseFrame,
  parseJson,
  parseTracks,
  type SoundLevel,
  type TileSize,
} from './frame-protocol.ts';
import type { Probe } from './probe-shape.ts';
import { sharedEngine as client } from './shared-engine.ts';
import { type StillGopOptions, stillGopFrames, stillGopSides } from './still-gop-options.ts';

export type { SoundLevel, TileSize } from './frame-protocol.ts';
export type { Probe, ProbedStream } from './probe-shape.ts';
export { type StillGopOptions, stillGopCodecs } from './still-gop-options.ts';
export { openTestPicture, type TestPicture, type TestPictureOutput } from './test-picture.ts';
export { type TestPictureOptions, testPictureDefaults } from './test-picture-options.ts';

const nothing = new Uint8Array(0);

/** Widest still, pixels. */
export const MAX_STILL_WIDTH = 3840;

/** Source of a still. */
export interface StillInput {
  /**
   * A Media Initialization Section and one segment that starts with a key frame, or any file that FFmpeg
   * reads. At most 64 MiB, not kept.
   */
  readonly bytes: Uint8Array;
  /**
   * Seconds after the pts of the first key frame; the still shows the last frame at or before it. Default 0.
   */
  readonly atS?: number;
  /** Width of the JPEG, pixels, 16 to 3840; the height keeps the aspect ratio. */
  readonly width: number;
}

/**
 * The version of FFmpeg, e.g. `FFmpeg 8.1-Jellyfin`. Abort rejects at once.
 *
 * @throws OxbowError `engine-failed`
 */
export async function engineVersion({ signal }: { signal: AbortSignal }): Promise<string> {
  return new TextDecoder().decode(await client.request({ what: 'version' }, nothing, { signal }));
}

/**
 * Encodes one frame as JPEG. Abort rejects at once.
 *
 * @returns a JPEG file
 * @throws OxbowError `engine-failed` if the bytes have no picture, 64 requests wait, or it takes longer than
 *   5 s
 */
export async function makeStill(input: StillInput, { signal }: { signal: AbortSignal }): Promise<Uint8Array> {
  const { bytes, atS = 0, width } = input;
  if (!Number.isInteger(width) || width < 16 || width > MAX_STILL_WIDTH || !Number.isFinite(atS)) {
    throw new OxbowError('engine-failed', `A still ${width} pixels wide at ${atS} s cannot be made.`);
  }
  return client.request({ what: 'still', atS, width }, bytes, { signal });
}

/** Source and bounds of a small picture. */
export interface KeyPictureInput {
  /** A Media Initialization Section and the start of a segment, with its first key frame; not kept. */
  readonly bytes: Uint8Array;
  /** Largest sides, pixels, 16 to 640; the picture keeps its shape. */
  readonly width: number;
  readonly height: number;
  /** The quality is lowered until the JPEG has at most this many bytes, or cannot be lower. */
  readonly maxBytes: number;
}

/** A small picture of a key frame. */
export interface KeyPicture {
  /** A JPEG file. */
  readonly jpeg: Uint8Array;
  /** Mean luma of 16 × 16 cells, row by row, 0 to 255: to compare pictures. */
  readonly luma: Uint8Array;
  /** Processor time that it took in the process of the media engine, µs. */
  readonly cpuUs: number;
}

/** Encodes a key frame as a small JPEG; see makeKeyPicture. */
export type MakeKeyPicture = typeof makeKeyPicture;

/**
 * Encodes the first key frame as a small JPEG. Abort rejects at once.
 *
 * @throws OxbowError `engine-failed` as `makeStill`
 */
export async function makeKeyPicture(
  { bytes, width, height, maxBytes }: KeyPictureInput,
  { signal }: { signal: AbortSignal },
): Promise<KeyPicture> {
  const isSide = (side: number) => Number.isInteger(side) && side >= 16 && side <= 640;
  if (!isSide(width) || !isSide(height)) {
    throw new OxbowError('engine-failed', `A picture of ${width} × ${height} pixels cannot be made of a key frame.`);
  }
  const operation = { what: 'key-picture', width, height, maxBytes } as const;
  const { bytes: answer, cpuUs } = await client.measure(operation, bytes, { signal });
  const cells = LUMA_SIDE * LUMA_SIDE;
  return { luma: answer.subarray(0, cells), jpeg: answer.subarray(cells), cpuUs };
}

/** Sides of the picture that `readLuma` returns, pixels. */
export const lumaSize: TileSize = { width: 64, height: 36 };

/** Decodes a key frame to a small gray picture; see readLuma. */
export type ReadLuma = typeof readLuma;

/**
 * Decodes the first key frame to a small gray picture of `lumaSize`; its shape is not kept. Abort rejects at
 * once.
 *
 * @param bytes a Media Initialization Section and the start of a segment, with its first key frame; not kept
 * @returns luma, 0 (black) to 255, row by row; the processor time of the media engine, µs
 * @throws OxbowError `engine-failed` as `makeStill`
 */
export async function readLuma(
  bytes: Uint8Array,
  { signal }: { signal: AbortSignal },
): Promise<{ readonly luma: Uint8Array; readonly cpuUs: number }> {
  const { bytes: luma, cpuUs } = await client.measure({ what: 'luma', ...lumaSize }, bytes, { signal });
  return { luma, cpuUs };
}

/** Measures sound; see measureSound. */
export type MeasureSound = typeof measureSound;

/**
 * Measures how loud the beginning of some sound is. Abort rejects at once.
 *
 * @param bytes a Media Initialization Section and a segment with audio; not kept
 * @param seconds of sound that are decoded, at most; fewer if it is clearly neither silent nor clipped
 * @returns the level; the processor time of the media engine, µs
 * @throws OxbowError `engine-failed` if there is no audio, or as `makeStill`
 */
export async function measureSound(
  bytes: Uint8Array,
  seconds: number,
  { signal }: { signal: AbortSignal },
): Promise<{ readonly level: SoundLevel; readonly cpuUs: number }> {
  const { bytes: level, cpuUs } = await client.measure({ what: 'sound-level', seconds }, bytes, { signal });
  return { level: parseJson(level) as SoundLevel, cpuUs };
}

/** Measures sound step by step; see measureLevels. */
export type MeasureLevels = typeof measureLevels;

/**
 * Measures how loud sound is in steps of 10 ms, to compare recordings. Abort rejects at once.
 *
 * @param bytes a Media Initialization Section and fragments with audio, a few minutes at most; not kept
 * @param maxSteps most levels, 1 to 60,000
 * @returns root mean square of each step from the first sample on, 1 is full scale; empty if nothing could be
 *   decoded
 * @throws OxbowError `engine-failed` if there is no audio, or as `makeStill`
 */
export async function measureLevels(
  bytes: Uint8Array,
  maxSteps: number,
  { signal }: { signal: AbortSignal },
): Promise<Float32Array> {
  const levels = await client.request({ what: 'sound-levels', maxSteps }, bytes, { signal });
  return new Float32Array(new Uint8Array(levels).buffer);
}

/** Bytes of a picture of a sheet: packed planes Y, U, V. */
export function tileBytes({ width, height }: TileSize): number {
  return (width * height * 3) / 2;
}

function checkTile({ width, height }: TileSize): void {
  const isSide = (side: number) => Number.isInteger(side) && side % 2 === 0 && side >= 16 && side <= 640;
  if (!isSide(width) || !isSide(height)) {
    throw new OxbowError('engine-failed', `A picture of ${width} × ${height} pixels cannot be on a sheet.`);
  }
}

/**
 * Decodes one frame as a picture of a sheet. Abort rejects at once.
 *
 * @returns packed planes Y, U, V with the colours of JPEG
 * @throws OxbowError as `makeStill`
 */
export async function makeTile(
  { bytes, atS = 0, ...size }: Omit<StillInput, 'width'> & TileSize,
  { signal }: { signal: AbortSignal },
): Promise<Uint8Array> {
  checkTile(size);
  const planes = await client.request({ what: 'tile', atS, ...size }, bytes, { signal });
  if (planes.length !== tileBytes(size))
    throw new OxbowError('engine-failed', 'The answer is no picture of the sheet.');
  return planes;
}

/**
 * Encodes a grid of pictures as one JPEG. Abort rejects at once.
 *
 * @param tiles what `makeTile` returned, 1 to 100; undefined: black
 * @throws OxbowError `engine-failed`
 */
export async function makeSheet(
  {
    tiles,
    columns,
    ...size
  }: { readonly tiles: readonly (Uint8Array | undefined)[]; readonly columns: number } & TileSize,
  { signal }: { signal: AbortSignal },
): Promise<Uint8Array> {
  checkTile(size);
  const each = tileBytes(size);
  if (tiles.length < 1 || tiles.length > 100 || columns < 1 || columns > 10) {
    throw new OxbowError('engine-failed', `A sheet of ${tiles.length} pictures in ${columns} columns cannot be made.`);
  }
  const bytes = new Uint8Array(tiles.length * each).fill(128);
  tiles.forEach((tile, i) => {
    if (tile) bytes.set(tile, i * each);
    else bytes.fill(0, i * each, i * each + size.width * size.height);
  });
  return client.request({ what: 'sheet', columns, ...size }, bytes, { signal });
}

/**
 * Describes the container and streams of a file. Abort rejects at once.
 *
 * @param bytes the file or its start (a few MiB are enough if the header comes first), at most 64 MiB
 * @throws OxbowError `engine-failed` if FFmpeg does not recognize the container
 */
export async function probeBytes(bytes: Uint8Array, { signal }: { signal: AbortSignal }): Promise<Probe> {
  return parseJson(await client.request({ what: 'probe' }, bytes, { signal })) as Probe;
}

/** One picture, encoded as a GOP that can be repeated. */
export interface StillGop {
  readonly config: VideoConfig;
  /** Access units as in Frame, the first one a key frame; no B-frames. */
  readonly frames: readonly Uint8Array[];
}

/** Encodes a picture as a GOP; see makeStillGop. */
export type MakeStillGop = typeof makeStillGop;

/**
 * Encodes a picture as a GOP that can be repeated. Abort rejects at once.
 *
 * @param bytes as `options.picture` says; at most 64 MiB, not kept
 * @throws OxbowError `engine-failed` if an option is out of range, the bytes have no picture, or it takes
 *   longer than 5 s
 */
export async function makeStillGop(
  options: StillGopOptions,
  bytes: Uint8Array,
  { signal }: { signal: AbortSignal },
): Promise<StillGop> {
  const { width, height, frames: count, frameRate } = options;
  const { least, most } = stillGopSides;
  const isSide = (side: number) => side % 2 === 0 && side >= least && side <= most;
  const isCount = Number.isInteger(count) && count >= stillGopFrames.least && count <= stillGopFrames.most;
  if (!isSide(width) || !isSide(height) || !isCount || !(frameRate > 0 && frameRate <= 60)) {
    throw new OxbowError('engine-failed', `Invalid options of a still GOP: ${JSON.stringify(options)}.`);
  }
  const answer = await client.request({ what: 'still-gop', gop: options }, bytes, { signal });
  let config: VideoConfig | undefined;
  const frames: Uint8Array[] = [];
  new MessageSplitter(answer.length, (kind, payload) => {
    const [track] = kind === messageKinds.tracks ? parseTracks(payload) : [];
    if (track?.kind === 'video') config = track.config;
    if (kind === messageKinds.frame) frames.push(parseFrame(payload).data);
  }).push(answer);
  if (!config || frames.length !== count) throw new OxbowError('engine-failed', 'The answer has no complete GOP.');
  return { config, frames };
}

/**
 * Rejects waiting requests and ends the shared process, with the test picture in it. May be called twice.
 */
export async function closeEngine(): Promise<void> {
  await client[Symbol.asyncDispose]();
}

/** Process id of the shared child, undefined if it does not run; for tests and `oxbow doctor`. */
export function enginePid(): number | undefined {
  return client.pid;
}
