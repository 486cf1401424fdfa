/**
 * One line on the terminal that is written over as work goes on; nothing where stderr is no terminal.
 * In: how far it is. Out: text on stderr.
 */
import { printDuration } from '../lib/duration.ts';

const EVERY_MS = 200;
const BAR_WIDTH = 30;

/** A line of progress. Disposing clears it. */
export interface ProgressLine extends Disposable {
  /** Shows a text; often enough, not more often. */
  show(text: () => string): void;
}

/** @param stream where it is shown; default stderr */
export function openProgressLine(stream: NodeJS.WriteStream = process.stderr): ProgressLine {
  let shownAt = Number.NEGATIVE_INFINITY;
  return {
    show(text) {
      const now = performance.now();
      if (!stream.isTTY || now - shownAt < EVERY_MS) return;
      shownAt = now;
      stream.write(`\r\x1b[K${text().slice(0, (stream.columns || 80) - 1)}`);
    },
    [Symbol.dispose]() {
      if (stream.isTTY && shownAt > 0) stream.write('\r\x1b[K');
    },
  };
}

/**
 * A bar with its percentage and, once it can be told, the time that is left.
 *
 * @param share 0 to 1
 * @param elapsedMs since the work began
 */
export function bar(share: number, elapsedMs: number): string {
  const filled = Math.round(share * BAR_WIDTH);
  const left = share > 0.02 && share < 1 ? Math.ceil(((elapsedMs / share) * (1 - share)) / 1000) * 1000 : undefined;
  const rest = left === undefined ? '' : `  ${printDuration(left)} left`;
  return `[${'='.repeat(filled)}${' '.repeat(BAR_WIDTH - filled)}] ${String(Math.floor(share * 100)).padStart(3)} %${rest}`;
}

/** Seconds as a clock that does not stop at a day: `00:00:14`, `31:05:00`. */
export function sayClock(seconds: number): string {
  const whole = Math.floor(seconds);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(Math.floor(whole / 3600))}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

/** A length: `14.7 s` below a minute, else as a clock. */
export function sayLength(seconds: number): string {
  return seconds < 60 ? `${seconds.toFixed(1)} s` : sayClock(Math.round(seconds));
}

/** Bytes for a person: `12.3 MB`. */
export function sayBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
