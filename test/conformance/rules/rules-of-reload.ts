/**
 * Rules over what may change from one reload of a live list to the next.
 * In: the same list twice, the later one whole (not a Playlist Delta Update). Out: problems.
 * RFC 8216bis 6.2.1, 6.2.2; docs/media.md 10 and 14.
 */
import { allSegments, type MediaText, nameOf, type TextSegment } from '../media-text.ts';
import type { Rule } from './rule.ts';
import { rulesOfReloadedRanges } from './rules-of-date-ranges.ts';

/** A list before and after. */
export interface Reload {
  readonly before: MediaText;
  readonly after: MediaText;
}

/**
 * Audio is not cut just where video is, and durations are written 1 ms short (docs/media.md 8): sums are this
 * near.
 */
const ROUNDING_S = 0.05;

/**
 * May be added to a segment whose media was lost after it was listed. 6.2.1 does not name it among the
 * changes of a list; the client could not load the segment in any case.
 */
const GAP = '#EXT-X-GAP';

/** Numbers of the media after the last segment of a playlist. */
const endOf = (list: MediaText) => list.mediaSequence + list.skipped + list.segments.length;
const tagsOf = (segment: TextSegment) =>
  segment.tags.filter(({ tag }) => tag !== 'EXT-X-BITRATE').map(({ text }) => text);

/** The same segment in both lists. */
function* pairs({ before, after }: Reload): Iterable<{ old: TextSegment; now: TextSegment }> {
  const known = new Map(allSegments(after).map((segment) => [segment.msn, segment]));
  for (const old of allSegments(before)) {
    const now = known.get(old.msn);
    if (now) yield { old, now };
  }
}

