/**
 * What is known of media that was found later: when, where, and why it was missing. It is stored in the
 * commit box of the first segment of its run, as gaps without a length: so it is as durable as the media, and
 * the index can be built again from the files (docs/decisions/0003, 0112).
 * In: facts. Out: gaps of a commit box, and back. Pure.
 */
import type { StreamGap } from '@oxbow/media/segment';

/** How the time of found media is known: by dates, by the same frames, or by the loudness of the sound. */
export type HealedHow = 'dated' | 'same-frames' | 'sound';

/** Where and when missing media was found. */
export interface HealedFact {
  /** When, ms since 1970. */
  readonly atMs: number;
  /** Name of the source, for viewers. */
  readonly source: string;
  readonly how: HealedHow;
  /** Largest error of its time, ms; 0: its frames are exactly where they belong. */
  readonly errorMs: number;
  /** Why it was missing. */
  readonly cause: StreamGap['cause'];
  readonly detail: string;
}

const PREFIX = 'healed ';
/** Longest name of a source, UTF-16 code units: a commit box has 200 bytes for it. */
const MAX_NAME = 40;

/** @param atUs start of the found media, µs since 1970 */
export function gapsOfFact({ atMs, source, how, errorMs, cause, detail }: HealedFact, atUs: number): StreamGap[] {
  const place = { fromUs: atUs, toUs: atUs, cause };
  const text = JSON.stringify([Math.round(atMs), how, Math.round(errorMs), source.slice(0, MAX_NAME)]);
  return [
    { ...place, detail: detail.slice(0, 200) },
    { ...place, detail: `${PREFIX}${text}` },
  ];
}

/** The fact among the gaps of a segment; undefined if there is none. */
export function factOf(gaps: readonly StreamGap[]): HealedFact | undefined {
  const index = gaps.findIndex(({ fromUs, toUs, detail }) => fromUs === toUs && detail.startsWith(PREFIX));
  const before = gaps[index - 1];
  if (index < 0 || !before) return undefined;
  const values = parse(gaps[index]!.detail.slice(PREFIX.length));
  return values && { ...values, cause: before.cause, detail: before.detail };
}

function parse(text: string): Pick<HealedFact, 'atMs' | 'how' | 'errorMs' | 'source'> | undefined {
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch {
    return undefined; // cut off: the time of the media is known all the same
  }
  if (!Array.isArray(values)) return undefined;
  const [atMs, how, errorMs, source] = values as unknown[];
  if (typeof atMs !== 'number' || typeof errorMs !== 'number' || typeof source !== 'string') return undefined;
  if (how !== 'dated' && how !== 'same-frames' && how !== 'sound') return undefined;
  return { atMs, how, errorMs, source };
}
