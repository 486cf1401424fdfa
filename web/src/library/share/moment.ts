/**
 * A moment or a span of a video in the address of its page: `?t=83`, `?t=1:23`, `?from=12&to=42`.
 * In: the query of an address; positions. Out: positions; paths. Pure. Positions are ms from the start.
 */
import type { TimeSpan } from '../../time/span.ts';

/** Where a page begins: at a moment, or with a span that plays in a loop. */
interface Moment {
  /** 0: from the beginning. */
  readonly atMs: number;
  readonly span: TimeSpan | null;
}

/**
 * Seconds, or minutes and seconds as players show them, with hours before them; or with letters, `1h2m3s`.
 */
const COLONS = /^(?:(\d{1,3}):)?(\d{1,3}):(\d{1,2}(?:\.\d{1,3})?)$/;
const LETTERS = /^(?:(\d{1,3})h)?(?:(\d{1,4})m)?(?:(\d{1,6}(?:\.\d{1,3})?)s?)?$/;

/** A position as people and links write it; null if it is none. */
export function readPosition(text: string | null): number | null {
  const [whole, hours = '0', minutes = '0', seconds = '0'] =
    COLONS.exec(text?.trim() ?? '') ?? LETTERS.exec(text?.trim() ?? '') ?? [];
  if (!whole) return null;
  return Math.round((Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000);
}

/** Reads the query of an address; invalid values are ignored. */
export function readMoment(query: string): Moment {
  const params = new URLSearchParams(query);
  const [fromMs, toMs] = [readPosition(params.get('from')), readPosition(params.get('to'))];
  const span = fromMs !== null && toMs !== null && toMs > fromMs ? { fromMs, toMs } : null;
  return { atMs: span?.fromMs ?? readPosition(params.get('t')) ?? 0, span };
}

/** Seconds with at most three digits after the point. */
const secondsText = (ms: number) => String(Math.round(ms) / 1000);

/** The query of a moment: to the second, or exactly; empty for the beginning. */
export function momentQuery(atMs: number, exact: boolean): string {
  const ms = exact ? atMs : Math.floor(atMs / 1000) * 1000;
  return ms < 1 ? '' : `?t=${secondsText(ms)}`;
}

/** The query of a span, which plays in a loop. */
export function spanQuery({ fromMs, toMs }: TimeSpan): string {
  return `?from=${secondsText(fromMs)}&to=${secondsText(toMs)}`;
}

/** The last half minute before a position, or what there is of it; null if that is too short for a clip. */
export function lastSpan(atMs: number): TimeSpan | null {
  return atMs < 1_000 ? null : { fromMs: Math.max(0, atMs - 30_000), toMs: atMs };
}
