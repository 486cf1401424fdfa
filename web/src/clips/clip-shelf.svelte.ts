/**
 * The clips of the server that the viewer may find, page by page, newest first.
 * In: the API. Out: the Clips page, which reads the fields.
 */
import { type Failure, failureOf } from '../api/client.ts';
import { type ClipView, listClips } from '../api/clips.ts';

/** Clips per request. */
const PAGE = 24;

/** The list of one page; `close` with it. */
export class ClipShelf {
  /** Null before the first answer. */
  items = $state.raw<readonly ClipView[] | null>(null);
  failure = $state.raw<Failure | null>(null);
  busy = $state(false);
  #cursor = $state<string | null>(null);
  readonly #ends = new AbortController();

  /** There are more than those in `items`. */
  get hasMore(): boolean {
    return this.#cursor !== null;
  }

  /** Requests the list from its beginning. */
  async read(): Promise<void> {
    await this.#request(undefined);
  }

  /** Requests the next page. */
  async more(): Promise<void> {
    if (this.#cursor !== null && !this.busy) await this.#request(this.#cursor);
  }

  /** Puts a changed clip in the place of the older one. */
  changed(clip: ClipView): void {
    this.items = (this.items ?? []).map((each) => (each.id === clip.id ? clip : each));
  }

  deleted(id: string): void {
    this.items = (this.items ?? []).filter((each) => each.id !== id);
  }

  close(): void {
    this.#ends.abort();
  }

  async #request(cursor: string | undefined): Promise<void> {
    const { signal } = this.#ends;
    this.busy = true;
    try {
      const { items, nextCursor } = await listClips({ limit: PAGE, cursor, signal });
      this.items = cursor === undefined ? items : [...(this.items ?? []), ...items];
      this.#cursor = nextCursor;
      this.failure = null;
    } catch (error) {
      if (!signal.aborted) this.failure = failureOf(error);
    } finally {
      this.busy = false;
    }
  }
}
