/**
 * Files that are trimmed before they are uploaded: one is open at a time, the others wait.
 * In: chosen files. Out: the upload page, which opens the trim view for the first of them.
 */
import { readStored, store } from '../viewer/storage.ts';
import type { ChosenFile } from './file-handles.ts';

const KEY = 'oxbow.trim';

class Trims {
  /** Whether chosen files are trimmed first; kept in the browser. */
  #isOn = $state(readStored(KEY) === 'on');
  #waiting = $state.raw<readonly ChosenFile[]>([]);

  get isOn(): boolean {
    return this.#isOn;
  }

  set isOn(isOn: boolean) {
    this.#isOn = isOn;
    store(KEY, isOn ? 'on' : 'off');
  }

  /** The one that is open; undefined: none is trimmed. */
  get first(): ChosenFile | undefined {
    return this.#waiting[0];
  }

  /** How many wait after it. */
  get further(): number {
    return Math.max(0, this.#waiting.length - 1);
  }

  add(files: readonly ChosenFile[]): void {
    this.#waiting = [...this.#waiting, ...files];
  }

  /** It was sent or given up: the next one opens. */
  done(chosen: ChosenFile): void {
    this.#waiting = this.#waiting.filter((each) => each !== chosen);
  }
}

/** The files of this tab that are trimmed. */
export const trims = new Trims();
