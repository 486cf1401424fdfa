/**
 * The server's exports, followed while someone looks or waits: asked for every second while one runs, else now and again.
 * In: the API. Out: components, which read `jobs`; a word when one has ended.
 */
import { untrack } from 'svelte';
import type { ExportSettings, JobView } from '../../../src/api/job-shapes.ts';
import { type Failure, failureOf } from '../api/client.ts';
import { cancelJob, createExport, getJobs, getTicket } from '../api/exports.ts';
import { pause } from '../api/poll.ts';
import { failureText, t } from '../shell/preferences.svelte.ts';
import { session } from '../shell/session.svelte.ts';
import { toast } from '../shell/toast.svelte.ts';
import { hasEnded } from './progress.ts';

const BUSY_EVERY_MS = 1_000;
const QUIET_EVERY_MS = 10_000;

class Jobs {
  #jobs = $state.raw<readonly JobView[] | null>(null);
  #failure = $state.raw<Failure | null>(null);
  /** Jobs that this page asked for and that have not ended: their end is told. */
  readonly #awaited = new Set<string>();
  /** Components that look. */
  #watchers = 0;
  #round: AbortController | null = null;

  /** Newest first; null before the first answer. */
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

  /** Follows the jobs until the returned function is called; does nothing while nobody is signed in. For an effect, which runs again then. */
  watch(): (() => void) | undefined {
    if (!session.may('export')) return undefined;
    this.#watchers += 1;
    untrack(() => void this.#follow());
    return () => {
      this.#watchers -= 1;
      if (this.#watchers === 0 && this.#awaited.size === 0) this.#stop();
    };
  }

  /** Asks at once. */
  again(): void {
    this.#stop();
    this.#follow();
  }

  /**
   * Asks for a file; a word is said when it is there.
   *
   * @returns null where the server refused; `failure` says why
   */
  async create(settings: ExportSettings): Promise<JobView | null> {
    return this.#try(async (signal) => {
      const job = await createExport(settings, signal);
      this.#awaited.add(job.id);
      this.#set([job, ...(this.#jobs ?? []).filter(({ id }) => id !== job.id)]); // the list may have it already
      this.again();
      return job;
    });
  }

  /** Ends a job; of one that is done, the file goes too. */
  async cancel(id: string): Promise<void> {
    this.#awaited.delete(id);
    await this.#try(async (signal) => {
      const job = await cancelJob(id, signal);
      const others = (this.#jobs ?? []).filter((other) => other.id !== id);
      this.#set(job.state === 'done' ? others : (this.#jobs ?? []).map((other) => (other.id === id ? job : other)));
    });
  }

  /** Lets the browser fetch the file, as it fetches any download. */
  async download(id: string): Promise<void> {
    const ticket = await this.#try((signal) => getTicket(id, signal));
    if (!ticket) return;
    const link = document.createElement('a');
    link.href = ticket.url;
    link.download = '';
    link.click();
  }

  /** What the viewer asked for; a refusal is told. */
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

  /** One loop at a time, as long as someone looks or waits. */
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
        toast({ text: t('clip.ready', { name: job.result?.filename ?? '' }), tone: 'good', action });
      } else if (job?.state === 'failed') {
        toast({ text: t('clip.failed', { reason: job.error?.detail ?? '' }), tone: 'bad' });
      }
    }
  }
}

/** The exports of the server. */
export const jobs = new Jobs();
