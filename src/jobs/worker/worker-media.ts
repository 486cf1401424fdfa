/**
 * Inputs and outputs of a job over HTTP.
 * In: requests of a handler. Out: bytes of the server; files that are sent to it.
 */
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OxbowError } from '../../lib/errors.ts';
import type { Lease } from '../job.ts';
import type { JobInput, JobOutput } from '../worker-job.ts';
import type { ServerClient } from './server-client.ts';

/**
 * Requests are repeated for this long while the server cannot be reached, ms. The lease ends first, if it
 * does.
 */
const REPEAT_MS = 60_000;
/** An output may take long to arrive. */
const PUT_TIMEOUT_MS = 3_600_000;
const MAX_READ_BYTES = 16 * 1024 * 1024;

/** The media of one job. */
export class WorkerMedia {
  readonly #client: ServerClient;
  readonly #lease: Lease;
  readonly #signal: AbortSignal;

  /** @param signal fires when the lease is over */
  constructor(client: ServerClient, lease: Lease, signal: AbortSignal) {
    this.#client = client;
    this.#lease = lease;
    this.#signal = signal;
  }

  /** As `WorkerContext.input`. */
  async input(name: string): Promise<JobInput> {
    const path = this.#path('inputs', name);
    const length = await this.#client.repeat(this.#signal, REPEAT_MS, async () => {
      const { response } = await this.#client.once({ ...this.#request(path), method: 'HEAD' });
      return Number(response.headers['content-length']);
    });
    return { length, read: (offset, count, { signal }) => this.#read(path, length, offset, count, signal) };
  }

  /** As `WorkerContext.send`. */
  async send(name: string, read: () => AsyncIterable<Uint8Array>): Promise<void> {
    const path = this.#path('outputs', name);
    const request = { ...this.#request(path), method: 'PUT', body: read, timeoutMs: PUT_TIMEOUT_MS } as const;
    await this.#client.json(request, { forMs: REPEAT_MS });
  }

  /**
   * As `WorkerContext.output`: a temporary file, which is sent when it is complete, and again if the
   * connection is lost.
   */
  async output(name: string): Promise<JobOutput> {
    const folder = await mkdtemp(join(tmpdir(), 'oxbow-output-'));
    const path = join(folder, 'output');
    const file = await open(path, 'wx');
    return new TemporaryOutput(folder, file, () => this.send(name, () => createReadStream(path)));
  }

  async #read(path: string, length: number, offset: number, count: number, signal: AbortSignal): Promise<Uint8Array> {
    const end = Math.min(length, offset + Math.min(count, MAX_READ_BYTES));
    if (offset >= end) return new Uint8Array();
    const ends = AbortSignal.any([signal, this.#signal]);
    const headers = { ...this.#request(path).headers, range: `bytes=${offset}-${end - 1}` };
    const bytes = await this.#client.repeat(ends, REPEAT_MS, async () => {
      const answer = await this.#client.once({ method: 'GET', path, headers, signal: ends, timeoutMs: REPEAT_MS });
      return answer.bytes;
    });
    if (bytes.length === end - offset) return bytes;
    throw new OxbowError('source-failed', `The server sent ${bytes.length} bytes instead of ${end - offset}.`);
  }

  #path(direction: 'inputs' | 'outputs', name: string): string {
    return `/api/v1/jobs/${this.#lease.id}/${direction}/${encodeURIComponent(name.replaceAll('/', '~'))}`;
  }

  #request(path: string) {
    return { path, headers: { 'oxbow-lease': String(this.#lease.token) }, signal: this.#signal };
  }
}

class TemporaryOutput implements JobOutput {
  readonly #folder: string;
  readonly #file: FileHandle;
  readonly #send: () => Promise<void>;

  constructor(folder: string, file: FileHandle, send: () => Promise<void>) {
    this.#folder = folder;
    this.#file = file;
    this.#send = send;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#file.writeFile(bytes);
  }

  async finish(): Promise<void> {
    await this.#send();
    await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
