/**
 * Ends clips whose media is deleted, and reports each.
 * In: retention on a full disk, streams that are deleted with their recordings. Out: `clip.lost`, lines of
 * the log.
 */
import type { EventBus } from '../../cluster/bus/event-bus.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../observe/log.ts';
import type { Clip, ClipTable } from '../../recording/clips/clip-table.ts';
import type { PinnedRange } from '../../recording/pinned-windows.ts';
import type { StreamDefinition } from '../definition.ts';

/** What it works with. */
export interface LoseClipsOptions {
  readonly clips: ClipTable;
  readonly catalog: { definitionOf(streamId: string): StreamDefinition | undefined };
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly events: Pick<EventBus, 'publish'>;
  readonly log: Pick<Log, 'warn'>;
}

/**
 * Ends the clips that overlap a range, because the disk is full or the range is deleted. Their ids answer 410
 * from now on.
 */
export async function loseClips(
  { clips, catalog, clock, events, log }: LoseClipsOptions,
  streamId: string,
  range: PinnedRange,
  reason: 'disk' | 'deleted' = 'disk',
): Promise<void> {
  const stream = catalog.definitionOf(streamId);
  for (const clip of await clips.lose(streamId, range, Math.round(clock.nowMs() * 1000))) {
    log.warn(
      { clip: clip.id, title: clip.title, ...(stream && { stream: stream.name }) },
      reason === 'disk'
        ? 'a clip lost its media: the recordings exceed record.maxDisk, and nothing else could be deleted'
        : 'a clip lost its media: its range is deleted',
    );
    publishLost(events, clip, stream, reason);
  }
}

/** Deletes all clips of a stream whose recordings are deleted. */
export async function forgetClips(
  { clips, events }: Pick<LoseClipsOptions, 'clips' | 'events'>,
  stream: StreamDefinition,
): Promise<void> {
  for (const clip of await clips.forget(stream.id)) publishLost(events, clip, stream, 'deleted');
}

function publishLost(
  events: LoseClipsOptions['events'],
  { id, title, visibility, owner }: Clip,
  stream: StreamDefinition | undefined,
  reason: 'disk' | 'deleted',
): void {
  events.publish('clip.lost', { id, title, visibility, owner, reason }, stream);
}
