/**
 * The folders of a media server, as one person walks through them: the path, the pages of a folder, the
 * filter.
 * In: a server. Out: ServerBrowser. Ends with its component.
 */
import { type Failure, failureOf } from '../api/client.ts';
import { listMediaServerEntries, type MediaServerEntry } from '../api/media-servers.ts';
import { Selection } from './selection.svelte.ts';

/** A folder of the path. */
interface Crumb {
  /** Empty: the top. */
  readonly id: string;
  readonly name: string;
}

/** One walk; `close` with its component. */
export class Browsing {
  path = $state.raw<readonly Crumb[]>([]);
  /** Null before the first page of the folder. */
  entries = $state.raw<readonly MediaServerEntry[] | null>(null);
  failure = $state.raw<Failure | null>(null);
  isLoading = $state(false);
  filter = $state('');
  /** Of entries of this folder. */
  readonly selection = new Selection();
  readonly shown = $derived.by(() => {
    const typed = this.filter.trim().toLocaleLowerCase();
    const entries = this.entries ?? [];
    return typed === '' ? entries : entries.filter(({ name }) => name.toLocaleLowerCase().includes(typed));
  });
  /** Selected entries, in their order. */
  readonly chosen = $derived.by(() => (this.entries ?? []).filter(({ id }) => this.selection.ids.has(id)));
  readonly #server: string;
  #next = $state.raw<string | null>(null);
  #request = new AbortController();

  /** @param name of the server, at the top of the path */
  constructor(server: string, name: string) {
    this.#server = server;
    this.path = [{ id: '', name }];
  }

  /** The folder has further pages. */
  get hasMore(): boolean {
    return this.#next !== null;
  }

  /** Opens a folder below this one. */
  enter({ id, name }: Crumb): Promise<void> {
    return this.#open([...this.path, { id, name }]);
  }

  /** Returns to a folder of the path. @param at its place, 0 for the top */
  leaveTo(at: number): Promise<void> {
    return this.#open(this.path.slice(0, at + 1));
  }

  /** Reads the folder again. */
  read(): Promise<void> {
    return this.#open(this.path);
  }

  /** Reads the next page. */
  async more(): Promise<void> {
    if (!this.isLoading && this.#next !== null) await this.#load(this.#next);
  }

  /** Ends the running request. */
  close(): void {
    this.#request.abort();
  }

  #open(path: readonly Crumb[]): Promise<void> {
    this.path = path;
    this.entries = null;
    this.#next = null;
    this.filter = '';
    this.selection.clear();
    return this.#load(null);
  }

  async #load(cursor: string | null): Promise<void> {
    this.#request.abort();
    const request = new AbortController();
    this.#request = request;
    this.isLoading = true;
    this.failure = null;
    try {
      const page = await listMediaServerEntries(this.#server, this.path.at(-1)!.id, cursor, request.signal);
      if (request.signal.aborted) return;
      // A server may list an entry on two pages: one row each.
      const shownIds = new Set(this.entries?.map(({ id }) => id));
      this.entries = [...(this.entries ?? []), ...page.items.filter(({ id }) => !shownIds.has(id))];
      this.#next = page.nextCursor;
    } catch (error) {
      if (!request.signal.aborted) this.failure = failureOf(error);
    } finally {
      if (this.#request === request) this.isLoading = false;
    }
  }
}
