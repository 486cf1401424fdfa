/**
 * All uploads of this tab: they continue while other pages are open, two files at a time.
 * In: chosen files, the viewer's buttons. Out: the upload page, which reads `items`.
 */
import { session } from '../viewer/session.svelte.ts';
import { readStored, store } from '../viewer/storage.ts';
import { sweepCuts } from './cut-files.ts';
import { type ChosenFile, FileHandles } from './file-handles.ts';
import { KeptUploads } from './kept-uploads.ts';
import { UploadItem } from './upload-item.svelte.ts';

const KEY = 'oxbow.uploads';
/** Files that are sent at the same time. */
const MOST = 2;
const TICK_MS = 500;

/** Who is signed in, as `KeptUpload.person`. */
const person = () => session.user?.id ?? '';

class Uploads {
  readonly #kept = new KeptUploads({ read: () => readStored(KEY), write: (text) => store(KEY, text) }, person);
  readonly #handles = new FileHandles();
  #items = $state.raw<readonly UploadItem[]>([]);
  #sending = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Whose uploads are listed; undefined: none were restored. */
  #person: string | undefined;

  /** Newest last. */
  get items(): readonly UploadItem[] {
    return this.#items;
  }

  /** Lists what a reload has interrupted; the first call of a person counts. */
  restore(): void {
    // After a session has expired the same person usually signs in again.
    const isExpired = this.#person !== undefined && !session.isSignedIn;
    if (isExpired || this.#person === person()) return;
    // Those of someone who has signed out; they may continue after the next sign-in.
    for (const item of this.#items) {
      item.close();
      item.file.leave();
    }
    this.#person = person();
    const kept = this.#kept.all();
    this.#items = kept.map((entry) => new UploadItem(this.#kept, this.#handles, entry));
    void this.#handles.retain(this.#kept.ofEveryone().map(({ uploadId }) => uploadId));
    for (const item of this.#items) void this.#continue(item, false);
    void sweepCuts(() => this.#kept.ofEveryone().flatMap(({ cut = [] }) => cut));
  }

  /**
   * Continues what a reload has interrupted, if the browser gives its file. Call it in the event of a press.
   */
  continue(item: UploadItem): Promise<void> {
    return this.#continue(item, true);
  }

  async #continue(item: UploadItem, mayAsk: boolean): Promise<void> {
    const state = await item.takeKept(mayAsk);
    if (state === 'taken') this.start();
    if (state !== 'ended') return;
    item.close();
    this.#items = this.#items.filter((other) => other !== item);
  }

  /** Continues the upload of a file that a reload has interrupted; false: there is none of this file. */
  resumeWith(file: ChosenFile): boolean {
    this.restore();
    if (!this.#items.some((item) => item.take(file))) return false;
    this.start();
    return true;
  }

  /** Adds files; one that was interrupted continues. */
  add(files: Iterable<ChosenFile>): void {
    this.restore();
    const added: UploadItem[] = [];
    for (const file of files) {
      if (!this.#items.some((item) => item.take(file))) added.push(new UploadItem(this.#kept, this.#handles, file));
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
    for (const { state, progress } of this.#items) if (state === 'sending') progress.measure();
  }
}

/** The uploads of this tab. */
export const uploads = new Uploads();
