/**
 * Reads SSA and ASS: scripts, and the events of a script as containers have them; writes a script of such
 * events.
 * In: text. Out: cues with bold, italics, underline and place; fonts, colours, movement and drawings are left
 * out. Pure. Advanced SubStation Alpha has no standard; Matroska Subtitles (draft-ietf-cellar-codec) 6.3 has
 * its mapping.
 */
import { CueList } from './bounds.ts';
import { alignmentSettings, escapeText, joinLines } from './cue-text.ts';

/** Fields of events and styles that are read. */
const EVENT_FORMAT = 'layer,start,end,style,name,marginl,marginr,marginv,effect,text'.split(',');
const MAX_STYLES = 1000;
/** Alignment of SSA: 1 to 3 at the bottom, 5 to 7 at the top, 9 to 11 in the middle. */
const PAD_OF_SSA: Readonly<Record<number, number>> = { 1: 1, 2: 2, 3: 3, 5: 7, 6: 8, 7: 9, 9: 4, 10: 5, 11: 6 };

/** The part of a script before the events. */
interface Head {
  /** Alignment by style, 1 to 9. */
  readonly alignments: ReadonlyMap<string, number>;
  /** Names of the fields of an event, in lower case. */
  readonly format: readonly string[];
}

/** An event as Matroska stores it. */
export interface AssEvent {
  readonly startMs: number;
  readonly endMs: number;
  /** `ReadOrder,Layer,Style,Name,MarginL,MarginR,MarginV,Effect,Text` */
  readonly fields: string;
}

/** Whether a text is a script. */
export function isAss(text: string): boolean {
  return /^\uFEFF?\s*\[script info\]/i.test(text);
}

/** Reads a script; lines other than dialogue are skipped. */
export function parseAss(script: string, cues: CueList = new CueList()): CueList {
  const head = readHead(script);
  for (const line of linesOf(script)) {
    const [, dialogue] = /^dialogue:\s*(.*)$/i.exec(line) ?? [];
    if (dialogue === undefined) continue;
    const fields = splitFields(dialogue, head.format.length);
    const field = (name: string) => fields[head.format.indexOf(name)] ?? '';
    const [startMs, endMs] = [parseTime(field('start')), parseTime(field('end'))];
    if (startMs === undefined || endMs === undefined) continue;
    cues.add({ id: '', startMs, endMs, ...assCue(field('text'), field('style'), head.alignments) });
  }
  return cues;
}

/**
 * The cues of events.
 *
 * @param head script before its events
 */
export function cuesOfEvents(head: string, events: readonly AssEvent[], cues: CueList = new CueList()): CueList {
  const { alignments } = readHead(head);
  for (const { startMs, endMs, fields } of events) {
    const [, , style = '', , , , , , text = ''] = splitFields(fields, 9);
    cues.add({ id: '', startMs, endMs, ...assCue(text, style, alignments) });
  }
  return cues;
}

/** The script of events: its head, then a line for each, in the order of the original. */
export function printAss(head: string, events: readonly AssEvent[]): string {
  const kept = linesOf(head).filter((line) => !/^(?:dialogue|comment):/i.test(line));
  const hasEvents = kept.some((line) => /^\[events\]/i.test(line));
  if (!hasEvents) {
    kept.push('[Events]', 'Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text');
  }
  while (kept.at(-1) === '') kept.pop();
  const lines = events.map(({ startMs, endMs, fields }) => {
    const [order = '', layer = '0', ...columns] = splitFields(fields.replace(/[\r\n]+/g, '\\N'), 9);
    const line = `Dialogue: ${layer},${printTime(startMs)},${printTime(endMs)},${columns.join(',')}`;
    return { order: Number(order) || 0, line };
  });
  return `${[...kept, ...lines.sort((a, b) => a.order - b.order).map(({ line }) => line)].join('\n')}\n`;
}

function linesOf(text: string): string[] {
  return text
    .replace(/^\uFEFF/, '')
    .replaceAll('\0', '')
    .split(/\r\n|\r|\n/);
}

/** Splits at commas into at most `count` fields; the last one has the rest. */
function splitFields(text: string, count: number): string[] {
  const fields = text.split(',');
  if (fields.length <= count) return fields.map((field, i) => (i === count - 1 ? field : field.trim()));
  return [...fields.slice(0, count - 1).map((field) => field.trim()), fields.slice(count - 1).join(',')];
}

