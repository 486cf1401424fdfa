/**
 * Rules over the text of one playlist of either kind, and over what every Media Playlist has.
 * In: a list as it was read. Out: problems. RFC 8216bis 4.1, 4.2, 4.4.1 to 4.4.4, 8; Apple 7 and 8.
 */
import { integer, type Line, type Lines } from '../lines.ts';
import { isLive, type MediaText, nameOf } from '../media-text.ts';
import type { Problem, Rule } from './rule.ts';
import { rulesOfDateRanges } from './rules-of-date-ranges.ts';

const lineOf = ({ number }: Line) => `line ${number}`;

/** Whether attributes are quoted-strings; what is not listed may be either. */
const QUOTED = new Set([
  ...['URI', 'CODECS', 'SUPPLEMENTAL-CODECS', 'AUDIO', 'VIDEO', 'SUBTITLES', 'GROUP-ID', 'LANGUAGE', 'NAME'],
  ...['ASSOC-LANGUAGE', 'CHANNELS', 'CHARACTERISTICS', 'INSTREAM-ID', 'BYTERANGE', 'KEYFORMAT', 'ID', 'CLASS'],
  ...['START-DATE', 'END-DATE', 'STABLE-VARIANT-ID', 'STABLE-RENDITION-ID', 'PATHWAY-ID', 'KEYFORMATVERSIONS'],
]);
const DECIMAL = new Set([
  ...['DURATION', 'PART-TARGET', 'HOLD-BACK', 'PART-HOLD-BACK', 'CAN-SKIP-UNTIL', 'FRAME-RATE', 'SCORE'],
  ...['PLANNED-DURATION'],
]);
const INTEGER = new Set([
  ...['BANDWIDTH', 'AVERAGE-BANDWIDTH', 'LAST-MSN', 'LAST-PART', 'SKIPPED-SEGMENTS', 'BYTERANGE-START'],
  ...['BYTERANGE-LENGTH', 'BIT-DEPTH', 'SAMPLE-RATE'],
]);
const YES_ONLY = new Set(['INDEPENDENT', 'GAP', 'END-ON-NEXT']);
const YES_OR_NO = new Set(['DEFAULT', 'AUTOSELECT', 'FORCED', 'CAN-BLOCK-RELOAD', 'CAN-SKIP-DATERANGES', 'PRECISE']);

/** Attributes that a tag must have. */
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  'EXT-X-PART-INF': ['PART-TARGET'],
  'EXT-X-MAP': ['URI'],
  'EXT-X-PART': ['URI', 'DURATION'],
  'EXT-X-SKIP': ['SKIPPED-SEGMENTS'],
  'EXT-X-PRELOAD-HINT': ['TYPE', 'URI'],
  'EXT-X-RENDITION-REPORT': ['URI', 'LAST-MSN'],
  'EXT-X-KEY': ['METHOD'],
  'EXT-X-START': ['TIME-OFFSET'],
  'EXT-X-DATERANGE': ['ID', 'START-DATE'],
  'EXT-X-MEDIA': ['TYPE', 'GROUP-ID', 'NAME'],
  'EXT-X-STREAM-INF': ['BANDWIDTH'],
  'EXT-X-I-FRAME-STREAM-INF': ['BANDWIDTH', 'URI'],
};

/** Tags that speak of the whole list, so stand at most once. */
const ONCE = new Set([
  ...['EXTM3U', 'EXT-X-VERSION', 'EXT-X-INDEPENDENT-SEGMENTS', 'EXT-X-START', 'EXT-X-TARGETDURATION'],
  ...['EXT-X-MEDIA-SEQUENCE', 'EXT-X-DISCONTINUITY-SEQUENCE', 'EXT-X-ENDLIST', 'EXT-X-PLAYLIST-TYPE'],
  ...['EXT-X-I-FRAMES-ONLY', 'EXT-X-PART-INF', 'EXT-X-SERVER-CONTROL', 'EXT-X-SKIP', 'EXT-X-CONTENT-STEERING'],
]);
const OF_BOTH = new Set(['EXTM3U', 'EXT-X-VERSION', 'EXT-X-INDEPENDENT-SEGMENTS', 'EXT-X-START', 'EXT-X-DEFINE']);
const OF_MEDIA = new Set([
  ...['EXT-X-TARGETDURATION', 'EXT-X-MEDIA-SEQUENCE', 'EXT-X-DISCONTINUITY-SEQUENCE', 'EXT-X-ENDLIST'],
  ...['EXT-X-PLAYLIST-TYPE', 'EXT-X-I-FRAMES-ONLY', 'EXT-X-PART-INF', 'EXT-X-SERVER-CONTROL', 'EXTINF'],
  ...['EXT-X-BYTERANGE', 'EXT-X-DISCONTINUITY', 'EXT-X-KEY', 'EXT-X-MAP', 'EXT-X-PROGRAM-DATE-TIME', 'EXT-X-GAP'],
  ...['EXT-X-BITRATE', 'EXT-X-PART', 'EXT-X-DATERANGE', 'EXT-X-SKIP', 'EXT-X-PRELOAD-HINT'],
  'EXT-X-RENDITION-REPORT',
]);
const OF_MULTIVARIANT = new Set([
  ...['EXT-X-MEDIA', 'EXT-X-STREAM-INF', 'EXT-X-I-FRAME-STREAM-INF', 'EXT-X-SESSION-DATA', 'EXT-X-SESSION-KEY'],
  'EXT-X-CONTENT-STEERING',
]);

