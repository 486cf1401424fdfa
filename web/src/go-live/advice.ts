/**
 * Refusals and findings of the server in the viewer's language, by their code.
 * In: code, figures, text and hint of the API. Out: a sentence and what to change; how serious it is. Pure,
 * given the texts.
 */
import type { Finding } from '../../../src/api/advice.ts';
import { bitrateText } from '../media/choice-text.ts';
import type { TextKey } from '../text/text.ts';

/** What the server reports; `value` and `target` are figures for the texts, in `unit`. */
export interface Advice {
  readonly code: string;
  readonly text: string;
  readonly hint: string;
  readonly value?: number | null;
  readonly target?: number | null;
  readonly unit?: string;
}

export type { Finding };

/** Findings that concern some viewers or the taste of the publisher: the light stays green. */
const minor: ReadonlySet<Finding['code']> = new Set([
  'b-frames',
  'codec-support',
  'no-audio',
  'audio-sample-rate',
  'size-changes',
]);

/** Whether the viewers of a live stream notice one of the findings. */
export function isWeak(findings: readonly Finding[]): boolean {
  return findings.some(({ severity, code }) => severity === 'bad' || (severity === 'warn' && !minor.has(code)));
}

/** Necessary changes, the most serious first. */
export function toChange(findings: readonly Finding[]): readonly Finding[] {
  const rank = ({ severity, code }: Finding) => (severity === 'bad' ? 0 : minor.has(code) ? 2 : 1);
  return findings.filter(({ severity }) => severity !== 'good').toSorted((a, b) => rank(a) - rank(b));
}

/** A figure with its unit, without sign: `10 s`, `4.5 Mbit/s`, `3.2 %`. */
export function measureText(value: number, unit: string): string {
  const size = Math.abs(value);
  if (unit === 'bit/s') return bitrateText(size);
  if (unit === 'Hz') return `${size / 1000} kHz`;
  const digits = size < 100 && unit !== 'ms' && unit !== 'count' ? 1 : 0;
  const figure = String(Number(size.toFixed(digits)));
  if (unit === 'x') return `${figure}×`;
  return unit === '' || unit === 'count' ? figure : `${figure} ${unit}`;
}

/** The words of the catalogue for the code, otherwise those of the server. */
export function adviceWords(
  family: 'refusal' | 'finding',
  { code, text, hint, value = null, target = null, unit = '' }: Advice,
  texts: {
    readonly isKey: (key: string) => key is TextKey;
    readonly t: (key: TextKey, values: Readonly<Record<string, string | number>>) => string;
  },
): { readonly text: string; readonly hint: string } {
  const key = `${family}.${code}`;
  const hintKey = `${key}.hint`;
  if (!texts.isKey(key) || !texts.isKey(hintKey)) return { text, hint };
  const shown = (figure: number | null) => (figure === null ? '' : measureText(figure, unit));
  const values = { value: shown(value), target: shown(target) };
  return { text: texts.t(key, values), hint: texts.t(hintKey, values) };
}
