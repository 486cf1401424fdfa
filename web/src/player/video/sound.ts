/**
 * The sound of a player: it is heard from the element in front, and moves with the picture.
 * In: the viewer's choice. Out: volume and muting of both elements.
 */

/** The chosen volume and muting of one player. */
export class Sound {
  #video: HTMLVideoElement;
  #muted = true; // browsers let only silent video start by itself
  #volume = 1;

  /** @param video the element in front; muted */
  constructor(video: HTMLVideoElement) {
    this.#video = video;
  }

  get muted(): boolean {
    return this.#muted;
  }

  get volume(): number {
    return this.#volume;
  }

  mute(): void {
    this.#muted = true;
    this.#apply();
  }

  /** Mutes or unmutes; unmuting at volume 0 sets it to one half. */
  toggleMuted(): void {
    this.#muted = !this.#muted;
    if (!this.#muted && this.#volume === 0) this.#volume = 0.5;
    this.#apply();
  }

  /** @param volume 0 to 1; above 0 also unmutes */
  setVolume(volume: number): void {
    this.#volume = Math.min(1, Math.max(0, volume));
    this.#muted = this.#volume === 0;
    this.#apply();
  }

  /** Another element comes to the front. The last one is silent from now on. */
  moveTo(video: HTMLVideoElement): void {
    this.#video.muted = true;
    this.#video = video;
    this.#apply();
  }

  #apply(): void {
    this.#video.volume = this.#volume;
    this.#video.muted = this.#muted;
  }
}
