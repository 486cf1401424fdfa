/**
 * The first-run guide: the completed steps, stored in this browser.
 * In: the player of the watch page, the guide's buttons. Out: the guide on the home page.
 */
import type { MediaState } from '../media/state.ts';
import { readStored, store } from '../viewer/storage.ts';
import { afterSnapshot, type GuideDone, parseGuide } from './guide.ts';

const KEY = 'oxbow.guide';

class Guide {
  #done = $state.raw<GuideDone>(parseGuide(readStored(KEY)));

  /** The completed steps; reading it in a component follows it. */
  get done(): GuideDone {
    return this.#done;
  }

  /** Takes a snapshot of the player; cheap enough for every one. */
  observe(player: MediaState): void {
    if (!this.#done.watched || !this.#done.rewound) this.#set(afterSnapshot(this.#done, player));
  }

  dismiss(): void {
    this.#set({ ...this.#done, dismissed: true });
  }

  #set(done: GuideDone): void {
    if (done === this.#done) return;
    this.#done = done;
    store(KEY, JSON.stringify(done));
  }
}

/** The guide of this browser. */
export const guide = new Guide();
