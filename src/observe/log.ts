/**
 * The log: one line per event, as JSON or as short text on a terminal, without secrets.
 * In: calls of `log.info({ stream }, 'sentence')` from everywhere. Out: lines on standard output. Nothing
 * else imports pino.
 */
import { isatty } from 'node:tty';
import { type Logger, pino } from 'pino';
import type { Current } from '../lib/current.ts';
import { printable } from '../lib/text/printable.ts';
import { LogGuard, type Suppression } from './log-guard.ts';
import { redact } from './redact.ts';

/** A logger; children carry fields such as `stream` and `traceId` on every line. */
export type Log = Logger;

/** Levels from the most to the least talkative. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** Format of lines; `auto` is text on a terminal and JSON elsewhere. */
export type LogFormat = 'auto' | 'json' | 'text';

/** Options of `createLog`. */
export interface LogOptions {
  /** Lowest level that is written; settings are read at each line. */
  readonly level: LogLevel | Current<{ readonly logLevel: LogLevel }>;
  readonly format?: LogFormat;
  /** Fields of every line; none by default. */
  readonly base?: Readonly<Record<string, string>> | undefined;
  /** File descriptor to write to; standard output by default. */
  readonly fd?: 1 | 2;
  /** Lines wait for this promise, at most `HELD_AT_MOST_MS`, so that the start message comes first. */
  readonly after?: Promise<void> | undefined;
  /** Receives finished lines instead of the descriptor. */
  readonly write?: (line: string) => void;
  /** Receives each written line as JSON without secrets, in any format. */
  readonly onWritten?: ((json: string) => void) | undefined;
  /**
   * Receives each line with `report` as JSON without secrets, also one that is merged with others or
   * suppressed.
   */
  readonly onReport?: ((json: string) => void) | undefined;
  /** Called once for each line written, for the metric. */
  readonly onLine?: (level: LogLevel) => void;
  /** Called for each suppressed line, for the metric. */
  readonly onSuppressed?: (reason: Suppression) => void;
}

/** Lines that a stalled terminal or pipe may hold back before they are dropped, bytes. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

/** A longer start writes its log meanwhile. */
const HELD_AT_MOST_MS = 3000;

/**
 * Makes the root logger. Lines to a descriptor are written asynchronously, so that a stalled reader never
 * blocks the server; waiting lines are written when the process exits.
 */
export function createLog(options: LogOptions): Log {
  const fd = options.fd ?? 1;
  const format = options.format ?? 'auto';
  const text = format === 'text' || (format === 'auto' && options.write === undefined && isatty(fd));
  const finish = (line: string) => {
    if (text && !options.onWritten) return redact(printTextLine(line));
    const json = redact(line);
    options.onWritten?.(json);
    return text ? redact(printTextLine(line)) : json;
  };
  const { onLine, level: least } = options;
  const settings = {
    level: typeof least === 'object' ? 'trace' : least,
    base: options.base ?? null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: {
      logMethod(this: Logger, args: Parameters<pino.LogFn>, method: pino.LogFn, level: number) {
        if (typeof least === 'object' && level < (this.levels.values[least.now.logLevel] ?? 0)) return;
        onLine?.(this.levels.labels[level] as LogLevel);
        method.apply(this, args);
      },
    },
  };
  const { onReport } = options;
  const take = (guard: LogGuard, line: string): void => {
    if (onReport && line.includes('"report":"')) onReport(redact(line));
    guard.take(line);
  };
  const guardWith = (write: (line: string) => void) =>
    new LogGuard({
      nowMs: Date.now,
      write: (line) => write(finish(line)),
      ...(options.onSuppressed && { onSuppressed: options.onSuppressed }),
    });
  if (options.write) {
    const guard = guardWith(options.write);
    return pino(settings, { write: (line: string) => take(guard, line) });
  }
  const destination = pino.destination({ dest: fd, sync: false, maxLength: MAX_WAITING_BYTES });
  let held: string[] | undefined = options.after && [];
  const release = () => {
    clearTimeout(late);
    for (const line of held ?? []) destination.write(line);
    held = undefined;
  };
  const late = held && setTimeout(release, HELD_AT_MOST_MS).unref();
  void options.after?.then(release);
  const guard = guardWith((line) => {
    if (held) held.push(line);
    else destination.write(line);
  });
  return pino(settings, {
    write: (line: string) => take(guard, line),
    flush(done: (error?: Error) => void) {
      guard.flush();
      release();
      destination.flush(done);
    },
    flushSync() {
      guard.flush();
      release();
      destination.flushSync();
    },
  } as pino.DestinationStream);
}

/**
 * A logger without output, for tests and tools.
 */
export function createSilentLog(): Log {
  return pino({ level: 'silent' });
}

/**
 * Formats a JSON line as text: `08:00:00.000 INFO connected stream=door url=https://…`, an error's stack
 * below.
 *
 * @param line a JSON line as pino writes it; anything else is returned as it is
 */
export function printTextLine(line: string): string {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line; // not a line of oxbow: shown unchanged
  }
  const { level, time, msg, err, ...otherFields } = fields;
  let printed = `${String(time).slice(11, 23)} ${String(level).toUpperCase().padEnd(5)} ${msg === undefined ? '' : printable(String(msg))}`;
  for (const [name, value] of Object.entries(otherFields)) printed += ` ${name}=${printValue(value)}`;
  if (typeof err === 'object' && err !== null) {
    const { message, stack } = err as { message?: unknown; stack?: unknown };
    printed += `\n  ${String(stack ?? message).replaceAll('\n', '\n  ')}`;
  }
  return `${printed}\n`;
}

/** A value after `name=`, quoted if necessary. */
export function printValue(value: unknown): string {
  if (typeof value !== 'string') return printable(JSON.stringify(value));
  return printable(/[\s"=]/.test(value) || value === '' ? JSON.stringify(value) : value);
}
