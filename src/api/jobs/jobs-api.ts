/**
 * The contracts of jobs and of exports, as the HTTP API calls them. Each call refuses with an OxbowError.
 * In: http/routes calls them. Out: features/exports/export-jobs implements them, the tests of http/ stand in
 * for them. Only types.
 */
import type { ExportJob, ExportSettings, ExportTicket, JobView } from './job-shapes.ts';

/** Which jobs to list. */
export interface JobQuery {
  /** 1 or more; 200 if left out, 1,000 at most. */
  readonly limit?: number | undefined;
  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
  readonly kind?: string | undefined;
  readonly state?: JobView['state'] | undefined;
  readonly subject?: string | undefined;
}

/** A page of the list. */
export interface JobPage {
  readonly items: readonly JobView[];
  readonly nextCursor: string | null;
}

/** Jobs of any kind. */
export interface JobsApi {
  /** A page, newest first. Refuses `bad-request` for an invalid cursor. */
  list(query: JobQuery): Promise<JobPage>;
  /** Refuses `job-unknown`. */
  get(id: string): Promise<JobView>;
  /** Stops a job; of one that is done, deletes its results. Refuses `job-unknown`. */
  cancel(id: string): Promise<JobView>;
  /** Queues a failed or cancelled job again. Refuses `job-unknown`, `job-not-failed`. */
  retry(id: string): Promise<JobView>;
}

/** Exports: jobs that produce a file. `File`: the source of the sent file. */
export interface ExportsApi<File> {
  /**
   * Adds an export. Refuses `stream-unknown`, `bad-time`, `no-media`, `gone`, `window-too-long`,
   * `queue-full`.
   */
  create(settings: ExportSettings): Promise<ExportJob>;
  /** The file of an export. Refuses `job-unknown`, `job-unfinished`. */
  file(id: string): Promise<File>;
  /**
   * The evidence of a file that does not have it inside. Refuses as `file`, `no-evidence`.
   */
  evidence(id: string): Promise<File>;
  /** An address of that file that needs no admin token, for a while. Refuses as `file`. */
  ticket(id: string): Promise<ExportTicket>;
  /** The file of a ticket. Refuses `unauthorized`, and as `file`. */
  fileFor(ticket: string): Promise<File>;
}
