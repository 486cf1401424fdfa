/**
 * The types of the settings of a pulled source: quality, start before the live edge, User-Agent.
 * In: text of files, flags and the API. Out: checked values. Every type throws FormatError for an invalid
 * value.
 */

import { FormatError } from '@oxbow/media/errors';
import { parseDuration, printDuration } from '../lib/duration.ts';
import { parseLadder, printLadder } from '../lib/live-ladder.ts';
import { parseQuality, parseQualitySet } from '../lib/quality.ts';
import { parseUserAgent, userAgentPresets } from '../lib/user-agent.ts';
import { createOption, type Option, type OptionExtras } from './option.ts';
import type { PushSourceConfig, WhileAway } from './source-config.ts';
import { passphraseOf } from './srt-url.ts';

function textOf(value: unknown, expected: string): string {
  if (typeof value === 'string') return value.trim();
  if (typeof value === 'number') return String(value);
  throw new FormatError(`expected ${expected}`, 0);
}

/**
 * Checks a quality; returns the text.
 *
 * @throws FormatError
 */
export function readQuality(value: unknown): string {
  const text = textOf(value, 'a quality such as best, 720p or 2M');
  parseQuality(text);
  return text;
}

/**
 * Checks a set of qualities; returns the text.
 *
 * @throws FormatError
 */
export function readQualitySet(value: unknown): string {
  const text = textOf(value, 'qualities such as best, all or 720p, 480p');
  parseQualitySet(text);
  return text;
}

/**
 * Parses how far before the live edge, with an optional minus sign.
 *
 * @returns ms, 0 or more; undefined for the empty text
 * @throws FormatError
 */
export function readLookBack(value: unknown): number | undefined {
  const text = textOf(value, 'a duration such as 30m');
  return text === '' ? undefined : parseDuration(text.replace(/^-/, ''));
}

/**
 * Checks a User-Agent or the name of a preset; returns the text.
 *
 * @throws FormatError
 */
export function readUserAgent(value: unknown): string {
  const text = textOf(value, 'a User-Agent');
  parseUserAgent(text);
  return text;
}

/** Longest latency of SRT, ms. */
const MAX_LATENCY_MS = 65_535;

/**
 * Parses the latency of SRT.
 *
 * @returns ms, 0 to 65,535; undefined for the empty text
 * @throws FormatError
 */
export function readLatency(value: unknown): number | undefined {
  const durationText = textOf(value, 'a duration such as 200ms');
  if (durationText === '') return undefined;
  const ms = parseDuration(durationText);
  if (ms <= MAX_LATENCY_MS) return ms;
  throw new FormatError(`${durationText} is more than 65s, the longest latency of SRT`, 0);
}

/** The settings of SRT of a push source: those that are set. */
export function srtOf(
  latencyMs: number | undefined,
  passphrase: string,
): { readonly latencyMs?: number; readonly passphrase?: string } {
  const secret = passphraseOf(passphrase);
  return { ...(latencyMs !== undefined && { latencyMs }), ...(secret !== undefined && { passphrase: secret }) };
}

const text = { json: { type: 'string' }, print: (value: string) => value };

/** A quality; the value is the text, '' if not set. */
export function quality(defaultText: string, sentence: string, extras?: OptionExtras): Option<string> {
  return createOption({ ...text, placeholder: 'QUALITY', read: readQuality }, defaultText, sentence, extras);
}

/** Further qualities of a source; the value is the text. */
export function qualitySet(defaultText: string, sentence: string): Option<string> {
  return createOption({ ...text, placeholder: 'QUALITIES', read: readQualitySet }, defaultText, sentence);
}

/** The ladder of a live stream: a list, or text with commas; the value is the text, '' for none. */
export function liveLadder(sentence: string): Option<string> {
  const read = (value: unknown) => {
    const entries = Array.isArray(value) ? value : [value];
    return printLadder(parseLadder(entries.map((entry) => textOf(entry, 'a quality such as 720p')).join(',')));
  };
  const json = { type: ['array', 'string'], items: { type: 'string' } };
  return createOption({ placeholder: 'QUALITIES', json, read, print: (value) => value }, '', sentence);
}

