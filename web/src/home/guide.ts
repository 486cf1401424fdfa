/**
 * The steps of the first-run guide that are completed, as stored in the browser.
 * In: the stored text, snapshots of the player. Out: the guide; the text to store. Pure.
 */
import type { MediaState } from '../media/state.ts';

/** The stored state. */
export interface GuideDone {
  readonly watched: boolean;
  readonly rewound: boolean;
  /** The viewer has hidden the guide. */
  readonly dismissed: boolean;
}

/** Nothing is completed. */
export const initialGuide: GuideDone = { watched: false, rewound: false, dismissed: false };

/** A picture this far behind now was rewound, milliseconds; live is closer. */
const REWOUND_MS = 15_000;

/** Parses the stored text; invalid text is the initial state. */
export function parseGuide(text: string | null): GuideDone {
  try {
    const value = JSON.parse(text ?? 'null') as Partial<Record<keyof GuideDone, unknown>> | null;
    const is = (name: keyof GuideDone) => value?.[name] === true;
    return { watched: is('watched'), rewound: is('rewound'), dismissed: is('dismissed') };
  } catch {
    return initialGuide;
  }
}

/** The state after a snapshot of the player; the same object if nothing changes. */
export function afterSnapshot(
  done: GuideDone,
  player: Pick<MediaState, 'mode' | 'pictured' | 'loading' | 'behindMs'>,
): GuideDone {
  const { mode, pictured, loading, behindMs } = player;
  if (!pictured || loading) return done;
  const watched = done.watched || mode === 'live';
  const rewound = done.rewound || mode === 'past' || (mode === 'shifted' && (behindMs ?? 0) >= REWOUND_MS);
  return watched === done.watched && rewound === done.rewound ? done : { ...done, watched, rewound };
}
