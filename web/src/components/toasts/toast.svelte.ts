/**
 * Short messages to the viewer, from anywhere in the interface.
 * In: toast(). Out: Toasts.svelte.
 */
import { type Toast, ToastQueue, type ToastWords } from './toast-queue.ts';

class Toasts {
  #shown = $state.raw<readonly Toast[]>([]);
  readonly queue = new ToastQueue(
    (work, ms) => {
      const timer = setTimeout(work, ms);
      return () => clearTimeout(timer);
    },
    (toasts) => {
      this.#shown = toasts;
    },
  );

  /** The shown toasts, oldest first; reading it in a component follows it. */
  get shown(): readonly Toast[] {
    return this.#shown;
  }
}

/** The toasts of this page. */
export const toasts = new Toasts();

/** Shows a toast, and announces it to screen readers. */
export function toast(words: ToastWords): void {
  toasts.queue.add(words);
}