function* problemsOfAttribute(line: Line, name: string, text: string, quoted: boolean): Iterable<Problem> {
  const where = lineOf(line);
  const wrong = (form: string): Problem => ({ where, detail: `${line.tag} ${name}=${text} is not ${form}` });
  if (QUOTED.has(name) !== quoted && (QUOTED.has(name) || DECIMAL.has(name) || INTEGER.has(name))) {
    yield wrong(quoted ? 'to be quoted' : 'a quoted-string');
  }
  if (DECIMAL.has(name) && !/^\d+(\.\d+)?$/.test(text)) yield wrong('a decimal-floating-point');
  if (INTEGER.has(name) && !/^\d{1,20}$/.test(text)) yield wrong('a decimal-integer');
  if (YES_ONLY.has(name) && text !== 'YES') yield wrong('YES');
  if (YES_OR_NO.has(name) && text !== 'YES' && text !== 'NO') yield wrong('YES or NO');
  if (name === 'RESOLUTION' && !/^\d+x\d+$/.test(text)) yield wrong('a decimal-resolution');
}

/** The version that the content of a playlist requires (8). */
function leastVersion(lines: readonly Line[]): { version: number; why: string } {
  let least = { version: 1, why: 'nothing' };
  const raise = (version: number, why: string) => {
    if (version > least.version) least = { version, why };
  };
  const has = (tag: string) => lines.some((line) => line.tag === tag);
  for (const { tag, value, attributes } of lines) {
    if (tag === 'EXT-X-KEY' && attributes.has('IV')) raise(2, 'IV');
    if (tag === 'EXTINF' && /^\d+\.\d/.test(value)) raise(3, 'a fraction in EXTINF');
    if (tag === 'EXT-X-BYTERANGE' || tag === 'EXT-X-I-FRAMES-ONLY') raise(4, tag);
    if (tag === 'EXT-X-KEY' && (attributes.has('KEYFORMAT') || attributes.has('KEYFORMATVERSIONS'))) raise(5, tag);
    if (tag === 'EXT-X-MAP') raise(has('EXT-X-I-FRAMES-ONLY') ? 5 : 6, tag);
    if (tag === 'EXT-X-MEDIA' && /^SERVICE/.test(attributes.get('INSTREAM-ID')?.text ?? '')) raise(7, 'SERVICE');
    if (tag === 'EXT-X-GAP' || tag === 'EXT-X-DEFINE') raise(8, tag);
    if (tag === 'EXT-X-SKIP') raise(attributes.has('RECENTLY-REMOVED-DATERANGES') ? 10 : 9, tag);
    if (tag === 'EXT-X-DEFINE' && attributes.has('QUERYPARAM')) raise(11, 'QUERYPARAM');
    if (attributes.get('REQ-VIDEO-LAYOUT')) raise(12, 'REQ-VIDEO-LAYOUT');
  }
  return least;
}

/** What both kinds of list have. */
export interface AnyText {
  readonly read: Lines;
  readonly version: number;
  readonly text: string;
}

const isMedia = (subject: AnyText): subject is MediaText => 'segments' in subject;

