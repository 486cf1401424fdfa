/**
 * The ends of jobs that workers hold: a result, an error, or a job that is given back.
 * In: leases of workers. Out: JobView. The rows of a result are written by its kind, in the same transaction.
 */
import type { JobView } from '../api/jobs/job-shapes.ts';
import type { JobLease, LeasedJobsApi } from '../api/workers/workers-api.ts';
import type { Job, JobLeases } from './job.ts';
import type { RemoteKind } from './remote-kind.ts';

interface LeasedJobsOptions {
  readonly leases: Pick<JobLeases, 'complete' | 'fail' | 'release'>;
  /** The kind of a name. */
  readonly kindOf: (name: string) => RemoteKind | undefined;
  readonly view: (job: Job) => JobView;
}

export class LeasedJobs implements LeasedJobsApi {
  readonly #options: LeasedJobsOptions;

  constructor(options: LeasedJobsOptions) {
    this.#options = options;
  }

  async complete({ id, token }: JobLease, result: unknown): Promise<JobView> {
    const { leases, kindOf, view } = this.#options;
    return view(
      await leases.complete({ id, token }, result, async (transaction, job) => {
        await kindOf(job.kind)?.finish?.(job, result, transaction);
      }),
    );
  }

  async fail(
    { id, token }: JobLease,
    { code, detail, retry }: { readonly code: string; readonly detail: string; readonly retry: boolean },
  ): Promise<JobView> {
    return this.#options.view(await this.#options.leases.fail({ id, token }, { code, detail }, { retry }));
  }

  release(lease: JobLease): Promise<void> {
    return this.#options.leases.release(lease);
  }
}
