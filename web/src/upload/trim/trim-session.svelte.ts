/**
 * One film in the trim view, from its opening until its part is on its way. It continues while other pages
 * are open.
 * In: a chosen file, the viewer's handles and buttons. Out: fields for the view; an upload of the cut.
 */
import type { ChosenFile } from '../file-handles.ts';
import { trims } from '../trims.svelte.ts';
import { uploads } from '../uploads.svelte.ts';
import { type CutMode, cutFilm } from './cut.ts';
import { type Fault, Film, FilmFault } from './film.ts';
import { type Handle, isWhole, moveHandle, type Range } from './range.ts';

/** `refused`: it cannot be cut here, and all of it is sent. */
type TrimState = 'opening' | 'ready' | 'cutting' | 'refused';

/** One film that is trimmed. */
export class TrimSession {
  state = $state<TrimState>('opening');
  film = $state.raw<Film | null>(null);
  /** Why it is refused, or why the last cut failed. */
  fault = $state.raw<Fault | null>(null);
  range = $state.raw<Range>({ from: 0, to: 0 });
  /** What a cut at key frames keeps of the range; null while it is computed. */
  atKeys = $state.raw<Range | null>(null);
  mode = $state<CutMode>('keys');
  /** Of the cut that is written, 0 to 1. */
  share = $state(0);
  readonly chosen: ChosenFile;
  #isLooking = false;
  #isClosed = false;
  #cutting: AbortController | null = null;

  constructor(chosen: ChosenFile) {
    this.chosen = chosen;
    void this.#open();
  }

  /** What is sent with the present choices; null while it is computed. */
  get kept(): Range | null {
    return this.mode === 'exact' ? this.range : this.atKeys;
  }

  move(handle: Handle, atS: number): void {
    if (!this.film || this.state !== 'ready') return;
    this.range = moveHandle(handle, this.range, atS, this.film);
    void this.#look();
  }

  /** Cuts the range and uploads it; the complete film is uploaded as it is. */
  async send(): Promise<void> {
    const { film, range, mode, chosen } = this;
    if (!film || this.state !== 'ready') return;
    if (isWhole(range, film)) return this.sendAll();
    this.state = 'cutting';
    this.fault = null;
    this.share = 0;
    const cutting = new AbortController();
    this.#cutting = cutting;
    try {
      const { id, file } = await cutFilm(film, {
        range,
        mode,
        name: chosen.file.name,
        fileBytes: chosen.file.size,
        onProgress: (share) => {
          this.share = share;
        },
        signal: cutting.signal,
      });
      uploads.add([{ file, cut: id }]);
      this.close();
    } catch (error) {
      if (!cutting.signal.aborted) this.fault = faultOf(error);
      this.state = 'ready';
    } finally {
      this.#cutting = null;
    }
  }

  /** Uploads the complete file. */
  sendAll(): void {
    if (this.state === 'cutting') return;
    uploads.add([this.chosen]);
    this.close();
  }

  /** Ends a cut; the view stays. */
  stop(): void {
    this.#cutting?.abort();
  }

  /** Gives it up; nothing is sent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cutting?.abort();
    this.film?.close();
    trims.done(this.chosen);
  }

  async #open(): Promise<void> {
    try {
      const film = await Film.open(this.chosen.file);
      if (this.#isClosed) return film.close();
      this.film = film;
      this.range = { from: 0, to: film.durationS };
      this.state = 'ready';
      await this.#look();
    } catch (error) {
      this.fault = faultOf(error);
      this.state = 'refused';
      if (!this.#isClosed && this.fault !== 'changed') uploads.add([this.chosen]);
    }
  }

  /** Finds the key frames of the range; of moves that follow each other quickly, the last one counts. */
  async #look(): Promise<void> {
    this.atKeys = null;
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      for (;;) {
        const { range, film } = this;
        const atKeys = await film!.cutAtKeys(range);
        if (range !== this.range) continue;
        this.atKeys = atKeys;
        return;
      }
    } catch (error) {
      if (!this.#isClosed) this.fault = faultOf(error);
    } finally {
      this.#isLooking = false;
    }
  }
}

function faultOf(error: unknown): Fault {
  if (error instanceof FilmFault) return error.code;
  return error instanceof DOMException && /^Not(Found|Readable)Error$/.test(error.name) ? 'changed' : 'format';
}

const sessions = new WeakMap<ChosenFile, TrimSession>();

/** The session of a file: the same one when the page is opened again. */
export function trimSession(chosen: ChosenFile): TrimSession {
  const session = sessions.get(chosen) ?? new TrimSession(chosen);
  sessions.set(chosen, session);
  return session;
}
