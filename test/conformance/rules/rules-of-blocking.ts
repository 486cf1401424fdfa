/**
 * Rules about responses to Delivery Directives and hints: blocking reloads, Playlist Delta Updates, parts
 * that are requested early.
 * In: what was asked, when, and what came. Out: problems. RFC 8216bis 6.2.5, 6.2.6; docs/media.md 28.
 */
import { decimal } from '../lines.ts';
import { allSegments, type MediaText } from '../media-text.ts';
import type { Rule } from './rule.ts';
import { rulesOfDeltaRanges } from './rules-of-date-ranges.ts';

/** A reload with directives. */
export interface Reloaded {
  readonly asked: { readonly msn?: number; readonly part?: number };
  readonly status: number;
  /** From the request to the answer, ms. */
  readonly tookMs: number;
  /** The playlist before the request. */
  readonly before: MediaText;
  /** What came; undefined where it was no list. */
  readonly list: MediaText | undefined;
}

/** A list, whole and as a delta of the same moment. */
export interface Delta {
  readonly full: MediaText;
  readonly delta: MediaText;
}

/** A part that was requested while it was only hinted. */
export interface Hinted {
  readonly url: string;
  readonly status: number;
  readonly tookMs: number;
  readonly targetDurationS: number;
  readonly bytes: Uint8Array;
  /** What its address gave when it was listed; undefined where it never was. */
  readonly later: Uint8Array | undefined;
}

/** A transfer and a busy machine are no fault of the server's, ms. */
const LENIENCE_MS = 2000;

/** Whether a playlist has the requested media (6.2.5.2). */
function has(list: MediaText, msn: number, part: number | undefined): boolean {
  const whole = list.mediaSequence + list.skipped + list.segments.length;
  if (part === undefined) return whole > msn;
  const segment = allSegments(list).find((one) => one.msn === msn);
  if (segment && segment.parts.length > part) return true;
  // A part behind the last one of its segment means the first of the next.
  if (whole <= msn) return false;
  return whole > msn + 1 || list.open !== undefined || (segment !== undefined && segment.parts.length === 0);
}

/** Whether no client that follows the playlist would request that now (6.2.5.2). */
function isTooFar({ before, asked: { msn, part } }: Reloaded): boolean {
  const last = before.mediaSequence + before.skipped + before.segments.length - 1;
  return msn !== undefined && (msn > last + 2 || (part !== undefined && part > 400 && msn > last));
}

/** Rules of blocking reloads. */
export const rulesOfReloaded: readonly Rule<Reloaded>[] = [
  {
    id: 'blocking-contains',
    section: '6.2.5.2',
    severity: 'must',
    says: 'The response to a blocking reload has the requested segment or part, unless the playlist has ended.',
    *check({ asked, status, list }) {
      if (status !== 200 || asked.msn === undefined) return;
      if (!list) yield { where: '', detail: 'the answer is no Media Playlist' };
      else if (!list.ended && !has(list, asked.msn, asked.part)) {
        yield { where: `_HLS_msn=${asked.msn} _HLS_part=${asked.part}`, detail: 'it is not in the list' };
      }
    },
  },
  {
    id: 'blocking-answered',
    section: '6.2.5.2',
    severity: 'must',
    says: 'The response to a reload for what comes next is a playlist, or 503 if it did not come.',
    *check(reloaded) {
      const { asked, status } = reloaded;
      if (asked.msn === undefined || isTooFar(reloaded) || status === 200 || status === 503) return;
      yield { where: `_HLS_msn=${asked.msn} _HLS_part=${asked.part}`, detail: `status ${status}` };
    },
  },
  {
    id: 'blocking-in-time',
    section: '6.2.5.2',
    severity: 'must',
    says: 'No request is held longer than three target durations.',
    *check({ asked, tookMs, before }) {
      if (tookMs > 3000 * before.targetDurationS + LENIENCE_MS) {
        yield { where: `_HLS_msn=${asked.msn}`, detail: `it took ${Math.round(tookMs)} ms` };
      }
    },
  },
  {
    id: 'part-needs-msn',
    section: '6.2.5.2',
    severity: 'must',
    says: '_HLS_part without _HLS_msn is answered with 400.',
    *check({ asked, status }) {
      if (asked.part === undefined || asked.msn !== undefined || status === 400) return;
      yield { where: `_HLS_part=${asked.part}`, detail: `status ${status}` };
    },
  },
  {
    id: 'too-far-refused',
    section: '6.2.5.2',
    severity: 'must',
    says: 'A segment more than two ahead, and a part far beyond the Advance Part Limit, are answered with 400 at once (a SHOULD of the standard).',
    *check(reloaded) {
      const { asked, status, list } = reloaded;
      if (!isTooFar(reloaded) || status === 400) return;
      // Its segment was completed while the request was on its way: a part behind the last one is then the
      // first of the next.
      if (asked.part !== undefined && list !== undefined && has(list, asked.msn!, asked.part)) return;
      yield { where: `_HLS_msn=${asked.msn} _HLS_part=${asked.part}`, detail: `status ${status}` };
    },
  },
];

