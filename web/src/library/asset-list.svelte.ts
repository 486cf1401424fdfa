/**
 * The list of the library: pages that follow each other, filters, a selection.
 * In: the API, events. Out: Library.svelte, which reads it.
 */
import { type AssetQuery, type AssetView, listAssets } from '../api/assets.ts';
import { type Failure, failureOf } from '../api/client.ts';
import { pause, poll } from '../api/poll.ts';
import { assetEvents } from './asset-events.ts';

const PAGE = 48;
/** Interval of requests while something is processed and no events arrive, ms. */
const EVERY_MS = 3_000;
const SELDOM_MS = 30_000;
/** Pause between an event and the request, in which more may come, ms. */
const TOGETHER_MS = 400;

/** The assets that match a query, as many as were requested so far. */
export class AssetList {
  #items = $state.raw<readonly AssetView[] | null>(null);
  #failure = $state.raw<Failure | null>(null);
  #cursor = $state<string | null>(null);
  #isLoading = $state(false);
  #query: AssetQuery = {};
  #request = new AbortController();
  readonly #ends = new AbortController();
  #leave: (() => void) | null = null;
  #isDue = false;
  #askedAtMs = 0;

  /** Null before the first response. */
  get items(): readonly AssetView[] | null {
    return this.#items;
  }

  /** Why the last request failed. */
  get failure(): Failure | null {
    return this.#failure;
  }

  get hasMore(): boolean {
    return this.#cursor !== null;
  }

  get isLoading(): boolean {
    return this.#isLoading;
  }

  /** Follows changes until `close`. */
  open(): void {
    this.#leave = assetEvents.follow(() => void this.#soon());
    void poll(EVERY_MS, () => this.#look(), this.#ends);
  }

  close(): void {
    this.#ends.abort();
    this.#leave?.();
    this.#request.abort();
  }

  /** Requests the first page of a query; the shown assets stay until it arrives. */
  async show(query: AssetQuery): Promise<void> {
    this.#query = query;
    await this.#load(PAGE);
  }

  /** Requests the next page. */
  async more(): Promise<void> {
    if (this.#cursor === null || this.#isLoading) return;
    const { signal } = this.#request;
    const cursor = this.#cursor;
    await this.#try(signal, async () => {
      const page = await listAssets(this.#query, { limit: PAGE, cursor, signal });
      const shownIds = new Set(this.#items?.map(({ id }) => id));
      this.#items = [...(this.#items ?? []), ...page.items.filter(({ id }) => !shownIds.has(id))];
      this.#cursor = page.nextCursor;
    });
  }

  /** Requests everything that is shown again. */
  async again(): Promise<void> {
    await this.#load(Math.max(PAGE, this.#items?.length ?? 0));
  }

  async #load(count: number): Promise<void> {
    this.#request.abort();
    const request = new AbortController();
    this.#request = request;
    this.#askedAtMs = Date.now();
    await this.#try(request.signal, async () => {
      const items: AssetView[] = [];
      let cursor: string | undefined;
      do {
        const page = await listAssets(this.#query, { limit: PAGE, cursor, signal: request.signal });
        items.push(...page.items);
        cursor = page.nextCursor ?? undefined;
      } while (cursor && items.length < count);
      this.#items = items;
      this.#cursor = cursor ?? null;
    });
  }

  async #try(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    this.#isLoading = true;
    try {
      await work();
      this.#failure = null;
    } catch (error) {
      if (!signal.aborted) this.#failure = failureOf(error);
    } finally {
      if (!signal.aborted) this.#isLoading = false;
    }
  }

  async #look(): Promise<void> {
    if (document.hidden || this.#items === null) return;
    const isBusy = this.#items.some(({ state }) => state === 'uploading' || state === 'processing');
    const everyMs = isBusy && !assetEvents.isOn ? EVERY_MS : SELDOM_MS;
    if (Date.now() - this.#askedAtMs >= everyMs) await this.again();
  }

  async #soon(): Promise<void> {
    if (this.#isDue || this.#items === null) return;
    this.#isDue = true;
    await pause(TOGETHER_MS, this.#ends.signal);
    this.#isDue = false;
    if (!this.#ends.signal.aborted) await this.again();
  }
}
