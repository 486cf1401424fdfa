/**
 * What was found in a picture, or in a piece of sound.
 * In: nothing. Out: the type, and whether a rule of an alarm is met. Pure.
 */
import { type AlarmRules, isBeyond } from '../../api/alarms/alarm-rules.ts';

/** What was found; times are UTC of the media in µs. */
export type ContentSample =
  | {
      readonly kind: 'picture';
      /** The sample is about [fromUs, toUs). */
      readonly fromUs: number;
      readonly toUs: number;
      /** Share of the picture that is dark, percent. */
      readonly dark: number;
      /** Largest difference to the picture before; undefined without one, 0 to 255. */
      readonly change: number | undefined;
    }
  | {
      readonly kind: 'sound';
      readonly fromUs: number;
      readonly toUs: number;
      /** Root mean square, dB of full scale, -120 to 0. */
      readonly levelDb: number;
      readonly peakDb: number;
      /** Share of clipped samples, percent. */
      readonly clipped: number;
    };

/** Whether a sample is beyond the threshold of a rule that is on. */
export function isBeyondRules(sample: ContentSample, rules: AlarmRules): boolean {
  const is = (code: 'black' | 'freeze' | 'silence' | 'clipping', value: number | undefined) =>
    rules[code].isOn && value !== undefined && isBeyond(code, value, rules[code].raise.at);
  return sample.kind === 'picture'
    ? is('black', sample.dark) || is('freeze', sample.change)
    : is('silence', sample.levelDb) || is('clipping', sample.clipped);
}
