/**
 * Runs a handler of a worker in memory.
 * In: a handler, the input of the job, bytes by name. Out: its result, its outputs, its progress. Used by
 * tests and benchmarks only.
 */
import { concatBytes } from '@oxbow/media/bytes';
import type { Job } from './job.ts';
import type { JobInput, WorkerContext, WorkerHandler } from './worker-job.ts';

/** What a handler produced. */
export interface RunOfHandler {
  readonly result: unknown;
  /** Finished outputs by name. */
  readonly outputs: ReadonlyMap<string, Uint8Array>;
  /** Reported shares, in order. */
  readonly progress: readonly number[];
  readonly readBytes: number;
}

/** Options of {@link runHandler}. */
export interface HandlerSetup {
  readonly kind?: string;
  readonly input?: unknown;
  /** Bytes, or ranges of something else. */
  readonly files: Readonly<Record<string, Uint8Array | JobInput>>;
  readonly signal?: AbortSignal;
}

export function inputOfBytes(bytes: Uint8Array): JobInput {
  return {
    length: bytes.length,
    async read(offset, count, { signal }) {
      signal.throwIfAborted();
      return bytes.subarray(offset, offset + count);
    },
  };
}

/** A job as a worker gets it. */
export function jobOf(kind: string, input: unknown): Job {
  return {
    id: 'j1',
    number: 1,
    traceparent: null,
    kind,
    state: 'running',
    progress: 0,
    parts: {},
    input,
    result: null,
    error: null,
    subject: null,
    priority: 0,
    tries: 1,
    maxTries: 3,
    notBeforeMs: 0,
    failures: [],
    token: 1,
    worker: 'w1',
    createdMs: 0,
    startedMs: 0,
    endedMs: null,
  };
}

/** Runs a handler to its end. */
export async function runHandler(handler: WorkerHandler, setup: HandlerSetup): Promise<RunOfHandler> {
  const { kind = 'import', input = { assetId: 'a1' }, files, signal = new AbortController().signal } = setup;
  const outputs = new Map<string, Uint8Array>();
  const progress: number[] = [];
  let readBytes = 0;
  const context: WorkerContext = {
    signal,
    progress: (share) => void progress.push(share),
    async input(name) {
      const file = files[name];
      if (!file) throw new Error(`no input ${name}`);
      const given = file instanceof Uint8Array ? inputOfBytes(file) : file;
      return {
        length: given.length,
        async read(offset, count, options) {
          const bytes = await given.read(offset, count, options);
          readBytes += bytes.length;
          return bytes;
        },
      };
    },
    async output(name) {
      const pieces: Uint8Array[] = [];
      return {
        async write(bytes) {
          pieces.push(bytes.slice());
        },
        async finish() {
          outputs.set(name, concatBytes(pieces));
        },
        async [Symbol.asyncDispose]() {},
      };
    },
    async send(name, read) {
      const pieces: Uint8Array[] = [];
      for await (const piece of read()) pieces.push(piece.slice());
      outputs.set(name, concatBytes(pieces));
    },
  };
  const result = await handler(jobOf(kind, input), context);
  return { result, outputs, progress, readBytes };
}