/** What is compared of lists: the lines behind the head, which tell URIs and tags. */
function segmentLines(list: MediaText): string[] {
  const { lines } = list.read;
  const skip = lines.findIndex(({ tag }) => tag === 'EXT-X-SKIP');
  return lines.slice(skip + 1).map(({ text }) => text);
}

/** Rules of Playlist Delta Updates. */
export const rulesOfDelta: readonly Rule<Delta>[] = [
  ...rulesOfDeltaRanges,
  {
    id: 'delta-on-demand',
    section: '6.2.5.1',
    severity: 'must',
    says: 'EXT-X-SKIP is only in responses to requests with _HLS_skip.',
    *check({ full }) {
      if (full.skipped > 0) yield { where: '', detail: `${full.skipped} segments are skipped unasked` };
    },
  },
  {
    id: 'delta-is-list',
    section: '6.2.5.1, 4.4.5.2',
    severity: 'must',
    says: 'A delta is the full playlist without the segments that it skips: same numbers, same lines.',
    *check({ full, delta }) {
      if (delta.skipped === 0) return;
      if (delta.mediaSequence !== full.mediaSequence) {
        yield { where: 'EXT-X-MEDIA-SEQUENCE', detail: `${delta.mediaSequence}, the list has ${full.mediaSequence}` };
      }
      const [whole, rest] = [allSegments(full), allSegments(delta)];
      if (delta.skipped + rest.length !== whole.length) {
        yield { where: '', detail: `${delta.skipped} skipped and ${rest.length} listed are not ${whole.length}` };
        return;
      }
      // The initialization section in force is said again behind what is skipped.
      const lines = segmentLines(delta).filter((line) => !line.startsWith('#EXT-X-MAP'));
      const tail = segmentLines(full)
        .filter((line) => !line.startsWith('#EXT-X-MAP'))
        .slice(-lines.length);
      const odd = lines.findIndex((line, i) => line !== tail[i]);
      if (odd >= 0) yield { where: '', detail: `'${lines[odd]}' where the list has '${tail[odd]}'` };
      const at = rest.findIndex((segment, i) => segment.map !== whole[delta.skipped + i]!.map);
      if (at >= 0)
        yield { where: `segment ${rest[at]!.msn}`, detail: `its initialization section is ${rest[at]!.map}` };
    },
  },
  {
    id: 'delta-boundary',
    section: '6.2.5.1, 4.4.3.8',
    severity: 'must',
    says: 'No segment is skipped that is nearer to the end than CAN-SKIP-UNTIL.',
    *check({ full, delta }) {
      const untilS = decimal(full.control.get('CAN-SKIP-UNTIL')?.text);
      if (delta.skipped === 0) return;
      if (Number.isNaN(untilS)) yield { where: '', detail: 'there is no CAN-SKIP-UNTIL' };
      const rest = full.segments.slice(delta.skipped);
      const open = full.open?.parts.reduce((sum, { durationS }) => sum + durationS, 0) ?? 0;
      const restS = rest.reduce((sum, { durationS }) => sum + durationS + 0.001, open);
      if (restS < untilS) yield { where: '', detail: `${restS.toFixed(2)} s remain, CAN-SKIP-UNTIL is ${untilS} s` };
    },
  },
  {
    id: 'delta-given',
    section: '6.2.5.1',
    severity: 'should',
    says: 'A request with _HLS_skip for a playlist that can be skipped, and is long enough, gets a delta.',
    *check({ full, delta }) {
      const untilS = decimal(full.control.get('CAN-SKIP-UNTIL')?.text);
      const wholeS = full.segments.reduce((sum, { durationS }) => sum + durationS, 0);
      if (delta.skipped === 0 && wholeS > untilS + 2 * full.targetDurationS) {
        yield { where: '', detail: `${wholeS.toFixed(1)} s are listed, none is skipped` };
      }
    },
  },
];

export const rulesOfHinted: readonly Rule<Hinted>[] = [
  {
    id: 'hint-served',
    section: '4.4.5.3, 6.2.6',
    severity: 'must',
    says: 'A hinted part can be requested at once and is sent when it exists (404 if it never does, 503 after three target durations).',
    *check({ url, status, tookMs, targetDurationS, bytes, later }) {
      if (status === 200 && bytes.length === 0) yield { where: url, detail: 'it is empty' };
      if (status !== 200 && later !== undefined)
        yield { where: url, detail: `status ${status}, but it was listed later` };
      if (status !== 200 && ![404, 410, 503].includes(status)) yield { where: url, detail: `status ${status}` };
      if (tookMs > 3000 * targetDurationS + LENIENCE_MS)
        yield { where: url, detail: `it took ${Math.round(tookMs)} ms` };
    },
  },
  {
    id: 'hint-same-bytes',
    section: '6.2.6, docs/media.md 14',
    severity: 'must',
    says: 'A part requested by its hint has the same bytes as the listed one.',
    *check({ url, status, bytes, later }) {
      if (status === 200 && later && !Buffer.from(bytes).equals(later))
        yield { where: url, detail: 'other bytes came later' };
    },
  },
];
