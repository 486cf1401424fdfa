/**
 * The protocol between oxbow and a media engine process over stdin and stdout: length-prefixed messages.
 * In: bytes of a pipe in any chunks. Out: messages, frames, tracks, requests, answers. Pure; all integers are
 * big-endian.
 *
 * A message is u32 length of the rest, u8 kind, payload. Frames are binary, everything else is JSON.
 */
import { ByteReader } from '@oxbow/media/bytes';
import { FormatError } from '@oxbow/media/errors';
import type { Frame, Track } from '@oxbow/media/frame';
import { messageOf } from '../lib/errors.ts';
import type { StillGopOptions } from './still-gop-options.ts';
import type { LastFrames, TestPictureOptions } from './test-picture-options.ts';

export const messageKinds = {
  /** From the child: it is ready for requests. Empty. */
  ready: 1,
  /** To the child: see {@link printRequest}. */
  request: 2,
  /** From the child: see {@link printAnswer}. */
  answer: 3,
  /** To the child: options, JSON. */
  options: 4,
  /** From the child: see {@link printTracks}. */
  tracks: 5,
  /** From the child: see {@link printFrame}. */
  frame: 6,
  /** To the child: no more frames; the test picture ends. Empty. */
  end: 7,
  /** To the child: see {@link printMark}; it returns the message after the result of all frames before it. */
  mark: 8,
  /** To the child that encodes live: a segment begins at a time; see {@link printCut}. */
  cut: 9,
  /** To the child that encodes live: ids of the tracks that it encodes from now on, JSON. */
  enabled: 10,
  /** To the child that encodes live: another encoder of a track from its next cut on, JSON EncoderOrder. */
  encoder: 11,
  /** From a child that encodes a ladder: the encoder of a track on a device failed, JSON EncoderFailure. */
  encoderFailed: 12,
  /** From a child that encodes a ladder: it works. Empty. */
  alive: 13,
} as const;

const HEADER_BYTES = 5;

/**
 * Serializes a message into one buffer.
 *
 * @param kind one of {@link messageKinds}
 * @param pieces the payload
 */
export function printMessage(kind: number, ...pieces: readonly Uint8Array[]): Uint8Array {
  let length = 1;
  for (const piece of pieces) length += piece.length;
  const message = new Uint8Array(HEADER_BYTES - 1 + length);
  new DataView(message.buffer).setUint32(0, length);
  message[4] = kind;
  let at = HEADER_BYTES;
  for (const piece of pieces) {
    message.set(piece, at);
    at += piece.length;
  }
  return message;
}

/** Splits the bytes of a pipe into messages. */
export class MessageSplitter {
  readonly #maxBytes: number;
  readonly #deliver: (kind: number, payload: Uint8Array) => void;
  readonly #header = new Uint8Array(4);
  #headerFilled = 0;
  #body: Uint8Array | undefined;
  #bodyFilled = 0;

  /**
   * @param maxBytes largest accepted message; also the most buffered memory
   * @param deliver called for each message; `payload` may be kept and may share memory with the pushed bytes
   */
  constructor(maxBytes: number, deliver: (kind: number, payload: Uint8Array) => void) {
    this.#maxBytes = maxBytes;
    this.#deliver = deliver;
  }

