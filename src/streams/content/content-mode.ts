/**
 * Whether the content of streams is checked: by the settings, by the number of live streams, and by the rules
 * of alarms.
 * In: settings, the number of live streams. Out: why it is not checked, in words; what a stream needs.
 */
import { alarmRulesOf } from '../../api/alarms/alarm-rules.ts';
import type { Config } from '../../config/schema.ts';
import type { Current } from '../../lib/current.ts';
import { type ContentSample, isBeyondRules } from './content-sample.ts';

/** `auto` checks at most this many live streams. */
const MOST_STREAMS = 16;
/** In place of rules: all content is wanted. */
const ALL = 'contentCheck.mode: on';

/** The kinds of content that are decoded of a stream. */
export interface WantedContent {
  /** The rules of all streams and of the stream that this follows from. */
  readonly rules: readonly [common: string, ofStream: string];
  readonly picture: boolean;
  readonly sound: boolean;
  /** Whether a sample is beyond the threshold of a rule that is on. */
  readonly isWrong: (sample: ContentSample) => boolean;
}

/** One for all streams. */
export class ContentMode {
  readonly #settings: Current<Pick<Config, 'contentCheck' | 'alarms'>>;
  /** Streams that are live now. */
  liveStreams = 0;

  constructor(settings: Current<Pick<Config, 'contentCheck' | 'alarms'>>) {
    this.#settings = settings;
  }

  /** Least time between two pictures, and between two pieces of sound, µs. */
  get everyUs(): { readonly picture: number; readonly sound: number } {
    const { pictureEvery, soundEvery } = this.#settings.now.contentCheck;
    return { picture: pictureEvery * 1000, sound: soundEvery * 1000 };
  }

  /** Whether the processor time is bounded: `on` decodes at the distances of the settings. */
  get isBounded(): boolean {
    return this.#settings.now.contentCheck.mode !== 'on';
  }

  /**
   * What is decoded of a stream: what a rule of its alarms is about. With `contentCheck.mode: on` everything
   * is.
   *
   * @param ofStream the rules of the stream, as text
   * @param before the last result for the stream, which is returned while the rules are the same
   */
  wanted(ofStream: string, before: WantedContent | undefined): WantedContent {
    const { alarms, contentCheck } = this.#settings.now;
    const common = contentCheck.mode === 'on' ? ALL : alarms.rules;
    if (before?.rules[0] === common && before.rules[1] === ofStream) return before;
    const rules: WantedContent['rules'] = [common, ofStream];
    const inForce = alarmRulesOf(alarms.rules, ofStream);
    const isWrong = (sample: ContentSample) => isBeyondRules(sample, inForce);
    if (common === ALL) return { rules, picture: true, sound: true, isWrong };
    const { black, freeze, silence, clipping } = inForce;
    return { rules, picture: black.isOn || freeze.isOn, sound: silence.isOn || clipping.isOn, isWrong };
  }

  /** Why nothing is checked; empty if it is. */
  get off(): string {
    const { mode } = this.#settings.now.contentCheck;
    if (mode === 'off') return 'contentCheck.mode is off';
    if (mode === 'on' || this.liveStreams <= MOST_STREAMS) return '';
    return `more than ${MOST_STREAMS} streams are live (contentCheck.mode is auto)`;
  }
}