/** How far before the live edge; the value is ms, undefined if not set. */
export function lookBack(sentence: string, extras?: OptionExtras): Option<number | undefined> {
  const print = (value: number | undefined) => (value === undefined ? '' : printDuration(value));
  const json = { type: ['string', 'number'] };
  return createOption({ placeholder: 'DURATION', json, read: readLookBack, print }, '', sentence, extras);
}

/** Furthest that audio can be moved, ms: beyond it, live parts would wait too long for their audio. */
const MAX_AUDIO_OFFSET_MS = 2000;

/**
 * Checks an audio offset.
 *
 * @returns ms, -2,000 to 2,000
 * @throws FormatError
 */
export function readAudioOffset(value: unknown): number {
  const written = textOf(value, 'a time such as 120ms or -80ms');
  const match = /^(-?)(\S+)$/.exec(written);
  const ms = (match?.[1] === '-' ? -1 : 1) * parseDuration(match?.[2] ?? '');
  if (Math.abs(ms) > MAX_AUDIO_OFFSET_MS) throw new FormatError('audio can be moved by at most 2 s', 0);
  return ms === 0 ? 0 : ms;
}

/** An audio offset as `readAudioOffset` reads it. */
export function printAudioOffset(ms: number): string {
  return ms < 0 ? `-${printDuration(-ms)}` : printDuration(ms);
}

/** A time by which audio is moved; the value is ms. */
export function audioOffset(sentence: string, extras?: OptionExtras): Option<number> {
  const json = { type: ['string', 'number'] };
  return createOption(
    { placeholder: 'DURATION', json, read: readAudioOffset, print: printAudioOffset },
    '0s',
    sentence,
    extras,
  );
}

/** How long a picture is shown while the publisher is away, unless it is set, ms. */
export const AWAY_LIMIT_MS = 600_000;
const MAX_AWAY_LIMIT_MS = 24 * 3_600_000;

/**
 * Parses the limit of a picture that is shown while the publisher is away.
 *
 * @returns ms, 1,000 to 86,400,000
 * @throws FormatError
 */
export function readAwayLimit(value: unknown): number {
  const ms = parseDuration(textOf(value, 'a duration such as 10m'));
  if (ms >= 1000 && ms <= MAX_AWAY_LIMIT_MS) return ms;
  throw new FormatError('the limit is 1 second to 24 hours', 0);
}

/** The limit of a picture that is shown while the publisher is away; the value is ms. */
export function awayLimit(sentence: string, extras?: OptionExtras): Option<number> {
  const json = { type: ['string', 'number'] };
  const kind = { placeholder: 'DURATION', json, read: readAwayLimit, print: printDuration };
  return createOption(kind, printDuration(AWAY_LIMIT_MS), sentence, extras);
}

/** The settings of a push source for the time without a publisher: those that differ from the defaults. */
export function awayOf(whileAway: WhileAway, awayLimitMs: number): Pick<PushSourceConfig, 'whileAway' | 'awayLimitMs'> {
  return {
    ...(whileAway !== 'nothing' && { whileAway }),
    ...(awayLimitMs !== AWAY_LIMIT_MS && { awayLimitMs }),
  };
}

/** A User-Agent; the value is the text, '' if not set. */
export function userAgent(sentence: string, extras?: OptionExtras): Option<string> {
  const presets = [...userAgentPresets.keys()].map((name) => `\`${name}\``).join(', ');
  const kind = { ...text, placeholder: 'TEXT', read: readUserAgent };
  return createOption(kind, '', `${sentence} Presets: ${presets}.`, extras);
}

/** A latency of SRT; the value is ms, undefined if not set. */
export function srtLatency(sentence: string, extras?: OptionExtras): Option<number | undefined> {
  const print = (value: number | undefined) => (value === undefined ? '' : printDuration(value));
  const json = { type: ['string', 'number'] };
  return createOption({ placeholder: 'DURATION', json, read: readLatency, print }, '', sentence, extras);
}

/** A passphrase of SRT, never printed; undefined if not set. */
export function srtPassphrase(sentence: string, extras?: OptionExtras): Option<string | undefined> {
  const read = (value: unknown) => passphraseOf(textOf(value, 'text of 10 to 79 bytes'));
  const print = (value: string | undefined) => (value === undefined ? '' : '***');
  const kind = { placeholder: 'SECRET', json: { type: 'string' }, read, print };
  return { ...createOption(kind, '', sentence, extras), secret: true };
}
