/**
 * Names of the options: qualities, audio tracks, subtitles, speeds.
 * In: options of the player. Out: menus. Pure; the language is a parameter.
 */
import type { Choice } from './state.ts';

/** The offered speeds, slowest first. */
export const rates: readonly number[] = [0.5, 0.75, 1, 1.25, 1.5, 2];

/** `1×`, `0.75×`. */
export function rateText(rate: number): string {
  return `${Number(rate.toFixed(2))}×`;
}

/**
 * The next offered speed.
 *
 * @param rate the current speed, any
 * @param by -1 slower, 1 faster
 */
export function nextRate(rate: number, by: 1 | -1): number {
  const next =
    by > 0
      ? rates.find((candidate) => candidate > rate + 0.01)
      : rates.findLast((candidate) => candidate < rate - 0.01);
  return next ?? rate;
}

/**
 * `5.2 Mbit/s`, `96 kbit/s`.
 *
 * @param bitsPerSecond 0 or more
 */
export function bitrateText(bitsPerSecond: number): string {
  if (bitsPerSecond < 999_500) return `${Math.round(bitsPerSecond / 1000)} kbit/s`;
  return `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`;
}

/** `1080p` and its bitrate; the label of the source if it has no height. */
export function qualityText({ height, bitrate, label, id }: Choice): { readonly text: string; readonly note: string } {
  const rate = bitrate ? bitrateText(bitrate) : '';
  if (height) return { text: `${height}p`, note: rate };
  return label ? { text: label, note: rate } : { text: rate || id, note: '' };
}

/**
 * An audio or subtitle track by its language, in the reader's language, with the label if that says more;
 * numbered if both are unknown.
 *
 * @param locale BCP 47
 * @param nth its number among the options, from 1
 * @param unnamed text for a track with neither, from its number
 */
export function trackName(choice: Choice, locale: string, nth: number, unnamed: (nth: number) => string): string {
  const language = languageName(choice.language, locale);
  const { label } = choice;
  if (!language) return label || unnamed(nth);
  const same = label === '' || [language, choice.language].some((name) => name.toLowerCase() === label.toLowerCase());
  return same ? language : `${language} · ${label}`;
}

/**
 * The name of a language; empty if it is unknown.
 *
 * @param tag BCP 47 or ISO 639-2
 * @param locale BCP 47, the reader's
 */
export function languageName(tag: string, locale: string): string {
  if (tag === '' || tag === 'und') return '';
  try {
    return new Intl.DisplayNames(locale, { type: 'language' }).of(tag) ?? tag;
  } catch {
    return tag; // not a valid tag
  }
}
