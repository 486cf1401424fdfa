/**
 * The short words that come up and go by themselves: which are shown, in what order, and when each goes.
 * In: words to show. Out: the list that Toasts.svelte draws. Owns its timers, which it is given.
 */

/** `good`: done; `bad`: failed, stays until it is sent away; `plain`: anything else. */
export type Tone = 'plain' | 'good' | 'bad';

/** What may be done about it: a link within or out of the interface, or an action. */
export interface ToastAction {
  readonly text: string;
  readonly href?: string;
  /** A link that saves what it leads to, under this name; '' for the server's. */
  readonly download?: string;
  readonly run?: () => void;
}

/** Words to show. */
export interface ToastWords {
  /** A sentence in the viewer's language. */
  readonly text: string;
  readonly tone?: Tone;
  readonly action?: ToastAction;
  /** How long it stays, milliseconds; left out: 6 s, 12 s with an action, for ever where something failed. */
  readonly lastsMs?: number;
}

/** One that is shown. */
export interface Toast extends ToastWords {
  readonly id: number;
  readonly tone: Tone;
}

/** Does something later; what it returns takes that back. Milliseconds. */
export type Schedule = (work: () => void, ms: number) => () => void;

/** More than these cover the page: the oldest goes. */
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

  /** @param changed told the list after each change, oldest first */
  constructor(later: Schedule, changed: (toasts: readonly Toast[]) => void) {
    this.#later = later;
    this.#changed = changed;
  }

  /**
   * Shows words; the same words again renew the ones that are shown.
   *
   * @returns names it to `dismiss`
   */
  add(words: ToastWords): number {
    const toast: Toast = { ...words, tone: words.tone ?? 'plain', id: ++this.#lastId };
    const others = this.#toasts.filter(({ text, tone }) => text !== toast.text || tone !== toast.tone);
    this.#show([...others, toast].slice(-MOST_TOASTS));
    this.#count(toast);
    return toast.id;
  }

  /** Takes one away; the newest unless named. */
  dismiss(id: number | undefined = this.#toasts.at(-1)?.id): void {
    this.#show(this.#toasts.filter((toast) => toast.id !== id));
  }

  /** While somebody reads (pointer or focus on them), none goes; afterwards each gets its whole time again. */
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
    if (toasts.length === 0) this.#held = false; // what somebody pointed at has gone, and does not say that they left
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
