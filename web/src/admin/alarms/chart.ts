/**
 * The chart of a stream's figures over time: lines and the cursor.
 * In: series of the API, keys. Out: values with the ends of their axis, times. Pure.
 */
import { alarmNames } from '../../../../src/api/alarms/alarm-texts.ts';
import type { StatsHistory } from '../../../../src/api/measure/stats-shapes.ts';
import { furtherName, type Language } from '../../text/text.ts';

/** The time that a chart shows. */
export interface ChartRange {
  /** Unix milliseconds. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Length of a step, milliseconds. */
  readonly stepMs: number;
}

export interface ChartLine {
  readonly id: 'bitrate' | 'fps' | 'loss' | 'level';
  /** One value for each step, null where nothing was measured. */
  readonly values: readonly (number | null)[];
  /** Values at the bottom and at the top. */
  readonly least: number;
  readonly most: number;
}

/** Level of the sound at the bottom of its line, dB. */
const FLOOR_DB = -80;

/** The range of a series. */
export function rangeOf({ from, to, res }: Pick<StatsHistory, 'from' | 'to' | 'res'>): ChartRange {
  return { fromMs: Date.parse(from), toMs: Date.parse(to), stepMs: res * 1000 };
}

/** The lines of a series, in the order from above. */
export function linesOf({ series }: Pick<StatsHistory, 'series'>): readonly ChartLine[] {
  const bitrate = series.videoBitrate.map((video, step) => {
    const audio = series.audioBitrate[step] ?? null;
    return video === null && audio === null ? null : ((video ?? 0) + (audio ?? 0)) / 1e6;
  });
  const percent = series.loss.map((loss) => (loss === null ? null : loss * 100));
  return [
    { id: 'bitrate', values: bitrate, least: 0, most: topOf(bitrate, 0.1) },
    { id: 'fps', values: series.frameRate, least: 0, most: topOf(series.frameRate, 10) },
    { id: 'loss', values: percent, least: 0, most: topOf(percent, 1) },
    { id: 'level', values: series.soundLevel, least: FLOOR_DB, most: 0 },
  ];
}

function topOf(values: readonly (number | null)[], atLeast: number): number {
  return values.reduce<number>((most, value) => Math.max(most, value ?? 0), atLeast) * 1.1;
}

/** The step of an instant, within the range. */
export function stepAt(atMs: number, { fromMs, toMs, stepMs }: ChartRange): number {
  const count = Math.max(1, Math.round((toMs - fromMs) / stepMs));
  return Math.min(count - 1, Math.max(0, Math.floor((atMs - fromMs) / stepMs)));
}

/**
 * Where a key moves the cursor.
 *
 * @returns unix milliseconds; null if the key means nothing here
 */
export function movedBy(
  { key, shiftKey }: Pick<KeyboardEvent, 'key' | 'shiftKey'>,
  atMs: number,
  { fromMs, toMs, stepMs }: ChartRange,
): number | null {
  const within = (ms: number) => Math.min(toMs - 1, Math.max(fromMs, ms));
  const stride = stepMs * (shiftKey ? 10 : 1);
  switch (key) {
    case 'ArrowLeft':
    case 'ArrowDown':
      return within(atMs - stride);
    case 'ArrowRight':
    case 'ArrowUp':
      return within(atMs + stride);
    case 'PageDown':
      return within(atMs - 10 * stepMs);
    case 'PageUp':
      return within(atMs + 10 * stepMs);
    case 'Home':
      return fromMs;
    case 'End':
      return toMs - 1;
    default:
      return null;
  }
}

/** The name of an alarm; the code of one that is not known. */
export function alarmName(code: string, language: Language): string {
  const names: Readonly<Record<string, string>> = alarmNames[language === 'zh-CN' ? 'zh' : 'en'];
  return furtherName(language, 'alarm', code) ?? names[code] ?? code;
}

/** `YYYY-MM-DDTHH:MM:SS` in the zone of the machine, for a field. */
export function fieldTime(atMs: number): string {
  const at = new Date(atMs);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}
