/**
 * Playback for tests: a manual clock, media whose gaps and edge a test sets, members that work the states out
 * themselves.
 * In: spans, commands. Out: states, positions.
 */
import type { UserRef } from '../../../accounts/users/user.ts';
import { nothingPlays, type PlaybackState, positionAt } from '../../../api/room/playback.ts';
import { createManualClock } from '../../../lib/clock.ts';
import type { MediaSpan } from '../../../streams/timeline/stream-timeline.ts';
import type { RoomItemMedia } from '../room-media.ts';
import type { ItemRecord } from '../room-record.ts';
import { Playback, type PlaybackCommand } from './playback.ts';

/** The person of tests. */
const author: UserRef = { id: 'u1', name: 'U1', role: 'user' };

/** A playback under test. */
export function openTestPlayback({ waitsForSlow = false, items = [] as readonly ItemRecord[] } = {}) {
  const clock = createManualClock();
  const media = new Map<string, RoomItemMedia>();
  const states: PlaybackState[] = [];
  const options = { waitsForSlow, present: 2, leadMs: 100 };
  const playback = new Playback(
    {
      clock,
      leadMs: () => options.leadMs,
      findItem: (id) => items.find((item) => item.id === id),
      itemAfter: (id) => items[items.findIndex((item) => item.id === id) + 1],
      openMedia: async ({ id }) => media.get(id),
      get waitsForSlow() {
        return options.waitsForSlow;
      },
      get present() {
        return options.present;
      },
      changed: (state) => void states.push(state),
      failed(error) {
        throw error;
      },
    },
    nothingPlays,
  );
  return {
    clock,
    media,
    states,
    playback,
    options,
    /** Moves the clock by `ms` in steps of a tick; what waits for queries continues between them. */
    async run(ms: number, eachTick: () => void = () => {}): Promise<void> {
      for (let left = ms; left > 0; left -= 50) {
        clock.advance(Math.min(50, left));
        playback.tick();
        eachTick();
        await new Promise(setImmediate);
      }
    },
    /** A command of someone who saw the present state. */
    command(command: Omit<PlaybackCommand, 'rev'>, rev = playback.state.rev): Promise<number> {
      return playback.command({ rev, ...command }, author);
    },
    /** Where a player that follows the states shows the media. */
    get shown(): number {
      const nowMs = clock.nowMs();
      const now = states.findLast(({ anchorServer }) => anchorServer <= nowMs) ?? states[0] ?? nothingPlays;
      return positionAt(now, nowMs);
    },
  };
}

/** A stream with gaps. `edge` is how far behind the clock its newest media ends; undefined: offline. */
export function aTimeline(
  nowMs: () => number,
  spans: readonly MediaSpan[],
  {
    behindMs = 500,
    distanceMs = 1500,
    offline = false,
    range,
  }: {
    readonly behindMs?: number;
    readonly distanceMs?: number;
    readonly offline?: boolean;
    readonly range?: MediaSpan;
  } = {},
): Extract<RoomItemMedia, { kind: 'timeline' }> & { readonly live: { isOffline: boolean; behindMs: number } } {
  const live = { isOffline: offline, behindMs };
  const edgeMs = () => (live.isOffline ? undefined : nowMs() - live.behindMs);
  return {
    kind: 'timeline',
    range,
    live,
    timeline: {
      edgeMs,
      distanceMs: () => distanceMs,
      // The last stretch grows while the stream is live.
      async span(positionMs) {
        const grown = spans.map((span, at) =>
          at === spans.length - 1 ? { ...span, toMs: edgeMs() ?? span.toMs } : span,
        );
        return grown.find(({ toMs }) => toMs > positionMs);
      },
    },
  };
}
