/**
 * All uploads of this tab: they continue while other pages are open, two files at a time.
 * In: chosen files, the viewer's buttons. Out: the upload page, which reads `items`.
 */
import { readStored, store } from '../shell/storage.ts';
import { KeptUploads } from './kept-uploads.ts';
import { UploadItem } from './upload-item.svelte.ts';

const KEY = 'oxbow.uploads';
/** Files that are sent at the same time. */
const MOST = 2;
const TICK_MS = 500;

class Uploads {
  readonly #kept = new KeptUploads({ read: () => readStored(KEY), write: (text) => store(KEY, text) });
  #items = $state.raw<readonly UploadItem[]>([]);
  #sending = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  #isRestored = false;

  /** Newest last. */
  get items(): readonly UploadItem[] {
    return this.#items;
  }

  /** Lists what a reload has interrupted; the first call counts. */
  restore(): void {
    if (this.#isRestored) return;
    this.#isRestored = true;
    this.#items = this.#kept.all().map((entry) => new UploadItem(this.#kept, entry));
  }

  /** Adds files; one that was interrupted continues. */
  add(files: Iterable<File>): void {
    this.restore();
    const added: UploadItem[] = [];
    for (const file of files) {
      if (!this.#items.some((item) => item.take(file))) added.push(new UploadItem(this.#kept, file));
    }
    this.#items = [...this.#items, ...added];
    this.start();
  }

  /** Sends what waits, as far as there is room. */
  start(): void {
    while (this.#sending < MOST) {
      const next = this.#items.find(({ state }) => state === 'waiting');
      if (!next) break;
      this.#sending += 1;
      void next.send().finally(() => {
        this.#sending -= 1;
        this.start();
      });
    }
    if (this.#sending > 0) this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
    else {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  /** Continues a paused or failed upload. */
  resume(item: UploadItem): void {
    item.resume();
    this.start();
  }

  /** Removes it from the list, and from the server while it is not complete. */
  async remove(item: UploadItem): Promise<void> {
    this.#items = this.#items.filter((other) => other !== item);
    if (item.state === 'sent') item.close();
    else await item.cancel();
  }

  #tick(): void {
    for (const item of this.#items) item.tick();
  }
}

/** The uploads of this tab. */
export const uploads = new Uploads();
