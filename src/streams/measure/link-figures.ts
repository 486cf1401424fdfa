/**
 * The figures of the links of a bonded publisher, over the last seconds.
 * In: counters of the links, once a second. Out: differences of one second; figures of the last minute. Pure.
 */
import type { LinkStats } from '../../ingest/publisher-stats.ts';

/** What one second brought over a link. */
export interface LinkSample {
  readonly number: number;
  readonly isUp: boolean;
  readonly rttMs: number | undefined;
  readonly bytes: number;
  readonly packets: number;
  /** Estimated, with fractions. */
  readonly lost: number;
}

/** A link now. */
export interface LinkFigures {
  readonly number: number;
  readonly isUp: boolean;
  readonly rttMs: number | undefined;
  /** Bits per second over the last ten seconds. */
  readonly bitrate: number;
  /** Share of its packets that were lost in the last minute, 0 to 1; undefined without packets. */
  readonly loss: number | undefined;
  /** Packets of the last minute. */
  readonly lost: number;
}

/** The differences of two states; a link that is new counts from zero. */
export function linkSamplesOf(now: readonly LinkStats[], before: readonly LinkStats[] = []): readonly LinkSample[] {
  return now.map(({ number, isUp, rttMs, bytes, packets, lost }) => {
    const last = before.find((link) => link.number === number);
    return {
      number,
      isUp,
      rttMs,
      bytes: Math.max(0, bytes - (last?.bytes ?? 0)),
      packets: Math.max(0, packets - (last?.packets ?? 0)),
      lost: Math.max(0, lost - (last?.lost ?? 0)),
    };
  });
}

/**
 * The links of the newest sample.
 *
 * @param samples of the last minute, oldest first
 * @param rateSamples over how many of the newest the bitrate is measured
 */
export function linkFiguresOf(
  samples: readonly { readonly coveredMs: number; readonly links?: readonly LinkSample[] | undefined }[],
  rateSamples: number,
): readonly LinkFigures[] {
  const newest = samples.at(-1)?.links ?? [];
  const recent = samples.slice(-rateSamples);
  const recentMs = recent.reduce((sum, { coveredMs }) => sum + coveredMs, 0);
  return newest.map(({ number, isUp, rttMs }) => {
    const of = (some: typeof samples, count: 'bytes' | 'packets' | 'lost') =>
      some.reduce((sum, { links }) => sum + (links?.find((link) => link.number === number)?.[count] ?? 0), 0);
    const [packets, lost] = [of(samples, 'packets'), of(samples, 'lost')];
    return {
      number,
      isUp,
      rttMs,
      bitrate: recentMs > 0 ? (of(recent, 'bytes') * 8000) / recentMs : 0,
      loss: packets + lost > 0 ? lost / (packets + lost) : undefined,
      lost,
    };
  });
}
