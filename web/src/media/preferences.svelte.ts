/**
 * The viewer's preferences for all players: size of subtitles, single-key shortcuts, volume, theatre mode,
 * real time.
 * In: the settings popover, the help. Out: the watch page; stored in the browser.
 */
import { readStored, store } from '../viewer/storage.ts';

/** How large subtitles are drawn. */
type SubtitleSize = 'small' | 'normal' | 'large' | 'huge';

/** All sizes, smallest first. */
export const subtitleSizes: readonly SubtitleSize[] = ['small', 'normal', 'large', 'huge'];

const KEY = 'oxbow.watch';

interface Kept {
  readonly subtitleSize?: unknown;
  readonly keys?: unknown;
  readonly volume?: unknown;
  readonly theatre?: unknown;
  readonly realTime?: unknown;
}

function read(): Kept {
  try {
    const kept: unknown = JSON.parse(readStored(KEY) ?? '{}');
    return typeof kept === 'object' && kept !== null ? kept : {};
  } catch {
    return {}; // invalid: the defaults
  }
}

class PlayerPreferences {
  #subtitleSize = $state<SubtitleSize>('normal');
  #keys = $state(true);
  #volume = 1;
  #theatre = $state(false);
  #realTime = $state(false);

  constructor() {
    const { subtitleSize, keys, volume, theatre, realTime } = read();
    this.#subtitleSize = subtitleSizes.find((size) => size === subtitleSize) ?? 'normal';
    this.#keys = keys !== false;
    this.#theatre = theatre === true;
    this.#realTime = realTime === true;
    if (typeof volume === 'number' && volume > 0 && volume <= 1) this.#volume = volume;
  }

  get subtitleSize(): SubtitleSize {
    return this.#subtitleSize;
  }

  set subtitleSize(size: SubtitleSize) {
    this.#subtitleSize = size;
    this.#keep();
  }

  /** Single-key shortcuts are on; users of speech input or with tremor may turn them off. WCAG 2.1.4. */
  get keys(): boolean {
    return this.#keys;
  }

  set keys(on: boolean) {
    this.#keys = on;
    this.#keep();
  }

  /** Over 0 to 1. */
  get volume(): number {
    return this.#volume;
  }

  set volume(volume: number) {
    if (volume === this.#volume || volume <= 0) return;
    this.#volume = volume;
    this.#keep();
  }

  /** The picture fills the width of the window; the column next to it is below. */
  get theatre(): boolean {
    return this.#theatre;
  }

  set theatre(on: boolean) {
    this.#theatre = on;
    this.#keep();
  }

  /** Live is shown over WebRTC where that is possible. */
  get realTime(): boolean {
    return this.#realTime;
  }

  set realTime(on: boolean) {
    this.#realTime = on;
    this.#keep();
  }

  #keep(): void {
    const kept: Kept = {
      subtitleSize: this.#subtitleSize,
      keys: this.#keys,
      volume: this.#volume,
      theatre: this.#theatre,
      realTime: this.#realTime,
    };
    store(KEY, JSON.stringify(kept));
  }
}

/** The viewer's preferences; reading them in a component follows them. */
export const preferences = new PlayerPreferences();
