/**
 * Rules over the low-latency side of one Media Playlist: parts, hold-backs, hints, what may be skipped.
 * In: a list as it was read. Out: problems. RFC 8216bis 4.4.3.7, 4.4.3.8, 4.4.4.9, 4.4.5, appendix B.1;
 * Apple 14.
 */
import { decimal } from '../lines.ts';
import { allSegments, isLive, type MediaText, nameOf, type TextPart, type TextSegment } from '../media-text.ts';
import type { Rule } from './rule.ts';

/** Five decimals are printed; sums of them are this near. */
const ROUNDING_S = 0.000_05;
/** A segment's parts add up to its EXTINF this near, seconds. */
const SUM_S = 0.005;
/** The least part, as a share of PART-TARGET. */
const LEAST = 0.85;

const partsOf = (list: MediaText): { segment: TextSegment; part: TextPart; index: number }[] =>
  allSegments(list).flatMap((segment) => segment.parts.map((part, index) => ({ segment, part, index })));
const hasParts = (list: MediaText) => allSegments(list).some(({ parts }) => parts.length > 0);
const control = (list: MediaText, name: string) => decimal(list.control.get(name)?.text);

/** From the start of a segment to the end of the list, seconds. */
function distances(list: MediaText): Map<TextSegment, number> {
  const result = new Map<TextSegment, number>();
  let sum = list.open?.parts.reduce((total, { durationS }) => total + durationS, 0) ?? 0;
  if (list.open) result.set(list.open, sum);
  for (const segment of [...list.segments].reverse()) {
    sum += segment.durationS;
    result.set(segment, sum);
  }
  return result;
}

