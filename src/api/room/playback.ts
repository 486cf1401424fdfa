/**
 * The playback state of a room, of which the server is the only author, and the position that follows from
 * it.
 * In: room messages. Out: rooms, players. Pure; docs/7-together/in-step.md.
 */

/**
 * Playback in a room. Positions are ms: UTC (programme time) for streams and ranges of them, from the start
 * for everything else, so live together and yesterday together are one mechanism.
 */
export interface PlaybackState {
  /** Rises with each change; commands carry the one that their author saw. */
  readonly rev: number;
  /** Id of the item; null: nothing plays. */
  readonly item: string | null;
  readonly playing: boolean;
  /** 0.25 to 4. */
  readonly rate: number;
  /** Position at `anchorServer`, ms. */
  readonly anchorMedia: number;
  /** Server time at which the state takes effect, unix ms; a little in the future when it is sent. */
  readonly anchorServer: number;
  /** Live: the anchor is the common distance to the live edge, and the server keeps the room there. */
  readonly live: boolean;
  /** Whose command it was, a user id; empty: the server's. */
  readonly by: string;
  /** User ids of the members whose players lack media, while the room waits for them; left out otherwise. */
  readonly waitingFor?: readonly string[];
}

/** The state of a room where nothing plays. */
export const nothingPlays: PlaybackState = {
  rev: 0,
  item: null,
  playing: false,
  rate: 1,
  anchorMedia: 0,
  anchorServer: 0,
  live: false,
  by: '',
};

/**
 * The position at a server time.
 *
 * @param serverMs unix ms; before the anchor the position is that of the anchor
 * @returns ms, UTC or from the start
 */
export function positionAt(state: PlaybackState, serverMs: number): number {
  if (!state.playing) return state.anchorMedia;
  return state.anchorMedia + Math.max(0, serverMs - state.anchorServer) * state.rate;
}
