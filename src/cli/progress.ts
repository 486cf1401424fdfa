/**
 * Lines of progress on the terminal, overwritten by the next; no output if stderr is not a terminal.
 * In: progress. Out: text on stderr.
 */
import { printDuration } from '../lib/duration.ts';

const EVERY_MS = 200;
const BAR_WIDTH = 30;

/** A line of progress, or several. Disposing clears them. */
export interface ProgressLine extends Disposable {
  /** Shows a text of one or more lines, at a limited rate; each is cut at the edge of the terminal. */
  show(text: () => string): void;
}

/** @param stream where it is shown; default stderr */
export function openProgressLine(stream: NodeJS.WriteStream = process.stderr): ProgressLine {
  let shownAt = Number.NEGATIVE_INFINITY;
  let above = 0;
  const toFirst = () => `\r${above > 0 ? `\x1b[${above}A` : ''}\x1b[J`;
  return {
    show(text) {
      const now = performance.now();
      if (!stream.isTTY || now - shownAt < EVERY_MS) return;
      shownAt = now;
      const lines = text()
        .split('\n')
        .slice(-(stream.rows || 24) + 1)
        .map((line) => line.slice(0, (stream.columns || 80) - 1));
      stream.write(toFirst() + lines.join('\n'));
      above = lines.length - 1;
    },
    [Symbol.dispose]() {
      if (stream.isTTY && shownAt > 0) stream.write(toFirst());
    },
  };
}

/**
 * A bar with a percentage and, when it can be estimated, the remaining time.
 *
 * @param share 0 to 1
 * @param elapsedMs time since the start, ms
 */
export function bar(share: number, elapsedMs: number): string {
  const left = share > 0.02 && share < 1 ? Math.ceil(((elapsedMs / share) * (1 - share)) / 1000) * 1000 : undefined;
  const suffix = left === undefined ? '' : `  ${printDuration(left)} left`;
  return `${shareBar(share)}${suffix}`;
}

/** A bar with a percentage. @param share 0 to 1 */
export function shareBar(share: number): string {
  const filled = Math.round(share * BAR_WIDTH);
  return `[${'='.repeat(filled)}${' '.repeat(BAR_WIDTH - filled)}] ${String(Math.floor(share * 100)).padStart(3)} %`;
}

/** Seconds as hours, minutes and seconds: `00:00:14`, `31:05:00`. */
export function sayClock(seconds: number): string {
  const whole = Math.floor(seconds);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(Math.floor(whole / 3600))}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

/** A duration: `14.7 s` below a minute, otherwise as `00:01:14`. */
export function sayLength(seconds: number): string {
  return seconds < 60 ? `${seconds.toFixed(1)} s` : sayClock(Math.round(seconds));
}

/** Bytes with a unit: `12.3 MB`. */
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
