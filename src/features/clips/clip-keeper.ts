/**
 * Clips keep their media from retention, and lose it when it is deleted all the same: each is reported.
 * In: retention on a full disk, deleted ranges, streams that are deleted with their recordings. Out:
 * `clip.lost`, lines of the log.
 */
import type { EventBus, EventSubject } from '../../cluster/bus/event-bus.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../observe/log.ts';
import type { Keeper } from '../../recording/kept/kept-windows.ts';
import { overlap } from '../../recording/pinned-windows.ts';
import type { Clip, ClipTable } from './clip-table.ts';

/** Its dependencies. */
interface ClipKeeperOptions {
  readonly clips: ClipTable;
  readonly catalog: { definitionOf(streamId: string): EventSubject | undefined };
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly events: Pick<EventBus, 'publish'>;
  readonly log: Pick<Log, 'warn'>;
}

export function createClipKeeper({ clips, catalog, clock, events, log }: ClipKeeperOptions): Keeper {
  const publishLost = (
    { id, title, visibility, owner }: Clip,
    stream: EventSubject | undefined,
    reason: 'disk' | 'deleted',
  ) => events.publish('clip.lost', { id, title, visibility, owner, reason }, stream);
  const over: Keeper['over'] = (streamId, range) =>
    clips.newestFirst
      .filter((clip) => clip.streamId === streamId && overlap(clip, range))
      .map(({ id, title }) => ({ id, title }));
  return {
    ranges: (streamId) => clips.ranges(streamId),
    over,
    async lose(streamId, range, reason) {
      const stream = catalog.definitionOf(streamId);
      for (const clip of await clips.lose(streamId, range, Math.round(clock.nowMs() * 1000))) {
        log.warn(
          { clip: clip.id, title: clip.title, ...(stream && { stream: stream.name }) },
          reason === 'disk'
            ? 'a clip lost its media: the recordings exceed record.maxDisk, and nothing else could be deleted'
            : 'a clip lost its media: its range is deleted',
        );
        publishLost(clip, stream, reason);
      }
    },
    async forget(stream) {
      for (const clip of await clips.forget(stream.id)) publishLost(clip, stream, 'deleted');
    },
    reload: (streams) => clips.reload(streams),
  };
}
