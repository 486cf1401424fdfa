/**
 * What a channel may show of a room: nothing that its viewers could not watch in the room, or where it is
 * stored.
 * In: the room, the channel, the media of the entry. Out: a reason why it is not shown, or none. Pure.
 */
import type { WatchRuleLists } from '../../../api/access/watch-rules-shapes.ts';
import { type MarkedRules, visiblePast } from '../../../api/past/past-rules.ts';
import type { ReadRoom } from '../../../api/room/room-reading.ts';

/** Who may watch a stream or an asset. */
export interface WatchedThing {
  readonly visibility: 'public' | 'unlisted' | 'signed' | 'private';
  /** The rules by network and country in force; undefined: from everywhere. */
  readonly watchRules: WatchRuleLists | undefined;
}

/** Where the room is in the media of its entry. */
export interface WatchedPosition {
  /** The broadcaster's rules for its past; undefined: none. */
  readonly past: MarkedRules | undefined;
  /** ms since 1970; undefined: at the live edge. */
  readonly positionMs: number | undefined;
}

/** The smaller, the more may watch. */
const RANK = { public: 0, unlisted: 0, signed: 1, private: 2 } as const;
/** Media that is this near to a bound counts as within it, ms: as much as a frame or two. */
const NEAR_MS = 100;

/** Why a channel may not follow a room; undefined: it may. */
export function refusalOfRoom(
  channel: WatchedThing,
  { isOpen, watchRules }: Pick<ReadRoom, 'isOpen' | 'watchRules'>,
): string | undefined {
  if (!isOpen && RANK[channel.visibility] === 0)
    return `Not all may enter the room, but all may watch the channel, whose visibility is ${channel.visibility}.`;
  if (isStricter(watchRules, channel)) return 'The room has other rules by network and country than the channel.';
  return undefined;
}

/** Why a channel may not show what a room plays; undefined: it may. @param nowMs ms since 1970 */
export function refusalOfMedia(
  channel: WatchedThing,
  media: WatchedThing,
  position: WatchedPosition,
  nowMs: number,
): string | undefined {
  if (RANK[media.visibility] > RANK[channel.visibility])
    return `Its visibility is ${media.visibility}, that of the channel is ${channel.visibility}.`;
  if (isStricter(media.watchRules, channel)) return 'It has other rules by network and country than the channel.';
  // Those who may watch a private channel are exempt.
  if (!position.past || channel.visibility === 'private') return undefined;
  const visible = visiblePast(position.past, nowMs);
  const atMs = position.positionMs ?? nowMs;
  const isVisible = visible.isStarted && atMs >= visible.fromMs - NEAR_MS && atMs <= visible.toMs + NEAR_MS;
  return isVisible ? undefined : 'Viewers do not see this part of it, by the rules for its past.';
}

/** Rules that are not those of the channel may keep out people who watch the channel. */
function isStricter(rules: WatchRuleLists | undefined, { watchRules }: WatchedThing): boolean {
  return rules !== undefined && JSON.stringify(rules) !== JSON.stringify(watchRules);
}
