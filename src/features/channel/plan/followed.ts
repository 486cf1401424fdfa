/**
 * What a channel plays of the room that it follows.
 * In: the room, the media of its entry. Out: media with its distance to the clock, or the reason why there is
 * none, in words. Pure.
 */
import { type PlaybackState, positionAt } from '../../../api/room/playback.ts';
import type { ReadRoom } from '../../../api/room/room-reading.ts';
import { refusalOfMedia, refusalOfRoom, type WatchedPosition, type WatchedThing } from './followed-rights.ts';
import type { OpenedItem, PlanMedia, Stretch } from './stretch.ts';

/** A channel keeps its position while that of the room differs by less, ms: it plays without a cut. */
const APART_MS = 700;
/** A pause that is shorter is a hole of the channel; longer ones are filled, ms. */
const HOLD_MS = 1000;
const DAY_MS = 24 * 3_600_000;

/** The media of the entry of a room, as this server has it. */
export interface ItemMedia extends WatchedThing {
  readonly kind: 'stream' | 'range' | 'asset';
  /** Id of the stream or the asset. */
  readonly ref: string;
  readonly past: WatchedPosition['past'];
  /** Position at which it ends, ms; undefined: not known, or it grows. */
  readonly endMs: number | undefined;
  /** Why it cannot be shown, whatever its viewers may; undefined: it can. */
  readonly refusal?: string | undefined;
}

/** What is played: a stream as it is live, or stored media. */
type Played =
  | { readonly kind: 'live'; readonly streamId: string }
  /** Position = ms since 1970 + `offsetMs`. */
  | {
      readonly kind: 'stored';
      readonly media: OpenedItem;
      readonly offsetMs: number;
      readonly endMs: number | undefined;
    };

/** What a channel plays of its room. */
export interface Followed {
  /** Id of the entry; empty: nothing plays. */
  readonly itemId: string;
  /** Of the room and the entry, for viewers; empty where they may not know it. */
  readonly title: string;
  /** Of the entry, for administrators. */
  readonly itemTitle: string;
  readonly played: Played | undefined;
  /** Why nothing is played, in words; otherwise empty. */
  readonly why: string;
  /** The entry cannot be played at all, so it is listed as skipped. */
  readonly isSkipped: boolean;
  /** When the state of the room took effect, ms since 1970. */
  readonly sinceMs: number;
}

/** Before a room was read. */
export const beforeRoom: Followed = {
  itemId: '',
  title: '',
  itemTitle: '',
  played: undefined,
  why: 'the room is being read',
  isSkipped: false,
  sinceMs: 0,
};

/**
 * What a channel plays of a room.
 *
 * @param media of the entry; undefined: this server has none
 * @param nowMs ms since 1970
 */
export function followedOf(
  room: ReadRoom,
  channel: WatchedThing,
  media: ItemMedia | undefined,
  nowMs: number,
): Followed {
  const { item, state } = room;
  const nothing = {
    itemId: item?.id ?? '',
    itemTitle: item?.name ?? '',
    title: '',
    played: undefined,
    isSkipped: false,
    sinceMs: state.anchorServer,
  };
  const refused = refusalOfRoom(channel, room);
  if (refused !== undefined) return { ...nothing, isSkipped: true, why: refused };
  const roomTitle = room.name || 'Room';
  const none = { ...nothing, title: roomTitle };
  if (!item) return { ...none, why: room.isEmpty ? 'the room is empty' : 'nothing plays in the room' };
  if (!media) return { ...none, isSkipped: true, why: refusalOfTarget(item.target.kind) };
  const isLive = state.live && state.playing && media.kind !== 'asset';
  const positionMs = isLive ? undefined : positionAt(state, nowMs);
  const why = media.refusal ?? refusalOfMedia(channel, media, { past: media.past, positionMs }, nowMs);
  if (why !== undefined) return { ...none, isSkipped: true, why };
  const shown = { ...none, title: item.name ? `${roomTitle}: ${item.name}` : roomTitle };
  if (!state.playing) return { ...shown, why: state.waitingFor ? 'the room waits for a member' : 'the room is paused' };
  if (isLive) return { ...shown, why: '', played: { kind: 'live', streamId: media.ref } };
  if (state.rate !== 1) return { ...shown, why: `the room plays at ${state.rate} times the speed` };
  return { ...shown, why: '', played: storedOf(state, media) };
}

/** Small corrections of the room are not followed: a cut would be seen, and the distance is not. */
export function settled(before: Followed | undefined, next: Followed): Followed {
  const [a, b] = [before?.played, next.played];
  if (a?.kind !== 'stored' || b?.kind !== 'stored' || before?.itemId !== next.itemId) return next;
  if (a.media.ref !== b.media.ref || Math.abs(a.offsetMs - b.offsetMs) >= APART_MS) return next;
  return { ...next, played: a };
}

/** The stretch of a room at an instant; undefined: nothing of it is played. @param ms since 1970 */
export function stretchOf(followed: Followed, ms: number, media: Pick<PlanMedia, 'open'>): Stretch | undefined {
  const { itemId, played } = followed;
  if (!played) return undefined;
  const common = { kind: 'room', title: followed.title, item: undefined, why: '' } as const;
  if (played.kind === 'live') {
    const { streamId } = played;
    const item = { kind: 'live', ref: streamId, mediaMs: 0, durationMs: DAY_MS } as const;
    return {
      ...common,
      key: `room ${itemId} live ${streamId}`,
      live: streamId,
      toMs: ms + DAY_MS,
      media: () => media.open(item),
      positionUs: () => undefined,
    };
  }
  const { offsetMs, endMs } = played;
  const toMs = endMs === undefined ? ms + DAY_MS : endMs - offsetMs;
  if (toMs <= ms) return undefined;
  return {
    ...common,
    key: `room ${itemId} ${Math.round(offsetMs)}`,
    live: undefined,
    toMs,
    media: () => media.open(played.media),
    positionUs: (atMs) => Math.max(0, Math.round((atMs + offsetMs) * 1000)),
  };
}

/**
 * The end of what is not played, ms since 1970: a moment before another entry is a hole, which is not filled.
 *
 * @param ms now
 */
export function gapEndOf({ sinceMs, played }: Followed, ms: number): number {
  const endedMs = played?.kind === 'stored' && played.endMs !== undefined ? played.endMs - played.offsetMs : undefined;
  const holdMs = (endedMs ?? sinceMs) + HOLD_MS;
  return ms < holdMs && ms >= holdMs - HOLD_MS ? holdMs : ms + DAY_MS;
}

function storedOf(state: PlaybackState, { kind, ref, endMs }: ItemMedia): Played {
  const offsetMs = state.anchorMedia - state.anchorServer;
  const isAsset = kind === 'asset';
  const durationMs = endMs ?? Number.MAX_SAFE_INTEGER / 1000;
  const media = { kind: isAsset ? 'asset' : 'recording', ref, mediaMs: 0, durationMs, grows: !isAsset } as const;
  return { kind: 'stored', media, offsetMs, endMs };
}

function refusalOfTarget(kind: string): string {
  if (kind === 'link') return 'It is a link to another server: a channel shows only media of this one.';
  if (kind === 'provider') return 'It is on a media server: a channel shows only media of this server.';
  return 'It was deleted, or this server cannot read it.';
}