function readHead(script: string): Head {
  const alignments = new Map<string, number>();
  let section = '';
  let styleFormat: readonly string[] = [];
  let format: readonly string[] = EVENT_FORMAT;
  for (const line of linesOf(script)) {
    const name = /^\s*\[([^\]]{1,40})\]/.exec(line)?.[1];
    if (name !== undefined) section = name.toLowerCase();
    const [, key = '', value = ''] = /^(format|style):\s*(.*)$/i.exec(line) ?? [];
    const isFormat = key.toLowerCase() === 'format';
    const names = () =>
      value
        .toLowerCase()
        .split(',')
        .map((name) => name.trim());
    if (isFormat && section === 'events') format = names();
    else if (isFormat) styleFormat = names();
    else if (key !== '' && alignments.size < MAX_STYLES) {
      const fields = splitFields(value, styleFormat.length);
      const alignment = Number(fields[styleFormat.indexOf('alignment')] ?? 2);
      const pad = section === 'v4 styles' ? PAD_OF_SSA[alignment] : alignment;
      const style = (fields[styleFormat.indexOf('name')] ?? '').replace(/^\*/, '');
      if (pad !== undefined && pad >= 1 && pad <= 9) alignments.set(style, pad);
    }
  }
  return { alignments, format: format.at(-1) === 'text' ? format : EVENT_FORMAT };
}

/** Text and settings of an event; empty text for a drawing. */
function assCue(
  text: string,
  style: string,
  alignments: ReadonlyMap<string, number>,
): { readonly text: string; readonly settings: string } {
  let pad = alignments.get(style.replace(/^\*/, '')) ?? 2;
  let isDrawing = false;
  let tags: readonly string[] = [];
  let out = '';
  for (const piece of text.slice(0, 20_000).split(/(\{[^{}]*\})/)) {
    if (!piece.startsWith('{') || !piece.endsWith('}')) {
      if (!isDrawing && piece !== '') out += wrap(plainOf(piece), tags);
      continue;
    }
    for (const [, name = '', value = ''] of piece.matchAll(/\\(an|[biupar](?![a-z]))(\d*)/g)) {
      const number = Number(value || 0);
      if (name === 'p') isDrawing = number > 0;
      else if (name === 'an') pad = number >= 1 && number <= 9 ? number : pad;
      else if (name === 'a') pad = PAD_OF_SSA[number] ?? pad;
      else if (name === 'r') tags = [];
      else tags = [...tags.filter((tag) => tag !== name), ...(number > 0 ? [name] : [])].sort();
    }
  }
  return { text: joinLines(out.split('\n')), settings: alignmentSettings(pad) };
}

/** Line breaks and hard spaces; everything else is text. */
function plainOf(piece: string): string {
  return escapeText(piece).replaceAll('\\N', '\n').replaceAll('\\n', ' ').replaceAll('\\h', '&nbsp;');
}

function wrap(text: string, tags: readonly string[]): string {
  if (tags.length === 0 || text.trim() === '') return text;
  const before = tags.map((tag) => `<${tag}>`).join('');
  const after = tags
    .toReversed()
    .map((tag) => `</${tag}>`)
    .join('');
  return `${before}${text}${after}`;
}

/** `h:mm:ss.cc`, ms. */
function parseTime(text: string): number | undefined {
  const [, hours, minutes, seconds, fraction = '0'] =
    /^(\d{1,3}):(\d{1,2}):(\d{1,2})(?:[.:,](\d{1,3}))?$/.exec(text) ?? [];
  if (hours === undefined) return undefined;
  return (
    Number(hours) * 3_600_000 + Number(minutes) * 60_000 + Number(seconds) * 1000 + Number(fraction.padEnd(3, '0'))
  );
}

function printTime(ms: number): string {
  const hundredths = Math.max(0, Math.round(ms / 10));
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  const hours = Math.floor(hundredths / 360_000);
  return `${hours}:${two((hundredths / 6000) % 60)}:${two((hundredths / 100) % 60)}.${two(hundredths % 100)}`;
}
