/**
 * The order in which a viewer should use the edges: by health, then by place, then by load.
 * In: what is known of the edges, a viewer. Out: ids, the best edge first; every edge is in it, so that a
 * player can try them all. Pure. RFC 8216bis 7.1.
 */
import { hash } from 'node:crypto';

/** Load of an edge that gets no further viewers: share of its processor time, 0 to 1. */
const FULL = 0.85;
/** Load above which an edge loses viewers. */
const OVERLOADED = 0.95;
/** Share of the viewers of an overloaded edge that leave it with each answer: not all at once. */
const LEAVING = 0.1;
/** Load of an edge that does not report. */
const UNKNOWN_LOAD = 0.5;
/** An edge at its limit still has this part of its weight. */
const LEAST_SHARE = 0.05;

/** What is known of an edge. */
export interface EdgeNow {
  readonly id: string;
  /**
   * Bits of the longest of its networks that the viewer is in; 0.5: it is for its country;
   * 0: it is for all; -1: it is for others.
   */
  readonly place: number;
  /** Its share of the viewers of a place, 1 or more. */
  readonly weight: number;
  /** Share of its processor time, 0 to 1; undefined: unknown. */
  readonly load: number | undefined;
  /** It is about to end, and gets no viewers. */
  readonly isDraining: boolean;
  /** It does not answer. */
  readonly isDead: boolean;
}

/** A viewer that asks where to go. */
export interface SteeredViewer {
  /** The same for each request of a viewer; usually the address. */
  readonly key: string;
  /** Id of the edge that the player uses; undefined: another place, or none yet. */
  readonly current: string | undefined;
  /** Changes with each answer. */
  readonly turn: number;
}

/** Orders the edges for a viewer. */
export function orderEdges(edges: readonly EdgeNow[], viewer: SteeredViewer): string[] {
  const ranked = edges.map((edge) => {
    const tier = tierOf(edge, viewer);
    // Who is at a good edge of the best place stays there: each change costs the player requests.
    const stays = edge.id === viewer.current && tier === 0;
    return { edge, tier, score: stays ? Number.POSITIVE_INFINITY : scoreOf(edge, viewer) };
  });
  ranked.sort((a, b) => a.tier - b.tier || b.edge.place - a.edge.place || compare(b.score, a.score));
  return ranked.map(({ edge }) => edge.id);
}

/** 0: takes viewers; 1: is full; 2: is draining; 3: is dead. */
function tierOf({ id, load = UNKNOWN_LOAD, isDead, isDraining }: EdgeNow, { key, current, turn }: SteeredViewer) {
  if (isDead) return 3;
  if (isDraining) return 2;
  if (id !== current) return load < FULL ? 0 : 1;
  return load > OVERLOADED && unitOf(`${turn} ${key}`) < LEAVING ? 1 : 0;
}

/**
 * Weighted rendezvous hashing: an edge wins the part of the viewers that its weight and its free time are of
 * all, and one that leaves the list moves only its own viewers.
 */
function scoreOf({ id, weight, load = UNKNOWN_LOAD }: EdgeNow, { key }: SteeredViewer): number {
  const share = weight * Math.max(LEAST_SHARE, 1 - load);
  return -share / Math.log(unitOf(`${id} ${key}`));
}

function compare(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** A number of (0, 1) that is the same for equal texts. */
function unitOf(text: string): number {
  return (Number.parseInt(hash('sha256', text, 'hex').slice(0, 12), 16) + 0.5) / 2 ** 48;
}
