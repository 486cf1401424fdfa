/**
 * The channels of this process: plays those whose stream it has, and says what they play.
 * In: sources of streams that start, changes of schedules. Out: frames; plans for the API.
 */
import { openTimeZone, type TimeZone } from '../../api/local-time.ts';
import type { Clock } from '../../lib/clock.ts';
import type { StreamInput } from '../../live/input.ts';
import type { ChannelProgramme, Channels } from '../../streams/source/channel-source.ts';
import type { Channel, ChannelTable } from './channel-table.ts';
import { type FollowerParts, followRoom } from './following/follow-room.ts';
import { ChannelMedia, type ChannelMediaParts } from './media/channel-media.ts';
import type { LiveElsewhere } from './media/live-elsewhere.ts';
import { beforeRoom, type Followed } from './plan/followed.ts';
import { Plan } from './plan/plan.ts';
import { Schedule } from './plan/schedule.ts';
import { Playout } from './playout/playout.ts';

const HOUR_MS = 3_600_000;
/** What a room plays without a known end is in the guide for this long, from the hour on, ms. */
const OPEN_MS = 5 * HOUR_MS;

/** Dependencies of the channels. */
interface RunningChannelsParts {
  readonly table: ChannelTable;
  readonly media: ChannelMediaParts;
  readonly follower: FollowerParts;
  readonly elsewhere: Pick<LiveElsewhere, 'read'>;
  readonly clock: Clock;
  /** The room that a channel followed was deleted. */
  readonly roomGone: (streamId: string, room: string) => Promise<void>;
}

/** A channel that is played here. */
interface Playing {
  readonly plan: Plan;
  readonly playout: Playout;
  /** The room that it follows; undefined: none. */
  following: { readonly room: string; readonly stop: AbortController; readonly ended: Promise<void> } | undefined;
}

/** Plays channels. */
export class RunningChannels implements Channels {
  readonly #parts: RunningChannelsParts;
  readonly #playing = new Map<string, Playing>();
  /** Of channels as they are now. */
  readonly #schedules = new WeakMap<Channel, Schedule>();

  constructor(parts: RunningChannelsParts) {
    this.#parts = parts;
    parts.table.changed.subscribe((streamId) => this.#changed(streamId));
  }

  async run(streamId: string, input: StreamInput, { signal }: { readonly signal: AbortSignal }): Promise<string> {
    const { table, media, clock } = this.#parts;
    await this.knowLive(table.of(streamId).interruption?.streamId);
    if (signal.aborted) return 'stopped';
    const channel = table.of(streamId);
    const plan = new Plan(this.scheduleOf(channel), {
      media: new ChannelMedia(media, () => table.of(streamId)),
      clock,
    });
    plan.replace(this.scheduleOf(channel), channel.interruption);
    const playing: Playing = { plan, playout: new Playout({ plan, input, clock }), following: undefined };
    this.#playing.set(streamId, playing);
    this.#follow(playing, channel);
    try {
      await playing.playout.run({ signal });
    } finally {
      playing.following?.stop.abort();
      await playing.following?.ended;
      if (this.#playing.get(streamId) === playing) this.#playing.delete(streamId);
    }
    return 'stopped';
  }

  /** Reads the name of a stream that interrupts a channel, for the page: another node may have it. */
  async knowLive(streamId: string | undefined): Promise<void> {
    const { media, follower } = this.#parts;
    if (streamId === undefined || media.catalog.definitionOf(streamId)) return;
    await this.#parts.elsewhere.read(streamId).catch(follower.failed);
  }

  /** What plays a stream here; undefined: it is not played here. */
  planOf(streamId: string): Plan | undefined {
    return this.#playing.get(streamId)?.plan;
  }

  /** The schedule of a channel. */
  scheduleOf(channel: Channel): Schedule {
    const known = this.#schedules.get(channel);
    if (known) return known;
    const schedule = new Schedule(zoneOf(channel.zone), channel.items);
    this.#schedules.set(channel, schedule);
    return schedule;
  }

  /** Ids of the streams that a channel shows live, on any day or as an interruption. */
  shownLive(streamId: string): readonly string[] {
    const { items, interruption } = this.#parts.table.of(streamId);
    const live = items.filter(({ kind }) => kind === 'live').map(({ ref }) => ref);
    if (interruption && interruption.untilMs > this.#parts.clock.nowMs()) live.push(interruption.streamId);
    return live;
  }

  programmes(stream: string, fromMs: number, toMs: number): readonly ChannelProgramme[] | undefined {
    const definition = this.#parts.media.catalog.find(stream)?.definition;
    if (definition?.source.type !== 'channel') return undefined;
    const channel = this.#parts.table.of(definition.id);
    if (channel.room !== undefined) {
      const { clock } = this.#parts;
      return programmesOf(this.planOf(definition.id)?.room, fromMs, toMs, clock.nowMs());
    }
    return this.scheduleOf(channel)
      .between(fromMs, toMs)
      .map(({ item, fromMs: beginMs, toMs: endMs }) => ({ fromMs: beginMs, toMs: endMs, title: item.title }));
  }

  roomTitle(stream: string): string | undefined {
    const definition = this.#parts.media.catalog.find(stream)?.definition;
    if (definition?.source.type !== 'channel') return undefined;
    return this.planOf(definition.id)?.room?.followed.title;
  }

  #changed(streamId: string): void {
    const playing = this.#playing.get(streamId);
    if (!playing) return;
    const channel = this.#parts.table.of(streamId);
    playing.plan.replace(this.scheduleOf(channel), channel.interruption);
    this.#follow(playing, channel);
    playing.playout.wake();
  }

  /** Follows the room of a channel, and no other one any more. */
  #follow(playing: Playing, { streamId, room }: Channel): void {
    const { following, plan, playout } = playing;
    if (following?.room === room) return;
    following?.stop.abort();
    playing.following = undefined;
    if (room === undefined) {
      plan.follow(undefined);
      return;
    }
    const stop = new AbortController();
    plan.follow({ ...beforeRoom, sinceMs: this.#parts.clock.nowMs() });
    const { catalog } = this.#parts.media;
    const channel = {
      room,
      definition: () => catalog.definitionOf(streamId),
      followed: (next: Followed) => {
        plan.follow(next);
        playout.wake();
      },
      gone: async () => {
        // The media of a deleted room ends now, whatever the store does.
        plan.follow(beforeRoom);
        playout.wake();
        await this.#parts.roomGone(streamId, room);
      },
    };
    const ended = followRoom(channel, this.#parts.follower, stop);
    playing.following = { room, stop, ended: ended.catch(this.#parts.follower.failed) };
  }
}

/**
 * What a room shows in [fromMs, toMs), for viewers: until its entry ends, and for some hours where that is
 * not known. What it will show then, and showed before, is not known.
 */
function programmesOf(room: Plan['room'], fromMs: number, toMs: number, nowMs: number): readonly ChannelProgramme[] {
  if (!room || room.followed.title === '') return [];
  const { played, title } = room.followed;
  const isStored = played?.kind === 'stored' && played.endMs !== undefined;
  const endMs = isStored ? played.endMs! - played.offsetMs : Math.floor(nowMs / HOUR_MS) * HOUR_MS + OPEN_MS;
  const [beginMs, lastMs] = [Math.max(fromMs, room.sinceMs), Math.min(toMs, endMs)];
  return beginMs < lastMs ? [{ fromMs: beginMs, toMs: lastMs, title }] : [];
}

/** A zone that this computer does not know any more is UTC. */
function zoneOf(name: string): TimeZone {
  try {
    return openTimeZone(name);
  } catch {
    return openTimeZone('UTC');
  }
}
