/**
 * Opens a container whose bytes the parent has: every read is a request to the parent, at any position of the
 * file.
 * In: descriptor 3, see stream-input.ts one folder up. Out: FFmpeg's demuxer over them. Native code: child
 * processes only.
 *
 * Reads block the process until the parent answers, so the parent's answers also are its flow control.
 * Nothing is opened by name: there are no protocols, and formats that refer to other files are excluded.
 */
import { readSync, writeSync } from 'node:fs';
import { inputDescriptor, parseReadAnswer, printReadRequest, READ_ANSWER_HEADER_BYTES } from '../stream-input.ts';
import { type MediaBytes, type MediaInput, openMedia } from './media-input.ts';

/** Bytes of a request to the parent: small after a seek, doubled while reads are sequential. */
const LEAST_READ = 64 * 1024;
const MOST_READ = 1024 * 1024;
/** Stretches that are kept, because demuxers of coarsely interleaved files alternate between positions. */
const KEPT = 8;

/** A stretch of the file. */
interface Stretch {
  readonly from: number;
  readonly bytes: Buffer;
}

/** The file of the parent, read with blocking requests. */
class ParentFile implements MediaBytes {
  readonly length: number;
  /** Least recently read first. */
  #kept: Stretch[] = [];
  #nextRead = LEAST_READ;

  constructor(length: number) {
    this.length = length;
  }

  read(at: number, count: number): Buffer | undefined | -1 {
    if (at >= this.length) return undefined;
    const stretch = this.#find(at) ?? this.#request(at);
    if (!stretch) return -1;
    const start = at - stretch.from;
    return stretch.bytes.subarray(start, start + count);
  }

  #find(at: number): Stretch | undefined {
    const index = this.#kept.findIndex(({ from, bytes }) => at >= from && at < from + bytes.length);
    if (index < 0) return undefined;
    const [stretch] = this.#kept.splice(index, 1);
    this.#kept.push(stretch!);
    return stretch;
  }

  #request(at: number): Stretch | undefined {
    const isNext = this.#kept.some(({ from, bytes }) => from + bytes.length === at);
    this.#nextRead = isNext ? Math.min(MOST_READ, this.#nextRead * 2) : LEAST_READ;
    writeSync(inputDescriptor, printReadRequest(at, Math.min(this.#nextRead, this.length - at)));
    const length = parseReadAnswer(receive(READ_ANSWER_HEADER_BYTES));
    if (length === undefined || length === 0) return undefined;
    const stretch = { from: at, bytes: receive(length) };
    this.#kept.push(stretch);
    if (this.#kept.length > KEPT) this.#kept.shift();
    return stretch;
  }
}

function receive(count: number): Buffer {
  const bytes = Buffer.allocUnsafe(count);
  for (let filled = 0; filled < count; ) {
    const got = readSync(inputDescriptor, bytes, filled, count - filled, null);
    if (got === 0) process.exit(0); // The parent has ended.
    filled += got;
  }
  return bytes;
}

/**
 * Opens the file of the parent; once in a process, which must have been started with `input`.
 *
 * @param length of the file, bytes
 * @param options of the demuxer, e.g. `{ probesize: '1000000' }`
 * @throws Error with the message of FFmpeg if the bytes are not a known container
 */
export function openStreamInput(length: number, options: Readonly<Record<string, string>> = {}): MediaInput {
  return openMedia(new ParentFile(length), options);
}
