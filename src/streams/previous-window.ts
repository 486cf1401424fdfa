/**
 * The live playlist of the last process, with ENDLIST: its players read that it has ended and that another
 * one follows.
 * In: the saved generation, the recording. Out: a view for packager/live-window. docs/media.md 10.
 */
import type { Generation } from '../packager/generation.ts';
import type { LiveSegment, LiveWindowView } from '../packager/live-segment.ts';
import { LEAST_SEGMENTS, MAY_BE_LOST } from '../packager/live-window.ts';
import { latestDateRanges } from '../recording/date-range-rows.ts';
import type { InitTable } from '../recording/init-table.ts';
import { toListedSegment } from '../recording/listed-segment.ts';
import { type RecordingReader, recordedBetween } from '../recording/recording-reader.ts';

/**
 * A playlist of the smallest size has this many segments that are recorded: the lost ones had pushed out as
 * many at its start.
 */
const LEAST_LEFT = LEAST_SEGMENTS - MAY_BE_LOST;
/** At least this much of the recording is read, µs. */
const LEAST_US = 60_000_000;

/**
 * Lists the newest recorded segments of a generation with contiguous MSNs. The list begins no earlier than
 * the one that was served: EXT-X-MEDIA-SEQUENCE never decreases (RFC 8216bis 6.2.2).
 *
 * @param windowUs duration of the window, µs
 * @returns undefined if no segment is recorded or its codec configuration is not known
 */
export async function restorePreviousWindow(
  generation: Generation,
  { recording, inits, windowUs }: { recording: RecordingReader; inits: InitTable; windowUs: number },
): Promise<LiveWindowView | undefined> {
  const { endUs } = recording;
  const fromUs = endUs - windowUs + MAY_BE_LOST * generation.targetDurationS * 1_000_000;
  const groups = await recordedBetween(recording, endUs - Math.max(windowUs, LEAST_US), endUs);
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
