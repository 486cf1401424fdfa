/**
 * Keeps the log readable and small: what a stream repeats is said once with how often, and a stream may fill only so much a day.
 * In: finished JSON lines. Out: the lines that are to be written, on the same day. Memory is bounded, whatever is logged.
 */

/** What was left out of the log, and why. */
export type Suppression = 'repeated' | 'budget';

/** How a `LogGuard` is set up. */
export interface LogGuardOptions {
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  readonly write: (line: string) => void;
  /** Told of each line that is left out. */
  readonly onSuppressed?: (reason: Suppression) => void;
  /** Tests make these smaller. */
  readonly limits?: Partial<LogLimits>;
}

/** How much of what may be written. */
export interface LogLimits {
  /** Lines that say the same of the same stream are one within this time, ms. */
  readonly foldMs: number;
  /** What a stream may log in a day (UTC) at `info`, bytes. */
  readonly dayBytes: number;
  /** And warnings and errors on top of that, bytes. */
  readonly reserveBytes: number;
  /** Different lines that are remembered for folding. */
  readonly maxRemembered: number;
}

/** The limits that oxbow runs with: together less than 100 MB a day and stream. */
export const logLimits: LogLimits = {
  foldMs: 10_000,
  dayBytes: 75_000_000,
  reserveBytes: 20_000_000,
  maxRemembered: 1000,
};

const DAY_MS = 24 * 3600 * 1000;
/** Streams whose budget is followed; all further ones share one. */
const MAX_STREAMS = 10_000;

interface Repeats {
  readonly sinceMs: number;
  count: number;
  last: string;
  level: string;
  stream: string;
}

interface Budget {
  bytes: number;
  reserved: number;
  toldInfo: boolean;
  toldAll: boolean;
}

interface Fields {
  readonly level?: string;
  readonly stream?: string;
  readonly msg?: string;
  readonly traceId?: string;
}

/** Decides of each line whether it is written. */
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
    const { level = '', stream = '', msg = '', traceId } = fields ?? {};
    // Who turns on debug wants all of it.
    if (!fields || level === 'debug' || level === 'trace') {
      this.#options.write(line);
      return;
    }
    const nowMs = this.#options.nowMs();
    this.#settle(nowMs);
    // Lines of a request belong to it alone: each is needed to follow it. Of no stream are answers to what people do, as saving settings.
    if (stream !== '' && traceId === undefined && level !== 'fatal') {
      const key = `${level} ${stream} ${msg}`;
      const known = this.#repeats.get(key);
      if (known) {
        known.count += 1;
        known.last = line;
        this.#options.onSuppressed?.('repeated');
        return;
      }
      this.#remember(key, { sinceMs: nowMs, count: 0, last: '', level, stream });
    }
    this.#spend(line, level, stream, nowMs);
  }

  /** Says at once what was repeated; before the process ends. */
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

  /** Ends the stretches that are over; the map is in the order in which they began. */
  #settle(nowMs: number): void {
    for (const [key, repeats] of this.#repeats) {
      if (Math.abs(nowMs - repeats.sinceMs) < this.#limits.foldMs) break; // a clock that stepped back ends them too
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
    const told = isSerious ? 'toldAll' : 'toldInfo';
    if (budget[told]) return;
    budget[told] = true;
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
      budget = { bytes: 0, reserved: 0, toldInfo: false, toldAll: false };
      this.#budgets.set(name, budget);
    }
    return budget;
  }
}

function parse(line: string): Fields | undefined {
  try {
    return JSON.parse(line) as Fields;
  } catch {
    return undefined; // not one of ours
  }
}
