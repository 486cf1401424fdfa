/**
 * The recording of a stream as viewers see it under the broadcaster's rules for the past: what begins too
 * early or ends too late is not there.
 * In: a recording, the visible past. Out: RecordedMedia, for delivery.
 */
import type { VisiblePast } from '../../api/past/past-rules.ts';
import type { RecordedGroup, RecordedMedia } from '../../recording/recording-reader.ts';
import type { StoryboardReader } from '../../recording/storyboard/storyboards.ts';

/** Whether a group is visible. */
export function isGroupVisible(
  { startUs, durationUs }: Pick<RecordedGroup, 'startUs' | 'durationUs'>,
  { isStarted, fromMs, toMs }: VisiblePast,
): boolean {
  return isStarted && startUs >= fromMs * 1000 && startUs + durationUs <= toMs * 1000;
}

/** The recording of viewers. @param visible called at each use */
export function viewerRecording(recording: RecordedMedia, visible: () => VisiblePast): RecordedMedia {
  const shown = (groups: Iterable<RecordedGroup>): Iterable<RecordedGroup> => {
    const now = visible();
    return {
      *[Symbol.iterator]() {
        for (const group of groups) if (isGroupVisible(group, now)) yield group;
      },
    };
  };
  return {
    streamId: recording.streamId,
    walk: async (fromUs, toUs) => shown(await recording.walk(fromUs, toUs)),
    recorded: async (fromUs, toUs) => shown(await recording.recorded(fromUs, toUs)),
    async find(msn) {
      const group = await recording.find(msn);
      return group && isGroupVisible(group, visible()) ? group : undefined;
    },
    async between(fromUs, toUs) {
      const groups = await recording.between(fromUs, toUs);
      const now = visible();
      return groups.filter((group) => isGroupVisible(group, now));
    },
    around: (msn) => recording.around(msn),
    countFrom: (us) => recording.countFrom(Math.max(us, fromUsOf(visible()))),
    dateRanges(query) {
      const { fromMs, toMs } = visible();
      const toUs = Math.min(query.toUs, toMs * 1000);
      return recording.dateRanges({ ...query, fromUs: Math.max(query.fromUs, fromMs * 1000), toUs });
    },
    captionsOf: (run) => recording.captionsOf(run),
    runStartUs: (run) => recording.runStartUs(run),
    get lateCount() {
      return recording.lateCount ?? 0;
    },
    storyboard: recording.storyboard && viewerStoryboard(recording.storyboard, visible),
  };
}

function fromUsOf({ fromMs }: VisiblePast): number {
  return fromMs * 1000;
}

function viewerStoryboard(storyboard: StoryboardReader, visible: () => VisiblePast): StoryboardReader {
  const isShown = ({ atUs }: { readonly atUs: number }) => {
    const { isStarted, fromMs, toMs } = visible();
    return isStarted && atUs >= fromMs * 1000 && atUs <= toMs * 1000;
  };
  return {
    async at(us) {
      const picture = await storyboard.at(us);
      return picture && isShown(picture) ? picture : undefined;
    },
    between: async (fromUs, toUs) => (await storyboard.between(fromUs, toUs)).filter(isShown),
    read: (picture) => storyboard.read(picture),
  };
}