  /**
   * Adds the next bytes of the pipe.
   *
   * @throws FormatError if a length is 0 or above the limit; the splitter is unusable afterwards
   */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (!this.#body) {
        const taken = Math.min(4 - this.#headerFilled, bytes.length - at);
        this.#header.set(bytes.subarray(at, at + taken), this.#headerFilled);
        this.#headerFilled += taken;
        at += taken;
        if (this.#headerFilled < 4) return;
        const length = new DataView(this.#header.buffer).getUint32(0);
        if (length === 0 || length > this.#maxBytes) throw new FormatError(`message of ${length} bytes`, at - taken);
        this.#headerFilled = 0;
        if (bytes.length - at >= length) {
          this.#emit(bytes.subarray(at, at + length));
          at += length;
          continue;
        }
        this.#body = new Uint8Array(length);
        this.#bodyFilled = 0;
      }
      const taken = Math.min(this.#body.length - this.#bodyFilled, bytes.length - at);
      this.#body.set(bytes.subarray(at, at + taken), this.#bodyFilled);
      this.#bodyFilled += taken;
      at += taken;
      if (this.#bodyFilled < this.#body.length) return;
      const body = this.#body;
      this.#body = undefined;
      this.#emit(body);
    }
  }

  #emit(body: Uint8Array): void {
    this.#deliver(body[0]!, body.subarray(1));
  }
}

/** Bytes before the data of a frame: trackId, flags, dts, pts, duration. */
const FRAME_HEADER_BYTES = 1 + 1 + 8 + 8 + 4;

/** Serializes a message of kind `frame`. The data is copied. */
export function printFrame(frame: Frame): Uint8Array {
  const header = new Uint8Array(FRAME_HEADER_BYTES);
  const view = new DataView(header.buffer);
  header[0] = frame.trackId;
  header[1] = frame.key ? 1 : 0;
  view.setBigInt64(2, BigInt(frame.dts));
  view.setBigInt64(10, BigInt(frame.pts));
  view.setUint32(18, frame.duration);
  return printMessage(messageKinds.frame, header, frame.data);
}

/**
 * Reads the payload of a message of kind `frame`.
 *
 * @returns a frame; its data shares memory with `payload`
 * @throws FormatError if the payload is truncated or violates the rules of {@link Frame}
 */
export function parseFrame(payload: Uint8Array): Frame {
  const reader = new ByteReader(payload, 'engine frame');
  const trackId = reader.u8();
  const key = reader.u8() === 1;
  const dts = reader.i64();
  const pts = reader.i64();
  const duration = reader.u32();
  if (trackId === 0) throw new FormatError('engine frame of track 0', 0);
  if (dts > pts) throw new FormatError('engine frame with dts > pts', 2);
  return { trackId, dts, pts, duration, key, data: reader.take(reader.left) };
}

/** Serializes a message of kind `tracks`. */
export function printTracks(tracks: readonly Track[]): Uint8Array {
  const shown = tracks.map((track) => ({
    ...track,
    config: { ...track.config, record: Buffer.from(track.config.record).toString('base64') },
  }));
  return printMessage(messageKinds.tracks, Buffer.from(JSON.stringify(shown)));
}

/**
 * Reads the payload of a message of kind `tracks`.
 *
 * @throws FormatError if it is not a payload of {@link printTracks}
 */
export function parseTracks(payload: Uint8Array): Track[] {
  const list = parseJson(payload);
  if (!Array.isArray(list)) throw new FormatError('engine tracks are not a list', 0);
  return list.map(
    (track: { kind?: unknown; id?: unknown; timescale?: unknown; config?: { record?: unknown } } | null) => {
      const record = track?.config?.record;
      const isMedia = track?.kind === 'video' || track?.kind === 'audio';
      if (!isMedia || !Number.isInteger(track.id) || !Number.isInteger(track.timescale) || typeof record !== 'string') {
        throw new FormatError('engine track is incomplete', 0);
      }
      const bytes = Buffer.from(record, 'base64');
      return { ...track, config: { ...track.config, record: new Uint8Array(bytes) } } as Track;
    },
  );
}

/** A position between frames. */
export interface Mark {
  /** 0 to 2^32 - 1. */
  readonly id: number;
  /** The media ends here: everything that the child still holds comes out before the mark. */
  readonly ends: boolean;
}

/** Serializes a message of kind `mark`: u32 id, u8 ends. */
export function printMark({ id, ends }: Mark): Uint8Array {
  const payload = new Uint8Array(5);
  new DataView(payload.buffer).setUint32(0, id);
  payload[4] = ends ? 1 : 0;
  return printMessage(messageKinds.mark, payload);
}

/**
 * Reads the payload of a message of kind `mark`.
 *
 * @throws FormatError if it is truncated
 */
export function parseMark(payload: Uint8Array): Mark {
  const reader = new ByteReader(payload, 'engine mark');
  return { id: reader.u32(), ends: reader.u8() === 1 };
}

/** Serializes a message of kind `cut`: i64 ticks. */
export function printCut(at: number): Uint8Array {
  const payload = new Uint8Array(8);
  new DataView(payload.buffer).setBigInt64(0, BigInt(at));
  return printMessage(messageKinds.cut, payload);
}

/**
 * Reads the payload of a message of kind `cut`.
 *
 * @throws FormatError if it is truncated
 */
export function parseCut(payload: Uint8Array): number {
  return new ByteReader(payload, 'engine cut').i64();
}

/** Columns and rows of the grid of luma that comes with a small picture. */
export const LUMA_SIDE = 16;

/** Operations of the engine. */
export type Operation =
  | { readonly what: 'version' }
  | { readonly what: 'probe' }
  | {
      readonly what: 'still';
      /** Seconds after the first key frame. */
      readonly atS: number;
      /** Width of the JPEG, pixels. */
      readonly width: number;
    }
  | {
      /** The answer is a grid of LUMA_SIDE × LUMA_SIDE bytes, and the JPEG. */
      readonly what: 'key-picture';
      /** Largest sides of the JPEG, pixels; it keeps its shape. */
      readonly width: number;
      readonly height: number;
      /** The quality is lowered until the JPEG has at most this many bytes. */
      readonly maxBytes: number;
    }
  | ({
      /** The answer is the luma of the first key frame, 0 to 255, scaled to this size, row by row. */
      readonly what: 'luma';
    } & TileSize)
  | {
      /** The answer is JSON, a SoundLevel. */
      readonly what: 'sound-level';
      /** Most sound that is decoded, seconds. */
      readonly seconds: number;
    }
  | {
      /** The answer is levels as 32-bit floats, in steps of 10 ms from the first sample on. */
      readonly what: 'sound-levels';
      /** Most levels. */
      readonly maxSteps: number;
    }
  | ({ readonly what: 'tile'; readonly atS: number } & TileSize)
  | ({ readonly what: 'sheet'; readonly columns: number } & TileSize)
  | { readonly what: 'still-gop'; readonly gop: StillGopOptions }
  | {
      /**
       * Starts a test picture: after the answer come tracks and frames, until the message `end`. There is one
       * at a time.
       */
      readonly what: 'test-picture';
      readonly picture: TestPictureOptions;
      /** It continues after these frames; empty if it is new. */
      readonly after: LastFrames;
    };

/** How loud a piece of sound is. */
export interface SoundLevel {
  /** Mean of all channels: the square root of the mean of the squares, 0 to 1. */
  readonly rms: number;
  /** The largest sample, 1 is full scale. */
  readonly peak: number;
  /** Share of the samples at full scale, 0 to 1. */
  readonly clipped: number;
  /** The sound that was decoded; 0: none could be. */
  readonly seconds: number;
}

/** Size of a picture of a sheet, pixels, even. */
export interface TileSize {
  readonly width: number;
  readonly height: number;
}

const operations: ReadonlySet<unknown> = new Set([
  'version',
  'probe',
  'still',
  'key-picture',
  'luma',
  'sound-level',
  'sound-levels',
  'tile',
  'sheet',
  'still-gop',
  'test-picture',
]);

/** A request to the child. */
interface Request {
  /** The answer has the same id. */
  readonly id: number;
  readonly operation: Operation;
  /** Media; empty if the operation needs none. */
  readonly bytes: Uint8Array;
}

/**
 * Serializes a message of kind `request`: u32 id, u32 length of the JSON, the operation as JSON, the bytes.
 */
export function printRequest({ id, operation, bytes }: Request): Uint8Array {
  const json = Buffer.from(JSON.stringify(operation));
  const header = new Uint8Array(8);
  const view = new DataView(header.buffer);
  view.setUint32(0, id);
  view.setUint32(4, json.length);
  return printMessage(messageKinds.request, header, json, bytes);
}

/**
 * Reads the payload of a message of kind `request`.
 *
 * @throws FormatError if it is truncated or the operation is unknown
 */
export function parseRequest(payload: Uint8Array): Request {
  const reader = new ByteReader(payload, 'engine request');
  const id = reader.u32();
  const operation = parseJson(reader.take(reader.u32())) as Partial<Operation> | null;
  const what = operation?.what;
  if (!operations.has(what)) {
    throw new FormatError('unknown operation in engine request', 8);
  }
  return { id, operation: operation as Operation, bytes: reader.take(reader.left) };
}

/** Result of a request. */
export interface Answer {
  readonly id: number;
  readonly ok: boolean;
  /** Processor time that it took, µs; 0 where it is not measured. */
  readonly cpuUs: number;
  /** The result, or an error message in UTF-8. */
  readonly bytes: Uint8Array;
}

/** Serializes a message of kind `answer`: u32 id, u8 ok, u32 cpuUs, the bytes. */
export function printAnswer({
  id,
  ok,
  cpuUs = 0,
  bytes,
}: Omit<Answer, 'cpuUs'> & Partial<Pick<Answer, 'cpuUs'>>): Uint8Array {
  const header = new Uint8Array(9);
  const view = new DataView(header.buffer);
  view.setUint32(0, id);
  header[4] = ok ? 1 : 0;
  view.setUint32(5, cpuUs);
  return printMessage(messageKinds.answer, header, bytes);
}

/**
 * Reads the payload of a message of kind `answer`.
 *
 * @throws FormatError if it is truncated
 */
export function parseAnswer(payload: Uint8Array): Answer {
  const reader = new ByteReader(payload, 'engine answer');
  return { id: reader.u32(), ok: reader.u8() === 1, cpuUs: reader.u32(), bytes: reader.take(reader.left) };
}

/**
 * Parses JSON from the pipe.
 *
 * @throws FormatError if it is not JSON
 */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new FormatError(`engine message is not JSON: ${messageOf(error)}`, 0);
  }
}
