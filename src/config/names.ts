/**
 * The names of each setting, derived from its path in the table.
 * In: the table of settings. Out: file key, flag and variable of each; the nearest known name to a mistyped
 * one.
 */
import type { Node, Option, Section } from './option.ts';

/** One setting with its names. */
export interface Setting {
  /** Key in a file, e.g. `hls.partDuration`. */
  readonly path: string;
  /** Flag without dashes, e.g. `hls-part-duration`. */
  readonly flag: string;
  /** Variable, e.g. `OXBOW_HLS_PART_DURATION`. */
  readonly variable: string;
  // biome-ignore lint/suspicious/noExplicitAny: the list holds settings of every type
  readonly option: Option<any>;
}

const kebab = (path: string): string =>
  path.replaceAll('.', '-').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/**
 * Every setting of a section, at any depth, in the order of the table; named sections are left out, as they
 * have no flags.
 *
 * @param prefix path of the section followed by a dot; empty for the whole table
 */
export function listSettings(table: Section<Readonly<Record<string, Node>>>, prefix = ''): readonly Setting[] {
  return Object.entries(table.children).flatMap(([key, node]) => {
    const path = `${prefix}${key}`;
    if (node.node === 'section') return listSettings(node, `${path}.`);
    if (node.node === 'named') return [];
    const variable = `OXBOW_${kebab(path).replaceAll('-', '_').toUpperCase()}`;
    return [{ path, flag: node.flag ?? kebab(path), variable, option: node }];
  });
}

/**
 * The known name that is most similar to a mistyped one.
 *
 * @returns the candidate with the fewest differing letters: at most one of three, two of eleven, three of
 *   more; otherwise undefined
 */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = 1 + (name.length < 4 ? 1 : name.length < 12 ? 2 : 3);
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase().slice(0, 80), candidate.toLowerCase());
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

/** Damerau-Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, before[j - 2]! + 1);
      next.push(cost);
    }
    before = row;
    row = next;
  }
  return row[b.length]!;
}
