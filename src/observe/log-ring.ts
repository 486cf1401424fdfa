/**
 * The newest lines of the log in memory, for the admin pages.
 * In: written lines, JSON without secrets. Out: lines after an id, by level and stream.
 */
import { type LogLevel, printValue } from './log.ts';

/** Most lines: some hours of a server without trouble; about 300 bytes each. */
const MOST_LINES = 2000;
/** Lines of one ms have different ids. */
const IDS_PER_MS = 1000;
/** Longer texts are truncated, characters. */
const MOST_TEXT = 4096;

const levels: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

/** A line that was written. */
export interface LogLine {
  /** Rises from line to line, and with the time: also over the processes of a server, and their starts. */
  readonly id: number;
  /** RFC 3339. */
  readonly at: string;
  readonly level: LogLevel;
  /** Empty if it is about none. */
  readonly stream: string;
  readonly message: string;
  /** Other fields, as `name=value`. */
  readonly detail: string;
}

/** Which lines to read. */
export interface LogWish {
  /** Only those with a higher id. */
  readonly after?: number | undefined;
  /** Only those of this level or a more severe one. */
  readonly level?: LogLevel | undefined;
  readonly stream?: string | undefined;
  /** Only those that contain this text, in either case. */
  readonly text?: string | undefined;
}

/** At most 2,000 lines. */
export class LogRing {
  readonly #lines: LogLine[] = [];
  readonly #nowMs: () => number;
  #last = 0;

  /** @param nowMs ms since 1970 */
  constructor(nowMs: () => number = () => 0) {
    this.#nowMs = nowMs;
  }

  /** Adds a line; ignores one that is not a JSON object with a known level. */
  take(json: string): void {
    let fields: Record<string, unknown>;
    try {
      fields = JSON.parse(json) as Record<string, unknown>;
    } catch {
      return; // not a line of oxbow
    }
    const { level, time, msg, stream, err, ...otherFields } = fields;
    if (!levels.includes(level as LogLevel)) return;
    const wrong = (err as { message?: unknown } | undefined)?.message;
    const detail = Object.entries(wrong === undefined ? otherFields : { ...otherFields, error: wrong });
    this.#last = Math.max(this.#last + 1, Math.round(this.#nowMs() * IDS_PER_MS));
    this.#lines.push({
      id: this.#last,
      at: String(time),
      level: level as LogLevel,
      stream: typeof stream === 'string' ? stream : '',
      message: String(msg ?? '').slice(0, MOST_TEXT),
      detail: detail
        .map(([name, value]) => `${name}=${printValue(value)}`)
        .join(' ')
        .slice(0, MOST_TEXT),
    });
    if (this.#lines.length > MOST_LINES) this.#lines.shift();
  }

  /** The matching lines, oldest first. */
  read(wish: LogWish): readonly LogLine[] {
    return selectLines(this.#lines, wish);
  }
}

/** Those of some lines that match. */
export function selectLines(
  lines: readonly LogLine[],
  { after = 0, level = 'trace', stream, text = '' }: LogWish,
): readonly LogLine[] {
  const least = levels.indexOf(level);
  const part = text.toLowerCase();
  return lines.filter(
    (line) =>
      line.id > after &&
      levels.indexOf(line.level) >= least &&
      (stream === undefined || line.stream === stream) &&
      `${line.stream} ${line.message} ${line.detail}`.toLowerCase().includes(part),
  );
}
