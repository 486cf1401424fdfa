/**
 * The segment in progress at its own address: its parts as they are sealed, then nothing more. The bytes are
 * those of the complete segment.
 * In: the live window. Out: a reply that grows. ISO 23009-1 5.3.9.2 (availabilityTimeComplete); docs/media.md
 * 28; docs/decisions/0031.
 */

import { renditionsOf } from '@oxbow/media/rendition-set';
import { OxbowError } from '../../lib/errors.ts';
import { type LiveSegment, lend } from '../../packager/live-segment.ts';
import type { LiveWindow } from '../../packager/live-window.ts';
import type { Reply } from '../reply.ts';
import type { ServedLiveStream } from '../served-stream.ts';
import { caching, contentTypes } from '../text-reply.ts';
import { waitFor } from './pending-reply.ts';

/** Longest wait for the next part, target durations. */
const MAX_WAIT_TARGETS = 3;

/**
 * The segment while it is open, once it has a part; undefined if it is complete, has no parts, or is none.
 * Only renditions of one track: those of several are interleaved when they are complete.
 */
export async function growingSegment(
  stream: ServedLiveStream,
  { rendition, msn }: { readonly rendition: string; readonly msn: number },
  { signal }: { signal: AbortSignal },
): Promise<Reply | undefined> {
  const { list } = stream;
  const segment = list.find(msn);
  const track = segment && trackOf(segment, rendition);
  const { generation } = list;
  if (!segment || segment.sealed || !generation?.parts || track === undefined) return undefined;
  const growth: Growth = { list, segment, track, waitMs: MAX_WAIT_TARGETS * 1000 * generation.targetDurationS };
  const hasBegun = () => partsOf(growth).length > 0 || isOver(growth);
  await waitFor(list.changes, hasBegun, growth.waitMs, signal);
  if (isOver(growth) || partsOf(growth).length === 0) return undefined;
  return {
    contentType: contentTypes.segment,
    cacheControl: caching.none,
    length: 0,
    body: [],
    grows: (options) => partByPart(growth, options),
  };
}

interface Growth {
  readonly list: LiveWindow;
  readonly segment: LiveSegment;
  /** Id of its track. */
  readonly track: number;
  /** Longest wait for a part, ms. */
  readonly waitMs: number;
}

function trackOf({ init }: LiveSegment, id: string): number | undefined {
  const tracks = renditionsOf(init.tracks).all.find((rendition) => rendition.id === id)?.tracks;
  return tracks?.length === 1 ? tracks[0]!.id : undefined;
}

function partsOf({ segment, track }: Growth) {
  return segment.parts.get(track) ?? [];
}

/** It is sealed, or it has gone because the source ended within it. */
function isOver({ list, segment }: Growth): boolean {
  return segment.sealed !== undefined || list.find(segment.msn) !== segment;
}

/** The track has begun the next segment: a segment is sealed only when all tracks have. */
function isLeft({ list, segment, track }: Growth): boolean {
  const next = list.find(segment.msn + 1)?.parts.get(track);
  return next !== undefined && next.length > 0;
}

/**
 * @throws OxbowError `part-timeout`, `gone` where the source ended within the segment, or a reader was too
 *   slow for it
 */
async function* partByPart(growth: Growth, { signal }: { signal: AbortSignal }): AsyncGenerator<Uint8Array> {
  const { list, segment, track, waitMs } = growth;
  const gone = () => new OxbowError('gone', `Segment ${segment.msn} is no longer in memory.`);
  let sent = 0;
  let index = 0;
  while (true) {
    for (let part = partsOf(growth)[index]; part; part = partsOf(growth)[index]) {
      const bytes = lend(part);
      if (!bytes) throw gone();
      index++;
      sent += bytes.length;
      yield bytes;
    }
    const length = segment.sealed?.tracks.get(track)?.length;
    if (length === sent || (!segment.sealed && isLeft(growth))) return;
    if (isOver(growth)) {
      // What outlasts the last part is in the complete segment only.
      const remainder = length === undefined ? undefined : lend(segment)?.get(track)?.subarray(sent);
      if (!remainder) throw gone();
      yield remainder;
      return;
    }
    const continues = () => partsOf(growth).length > index || isOver(growth) || isLeft(growth);
    await waitFor(list.changes, continues, waitMs, signal);
    if (!continues()) throw new OxbowError('part-timeout', `Segment ${segment.msn} does not continue.`);
  }
}
