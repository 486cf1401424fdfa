/**
 * Limits the log: repeated lines of a stream, and of connections, are written once with a count, and each
 * stream has a budget per day.
 * In: finished JSON lines. Out: the lines to write. Memory is bounded.
 */

/** Why a line was not written. */
export type Suppression = 'repeated' | 'budget';

/** Options of a `LogGuard`. */
interface LogGuardOptions {
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  readonly write: (line: string) => void;
  /** Called for each line that is not written. */
  readonly onSuppressed?: (reason: Suppression) => void;
  /** Smaller in tests. */
  readonly limits?: Partial<LogLimits>;
}

export interface LogLimits {
  /** Equal lines of a stream within this time are written once, ms. */
  readonly foldMs: number;
  /**
   * This many lines of connections without a stream are written within that time. They are equal but for the
   * client and the reason, which the user of an encoder looks for.
   */
  readonly connectionLines: number;
  /** Budget of a stream per day (UTC), bytes. */
  readonly dayBytes: number;
  /** Additional budget for warnings and errors, bytes. */
  readonly reserveBytes: number;
  /** Most different lines remembered. */
  readonly maxRemembered: number;
}

/** The limits in use: less than 100 MB per day and stream. */
const logLimits: LogLimits = {
  foldMs: 10_000,
  connectionLines: 10,
  dayBytes: 75_000_000,
  reserveBytes: 20_000_000,
  maxRemembered: 1000,
};

const DAY_MS = 24 * 3600 * 1000;
/** Most streams with their own budget; further ones share one. */
const MAX_STREAMS = 10_000;

interface Repeats {
  readonly sinceMs: number;
  /** This many are still written. */
  left: number;
  count: number;
  last: string;
  level: string;
  stream: string;
}

interface Budget {
  bytes: number;
  reserved: number;
  reportedInfo: boolean;
  reportedAll: boolean;
}

interface Fields {
  readonly level?: string;
  readonly stream?: string;
  readonly msg?: string;
  readonly traceId?: string;
  /** Address of a connection. */
  readonly remote?: string;
}

/** Decides which lines are written. */
export class LogGuard {
  readonly #options: LogGuardOptions;
  readonly #limits: LogLimits;
  readonly #repeats = new Map<string, Repeats>();
  readonly #budgets = new Map<string, Budget>();
  #day = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LogGuardOptions) {
    this.#options = options;
    this.#limits = { ...logLimits, ...options.limits };
  }

  /** Takes one line of JSON, its line break included. */
  take(line: string): void {
    const fields = parse(line);
    const { level = '', stream = '', msg = '', traceId, remote } = fields ?? {};
    // Debug lines are never suppressed.
    if (!fields || level === 'debug' || level === 'trace') {
      this.#options.write(line);
      return;
    }
    const nowMs = this.#options.nowMs();
    this.#settle(nowMs);
    // Lines of a request are needed to follow it. Lines without a stream report actions of users, such as
    // saving settings; but clients that connect over and over would use up the budget of those lines.
    if ((stream !== '' || remote !== undefined) && traceId === undefined && level !== 'fatal') {
      const key = `${level} ${stream} ${msg}`;
      const repeat = this.#repeats.get(key);
      if (repeat && repeat.left > 0) {
        repeat.left -= 1;
      } else if (repeat) {
        repeat.count += 1;
        repeat.last = line;
        this.#options.onSuppressed?.('repeated');
        return;
      } else {
        const left = stream === '' ? this.#limits.connectionLines - 1 : 0;
        this.#remember(key, { sinceMs: nowMs, left, count: 0, last: '', level, stream });
      }
    }
    this.#spend(line, level, stream, nowMs);
  }

  /** Writes pending counts at once; before the process ends. */
  flush(): void {
    this.#settle(Number.POSITIVE_INFINITY);
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #remember(key: string, repeats: Repeats): void {
    if (this.#repeats.size >= this.#limits.maxRemembered) {
      const [[oldest, first]] = this.#repeats as unknown as [[string, Repeats]];
      this.#repeats.delete(oldest);
      this.#say(first);
    }
    this.#repeats.set(key, repeats);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#settle(this.#options.nowMs());
    }, this.#limits.foldMs + 1).unref();
  }

  /** Writes the counts of periods that are over; the map is in order of their start. */
  #settle(nowMs: number): void {
    for (const [key, repeats] of this.#repeats) {
      if (Math.abs(nowMs - repeats.sinceMs) < this.#limits.foldMs) break; // also after a clock step back
      this.#repeats.delete(key);
      this.#say(repeats);
    }
  }

  #say({ count, last, level, stream }: Repeats): void {
    if (count === 0) return;
    const line = count === 1 ? last : `${last.trimEnd().slice(0, -1)},"repeated":${count}}\n`;
    this.#spend(line, level, stream, this.#options.nowMs());
  }

  #spend(line: string, level: string, stream: string, nowMs: number): void {
    const { write, onSuppressed } = this.#options;
    const budget = this.#budgetOf(stream, nowMs);
    const bytes = Buffer.byteLength(line);
    if (budget.bytes + bytes <= this.#limits.dayBytes) {
      budget.bytes += bytes;
      write(line);
      return;
    }
    const isSerious = level !== 'info';
    if (isSerious && budget.reserved + bytes <= this.#limits.reserveBytes) {
      budget.reserved += bytes;
      write(line);
      return;
    }
    onSuppressed?.('budget');
    const reported = isSerious ? 'reportedAll' : 'reportedInfo';
    if (budget[reported]) return;
    budget[reported] = true;
    const msg = isSerious
      ? 'the log of this day is full: nothing more is written of this stream until midnight UTC'
      : 'the log of this day is full: only warnings and errors are written of this stream until midnight UTC';
    const time = new Date(nowMs).toISOString();
    write(`${JSON.stringify({ level: 'warn', time, ...(stream !== '' && { stream }), msg })}\n`);
  }

  #budgetOf(stream: string, nowMs: number): Budget {
    const day = Math.floor(nowMs / DAY_MS);
    if (day !== this.#day) {
      this.#day = day;
      this.#budgets.clear();
    }
    const name = this.#budgets.has(stream) || this.#budgets.size < MAX_STREAMS ? stream : '';
    let budget = this.#budgets.get(name);
    if (!budget) {
      budget = { bytes: 0, reserved: 0, reportedInfo: false, reportedAll: false };
      this.#budgets.set(name, budget);
    }
    return budget;
  }
}

function parse(line: string): Fields | undefined {
  try {
    return JSON.parse(line) as Fields;
  } catch {
    return undefined; // not a line of oxbow
  }
}