/** Rules of both kinds of list. */
export const rulesOfText: readonly Rule<AnyText>[] = [
  {
    id: 'extm3u-first',
    section: '4.4.1.1',
    severity: 'must',
    says: 'EXTM3U is the first line.',
    *check({ text }) {
      const first = text.split(/\r?\n/, 1)[0]!;
      if (first !== '#EXTM3U') yield { where: 'line 1', detail: `it is '${first.slice(0, 40)}'` };
    },
  },
  {
    id: 'line-form',
    section: '4.1',
    severity: 'must',
    says: 'The text is UTF-8 without a byte order mark, control characters, or white space at the ends of lines, and every line is terminated.',
    check: ({ read }) => read.badLines,
  },
  {
    id: 'attribute-form',
    section: '4.2',
    severity: 'must',
    says: 'Attribute lists are NAME=value pairs with commas between them and no white space; no name occurs twice.',
    check: ({ read }) => read.badAttributes,
  },
  {
    id: 'attribute-type',
    section: '4.2',
    severity: 'must',
    says: 'Every attribute has a value of its type: quoted or not, decimal, integer, YES or NO.',
    *check({ read }) {
      for (const line of read.lines) {
        for (const [name, { text, quoted }] of line.attributes) yield* problemsOfAttribute(line, name, text, quoted);
      }
    },
  },
  {
    id: 'attribute-required',
    section: '4.4',
    severity: 'must',
    says: 'Tags have their required attributes.',
    *check({ read }) {
      for (const line of read.lines) {
        for (const name of REQUIRED[line.tag ?? ''] ?? []) {
          if (!line.attributes.has(name)) yield { where: lineOf(line), detail: `${line.tag} has no ${name}` };
        }
      }
    },
  },
  {
    id: 'tag-known',
    section: '6.3.1',
    severity: 'should',
    says: 'The standard knows every tag: players ignore unknown tags.',
    *check({ read }) {
      for (const line of read.lines) {
        const { tag } = line;
        if (tag === undefined || OF_BOTH.has(tag) || OF_MEDIA.has(tag) || OF_MULTIVARIANT.has(tag)) continue;
        yield { where: lineOf(line), detail: `${tag} is unknown` };
      }
    },
  },
  {
    id: 'tag-once',
    section: '4.4',
    severity: 'must',
    says: 'A tag that applies to the whole playlist occurs at most once.',
    *check({ read }) {
      const seen = new Set<string>();
      for (const line of read.lines) {
        if (line.tag === undefined || !ONCE.has(line.tag)) continue;
        if (seen.has(line.tag)) yield { where: lineOf(line), detail: `${line.tag} occurs again` };
        seen.add(line.tag);
      }
    },
  },
  {
    id: 'tag-place',
    section: '4.4',
    severity: 'must',
    says: 'Tags of Media Playlists are not in a Multivariant Playlist, and vice versa.',
    *check(subject) {
      const foreign = isMedia(subject) ? OF_MULTIVARIANT : OF_MEDIA;
      for (const line of subject.read.lines) {
        if (line.tag !== undefined && foreign.has(line.tag)) {
          yield { where: lineOf(line), detail: `${line.tag} belongs into the other kind of list` };
        }
      }
    },
  },
  {
    id: 'version-high-enough',
    section: '8',
    severity: 'must',
    says: 'EXT-X-VERSION is a number, and high enough for every tag in the playlist.',
    *check({ read, version }) {
      const { version: least, why } = leastVersion(read.lines);
      if (!(version >= least)) yield { where: 'EXT-X-VERSION', detail: `${version}, but ${why} needs ${least}` };
    },
  },
];

/**
 * The distance that EXTINF may add up wrong, ms: a frame of 25 per second (Apple 8.1), and 1 ms for each
 * segment (docs/media.md 8).
 */
const DRIFT_MS = 40;

