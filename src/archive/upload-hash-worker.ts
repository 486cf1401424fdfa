/**
 * A thread that hashes uploads: reads each file up to where it is final, in turns, so that a large one does
 * not delay the others.
 * In: HashOrder messages of upload-hasher.ts. Out: HashAnswer messages.
 */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';

/** How far a file may be read, and where its hash is wanted; or that it is not wanted any more. */
export type HashOrder =
  | { readonly id: number; readonly paths: readonly string[]; readonly reach: number; readonly resultAt?: number }
  | { readonly id: number; readonly close: true };

/** The hash, or why there is none. */
export interface HashAnswer {
  readonly id: number;
  readonly sha256?: string;
  readonly error?: string;
}

interface Reading {
  readonly paths: readonly string[];
  readonly hash: Hash;
  fd: number | undefined;
  at: number;
  reach: number;
  resultAt: number | undefined;
}

/** Read in one turn: a few hundred µs. */
const TURN_BYTES = 512 * 1024;

const port = parentPort!;
const readings = new Map<number, Reading>();
const buffer = Buffer.allocUnsafeSlow(TURN_BYTES);
let isRunning = false;

port.on('message', (order: HashOrder) => {
  if ('close' in order) return close(order.id);
  const { id, paths, reach, resultAt } = order;
  const reading = readings.get(id) ?? {
    paths,
    hash: createHash('sha256'),
    fd: undefined,
    at: 0,
    reach: 0,
    resultAt: undefined,
  };
  readings.set(id, reading);
  reading.reach = Math.max(reading.reach, reach);
  if (resultAt !== undefined) reading.resultAt = resultAt;
  if (isRunning) return;
  isRunning = true;
  setImmediate(run);
});

/** One turn for each file; continues while there is work, and reads messages in between. */
function run(): void {
  isRunning = false;
  for (const [id, reading] of readings) {
    try {
      turn(id, reading);
    } catch (error) {
      port.postMessage({ id, error: String(error) } satisfies HashAnswer);
      close(id);
    }
  }
  if (!isRunning) return;
  setImmediate(run);
}

function turn(id: number, reading: Reading): void {
  const end = reading.resultAt ?? reading.reach;
  const count = Math.min(TURN_BYTES, end - reading.at);
  if (count > 0) {
    reading.fd ??= openFirst(reading.paths);
    const read = readSync(reading.fd, buffer, 0, count, reading.at);
    if (read === 0) throw new Error(`the file ends at ${reading.at}, before ${end}`);
    reading.hash.update(buffer.subarray(0, read));
    reading.at += read;
  }
  if (reading.at < end) {
    isRunning = true;
  } else if (reading.resultAt !== undefined) {
    port.postMessage({ id, sha256: reading.hash.digest('hex') } satisfies HashAnswer);
    close(id);
  }
}

function close(id: number): void {
  const fd = readings.get(id)?.fd;
  if (fd !== undefined) closeSync(fd);
  readings.delete(id);
}

function openFirst([path, ...others]: readonly string[]): number {
  try {
    return openSync(path!, 'r');
  } catch (error) {
    if (others.length === 0 || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return openFirst(others);
  }
}
