/**
 * What happened on the links of a bonded publisher: losses and silence, with their times.
 * In: StatsHistory. Out: moments in the order of time. Pure.
 */
import type { StatsHistory } from '../api/publishing.ts';

/** A link lost packets, or nothing came over it. */
export interface LinkMoment {
  readonly link: number;
  readonly kind: 'loss' | 'down';
  /** Unix milliseconds: the worst step of a loss, the first of a silence. */
  readonly atMs: number;
  /** End of a silence, unix milliseconds. */
  readonly toMs: number;
  /** Highest share of lost packets, 0 to 1. */
  readonly loss: number;
}

/** A smaller share is usual on mobile networks. */
const LOSS = 0.02;
/** A shorter silence may be a step that was not full, steps. */
const LEAST_DOWN = 2;
/** Moments that are shown: the longest silences, the highest losses. */
const MOST = 12;

type Link = StatsHistory['links'][number];

export function linkMomentsOf({ from, res, links }: Pick<StatsHistory, 'from' | 'res' | 'links'>): LinkMoment[] {
  const startMs = Date.parse(from);
  const timeOf = (step: number) => startMs + step * res * 1000;
  const moments = links.flatMap((link) => stretchesOf(link, links).map((stretch) => momentOf(link, stretch, timeOf)));
  const weight = ({ kind, loss, atMs, toMs }: LinkMoment) => (kind === 'down' ? 1 + (toMs - atMs) : loss);
  const shown = moments.toSorted((a, b) => weight(b) - weight(a)).slice(0, MOST);
  return shown.toSorted((a, b) => a.atMs - b.atMs || a.link - b.link);
}

/** Steps [from, to) of one kind. */
interface Stretch {
  readonly kind: LinkMoment['kind'];
  readonly from: number;
  to: number;
}

function stretchesOf(link: Link, links: readonly Link[]): Stretch[] {
  const stretches: Stretch[] = [];
  for (const [step, bitrate] of link.bitrate.entries()) {
    const kind = kindOf(link, links, step, bitrate ?? null);
    const last = stretches.at(-1);
    if (kind === undefined) continue;
    if (last?.kind === kind && last.to === step) last.to++;
    else stretches.push({ kind, from: step, to: step + 1 });
  }
  return stretches.filter(({ kind, from, to }) => kind === 'loss' || to - from >= LEAST_DOWN);
}

function kindOf(link: Link, links: readonly Link[], step: number, bitrate: number | null) {
  const othersCarry = links.some((other) => other !== link && (other.bitrate[step] ?? 0) > 0);
  if (bitrate === 0 && othersCarry) return 'down';
  return (link.loss[step] ?? 0) >= LOSS && bitrate !== null ? 'loss' : undefined;
}

function momentOf({ number, loss }: Link, { kind, from, to }: Stretch, timeOf: (step: number) => number): LinkMoment {
  const shares = loss.slice(from, to).map((share) => share ?? 0);
  const highest = Math.max(...shares);
  const at = kind === 'loss' ? from + shares.indexOf(highest) : from;
  return { link: number, kind, atMs: timeOf(at), toMs: timeOf(to), loss: highest };
}
