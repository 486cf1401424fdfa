/**
 * The server's exports: polled every second while one runs, less often otherwise, and only while a component
 * needs them.
 * In: the API. Out: components, which read `jobs`; a toast when an export has ended.
 */
import { untrack } from 'svelte';
import type { ExportSettings, JobView } from '../../../src/api/jobs/job-shapes.ts';
import { type Failure, failureOf } from '../api/client.ts';
import { cancelJob, createExport, getJobs, getTicket } from '../api/exports.ts';
import { pause } from '../api/poll.ts';
import { toast } from '../components/toasts/toast.svelte.ts';
import { failureText, t } from '../viewer/preferences.svelte.ts';
import { session } from '../viewer/session.svelte.ts';
import { hasEnded } from './progress.ts';
import { resultOfJob } from './span.ts';

const BUSY_EVERY_MS = 1_000;
const QUIET_EVERY_MS = 10_000;

class Jobs {
  #jobs = $state.raw<readonly JobView[] | null>(null);
  #failure = $state.raw<Failure | null>(null);
  /** Jobs created by this page that have not ended: their end is shown as a toast. */
  readonly #awaited = new Set<string>();
  /** Number of components that show jobs. */
  #watchers = 0;
  #round: AbortController | null = null;

  /** Newest first; null before the first response. */
  get all(): readonly JobView[] | null {
    return this.#jobs;
  }

  /** Why the last request failed. */
  get failure(): Failure | null {
    return this.#failure;
  }

  find(id: string | undefined): JobView | undefined {
    return this.#jobs?.find((job) => job.id === id);
  }

  /**
   * Polls the jobs until the returned function is called; does nothing if no user is signed in. For an
   * effect, which runs again after that.
   */
  watch(): (() => void) | undefined {
    if (!session.may('export')) return undefined;
    this.#watchers += 1;
    untrack(() => void this.#follow());
    return () => {
      this.#watchers -= 1;
      if (this.#watchers === 0 && this.#awaited.size === 0) this.#stop();
    };
  }

  /** Requests the jobs at once. */
  again(): void {
    this.#stop();
    this.#follow();
  }

  /**
   * Creates an export; a toast is shown when the file is ready.
   *
   * @returns null if the server refused it; `failure` has the reason
   */
  async create(settings: ExportSettings): Promise<JobView | null> {
    return this.#try(async (signal) => {
      const job = await createExport(settings, signal);
      this.#awaited.add(job.id);
      this.#set([job, ...(this.#jobs ?? []).filter(({ id }) => id !== job.id)]); // a poll may have added it already
      this.again();
      return job;
    });
  }

  /** Cancels a job; deletes the file of a finished one. */
  async cancel(id: string): Promise<void> {
    this.#awaited.delete(id);
    await this.#try(async (signal) => {
      const job = await cancelJob(id, signal);
      const others = (this.#jobs ?? []).filter((other) => other.id !== id);
      this.#set(job.state === 'done' ? others : (this.#jobs ?? []).map((other) => (other.id === id ? job : other)));
    });
  }

  /** Downloads the file. */
  async download(id: string): Promise<void> {
    const ticket = await this.#try((signal) => getTicket(id, signal));
    if (!ticket) return;
    const link = document.createElement('a');
    link.href = ticket.url;
    link.download = '';
    link.click();
  }

  /** Runs an action of the viewer; shows a toast on failure. */
  async #try<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T | null> {
    const { signal } = new AbortController();
    try {
      const value = await work(signal);
      this.#failure = null;
      return value;
    } catch (error) {
      this.#failure = failureOf(error);
      toast({ text: failureText(this.#failure).title, tone: 'bad' });
      return null;
    }
  }

  #stop(): void {
    this.#round?.abort();
    this.#round = null;
  }

  /** One loop at a time, as long as a component needs it or an export is awaited. */
  async #follow(): Promise<void> {
    if (this.#round) return;
    const round = new AbortController();
    this.#round = round;
    const { signal } = round;
    while (!signal.aborted && (this.#watchers > 0 || this.#awaited.size > 0) && session.may('export')) {
      await this.#read(signal);
      const isBusy = this.#jobs?.some((job) => !hasEnded(job)) ?? false;
      await pause(isBusy ? BUSY_EVERY_MS : QUIET_EVERY_MS, signal);
    }
    if (this.#round === round) this.#round = null;
  }

  async #read(signal: AbortSignal): Promise<void> {
    try {
      this.#set(await getJobs(signal));
      this.#failure = null;
    } catch (error) {
      if (!signal.aborted) this.#failure = failureOf(error);
    }
  }

  #set(jobs: readonly JobView[]): void {
    this.#jobs = jobs;
    for (const id of [...this.#awaited]) {
      const job = jobs.find((each) => each.id === id);
      if (job && !hasEnded(job)) continue;
      this.#awaited.delete(id);
      if (job?.state === 'done') {
        const action = { text: t('clip.file'), run: () => void this.download(id) };
        toast({ text: t('clip.ready', { name: resultOfJob(job)?.filename ?? '' }), tone: 'good', action });
      } else if (job?.state === 'failed') {
        toast({ text: t('clip.failed', { reason: job.error?.detail ?? '' }), tone: 'bad' });
      }
    }
  }
}

/** The exports of the server. */
export const jobs = new Jobs();
