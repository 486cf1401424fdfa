/**
 * How other programs name their recorded files.
 * In: names of files. Out: the layout of a folder, with its pattern. Pure.
 */
import type { TimeZone } from '../../api/local-time.ts';
import { type NamedFile, type NamePattern, openNamePattern } from './name-pattern.ts';

/** Names of layouts; `files`: a pattern is given, or the files say themselves when they begin. */
const LAYOUTS = ['vsr', 'mediamtx', 'frigate', 'files'] as const;

export type LayoutName = (typeof LAYOUTS)[number];

export interface Layout {
  readonly name: LayoutName;
  /** The first that fits a name applies; none: the files say themselves when they begin. */
  readonly patterns: readonly NamePattern[];
  /** Zone of the names; undefined: that of the computer that wrote them. */
  readonly zone: 'UTC' | undefined;
  /**
   * By how much the name of a file may differ from the end of the file before it while both are the same
   * media, µs. Names that are times of arrival differ by seconds.
   */
  readonly looseUs: number;
  /** The names are times of arrival: the earliest of several neighbours is the most exact. */
  readonly byArrival: boolean;
}

const named = { zone: undefined, looseUs: 2_000_000, byArrival: false } as const;

const KNOWN: readonly Layout[] = [
  // video-stream-recorder: a flat folder; the name is when the segment was loaded.
  { name: 'vsr', patterns: patterns('%N'), zone: 'UTC', looseUs: 60_000_000, byArrival: true },
  // The default of `recordPath`, in local time: the folder of all paths, or of one.
  { ...named, name: 'mediamtx', patterns: patterns('%path/%Y-%m-%d_%H-%M-%S-%f', '%Y-%m-%d_%H-%M-%S-%f') },
  { ...named, name: 'frigate', patterns: patterns('%Y-%m-%d/%H/%path/%M.%S'), zone: 'UTC' },
];

function patterns(...texts: string[]): readonly NamePattern[] {
  return texts.map(openNamePattern);
}

/**
 * The layout of a name.
 *
 * @param timePattern replaces its patterns
 * @throws OxbowError `bad-request` as openNamePattern
 */
export function openLayout(name: LayoutName, timePattern: string | undefined): Layout {
  const base = KNOWN.find((layout) => layout.name === name) ?? { ...named, name: 'files', patterns: [] };
  return timePattern === undefined ? base : { ...base, patterns: patterns(timePattern) };
}

/**
 * The layout that most of some names have; `files` if none has a known one.
 * @param names as of `NamePattern.read`
 */
export function detectLayout(names: readonly string[]): Layout {
  const utc: TimeZone = { name: 'UTC', instantsOf: (ms) => [ms] };
  const isNamed = (layout: Layout, name: string) => (readName(layout, name, utc)?.startsUs.length ?? 0) > 0;
  const counts = KNOWN.map((layout) => ({ layout, count: names.filter((name) => isNamed(layout, name)).length }));
  const first = counts.reduce((most, candidate) => (candidate.count > most.count ? candidate : most));
  return first.count > 0 ? first.layout : openLayout('files', undefined);
}

/** The parts of a name in a layout; undefined if it has another form. */
export function readName(layout: Layout, name: string, zone: TimeZone): NamedFile | undefined {
  for (const pattern of layout.patterns) {
    const namedFile = pattern.read(name, zone);
    if (namedFile) return namedFile;
  }
  return undefined;
}
