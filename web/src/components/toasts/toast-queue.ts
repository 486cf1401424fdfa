/**
 * The toasts of a page: which are shown, in what order, and when each disappears.
 * In: texts. Out: the list for Toasts.svelte. Owns its timers.
 */

/** `good`: done; `bad`: failed, stays until it is dismissed; `plain`: anything else. */
type Tone = 'plain' | 'good' | 'bad';

/** The action of a toast: a link, or a function. */
interface ToastAction {
  readonly text: string;
  readonly href?: string;
  /** A download link, with the file name; '' for the server's. */
  readonly download?: string;
  readonly run?: () => void;
}

/** The content of a toast. */
export interface ToastWords {
  /** A sentence in the viewer's language. */
  readonly text: string;
  readonly tone?: Tone;
  readonly action?: ToastAction;
  /** Text of the button that dismisses it; omitted: an icon. */
  readonly dismiss?: string;
  /** Timeout, milliseconds; omitted: 6 s, 12 s with an action, none for a failure. */
  readonly lastsMs?: number;
}

/** A shown toast. */
export interface Toast extends ToastWords {
  readonly id: number;
  readonly tone: Tone;
}

/** Schedules work and returns the function that cancels it. Milliseconds. */
type Schedule = (work: () => void, ms: number) => () => void;

/** Most shown toasts: the oldest is removed. */
export const MOST_TOASTS = 4;
const STAYS_MS = 6_000;
const STAYS_WITH_ACTION_MS = 12_000;

/** The toasts of one page. */
export class ToastQueue {
  readonly #later: Schedule;
  readonly #changed: (toasts: readonly Toast[]) => void;
  readonly #timers = new Map<number, () => void>();
  #toasts: readonly Toast[] = [];
  #lastId = 0;
  #held = false;

  /** @param changed called with the list after each change, oldest first */
  constructor(later: Schedule, changed: (toasts: readonly Toast[]) => void) {
    this.#later = later;
    this.#changed = changed;
  }

  /**
   * Shows a toast; the same text again renews the shown one.
   *
   * @returns its id, for `dismiss`
   */
  add(words: ToastWords): number {
    const toast: Toast = { ...words, tone: words.tone ?? 'plain', id: ++this.#lastId };
    const others = this.#toasts.filter(({ text, tone }) => text !== toast.text || tone !== toast.tone);
    this.#show([...others, toast].slice(-MOST_TOASTS));
    this.#count(toast);
    return toast.id;
  }

  /** Dismisses a toast; by default the newest. */
  dismiss(id: number | undefined = this.#toasts.at(-1)?.id): void {
    this.#show(this.#toasts.filter((toast) => toast.id !== id));
  }

  /**
   * While the viewer reads (pointer or focus on them), none disappears; afterwards each gets its full time
   * again.
   */
  hold(held: boolean): void {
    if (held === this.#held) return;
    this.#held = held;
    for (const stop of this.#timers.values()) stop();
    this.#timers.clear();
    if (!held) for (const toast of this.#toasts) this.#count(toast);
  }

  #show(toasts: readonly Toast[]): void {
    if (toasts.length === this.#toasts.length && toasts.every((toast, i) => toast === this.#toasts[i])) return;
    this.#toasts = toasts;
    if (toasts.length === 0) this.#held = false; // a removed element sends no event that the pointer left
    const shown = new Set(toasts.map(({ id }) => id));
    for (const [id, stop] of this.#timers) {
      if (shown.has(id)) continue;
      stop();
      this.#timers.delete(id);
    }
    this.#changed(toasts);
  }

  #count({ id, tone, action, lastsMs }: Toast): void {
    const ms = lastsMs ?? (tone === 'bad' ? Number.POSITIVE_INFINITY : action ? STAYS_WITH_ACTION_MS : STAYS_MS);
    if (this.#held || ms === Number.POSITIVE_INFINITY) return;
    this.#timers.set(
      id,
      this.#later(() => this.dismiss(id), ms),
    );
  }
}
