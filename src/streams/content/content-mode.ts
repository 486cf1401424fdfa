/**
 * Whether the content of streams is checked: by the settings, and by the number of live streams.
 * In: settings, the number of live streams. Out: why it is not checked, in words.
 */
import type { Config } from '../../config/schema.ts';
import type { Current } from '../../lib/current.ts';

/** `auto` checks at most this many live streams. */
const MOST_STREAMS = 16;

/** One for all streams. */
export class ContentMode {
  readonly #settings: Current<Pick<Config, 'contentCheck'>>;
  /** Streams that are live now. */
  liveStreams = 0;

  constructor(settings: Current<Pick<Config, 'contentCheck'>>) {
    this.#settings = settings;
  }

  /** Least time between two pictures, and between two pieces of sound, µs. */
  get everyUs(): { readonly picture: number; readonly sound: number } {
    const { pictureEvery, soundEvery } = this.#settings.now.contentCheck;
    return { picture: pictureEvery * 1000, sound: soundEvery * 1000 };
  }

  /** Why nothing is checked; empty if it is. */
  get off(): string {
    const { mode } = this.#settings.now.contentCheck;
    if (mode === 'off') return 'contentCheck.mode is off';
    if (mode === 'on' || this.liveStreams <= MOST_STREAMS) return '';
    return `more than ${MOST_STREAMS} streams are live (contentCheck.mode is auto)`;
  }
}
