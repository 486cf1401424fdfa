/**
 * Patterns of the names of recorded files, such as `%path/%Y-%m-%d_%H-%M-%S-%f`: the camera and the time
 * in a name.
 * In: patterns of known programs or of a person, paths of files. Out: a path and an instant. Pure.
 */
import type { TimeZone } from '../../api/local-time.ts';
import { OxbowError } from '../../lib/errors.ts';

/** The parts of the name of a file. */
export interface NamedFile {
  /** Of the camera or stream; empty if the names have none. */
  readonly path: string;
  /**
   * Instants that the name may mean, µs since 1970: two where clocks are set back, none for a time that does
   * not exist.
   */
  readonly startsUs: readonly number[];
}

/** A pattern, ready to be applied. */
export interface NamePattern {
  readonly text: string;
  /** Smallest step of its times, µs. */
  readonly stepUs: number;
  /**
   * Reads a name.
   *
   * @param name path relative to the folder, parts joined by `/`, without the extension
   * @returns undefined if it has another form
   */
  read(name: string, zone: TimeZone): NamedFile | undefined;
}

/** Variables, what they match, and their step in µs. */
const VARIABLES: Readonly<Record<string, readonly [source: string, stepUs: number]>> = {
  path: ['.+?', Number.POSITIVE_INFINITY],
  Y: ['\\d{4}', Number.POSITIVE_INFINITY],
  m: ['\\d\\d', Number.POSITIVE_INFINITY],
  d: ['\\d\\d', Number.POSITIVE_INFINITY],
  H: ['\\d\\d', 3_600_000_000],
  M: ['\\d\\d', 60_000_000],
  S: ['\\d\\d', 1_000_000],
  f: ['\\d{6}', 1],
  s: ['\\d{9,10}', 1_000_000],
  N: ['\\d{18,19}', 1],
  z: ['Z|[+-]\\d\\d:?\\d\\d', Number.POSITIVE_INFINITY],
};
const TOKEN = /%(path|[A-Za-z%])/g;

/**
 * Reads a pattern: text with `%path`, `%Y %m %d %H %M %S`, `%f` (microseconds), `%s` (unix seconds), `%N`
 * (unix nanoseconds), `%z` (offset of the zone) and `%%`. A pattern without `/` also matches the end of
 * longer paths.
 *
 * @throws OxbowError `bad-request` if it has an unknown variable, one twice, or names no instant
 */
export function openNamePattern(text: string): NamePattern {
  const names: string[] = [];
  let source = '';
  let at = 0;
  for (const match of text.matchAll(TOKEN)) {
    source += quoted(text.slice(at, match.index));
    at = match.index + match[0].length;
    const name = match[1]!;
    if (name === '%') {
      source += '%';
      continue;
    }
    const variable = Object.hasOwn(VARIABLES, name) ? VARIABLES[name] : undefined;
    if (!variable) throw wrong(text, `%${name} is not a variable`);
    if (names.includes(name)) throw wrong(text, `%${name} is in it twice`);
    names.push(name);
    source += `(${variable[0]})`;
  }
  source += quoted(text.slice(at));
  const has = (...variables: string[]) => variables.every((name) => names.includes(name));
  if (!has('s') && !has('N') && !has('Y', 'm', 'd', 'H', 'M')) throw wrong(text, 'it does not name an instant');
  const whole = new RegExp(text.includes('/') ? `^${source}$` : `^(?:.*/)?${source}$`);
  const stepUs = Math.min(...names.map((name) => VARIABLES[name]![1]));
  return {
    text,
    stepUs,
    read(name, zone) {
      const match = whole.exec(name);
      if (!match) return undefined;
      const values = new Map(names.map((each, i) => [each, match[i + 1]!]));
      return { path: values.get('path') ?? '', startsUs: instantsOf(values, zone) };
    },
  };
}

function quoted(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function wrong(text: string, why: string): OxbowError {
  return new OxbowError('bad-request', `The pattern "${text.slice(0, 100)}" cannot be used: ${why}.`, {
    extra: { hint: 'Write it with %Y %m %d %H %M %S %f, %s, %N, %z and %path: %path/%Y-%m-%d_%H-%M-%S' },
  });
}

function instantsOf(values: ReadonlyMap<string, string>, zone: TimeZone): readonly number[] {
  const nanoseconds = values.get('N');
  if (nanoseconds !== undefined) return [Number(BigInt(nanoseconds) / 1000n)];
  const number = (name: string) => Number(values.get(name) ?? 0);
  const microseconds = number('f');
  if (values.has('s')) return [number('s') * 1_000_000 + microseconds];
  const [month, day, hour, minute, second] = [number('m'), number('d'), number('H'), number('M'), number('S')];
  const localMs = Date.UTC(number('Y'), month - 1, day, hour, minute, second);
  const date = new Date(localMs);
  const exists =
    date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 61;
  if (!exists) return [];
  const offset = values.get('z');
  const instants = offset === undefined ? zone.instantsOf(localMs) : [localMs - offsetMs(offset)];
  return instants.map((ms) => ms * 1000 + microseconds);
}

/** Offset of a zone, such as `+0200`, ms. */
function offsetMs(text: string): number {
  if (text === 'Z') return 0;
  const minutes = Number(text.slice(1, 3)) * 60 + Number(text.slice(-2));
  return minutes * 60_000 * (text[0] === '-' ? -1 : 1);
}
