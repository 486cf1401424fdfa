/**
 * The channels of this process: plays those whose stream it has, and says what they play.
 * In: sources of streams that start, changes of schedules. Out: frames; plans for the API.
 */
import { openTimeZone, type TimeZone } from '../../api/local-time.ts';
import type { Clock } from '../../lib/clock.ts';
import type { StreamInput } from '../../live/input.ts';
import type { ChannelProgramme, Channels } from '../../streams/source/channel-source.ts';
import type { Channel, ChannelTable } from './channel-table.ts';
import { ChannelMedia, type ChannelMediaParts } from './media/channel-media.ts';
import { Plan } from './plan/plan.ts';
import { Schedule } from './plan/schedule.ts';
import { Playout } from './playout/playout.ts';

/** Dependencies of the channels. */
interface RunningChannelsParts {
  readonly table: ChannelTable;
  readonly media: ChannelMediaParts;
  readonly clock: Clock;
}

/** A channel that is played here. */
interface Playing {
  readonly plan: Plan;
  readonly playout: Playout;
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
    const channel = table.of(streamId);
    const plan = new Plan(this.scheduleOf(channel), {
      media: new ChannelMedia(media, () => table.of(streamId)),
      clock,
    });
    plan.replace(this.scheduleOf(channel), channel.interruption);
    const playing: Playing = { plan, playout: new Playout({ plan, input, clock }) };
    this.#playing.set(streamId, playing);
    try {
      await playing.playout.run({ signal });
    } finally {
      if (this.#playing.get(streamId) === playing) this.#playing.delete(streamId);
    }
    return 'stopped';
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

  programmes(stream: string, fromMs: number, toMs: number): readonly ChannelProgramme[] | undefined {
    const definition = this.#parts.media.catalog.find(stream)?.definition;
    if (definition?.source.type !== 'channel') return undefined;
    return this.scheduleOf(this.#parts.table.of(definition.id))
      .between(fromMs, toMs)
      .map(({ item, fromMs: beginMs, toMs: endMs }) => ({ fromMs: beginMs, toMs: endMs, title: item.title }));
  }

  #changed(streamId: string): void {
    const playing = this.#playing.get(streamId);
    if (!playing) return;
    const channel = this.#parts.table.of(streamId);
    playing.plan.replace(this.scheduleOf(channel), channel.interruption);
    playing.playout.wake();
  }
}

/** A zone that this computer does not know any more is UTC. */
function zoneOf(name: string): TimeZone {
  try {
    return openTimeZone(name);
  } catch {
    return openTimeZone('UTC');
  }
}
