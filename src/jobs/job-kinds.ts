/**
 * The kinds of jobs of a server. Each is registered once: one that runs in this process, or one that workers
 * run.
 * In: kinds. Out: the kind of a job, by its name.
 */
import type { JobView } from '../api/jobs/job-shapes.ts';
import type { Job, JobHandler } from './job.ts';
import type { RemoteKind } from './remote-kind.ts';

/** One kind of job that runs in this process. */
export interface JobKind {
  /** As `Job.kind`. */
  readonly name: string;
  /** Runs one job; returns its result. */
  readonly work: JobHandler;
  /**
   * In a cluster: its jobs need files of their subject, which is this. Jobs of this process then run where
   * the subject is; inputs and outputs of workers are passed on to there.
   */
  readonly place?: 'stream' | 'asset';
  /** How long a job is kept after its end, ms. Read at each use. */
  readonly keepMs: number;
  /** The result of a finished job in the API and in events. */
  resultOf(job: Job): JobView['result'];
  /** Deletes the output of a job; called after the job was deleted. */
  discard?(job: Job): Promise<void>;
  /** Deletes leftovers of a process that died during a job; called once at the start. */
  sweep?(): Promise<void>;
}

export class JobKinds {
  readonly #kinds = new Map<string, JobKind | RemoteKind>();

  /** Registers a kind; before `Jobs.work`. */
  add(kind: JobKind | RemoteKind): void {
    this.#kinds.set(kind.name, kind);
  }

  /** All kinds, in the order in which they were added. */
  get all(): readonly (JobKind | RemoteKind)[] {
    return [...this.#kinds.values()];
  }

  /** The kind of a name. */
  find(name: string): JobKind | RemoteKind | undefined {
    return this.#kinds.get(name);
  }

  /** The kind of a name, if workers run it. */
  readonly findRemote = (name: string): RemoteKind | undefined => {
    const kind = this.#kinds.get(name);
    return kind && isRemote(kind) ? kind : undefined;
  };

  /** The type of the subject of a kind, if its jobs need the files of the subject. */
  readonly placeOf = (name: string): 'stream' | 'asset' | undefined => this.#kinds.get(name)?.place;
}

/** Whether workers run a kind. */
export function isRemote(kind: JobKind | RemoteKind): kind is RemoteKind {
  return 'inputLocation' in kind;
}
