/**
 * The newest lines of the log in memory, for the admin pages.
 * In: written lines, JSON without secrets. Out: lines after an id, by level and stream.
 */
import { type LogLevel, printValue } from './log.ts';

/** Most lines: some hours of a server without trouble; about 300 bytes each. */
const MOST_LINES = 2000;
/** Longer texts are truncated, characters. */
const MOST_TEXT = 4096;

const levels: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

/** A line that was written. */
interface LogLine {
  /** Rises from line to line. */
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
interface LogWish {
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
  #last: number;

  /**
   * @param beforeFirst one less than the first line's id; the time in ms keeps ids rising from one run to the
   *   next
   */
  constructor(beforeFirst = 0) {
    this.#last = beforeFirst;
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
    this.#last += 1;
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
  read({ after = 0, level = 'trace', stream, text = '' }: LogWish): readonly LogLine[] {
    const least = levels.indexOf(level);
    const part = text.toLowerCase();
    return this.#lines.filter(
      (line) =>
        line.id > after &&
        levels.indexOf(line.level) >= least &&
        (stream === undefined || line.stream === stream) &&
        `${line.stream} ${line.message} ${line.detail}`.toLowerCase().includes(part),
    );
  }
}