/** Rules of low latency. */
export const rulesOfParts: readonly Rule<MediaText>[] = [
  {
    id: 'part-inf-present',
    section: '4.4.3.7',
    severity: 'must',
    says: 'A playlist with parts has EXT-X-PART-INF.',
    *check(list) {
      if (hasParts(list) && list.partTargetS === undefined) yield { where: '', detail: 'there is no EXT-X-PART-INF' };
    },
  },
  {
    id: 'part-not-above-target',
    section: '4.4.4.9',
    severity: 'must',
    says: 'No part is longer than PART-TARGET.',
    *check(list) {
      for (const { part } of partsOf(list)) {
        if (part.durationS > (list.partTargetS ?? Number.POSITIVE_INFINITY) + ROUNDING_S) {
          yield { where: part.uri, detail: `${part.durationS} s, PART-TARGET is ${list.partTargetS} s` };
        }
      }
    },
  },
  {
    id: 'part-not-too-short',
    section: '4.4.4.9',
    severity: 'must',
    says: 'A part lasts 85 % of PART-TARGET or more, unless it is INDEPENDENT, a GAP, before a GAP, or the last of its segment.',
    *check(list) {
      for (const { segment, part, index } of partsOf(list)) {
        const next = segment.parts[index + 1];
        const isLast = next === undefined;
        if (isLast || part.independent || part.gap || next.gap) continue;
        if (part.durationS < LEAST * (list.partTargetS ?? 0) - ROUNDING_S) {
          yield { where: part.uri, detail: `${part.durationS} s, PART-TARGET is ${list.partTargetS} s` };
        }
      }
    },
  },
  {
    id: 'part-sum',
    section: '4.4.4.9',
    severity: 'must',
    says: 'The parts of a complete segment add up to its EXTINF: all are listed or none.',
    *check(list) {
      for (const segment of list.segments) {
        if (segment.parts.length === 0) continue;
        const sum = segment.parts.reduce((total, { durationS }) => total + durationS, 0);
        if (!(Math.abs(sum - segment.durationS) <= SUM_S)) {
          yield { where: nameOf(segment), detail: `parts ${sum.toFixed(5)} s, EXTINF ${segment.durationS} s` };
        }
      }
    },
  },
  {
    id: 'parts-near-end',
    section: '4.4.4.9',
    severity: 'should',
    says: 'Parts further from the end than three target durations are no longer listed (two more are tolerated).',
    *check(list) {
      for (const [segment, distanceS] of distances(list)) {
        const limitS = 5 * list.targetDurationS;
        if (segment.parts.length > 0 && distanceS - segment.durationS > limitS) {
          yield { where: nameOf(segment), detail: `it is ${distanceS.toFixed(1)} s from the end` };
        }
      }
    },
  },
  {
    id: 'parts-unbroken',
    section: '6.2.2',
    severity: 'must',
    says: 'All segments in the last three target durations of a playlist with parts have parts.',
    *check(list) {
      if (!hasParts(list) || list.ended) return;
      const first = list.segments.findIndex(({ parts }) => parts.length > 0);
      for (const segment of list.segments.slice(Math.max(0, first))) {
        if (segment.parts.length === 0 && !segment.gap) yield { where: nameOf(segment), detail: 'it has no parts' };
      }
      const away = distances(list);
      for (const segment of list.segments.slice(0, Math.max(0, first))) {
        if (away.get(segment)! <= 3 * list.targetDurationS && !segment.gap) {
          yield {
            where: nameOf(segment),
            detail: `its parts are gone ${away.get(segment)!.toFixed(1)} s from the end`,
          };
        }
      }
    },
  },
  {
    id: 'part-hold-back-least',
    section: '4.4.3.8',
    severity: 'must',
    says: 'A playlist with PART-INF has PART-HOLD-BACK, at least twice PART-TARGET.',
    *check(list) {
      if (list.partTargetS === undefined) return;
      const value = control(list, 'PART-HOLD-BACK');
      if (!(value >= 2 * list.partTargetS - ROUNDING_S)) {
        yield { where: 'PART-HOLD-BACK', detail: `${value} s, PART-TARGET is ${list.partTargetS} s` };
      }
    },
  },
  {
    id: 'part-hold-back-three',
    section: '4.4.3.8, Apple 14.3',
    severity: 'must',
    says: 'PART-HOLD-BACK is at least three times PART-TARGET (a SHOULD of the standard, a MUST of Apple).',
    *check(list) {
      const value = control(list, 'PART-HOLD-BACK');
      if (list.partTargetS === undefined || Number.isNaN(value)) return;
      if (value < 3 * list.partTargetS - ROUNDING_S) {
        yield { where: 'PART-HOLD-BACK', detail: `${value} s, PART-TARGET is ${list.partTargetS} s` };
      }
    },
  },
  {
    id: 'hold-back-least',
    section: '4.4.3.8',
    severity: 'must',
    says: 'HOLD-BACK is at least three target durations.',
    *check(list) {
      if (!list.control.has('HOLD-BACK')) return;
      const value = control(list, 'HOLD-BACK');
      if (!(value >= 3 * list.targetDurationS)) {
        yield { where: 'HOLD-BACK', detail: `${value} s, the target is ${list.targetDurationS} s` };
      }
    },
  },
  {
    id: 'can-skip-until-least',
    section: '4.4.3.8',
    severity: 'must',
    says: 'CAN-SKIP-UNTIL is at least six target durations.',
    *check(list) {
      if (!list.control.has('CAN-SKIP-UNTIL')) return;
      const value = control(list, 'CAN-SKIP-UNTIL');
      if (!(value >= 6 * list.targetDurationS)) {
        yield { where: 'CAN-SKIP-UNTIL', detail: `${value} s, the target is ${list.targetDurationS} s` };
      }
    },
  },
  {
    id: 'can-block-reload',
    section: 'B.1',
    severity: 'must',
    says: 'A live playlist with parts supports blocking reloads.',
    *check(list) {
      if (list.ended || list.partTargetS === undefined) return;
      if (list.control.get('CAN-BLOCK-RELOAD')?.text !== 'YES') {
        yield { where: 'EXT-X-SERVER-CONTROL', detail: 'there is no CAN-BLOCK-RELOAD=YES' };
      }
    },
  },
  {
    id: 'preload-hint-present',
    section: 'B.1',
    severity: 'must',
    says: 'A live playlist with parts hints at the next part.',
    *check(list) {
      if (list.ended || !hasParts(list)) return;
      const hint = list.hints.find(({ attributes }) => attributes.get('TYPE')?.text === 'PART');
      if (!hint) yield { where: '', detail: 'there is no EXT-X-PRELOAD-HINT of a part' };
    },
  },
  {
    id: 'preload-hint-next',
    section: '4.4.5.3',
    severity: 'must',
    says: 'There is at most one hint of each type, for what follows everything listed, and none in a playlist that has ended.',
    *check(list) {
      const types = new Set<string>();
      const known = new Set(allSegments(list).flatMap(({ uri, parts }) => [uri, ...parts.map((part) => part.uri)]));
      const last = Math.max(
        0,
        ...allSegments(list).map(({ line }) => line),
        ...partsOf(list).map(({ part }) => part.line),
      );
      for (const { number, attributes } of list.hints) {
        const where = `line ${number}`;
        const type = attributes.get('TYPE')?.text ?? '';
        const uri = attributes.get('URI')?.text ?? '';
        if (type !== 'PART' && type !== 'MAP') yield { where, detail: `TYPE=${type}` };
        if (types.has(type)) yield { where, detail: `a second hint of type ${type}` };
        types.add(type);
        if (known.has(uri)) yield { where, detail: `${uri} is listed already` };
        if (number < last) yield { where, detail: 'it is before the listed parts' };
        if (list.ended) yield { where, detail: 'the list has ended' };
      }
    },
  },
  {
    id: 'gap-parts-marked',
    section: '4.4.4.9',
    severity: 'must',
    says: 'Parts of a segment that is a GAP are gaps themselves.',
    *check(list) {
      for (const { segment, part } of partsOf(list)) {
        if (segment.gap && !part.gap)
          yield { where: part.uri, detail: `${nameOf(segment)} is a GAP, its part is none` };
      }
    },
  },
  {
    id: 'independent-part-present',
    section: '4.4.4.9',
    severity: 'should',
    says: 'At least one part of a live playlist is INDEPENDENT, so that a player can begin there.',
    *check(list) {
      const parts = partsOf(list);
      if (isLive(list) && parts.length > 0 && !parts.some(({ part }) => part.independent)) {
        yield { where: '', detail: `none of ${parts.length} parts is INDEPENDENT` };
      }
    },
  },
];
