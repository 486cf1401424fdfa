/**
 * What a new visitor has done of the first run's three steps, as the browser remembers it.
 * In: the text of the storage, what the player shows. Out: the guide; the text to store. Pure.
 */
import type { Snapshot } from '../player/snapshot.ts';

/** What is remembered. */
export interface GuideDone {
  readonly watched: boolean;
  readonly rewound: boolean;
  /** The guide was sent away. */
  readonly dismissed: boolean;
}

/** Nothing was done yet. */
export const initialGuide: GuideDone = { watched: false, rewound: false, dismissed: false };

/** A picture this far behind now was gone back to, milliseconds; live lies nearer. */
const REWOUND_MS = 15_000;

/** Reads what was stored; anything else is as nothing. */
export function parseGuide(text: string | null): GuideDone {
  try {
    const value = JSON.parse(text ?? 'null') as Partial<Record<keyof GuideDone, unknown>> | null;
    const is = (name: keyof GuideDone) => value?.[name] === true;
    return { watched: is('watched'), rewound: is('rewound'), dismissed: is('dismissed') };
  } catch {
    return initialGuide;
  }
}

/** What the player shows may tick a step off; the same object where it changes nothing. */
export function afterSnapshot(
  done: GuideDone,
  player: Pick<Snapshot, 'mode' | 'pictured' | 'loading' | 'behindMs'>,
): GuideDone {
  const { mode, pictured, loading, behindMs } = player;
  if (!pictured || loading) return done;
  const watched = done.watched || mode === 'live';
  const rewound = done.rewound || mode === 'past' || (mode === 'shifted' && (behindMs ?? 0) >= REWOUND_MS);
  return watched === done.watched && rewound === done.rewound ? done : { ...done, watched, rewound };
}
