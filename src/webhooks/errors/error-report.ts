/**
 * The report of one error, for the error webhook.
 * In: a log line with `report`. Out: ErrorReport, and its fingerprint, the same for the same error of any
 * release. docs/9-run/errors.md.
 */
import { createHash } from 'node:crypto';
import type { ReportKind } from '../../observe/errors/report-bug.ts';

/** Body of the request, without the fields of the process. */
export interface ErrorReport {
  /** RFC 3339. */
  readonly at: string;
  readonly kind: ReportKind;
  /** The part that ended. */
  readonly summary: string;
  /** Of the error; empty if there is none. */
  readonly message: string;
  readonly stack: string | null;
  readonly stream: string | null;
  readonly traceId: string | null;
  /** 16 hexadecimal digits. */
  readonly fingerprint: string;
  /** Other fields of the log line. */
  readonly fields: Readonly<Record<string, unknown>>;
}

const kinds: readonly string[] = ['bug', 'child', 'uncaught', 'killed'] satisfies ReportKind[];
const MAX_TEXT = 16_384;
const FRAMES = 5;

/** Parses a log line; undefined if it reports nothing. */
export function parseReport(json: string): ErrorReport | undefined {
  let line: Record<string, unknown>;
  try {
    line = JSON.parse(json) as Record<string, unknown>;
  } catch {
    return undefined; // not a line of oxbow
  }
  const { level: _, time, msg, report, error, stack, stream, traceId, ...fields } = line;
  if (!kinds.includes(String(report))) return undefined;
  const kind = report as ReportKind;
  const text = (value: unknown) => (typeof value === 'string' ? value.slice(0, MAX_TEXT) : null);
  const [summary, message, trace] = [text(msg) ?? '', text(error) ?? '', text(stack)];
  return {
    at: String(time),
    kind,
    summary,
    message,
    stack: trace,
    stream: text(stream),
    traceId: text(traceId),
    fields,
    fingerprint: fingerprintOf({ kind, summary, message, stack: trace }),
  };
}

/**
 * By the functions and files of the innermost frames, without lines; without a stack by the text, without
 * numbers.
 */
function fingerprintOf({
  kind,
  summary,
  message,
  stack,
}: Pick<ErrorReport, 'kind' | 'summary' | 'message' | 'stack'>): string {
  const frames = [...(stack ?? '').matchAll(/^\s+at (?:(?:async )?(.*?) \()?(?:file:\/\/)?([^()\s]*?)(?::\d+)*\)?$/gm)]
    .slice(0, FRAMES)
    .map(([, name = '', file = '']) => `${name} ${file.replace(/^.*\/(?=src\/|dist\/|node_modules\/)/, '')}`);
  const text = frames.length > 0 ? frames.join('\n') : message.replace(/[0-9a-f]{8,}|\d+/g, '#');
  return createHash('sha256').update(`${kind}\n${summary}\n${text}`).digest('hex').slice(0, 16);
}
