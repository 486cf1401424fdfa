/**
 * What the viewer requests of the player of a stream.
 * In: controls, keys, bars. Out: events for the controller, frame steps, choices and sound of the buffers.
 */
import type { MediaRequests } from '../media/requests.ts';
import type { MediaState } from '../media/state.ts';
import type { ChoiceChanges } from './choices.ts';
import type { PlaybackController, PlayerParts } from './playback-controller.ts';
import type { Steps } from './video/steps.ts';

/** The requests to one player. */
export class PlayerControls implements MediaRequests {
  readonly #parts: Pick<PlayerParts, 'buffers' | 'steadyMs' | 'changed'>;
  readonly #controller: PlaybackController;
  readonly #steps: Steps;

  constructor(
    parts: Pick<PlayerParts, 'buffers' | 'steadyMs' | 'changed'>,
    controller: PlaybackController,
    steps: Steps,
  ) {
    this.#parts = parts;
    this.#controller = controller;
    this.#steps = steps;
  }

  goLive(): void {
    this.#steps.forget();
    this.#controller.take({ type: 'go-live' });
  }

  goTo(atMs: number, how: { readonly back?: boolean } = {}): void {
    this.#steps.forget();
    this.#controller.take({ type: 'go-to', atMs, back: how.back ?? false });
  }

  togglePlay(): void {
    this.#steps.forget();
    this.#controller.take({ type: 'toggle-play' });
  }

  again(): void {
    this.#steps.forget();
    this.#controller.take({ type: 'try-again' });
  }

  stepFrame(by: 1 | -1): void {
    const { buffers, steadyMs, changed } = this.#parts;
    if (buffers.front.picture.mediaTime === null) return;
    const buffer = this.#controller.hold();
    if (buffer) this.#steps.step(buffer, by, steadyMs());
    else this.#steps.postpone(by);
    changed();
  }

  setRate(rate: number): void {
    this.#controller.take({ type: 'set-rate', rate });
  }

  catchUp(): void {
    this.#steps.forget();
    this.#controller.take({ type: 'catch-up' });
  }

  toggleMuted(): void {
    this.#parts.buffers.sound.toggleMuted();
    this.#parts.changed();
  }

  setVolume(volume: number): void {
    this.#parts.buffers.sound.setVolume(volume);
    this.#parts.changed();
  }

  setQuality(id: string | null): void {
    this.#choose({ quality: id });
  }

  setSound(id: string): void {
    this.#choose({ sound: id });
  }

  setSubtitle(id: string | null): void {
    this.#choose({ subtitle: id });
  }

  setLoop(span: MediaState['loop']): void {
    this.#controller.take({ type: 'set-loop', range: span });
  }

  togglePicture(): void {
    this.#parts.buffers.togglePicture();
  }

  forgetNote(): void {
    this.#controller.take({ type: 'forget-note' });
  }

  #choose(changes: ChoiceChanges): void {
    this.#parts.buffers.choose(changes);
    this.#parts.changed();
  }
}
