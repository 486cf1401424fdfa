/**
 * The first-run guide: the completed steps, stored in this browser.
 * In: the player of the watch page, the guide's buttons. Out: the guide on the home page.
 */
import type { Snapshot } from '../player/snapshot.ts';
import { afterSnapshot, type GuideDone, parseGuide } from './guide.ts';

const KEY = 'oxbow.guide';

function remembered(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage forbidden: it lasts as long as the page
  }
}

class Guide {
  #done = $state.raw<GuideDone>(parseGuide(remembered()));

  /** The completed steps; reading it in a component follows it. */
  get done(): GuideDone {
    return this.#done;
  }

  /** Takes a snapshot of the player; cheap enough for every one. */
  observe(player: Snapshot): void {
    if (!this.#done.watched || !this.#done.rewound) this.#set(afterSnapshot(this.#done, player));
  }

  dismiss(): void {
    this.#set({ ...this.#done, dismissed: true });
  }

  #set(done: GuideDone): void {
    if (done === this.#done) return;
    this.#done = done;
    try {
      localStorage.setItem(KEY, JSON.stringify(done));
    } catch {
      // Storage forbidden: it lasts as long as the page.
    }
  }
}

/** The guide of this browser. */
export const guide = new Guide();