/** Rules of every Media Playlist. */
export const rulesOfMediaText: readonly Rule<MediaText>[] = [
  {
    id: 'extinf-form',
    section: '4.4.4.1',
    severity: 'must',
    says: 'Every segment has one EXTINF: a number, a comma, optionally a title.',
    *check({ segments }) {
      for (const segment of segments) {
        const own = segment.tags.filter(({ tag }) => tag === 'EXTINF');
        if (own.length !== 1) yield { where: nameOf(segment), detail: `it has ${own.length} EXTINF` };
        else if (!/^\d+(\.\d+)?,/.test(own[0]!.value)) {
          yield { where: lineOf(own[0]!), detail: `'${own[0]!.value}' is no duration with a comma` };
        }
      }
    },
  },
  {
    id: 'segment-tags-once',
    section: '4.4.4',
    severity: 'must',
    says: 'A segment has at most one date, one GAP, one DISCONTINUITY and one BYTERANGE.',
    *check({ segments, open }) {
      for (const segment of open ? [...segments, open] : segments) {
        const names = segment.tags.map(({ tag }) => tag).filter((tag) => tag !== 'EXTINF' && tag !== 'EXT-X-KEY');
        const twice = names.find((tag, i) => names.indexOf(tag) !== i);
        if (twice) yield { where: nameOf(segment), detail: `${twice} occurs twice` };
      }
    },
  },
  {
    id: 'targetduration-said',
    section: '4.4.3.1',
    severity: 'must',
    says: 'EXT-X-TARGETDURATION is present, an integer above 0.',
    *check({ targetDurationS }) {
      if (!(targetDurationS > 0)) yield { where: 'EXT-X-TARGETDURATION', detail: `it is ${targetDurationS}` };
    },
  },
  {
    id: 'targetduration-holds',
    section: '4.4.3.1',
    severity: 'must',
    says: 'No EXTINF, rounded to whole seconds, is above EXT-X-TARGETDURATION.',
    *check({ segments, targetDurationS }) {
      for (const segment of segments) {
        if (Math.round(segment.durationS) > targetDurationS) {
          yield { where: nameOf(segment), detail: `${segment.durationS} s, the target is ${targetDurationS} s` };
        }
      }
    },
  },
  {
    id: 'header-before-segments',
    section: '4.4.3.2',
    severity: 'must',
    says: 'Tags of the whole playlist are before the first segment, and DISCONTINUITY-SEQUENCE is before any DISCONTINUITY.',
    *check({ read }) {
      const { lines } = read;
      const last = (tag: string) => lines.findLastIndex((line) => line.tag === tag);
      const starts = ['EXTINF', 'EXT-X-PART', 'EXT-X-DISCONTINUITY'].map((tag) =>
        lines.findIndex((line) => line.tag === tag),
      );
      const first = Math.min(...starts.filter((index) => index >= 0));
      for (const tag of ['EXT-X-MEDIA-SEQUENCE', 'EXT-X-DISCONTINUITY-SEQUENCE', 'EXT-X-SKIP', 'EXT-X-PART-INF']) {
        if (last(tag) > first) yield { where: lineOf(lines[last(tag)]!), detail: `${tag} is after a segment` };
      }
    },
  },
  {
    id: 'map-before-segments',
    section: '3.1.2',
    severity: 'must',
    says: 'Every segment of fragmented MP4 has a Media Initialization Section.',
    *check({ segments, open }) {
      for (const segment of open ? [...segments, open] : segments) {
        const uri = segment.uri || segment.parts[0]!.uri;
        if (/\.(m4s|mp4|cmfv|cmfa)$/.test(uri.split('?')[0]!) && segment.map === undefined) {
          if (!segment.gap) yield { where: nameOf(segment), detail: 'no EXT-X-MAP is in force' };
        }
      }
    },
  },
  {
    id: 'map-change-discontinuity',
    section: '4.4.4.3',
    severity: 'must',
    says: 'A change of the Media Initialization Section has a DISCONTINUITY.',
    *check({ segments, open }) {
      let before: string | undefined;
      for (const segment of open ? [...segments, open] : segments) {
        if (before !== undefined && segment.map !== before && !segment.discontinuity) {
          yield { where: nameOf(segment), detail: `${segment.map} follows ${before} without a DISCONTINUITY` };
        }
        before = segment.map ?? before;
      }
    },
  },
  {
    id: 'date-form',
    section: '4.4.4.6',
    severity: 'must',
    says: 'EXT-X-PROGRAM-DATE-TIME is an ISO 8601 date and time with milliseconds and a time zone.',
    *check({ read }) {
      for (const line of read.lines) {
        if (line.tag !== 'EXT-X-PROGRAM-DATE-TIME') continue;
        const good = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,}(Z|[+-]\d\d:?\d\d)$/.test(line.value);
        if (!good || Number.isNaN(Date.parse(line.value))) yield { where: lineOf(line), detail: `'${line.value}'` };
      }
    },
  },
  {
    id: 'date-present',
    section: 'B.1, Apple 8.4',
    severity: 'must',
    says: 'A live playlist has EXT-X-PROGRAM-DATE-TIME, so that every segment has a date.',
    *check(list) {
      const undated = list.segments.find(({ dateMs }) => Number.isNaN(dateMs));
      if (isLive(list) && undated && list.read.lines.every(({ tag }) => tag !== 'EXT-X-PROGRAM-DATE-TIME')) {
        yield { where: nameOf(undated), detail: 'it has no date' };
      }
    },
  },
  {
    id: 'date-forward',
    section: '4.4.4.6, docs/media.md 3',
    severity: 'must',
    says: 'Dates never go back.',
    *check({ segments, open }) {
      let before = Number.NEGATIVE_INFINITY;
      for (const segment of open ? [...segments, open] : segments) {
        if (segment.dateMs <= before) {
          yield { where: nameOf(segment), detail: `${segment.dateText} does not lie after the segment before` };
        }
        if (!Number.isNaN(segment.dateMs)) before = segment.dateMs;
      }
    },
  },
  {
    id: 'date-agrees',
    section: '4.4.4.1, Apple 8.1',
    severity: 'must',
    says: 'The time between two dates without a DISCONTINUITY is the sum of the EXTINFs, within a frame.',
    *check({ segments, open }) {
      let start: { dateMs: number; sumMs: number; count: number } | undefined;
      for (const segment of open ? [...segments, open] : segments) {
        if (segment.discontinuity) start = undefined;
        if (start && segment.dateText !== undefined) {
          const apartMs = segment.dateMs - start.dateMs - start.sumMs;
          if (!(Math.abs(apartMs) <= DRIFT_MS + 1.5 * start.count)) {
            yield { where: nameOf(segment), detail: `its date differs by ${apartMs.toFixed(1)} ms from EXTINF` };
            start = undefined;
          }
        }
        start ??= { dateMs: segment.dateMs, sumMs: 0, count: 0 };
        start = { ...start, sumMs: start.sumMs + segment.durationS * 1000, count: start.count + 1 };
      }
    },
  },
  {
    id: 'discontinuity-sequence-said',
    section: '4.4.3.3, Apple 8.17',
    severity: 'must',
    says: 'A live playlist with a DISCONTINUITY has EXT-X-DISCONTINUITY-SEQUENCE.',
    *check(list) {
      const { lines } = list.read;
      if (!isLive(list) || lines.some(({ tag }) => tag === 'EXT-X-DISCONTINUITY-SEQUENCE')) return;
      const first = lines.find(({ tag }) => tag === 'EXT-X-DISCONTINUITY');
      if (first) yield { where: lineOf(first), detail: 'there is no EXT-X-DISCONTINUITY-SEQUENCE' };
    },
  },
  {
    id: 'playlist-type',
    section: '4.4.3.5',
    severity: 'must',
    says: 'EXT-X-PLAYLIST-TYPE is EVENT or VOD; a VOD playlist, which never changes, has ENDLIST.',
    *check({ playlistType, ended }) {
      if (playlistType === undefined) return;
      const where = 'EXT-X-PLAYLIST-TYPE';
      if (playlistType !== 'EVENT' && playlistType !== 'VOD') yield { where, detail: playlistType };
      if (playlistType === 'VOD' && !ended) yield { where, detail: 'VOD without ENDLIST' };
    },
  },
  {
    id: 'uri-once',
    section: '4.4.3.2, docs/media.md 14',
    severity: 'must',
    says: 'No URI of a segment or part occurs twice in a playlist, except with different byte ranges.',
    *check({ segments, open, read }) {
      if (read.lines.some(({ tag }) => tag === 'EXT-X-BYTERANGE')) return;
      const seen = new Set<string>();
      for (const { uri, line, parts } of open ? [...segments, open] : segments) {
        for (const one of uri === '' ? parts : [...parts, { uri, line }]) {
          if (seen.has(one.uri)) yield { where: `line ${one.line}`, detail: `${one.uri} occurs again` };
          seen.add(one.uri);
        }
      }
    },
  },
  {
    id: 'six-segments',
    section: 'Apple 8.11',
    severity: 'should',
    says: 'A live playlist has six segments or more.',
    *check(list) {
      const count = list.segments.length + list.skipped;
      if (isLive(list) && count < 6) yield { where: '', detail: `it has ${count}` };
    },
  },
  {
    id: 'target-six-seconds',
    section: 'Apple 7.5',
    severity: 'should',
    says: 'Target durations are six seconds (shorter ones are usual with low-latency parts).',
    *check({ targetDurationS }) {
      if (targetDurationS < 6) yield { where: 'EXT-X-TARGETDURATION', detail: `it is ${targetDurationS} s` };
    },
  },
  {
    id: 'sequence-numbers',
    section: '4.4.3.2',
    severity: 'must',
    says: 'EXT-X-MEDIA-SEQUENCE and EXT-X-DISCONTINUITY-SEQUENCE are integers below 2^53.',
    *check({ read }) {
      for (const line of read.lines) {
        if (line.tag !== 'EXT-X-MEDIA-SEQUENCE' && line.tag !== 'EXT-X-DISCONTINUITY-SEQUENCE') continue;
        if (!Number.isSafeInteger(integer(line.value))) yield { where: lineOf(line), detail: `'${line.value}'` };
      }
    },
  },
  ...rulesOfDateRanges,
];
