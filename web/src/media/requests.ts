/**
 * What controls, keys and bars request of a player, whatever plays.
 * In: the viewer. Out: the mediators: player/player.ts (two buffers with hls.js), player/video/native.ts,
 * player/whep/real-time-player.ts, library/player/asset-player.svelte.ts; rooms pass them to everyone.
 */

/** What the page requests of the player. None of them throws; the next snapshot shows the result. */
export interface MediaRequests {
  /** Plays live, or waits for the stream to be live again and shows that. */
  goLive(): void;
  /**
   * Plays from a moment on; from the next recorded one, with a note, where there is nothing; live where
   * nothing follows.
   *
   * @param atMs unix milliseconds
   * @param how `back`: this is a step back, a hole is left at its start
   */
  goTo(atMs: number, how?: { readonly back?: boolean }): void;
  togglePlay(): void;
  /** After a failure: repeats the refused request, otherwise plays from the shown time, otherwise live. */
  again(): void;
  /** Pauses and shows the next frame, or the one before. */
  stepFrame(by: 1 | -1): void;
  /** @param rate 0.5 to 2; above 1 at the edge it falls back to 1 by itself */
  setRate(rate: number): void;
  /**
   * Plays at double speed until live, then at normal speed; a seek or another speed ends it. Undefined: this
   * player cannot.
   */
  catchUp?(): void;
  toggleMuted(): void;
  /** @param volume 0 to 1; above 0 also unmutes */
  setVolume(volume: number): void;
  /** @param id of `qualities`; null: the player chooses */
  setQuality(id: string | null): void;
  setSound(id: string): void;
  /** @param id of `subtitles`; null: none */
  setSubtitle(id: string | null): void;
  /** Plays a range in a loop; null ends the loop. */
  setLoop(span: { readonly fromMs: number; readonly toMs: number } | null): void;
  /** Needs a click or key of the viewer's; a browser without it changes nothing. */
  togglePicture(): void;
  /** Removes the note once it has been read. */
  forgetNote(): void;
}

const nothing = (): void => {};

/** The requests before there is a player: they do nothing. */
export const noRequests: MediaRequests = {
  goLive: nothing,
  goTo: nothing,
  togglePlay: nothing,
  again: nothing,
  stepFrame: nothing,
  setRate: nothing,
  toggleMuted: nothing,
  setVolume: nothing,
  setQuality: nothing,
  setSound: nothing,
  setSubtitle: nothing,
  setLoop: nothing,
  togglePicture: nothing,
  forgetNote: nothing,
};