export const rulesOfReload: readonly Rule<Reload>[] = [
  ...rulesOfReloadedRanges,
  {
    id: 'reload-targets',
    section: '4.4.3.1, 6.2.1, docs/media.md 10',
    severity: 'must',
    says: 'EXT-X-TARGETDURATION and PART-TARGET never change.',
    *check({ before, after }) {
      if (before.targetDurationS !== after.targetDurationS) {
        yield { where: 'EXT-X-TARGETDURATION', detail: `${before.targetDurationS} became ${after.targetDurationS}` };
      }
      if (before.partTargetS !== after.partTargetS) {
        yield { where: 'PART-TARGET', detail: `${before.partTargetS} became ${after.partTargetS}` };
      }
    },
  },
  {
    id: 'reload-control',
    section: '4.4.3.8, docs/media.md 10',
    severity: 'must',
    says: 'EXT-X-SERVER-CONTROL never changes.',
    *check({ before, after }) {
      for (const name of new Set([...before.control.keys(), ...after.control.keys()])) {
        const [old, now] = [before.control.get(name)?.text, after.control.get(name)?.text];
        if (old !== now) yield { where: name, detail: `${old} became ${now}` };
      }
    },
  },
  {
    id: 'reload-type',
    section: '4.4.3.5, 6.2.1',
    severity: 'must',
    says: 'EXT-X-PLAYLIST-TYPE never changes.',
    *check({ before, after }) {
      const [old, now] = [before.playlistType, after.playlistType];
      if (old === now) return;
      yield { where: 'EXT-X-PLAYLIST-TYPE', detail: `${old} became ${now}` };
    },
  },
  {
    id: 'reload-sequence-forward',
    section: '4.4.3.2, 6.2.2',
    severity: 'must',
    says: 'EXT-X-MEDIA-SEQUENCE never goes back.',
    *check({ before, after }) {
      if (after.mediaSequence < before.mediaSequence) {
        yield { where: 'EXT-X-MEDIA-SEQUENCE', detail: `${before.mediaSequence} became ${after.mediaSequence}` };
      }
    },
  },
  {
    id: 'reload-grows',
    section: '6.2.1',
    severity: 'must',
    says: 'A playlist only grows at its end: the last listed segment or part is not removed again.',
    *check({ before, after }) {
      if (endOf(after) < endOf(before)) {
        yield { where: '', detail: `segment ${endOf(before) - 1} was listed, now ${endOf(after) - 1} is the last` };
      } else if (endOf(after) === endOf(before)) {
        const [old, now] = [before.open?.parts.length ?? 0, after.open?.parts.length ?? 0];
        if (now < old) yield { where: `segment ${endOf(after)} (open)`, detail: `${old} parts became ${now}` };
      }
    },
  },
  {
    id: 'reload-segment-kept',
    section: '6.2.1',
    severity: 'must',
    says: 'A listed segment keeps its URI, its EXTINF, its date, its other tags and its initialization section; one that was lost may become a GAP.',
    *check(reload) {
      for (const { old, now } of pairs(reload)) {
        if (old.uri === '') continue;
        if (old.uri !== now.uri) yield { where: nameOf(old), detail: `${old.uri} became ${now.uri}` };
        if (old.map !== now.map) yield { where: nameOf(old), detail: `${old.map} became ${now.map}` };
        const [a, b] = [tagsOf(old), tagsOf(now)];
        const added = b.find((text) => !a.includes(text) && text !== GAP);
        const changed = a.find((text) => !b.includes(text)) ?? added;
        if (changed !== undefined) yield { where: nameOf(old), detail: `${a.join(' ')} became ${b.join(' ')}` };
      }
    },
  },
  {
    id: 'reload-open-kept',
    section: '6.2.1',
    severity: 'must',
    says: 'The date and the DISCONTINUITY of an open segment are the same when it is complete.',
    *check(reload) {
      for (const { old, now } of pairs(reload)) {
        if (old.uri !== '') continue;
        const kept = tagsOf(now);
        const lost = tagsOf(old).find((text) => !kept.includes(text));
        if (lost !== undefined) yield { where: nameOf(old), detail: `${lost} became ${kept.join(' ')}` };
        if (old.discontinuity !== now.discontinuity) yield { where: nameOf(old), detail: 'a DISCONTINUITY came' };
        if (old.map !== now.map) yield { where: nameOf(old), detail: `${old.map} became ${now.map}` };
      }
    },
  },
  {
    id: 'reload-parts-kept',
    section: '6.2.1, 6.2.2',
    severity: 'must',
    says: 'A listed part does not change until all parts of its segment are removed.',
    *check(reload) {
      for (const { old, now } of pairs(reload)) {
        if (now.parts.length === 0 && now.uri !== '') continue;
        for (const [i, part] of old.parts.entries()) {
          const { uri, durationS, independent, gap } = now.parts[i] ?? {};
          if (part.uri !== uri || part.independent !== independent || part.gap !== gap) {
            yield { where: part.uri, detail: `it became ${uri ?? 'nothing'}` };
          } else if (part.durationS !== durationS) {
            yield { where: part.uri, detail: `its ${part.durationS} s became ${durationS} s` };
          }
        }
      }
    },
  },
  {
    id: 'reload-parts-stay',
    section: '6.2.2',
    severity: 'must',
    says: 'Parts stay listed while they are within three target durations of the end.',
    *check(reload) {
      const { after } = reload;
      for (const { old, now } of pairs(reload)) {
        if (old.parts.length === 0 || now.parts.length > 0 || after.ended) continue;
        const later = after.segments.filter(({ msn }) => msn > now.msn);
        const open = after.open?.parts.reduce((sum, { durationS }) => sum + durationS, 0) ?? 0;
        const behindS = later.reduce((sum, { durationS }) => sum + durationS, open);
        if (behindS < 3 * after.targetDurationS - ROUNDING_S) {
          yield { where: nameOf(now), detail: `its parts went ${behindS.toFixed(2)} s from the end` };
        }
      }
    },
  },
  {
    id: 'reload-removal',
    section: '6.2.2',
    severity: 'must',
    says: 'A segment is removed only while three target durations remain, and never from an EVENT or VOD playlist.',
    *check({ before, after }) {
      const removed = after.mediaSequence - before.mediaSequence;
      if (removed <= 0) return;
      if (before.playlistType !== undefined) {
        yield { where: 'EXT-X-MEDIA-SEQUENCE', detail: `${removed} segments of a ${before.playlistType} list went` };
      }
      const restS = after.segments.reduce((sum, { durationS }) => sum + durationS, 0);
      if (!after.ended && restS + 0.001 * after.segments.length < 3 * after.targetDurationS) {
        yield { where: 'EXT-X-MEDIA-SEQUENCE', detail: `${removed} segments went, ${restS.toFixed(2)} s remain` };
      }
    },
  },
  {
    id: 'reload-discontinuity-sequence',
    section: '4.4.3.3, 6.2.2',
    severity: 'must',
    says: 'A segment keeps its discontinuity sequence number: EXT-X-DISCONTINUITY-SEQUENCE counts the removed ones.',
    *check(reload) {
      for (const { old, now } of pairs(reload)) {
        if (old.discontinuity !== now.discontinuity || old.discontinuitySequence === now.discontinuitySequence)
          continue;
        yield { where: nameOf(now), detail: `${old.discontinuitySequence} became ${now.discontinuitySequence}` };
        return;
      }
    },
  },
  {
    id: 'reload-ended-is-final',
    section: '4.4.3.4',
    severity: 'must',
    says: 'Nothing is added after ENDLIST, and ENDLIST is never removed.',
    *check({ before, after }) {
      if (!before.ended) return;
      if (!after.ended) yield { where: '', detail: 'ENDLIST is gone' };
      if (endOf(after) > endOf(before)) yield { where: '', detail: `segment ${endOf(after) - 1} came after ENDLIST` };
    },
  },
  {
    id: 'reload-vod-frozen',
    section: '4.4.3.5',
    severity: 'must',
    says: 'The text of a VOD playlist never changes.',
    *check({ before, after }) {
      if (before.playlistType === 'VOD' && before.text !== after.text) yield { where: '', detail: 'the text changed' };
    },
  },
];
