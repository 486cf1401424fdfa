/**
 * Bytes that workers read and write: inputs of jobs, and outputs, which are stored first and become visible
 * by their kind.
 * In: leases and bodies of requests. Out: locations; calls of the kinds. Outputs of a lost lease are deleted.
 */
import type { JobLease, JobMediaApi } from '../api/workers/workers-api.ts';
import { dropOldest } from '../lib/drop-oldest.ts';
import { OxbowError, sentenceOf } from '../lib/errors.ts';
import type { Job, JobLeases, LeaseWrite } from './job.ts';
import { limitsOf, type RemoteKind } from './remote-kind.ts';

/** The part of archive's SegmentStore that is used here; layers keep this folder from importing it. */
export interface MediaStore {
  size(location: string): Promise<number>;
  put(
    location: string,
    content: (write: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
    options: { readonly signal: AbortSignal },
  ): Promise<void>;
  delete(location: string): Promise<void>;
}

interface RemoteMediaOptions {
  readonly leases: Pick<JobLeases, 'leased' | 'whileLeased' | 'release'>;
  readonly media: MediaStore;
  /** The kind of a name. */
  readonly kindOf: (name: string) => RemoteKind | undefined;
  /** Whether the disk has room. */
  readonly mayWrite: () => boolean;
}

const NAME = /^[a-z0-9][a-z0-9._-]*(?:\/[a-z0-9][a-z0-9._-]*){0,3}$/;
/** A job whose input cannot be read now starts again after this time, ms. */
const WAIT_MS = 30_000;
/** Leases whose outputs are counted; the oldest are forgotten. */
const MAX_COUNTED = 1000;

/** Inputs and outputs of leased jobs. */
export class RemoteMedia implements JobMediaApi {
  readonly #options: RemoteMediaOptions;
  /** Names of the outputs of each lease, by id and token. */
  readonly #sent = new Map<string, Set<string>>();

  constructor(options: RemoteMediaOptions) {
    this.#options = options;
  }

  /**
   * As `JobMediaApi.input`. A job whose input is on a node that does not run waits for it, without a failed
   * try.
   */
  async input(lease: JobLease, name: string): Promise<{ readonly location: string; readonly length: number }> {
    const { leases, media } = this.#options;
    const job = await leases.leased(lease);
    const location = await this.#kindOf(job).inputLocation(job, name);
    if (location === undefined) throw unknownName('input', name);
    try {
      return { location, length: await media.size(location) };
    } catch (error) {
      if (!(error instanceof OxbowError) || error.code !== 'not-ready') throw error;
      await leases.release(lease, { pauseMs: WAIT_MS });
      throw new OxbowError('lease-lost', `The job waits for its input: ${sentenceOf(error)}`, { cause: error });
    }
  }

  async output(
    lease: JobLease,
    name: string,
    bytes: AsyncIterable<Uint8Array>,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<{ readonly bytes: number }> {
    const { leases, media, mayWrite } = this.#options;
    const job = await leases.leased(lease);
    const kind = this.#kindOf(job);
    const location = NAME.test(name) ? kind.outputLocation(job, name) : undefined;
    if (location === undefined) throw unknownName('output', name);
    const { outputBytes, outputs } = limitsOf(kind);
    this.#count(lease, name, outputs);
    let length = 0;
    const copy = async (write: (bytes: Uint8Array) => Promise<void>) => {
      for await (const piece of bytes) {
        if (!mayWrite()) throw new OxbowError('no-room', 'The free disk space is below record.minFree.');
        length += piece.length;
        if (length > outputBytes) {
          throw new OxbowError(
            'payload-too-large',
            `An output of a job of kind ${kind.name} has at most ${outputBytes} bytes.`,
          );
        }
        await write(piece);
      }
    };
    // Sent again after a lost answer: rows may name the object already.
    const existed = await media.size(location).then(
      () => true,
      () => false,
    );
    await media.put(location, copy, { signal });
    try {
      const whileLeased = (write: LeaseWrite) => leases.whileLeased(lease, write);
      await kind.accept({ job, name, location, length, whileLeased });
    } catch (error) {
      if (!existed) await media.delete(location);
      throw error;
    }
    return { bytes: length };
  }

  #kindOf({ kind }: Job): RemoteKind {
    const remoteKind = this.#options.kindOf(kind);
    if (!remoteKind) throw new OxbowError('not-found', `Jobs of kind ${kind} have no inputs and outputs.`);
    return remoteKind;
  }

  #count({ id, token }: JobLease, name: string, most: number): void {
    const key = `${id} ${token}`;
    const names = this.#sent.get(key) ?? new Set();
    if (names.size >= most && !names.has(name)) {
      throw new OxbowError('limit-reached', `The job has ${most} outputs already.`);
    }
    names.add(name);
    this.#sent.set(key, names);
    dropOldest(this.#sent, MAX_COUNTED);
  }
}

function unknownName(direction: 'input' | 'output', name: string): OxbowError {
  return new OxbowError('not-found', `The job has no ${direction} "${name.slice(0, 80)}".`);
}
