/**
 * How oxbow and a media engine process speak over stdin and stdout: messages behind their length, and what lies in them.
 * In: bytes of a pipe in any pieces. Out: messages, frames, tracks, requests, answers. Pure; all integers are big-endian.
 *
 * A message is u32 length of the rest, u8 kind, payload. Frames are binary; what comes once per process or request is JSON.
 */
import { ByteReader } from '../lib/bytes.ts';
import { FormatError, messageOf } from '../lib/errors.ts';
import type { Frame, Track } from '../media/frame.ts';

/** The kinds of message. */
export const messageKinds = {
  /** From the child: it is loaded and takes requests. Empty. */
  ready: 1,
  /** To the child: see {@link printRequest}. */
  request: 2,
  /** From the child: see {@link printAnswer}. */
  answer: 3,
  /** To the child: what to draw, JSON. */
  options: 4,
  /** From the child: see {@link printTracks}. */
  tracks: 5,
  /** From the child: see {@link printFrame}. */
  frame: 6,
  /** To the child: no frame follows. Empty. */
  end: 7,
} as const;

const HEADER_BYTES = 5;

/**
 * Joins a message into one buffer.
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

/** Cuts a pipe's bytes into messages. */
export class MessageSplitter {
  readonly #maxBytes: number;
  readonly #deliver: (kind: number, payload: Uint8Array) => void;
  readonly #header = new Uint8Array(4);
  #headerFilled = 0;
  #body: Uint8Array | undefined;
  #bodyFilled = 0;

  /**
   * @param maxBytes longest message accepted; also the most memory held
   * @param deliver called for each message; `payload` may be kept and may share memory with what was pushed
   */
  constructor(maxBytes: number, deliver: (kind: number, payload: Uint8Array) => void) {
    this.#maxBytes = maxBytes;
    this.#deliver = deliver;
  }

  /**
   * Takes the next bytes of the pipe.
   *
   * @throws FormatError when a length is 0 or above the limit; the splitter is then done for
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

/** Bytes in front of a frame's data: trackId, flags, dts, pts, duration. */
const FRAME_HEADER_BYTES = 1 + 1 + 8 + 8 + 4;

/** A whole message of kind `frame`. The data is copied. */
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
 * @returns a frame whose data shares memory with `payload`
 * @throws FormatError when the payload is cut short or breaks the rules of {@link Frame}
 */
export function parseFrame(payload: Uint8Array): Frame {
  const reader = new ByteReader(payload, 'engine frame');
  const trackId = reader.u8();
  const key = reader.u8() === 1;
  const dts = reader.i64();
  const pts = reader.i64();
  const duration = reader.u32();
  if (trackId === 0) throw new FormatError('engine frame of track 0', 0);
  if (dts > pts) throw new FormatError('engine frame is shown before it is decoded', 2);
  return { trackId, dts, pts, duration, key, data: reader.take(reader.left) };
}

/** A whole message of kind `tracks`. */
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
 * @throws FormatError when it is not what {@link printTracks} makes
 */
export function parseTracks(payload: Uint8Array): Track[] {
  const list = parseJson(payload);
  if (!Array.isArray(list)) throw new FormatError('engine tracks are not a list', 0);
  return list.map(
    (track: { kind?: unknown; id?: unknown; timescale?: unknown; config?: { record?: unknown } } | null) => {
      const record = track?.config?.record;
      const known = track?.kind === 'video' || track?.kind === 'audio';
      if (!known || !Number.isInteger(track.id) || !Number.isInteger(track.timescale) || typeof record !== 'string') {
        throw new FormatError('engine track is incomplete', 0);
      }
      const bytes = Buffer.from(record, 'base64');
      return { ...track, config: { ...track.config, record: new Uint8Array(bytes) } } as Track;
    },
  );
}

/** What the engine can be asked. */
export type Question =
  | { readonly what: 'version' }
  | { readonly what: 'probe' }
  | {
      readonly what: 'still';
      /** Seconds after the first key frame. */
      readonly atS: number;
      /** Of the JPEG, pixels. */
      readonly width: number;
    };

/** A request as the child sees it. */
export interface Request {
  /** Comes back in the answer. */
  readonly id: number;
  readonly question: Question;
  /** The media, empty where none is needed. */
  readonly bytes: Uint8Array;
}

/** A whole message of kind `request`: u32 id, u32 length of the JSON, the question as JSON, the bytes. */
export function printRequest({ id, question, bytes }: Request): Uint8Array {
  const json = Buffer.from(JSON.stringify(question));
  const header = new Uint8Array(8);
  const view = new DataView(header.buffer);
  view.setUint32(0, id);
  view.setUint32(4, json.length);
  return printMessage(messageKinds.request, header, json, bytes);
}

/**
 * Reads the payload of a message of kind `request`.
 *
 * @throws FormatError when it is cut short or names no known question
 */
export function parseRequest(payload: Uint8Array): Request {
  const reader = new ByteReader(payload, 'engine request');
  const id = reader.u32();
  const question = parseJson(reader.take(reader.u32())) as Partial<Question> | null;
  const what = question?.what;
  if (what !== 'version' && what !== 'probe' && what !== 'still') {
    throw new FormatError('engine request asks nothing known', 8);
  }
  return { id, question: question as Question, bytes: reader.take(reader.left) };
}

/** What came of a request. */
export interface Answer {
  readonly id: number;
  readonly ok: boolean;
  /** The result, or a sentence in UTF-8 that says what failed. */
  readonly bytes: Uint8Array;
}

/** A whole message of kind `answer`: u32 id, u8 ok, the bytes. */
export function printAnswer({ id, ok, bytes }: Answer): Uint8Array {
  const header = new Uint8Array(5);
  new DataView(header.buffer).setUint32(0, id);
  header[4] = ok ? 1 : 0;
  return printMessage(messageKinds.answer, header, bytes);
}

/**
 * Reads the payload of a message of kind `answer`.
 *
 * @throws FormatError when it is cut short
 */
export function parseAnswer(payload: Uint8Array): Answer {
  const reader = new ByteReader(payload, 'engine answer');
  return { id: reader.u32(), ok: reader.u8() === 1, bytes: reader.take(reader.left) };
}

/**
 * Reads JSON that came over the pipe.
 *
 * @throws FormatError when it is none
 */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new FormatError(`engine message is not JSON: ${messageOf(error)}`, 0);
  }
}
