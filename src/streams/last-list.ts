/**
 * The live list that the last process left, ended: its players learn that it is over and that another one follows.
 * In: the promises that were saved, and what the recording has of its media. Out: a view for packager/live-window. docs/media.md 10.
 */
import type { Generation } from '../packager/generation.ts';
import type { LiveSegment, LiveWindowView } from '../packager/live-segment.ts';
import { LEAST_SEGMENTS, MAY_BE_LOST } from '../packager/live-window.ts';
import { latestDateRanges } from '../recording/date-range-rows.ts';
import type { InitTable } from '../recording/init-table.ts';
import { toListedSegment } from '../recording/listed-segment.ts';
import type { RecordingReader } from '../recording/recording-reader.ts';

/** Whatever its window, a list had as many as are left of the fewest; those that were lost had pushed as many out at its start. */
const LEAST_LEFT = LEAST_SEGMENTS - MAY_BE_LOST;
/** Longer than these, µs. */
const LEAST_US = 60_000_000;

/**
 * Lists the newest of what is recorded of a generation, without holes: a list's MSNs are contiguous. It begins no earlier than
 * the list that was shown: MEDIA-SEQUENCE never goes back (RFC 8216bis 6.2.2).
 *
 * @param windowUs length of the list, µs
 * @returns undefined where nothing of it is recorded, or its codec configuration is not known
 */
export async function lastList(
  generation: Generation,
  { recording, inits, windowUs }: { recording: RecordingReader; inits: InitTable; windowUs: number },
): Promise<LiveWindowView | undefined> {
  const { endUs } = recording;
  const fromUs = endUs - windowUs + MAY_BE_LOST * generation.targetDurationS * 1_000_000;
  const groups = await recording.between(endUs - Math.max(windowUs, LEAST_US), endUs);
  const segments: LiveSegment[] = [];
  for (const group of groups.toReversed()) {
    const next = segments[0];
    const init = inits.get(group.initNumber);
    if (!init || group.msn < generation.firstMsn) break;
    if (next && group.msn !== next.msn - 1) break;
    if (group.startUs < fromUs && segments.length >= LEAST_LEFT) break;
    segments.unshift(toListedSegment(group, init));
  }
  const tracks = segments.at(-1)?.init.tracks;
  if (!tracks) return undefined;
  const between = { fromUs: segments[0]!.startUs, toUs: endUs, lastMsn: segments.at(-1)!.msn };
  const dateRanges = latestDateRanges(await recording.dateRanges(between), between);
  return { generation, tracks, segments, ended: true, version: 0, dateRanges, inherited: true };
}
