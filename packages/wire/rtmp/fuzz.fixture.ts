/**
 * Random messages as chunks of all formats, in pieces; scrambled chunks and handshakes.
 * In: a seed and a count. Out: nothing, or a failed assertion. Used by tests and by `npm run fuzz`.
 */
import assert from 'node:assert/strict';
import { FormatError } from '@oxbow/media/errors';
import { seeded } from '@oxbow/media/random.fixture';
import { ChunkReader } from './chunk-reader.ts';
import { ClientHandshake, ServerHandshake } from './handshake.ts';

type Random = (below: number) => number;

/** A message as a reader delivers it. */
export interface ReadMessage {
  readonly type: number;
  readonly timestampMs: number;
  readonly streamId: number;
  readonly body: string;
}

/** Reads chunks in pieces of a size, which are overwritten after each call. */
export function readChunks(bytes: Uint8Array, pieceBytes: number, maxMessageBytes = 100_000): ReadMessage[] {
  const messages: ReadMessage[] = [];
  const reader = new ChunkReader({ maxMessageBytes }, (type, timestampMs, streamId, body) =>
    messages.push({ type, timestampMs, streamId, body: Buffer.from(body).toString('hex') }),
  );
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = bytes.slice(at, at + pieceBytes);
    reader.push(piece);
    piece.fill(0xee);
  }
  return messages;
}

interface Sender {
  timestampMs: number;
  deltaMs: number;
  length: number;
  type: number;
  streamId: number;
  isFresh: boolean;
}

/** Prints messages of several chunk streams, interleaved, each with the shortest header or a longer one. */
function printRandom(random: Random): { bytes: Uint8Array; messages: ReadMessage[] } {
  const out: number[] = [];
  const messages: ReadMessage[] = [];
  const senders = new Map<number, Sender>();
  let chunkSize = 128;
  /** Rests of messages by chunk stream. */
  const open = new Map<number, { rest: number[]; extended: number | undefined; message: ReadMessage }>();
  const u24 = (value: number) => out.push((value >>> 16) & 255, (value >>> 8) & 255, value & 255);
  const u32 = (value: number) => out.push(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
  const basic = (format: number, id: number) => {
    if (id < 64) out.push((format << 6) | id);
    else if (id < 320) out.push(format << 6, id - 64);
    else out.push((format << 6) | 1, (id - 64) & 255, (id - 64) >> 8);
  };
  const chunk = (id: number) => {
    const { rest, message } = open.get(id)!;
    out.push(...rest.splice(0, chunkSize));
    if (rest.length > 0) return;
    open.delete(id);
    messages.push(message);
  };
  const ids = [3, 4, 63, 64, 319, 320, 65_599].slice(0, 1 + random(7));
  for (let i = 0; i < 12; i++) {
    const id = ids[random(ids.length)]!;
    if (open.has(id)) {
      basic(3, id);
      const { extended } = open.get(id)!;
      if (extended !== undefined) u32(extended);
      chunk(id);
      continue;
    }
    if (random(12) === 0) {
      chunkSize = 4 + random(300); // so that the next such message is one chunk
      basic(0, 2);
      u24(0);
      u24(4);
      out.push(1);
      u32(0);
      u32(chunkSize);
      continue;
    }
    const known = senders.get(id);
    const time = [random(1000), 0xfffffe, 0xffffff, random(2 ** 32)][random(4)]!;
    const body = Array.from({ length: random(5) === 0 ? random(1000) : random(40) }, () => random(256));
    const format = known ? random(4) : 0;
    const next: Sender = known ?? { timestampMs: 0, deltaMs: 0, length: 0, type: 8, streamId: 0, isFresh: true };
    if (format < 3) next.deltaMs = time;
    next.timestampMs = format === 0 ? time : (next.timestampMs + next.deltaMs) >>> 0;
    if (format < 2) {
      next.length = body.length;
      next.type = [8, 9, 18, 20][random(4)]!;
    }
    if (format === 0) next.streamId = random(3) === 0 ? random(2 ** 32) : 1;
    senders.set(id, next);
    const extended = next.deltaMs >= 0xffffff ? next.deltaMs : undefined;
    basic(format, id);
    if (format < 3) u24(Math.min(next.deltaMs, 0xffffff));
    if (format < 2) {
      u24(next.length);
      out.push(next.type);
    }
    if (format === 0) {
      const s = next.streamId;
      out.push(s & 255, (s >>> 8) & 255, (s >>> 16) & 255, s >>> 24);
    }
    if (extended !== undefined) u32(extended);
    const payload = Array.from({ length: next.length }, (_, k) => body[k % Math.max(1, body.length)] ?? 7);
    const { type, timestampMs, streamId } = next;
    const message = { type, timestampMs, streamId, body: Buffer.from(payload).toString('hex') };
    open.set(id, { rest: payload, extended, message });
    chunk(id);
  }
  return { bytes: Uint8Array.from(out), messages };
}

function outcome(read: () => unknown, bytes: Uint8Array): unknown {
  try {
    return read();
  } catch (error) {
    assert.ok(error instanceof FormatError, `${Buffer.from(bytes).toString('hex')}\n${(error as Error).stack}`);
    return 'FormatError';
  }
}

/**
 * Messages survive all chunk formats and all pieces; scrambled chunks have the same outcome in all pieces.
 */
export function fuzzChunks(seed: number, count: number): void {
  const random = seeded(seed);
  for (let i = 0; i < count; i++) {
    const { bytes, messages } = printRandom(random);
    assert.deepEqual(readChunks(bytes, bytes.length || 1), messages);
    assert.deepEqual(readChunks(bytes, 1), messages);
    for (let k = 1 + random(3); k > 0 && bytes.length > 0; k--) bytes[random(bytes.length)] = random(256);
    const all = outcome(() => readChunks(bytes, bytes.length || 1, 2000), bytes);
    assert.deepEqual(
      outcome(() => readChunks(bytes, 1, 2000), bytes),
      all,
    );
    assert.deepEqual(
      outcome(() => readChunks(bytes, 1 + random(20), 2000), bytes),
      all,
    );
  }
}

/** A handshake with random bytes is answered once, uses exactly its bytes, or is a FormatError. */
export function fuzzHandshake(seed: number, count: number): void {
  const random = seeded(seed);
  for (let i = 0; i < count; i++) {
    const length = [1 + 1536 * 2, 1 + 1536 * 2 + 100, random(4000)][random(3)]!;
    const bytes = Uint8Array.from({ length }, () => random(256));
    if (length > 0 && random(10) > 0) bytes[0] = 3;
    const sent: Uint8Array[] = [];
    const shaken = random(2) === 0 ? new ServerHandshake((out) => sent.push(out)) : undefined;
    const side = shaken ?? new ClientHandshake((out) => sent.push(out));
    const expected = 1 + 1536 * 2;
    let used = 0;
    const result = outcome(() => {
      for (let at = 0; at < length && !side.isComplete; ) {
        const piece = bytes.slice(at, at + 1 + random(900));
        const took = side.push(piece);
        piece.fill(0);
        used += took;
        at += took;
        if (!side.isComplete) assert.equal(took, piece.length);
      }
      return used;
    }, bytes);
    if (result === 'FormatError') continue;
    assert.equal(used, Math.min(length, expected));
    assert.equal(side.isComplete, length >= expected);
    if (shaken) assert.equal(sent.length, length >= 1537 ? 1 : 0);
  }
}
