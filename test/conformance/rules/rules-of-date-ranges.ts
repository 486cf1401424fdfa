/**
 * Rules over EXT-X-DATERANGE: in one list, from one reload to the next, and in a Playlist Delta Update.
 * In: lists as they were read. Out: problems. RFC 8216bis 4.4.5.1, 4.4.5.2, 6.2.5.1.
 */
import { decimal, type Line } from '../lines.ts';
import type { MediaText } from '../media-text.ts';
import type { Problem, Rule } from './rule.ts';

const TAG = 'EXT-X-DATERANGE';
/** ISO/IEC 8601 with a zone. */
const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$/;
/** Dates have milliseconds. */
const ROUNDING_MS = 1;
const KNOWN = new Set([
  ...['ID', 'CLASS', 'START-DATE', 'CUE', 'END-DATE', 'DURATION', 'PLANNED-DURATION', 'END-ON-NEXT'],
  ...['SCTE35-CMD', 'SCTE35-OUT', 'SCTE35-IN'],
]);

const rangesOf = ({ read }: MediaText) => read.lines.filter(({ tag }) => tag === TAG);
const idOf = ({ attributes }: Line) => attributes.get('ID')?.text ?? '';
const textOf = ({ attributes }: Line, name: string) => attributes.get(name)?.text;
const msOf = (line: Line, name: string) => Date.parse(textOf(line, name) ?? '');
const where = (line: Line) => `line ${line.number}, ${idOf(line)}`;

/** Attributes of an ID, as all of its tags together say them. */
function byId(list: MediaText): Map<string, Map<string, string>> {
  const ids = new Map<string, Map<string, string>>();
  for (const line of rangesOf(list)) {
    const known = ids.get(idOf(line)) ?? new Map<string, string>();
    for (const [name, { text }] of line.attributes) known.set(name, text);
    ids.set(idOf(line), known);
  }
  return ids;
}

/** Rules of one list. */
export const rulesOfDateRanges: readonly Rule<MediaText>[] = [
  {
    id: 'daterange-dates',
    section: '4.4.5.1',
    severity: 'must',
    says: 'START-DATE and END-DATE are dates with a zone, and no range ends before it begins.',
    *check(list) {
      for (const line of rangesOf(list)) {
        for (const name of ['START-DATE', 'END-DATE']) {
          const text = textOf(line, name);
          if (text !== undefined && !DATE.test(text)) yield { where: where(line), detail: `${name} is '${text}'` };
        }
        if (msOf(line, 'END-DATE') < msOf(line, 'START-DATE'))
          yield { where: where(line), detail: 'it ends before it begins' };
      }
    },
  },
  {
    id: 'daterange-end-agrees',
    section: '4.4.5.1',
    severity: 'must',
    says: 'DURATION and END-DATE of a range agree.',
    *check(list) {
      for (const line of rangesOf(list)) {
        const endMs = msOf(line, 'START-DATE') + 1000 * decimal(textOf(line, 'DURATION'));
        const apartMs = Math.abs(msOf(line, 'END-DATE') - endMs);
        if (apartMs > ROUNDING_MS) yield { where: where(line), detail: `they are ${apartMs} ms apart` };
      }
    },
  },
  {
    id: 'daterange-end-on-next',
    section: '4.4.5.1',
    severity: 'must',
    says: 'A range with END-ON-NEXT has a CLASS, and neither DURATION nor END-DATE.',
    *check(list) {
      for (const line of rangesOf(list)) {
        const { attributes } = line;
        if (!attributes.has('END-ON-NEXT')) continue;
        if (!attributes.has('CLASS')) yield { where: where(line), detail: 'it has no CLASS' };
        const odd = ['DURATION', 'END-DATE'].find((name) => attributes.has(name));
        if (odd) yield { where: where(line), detail: `it has ${odd}` };
      }
    },
  },
  {
    id: 'daterange-one-word',
    section: '4.4.5.1',
    severity: 'must',
    says: 'Tags with the same ID have the same value of every attribute that they share.',
    *check(list) {
      const seen = new Map<string, Line>();
      for (const line of rangesOf(list)) {
        const first = seen.get(idOf(line));
        if (!first) seen.set(idOf(line), line);
        for (const [name, { text }] of line.attributes) {
          const before = first && textOf(first, name);
          if (before !== undefined && before !== text) yield { where: where(line), detail: `${name} was ${before}` };
        }
      }
    },
  },
  {
    id: 'daterange-attributes',
    section: '4.4.5.1, 4.2',
    severity: 'must',
    says: 'Attribute names are those of the standard or begin with X-, and SCTE 35 is a hexadecimal-sequence.',
    *check(list) {
      for (const line of rangesOf(list)) {
        for (const [name, { text, quoted }] of line.attributes) {
          if (!KNOWN.has(name) && !/^X-[A-Z0-9-]+$/.test(name))
            yield { where: where(line), detail: `${name} is unknown` };
          const isHex = !quoted && /^0[xX][0-9A-Fa-f]+$/.test(text);
          if (name.startsWith('SCTE35-') && !isHex) yield { where: where(line), detail: `${name} is '${text}'` };
        }
      }
    },
  },
  {
    id: 'daterange-date-present',
    section: '4.4.5.1',
    severity: 'must',
    says: 'A playlist with date ranges has an EXT-X-PROGRAM-DATE-TIME.',
    *check(list) {
      const dated = list.read.lines.some(({ tag }) => tag === 'EXT-X-PROGRAM-DATE-TIME');
      if (!dated && rangesOf(list).length > 0)
        yield { where: where(rangesOf(list)[0]!), detail: 'nothing in the list has a date' };
    },
  },
];

/** A range in both playlists may only gain attributes. */
function* changes(before: MediaText, after: MediaText): Iterable<Problem> {
  const now = byId(after);
  for (const [id, attributes] of byId(before)) {
    const later = now.get(id);
    for (const [name, text] of later ? attributes : []) {
      const said = later!.get(name);
      if (said !== text) yield { where: id, detail: `${name} was ${text} and is ${said ?? 'gone'}` };
    }
  }
}

export const rulesOfReloadedRanges: readonly Rule<{ readonly before: MediaText; readonly after: MediaText }>[] = [
  {
    id: 'reload-daterange-kept',
    section: '4.4.5.1, 6.2.1',
    severity: 'must',
    says: 'Attributes of a range do not change as long as the playlist lists it; new ones may be added.',
    check: ({ before, after }) => changes(before, after),
  },
];

/** Rules of Playlist Delta Updates. */
export const rulesOfDeltaRanges: readonly Rule<{ readonly full: MediaText; readonly delta: MediaText }>[] = [
  {
    id: 'delta-dateranges-kept',
    section: '4.4.5.2, 6.2.5.1',
    severity: 'must',
    says: 'A delta lists every range of the playlist, unless CAN-SKIP-DATERANGES permits omitting it.',
    *check({ full, delta }) {
      if (full.control.get('CAN-SKIP-DATERANGES')?.text === 'YES') return;
      const said = new Set(rangesOf(delta).map(({ text }) => text));
      for (const line of rangesOf(full))
        if (!said.has(line.text)) yield { where: where(line), detail: 'it is not in the delta' };
    },
  },
];
