/**
 * Reads one YAML file of settings, with the line and column of each value.
 * In: the text of a file. Out: raw values by path, problems by line. The only file that knows the `yaml`
 * library.
 */
import { createRequire } from 'node:module';
import { FormatError } from '@oxbow/media/errors';
import type { Document, ParsedNode } from 'yaml';
import { messageOf } from '../lib/errors.ts';
import { nearest } from './names.ts';
import type { NamedSections, Node, Section } from './option.ts';

/** Loaded with the first file: most servers have none, and it is a tenth of the start. */
const load = (): typeof import('yaml') => createRequire(import.meta.url)('yaml');

/** A value with its origin. */
export interface RawValue {
  readonly path: string;
  readonly value: unknown;
  /** E.g. `oxbow.yaml:3`. */
  readonly origin: string;
  /** With the column, e.g. `oxbow.yaml:3:9`; default: `origin`. */
  readonly place?: string;
  /** Why the value is invalid. */
  readonly refused?: string;
  /** A warning for the user; without a `value` the setting was ignored. */
  readonly warning?: string;
}

/** A problem in one of the sources of settings. */
export interface SettingProblem {
  /** File, line and column as `oxbow.yaml:3:9`, or `OXBOW_KEEP`, or `--keep`. */
  readonly origin: string;
  /** One sentence with what to do. */
  readonly message: string;
}

/** The contents of a file. */
interface FileSettings {
  readonly values: readonly RawValue[];
  /** Checked entries of named sections, e.g. path `streams`, name `door`. */
  readonly named: readonly {
    readonly path: string;
    readonly name: string;
    readonly value: unknown;
    readonly origin: string;
  }[];
  /** Named sections that the file has, also empty ones. */
  readonly sections: readonly { readonly path: string; readonly origin: string }[];
  readonly problems: readonly SettingProblem[];
}

const MAX_CHARACTERS = 1024 * 1024;

/**
 * Parses the text of a configuration file; never throws for its contents.
 *
 * @param file name of the file in messages
 */
export function readYamlSettings(
  text: string,
  file: string,
  table: Section<Readonly<Record<string, Node>>>,
): FileSettings {
  if (text.length > MAX_CHARACTERS) {
    return {
      values: [],
      named: [],
      sections: [],
      problems: [{ origin: file, message: 'the file is larger than 1 MiB' }],
    };
  }
  const { LineCounter, parseDocument } = load();
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const placeOf = (offset: number | undefined): Place => {
    const { line, col } = lines.linePos(offset ?? 0);
    const origin = `${file}:${line || 1}`;
    return { origin, place: `${origin}:${col || 1}` };
  };
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => ({
      origin: placeOf(error.pos[0]).place,
      message: `not valid YAML: ${error.message}`,
    }));
    return { values: [], named: [], sections: [], problems };
  }
  const reader = new Reader(document, placeOf);
  reader.section(document.contents, table, '');
  return reader;
}

/** A place in the file: with line, and with line and column. */
interface Place {
  readonly origin: string;
  readonly place: string;
}

type PlaceOf = (offset: number | undefined) => Place;

interface Entry extends Place {
  readonly key: string;
  readonly value: unknown;
}

class Reader implements FileSettings {
  readonly values: RawValue[] = [];
  readonly named: { path: string; name: string; value: unknown; origin: string }[] = [];
  readonly sections: { path: string; origin: string }[] = [];
  readonly problems: SettingProblem[] = [];
  readonly #document: Document.Parsed;
  readonly #placeOf: PlaceOf;

  constructor(document: Document.Parsed, placeOf: PlaceOf) {
    this.#document = document;
    this.#placeOf = placeOf;
  }

  section(content: unknown, table: Section<Readonly<Record<string, Node>>>, prefix: string): void {
    for (const entry of this.#entries(content, prefix)) {
      const { key, value, origin } = entry;
      const node = Object.hasOwn(table.children, key) ? table.children[key] : undefined;
      if (node === undefined) this.#unknown(key, prefix, entry.place, Object.keys(table.children));
      else if (node.node === 'section') this.section(value, node, `${prefix}${key}.`);
      else if (node.node === 'named') {
        this.sections.push({ path: `${prefix}${key}`, origin });
        this.#names(value, node, `${prefix}${key}`);
      } else {
        const place = this.#placeOfValue(entry);
        this.values.push({ path: `${prefix}${key}`, value: this.#plain(value), origin, place });
      }
    }
  }

  #names(content: unknown, table: NamedSections<unknown>, path: string): void {
    for (const { key, value, origin, place } of this.#entries(content, `${path}.`)) {
      const before = this.problems.length;
      const inner = new Reader(this.#document, this.#placeOf);
      this.#attempt(place, () => table.checkName(key));
      inner.section(value, table.each, `${path}.${key}.`);
      this.problems.push(...inner.problems);
      const settings = this.#build(table.each, `${path}.${key}.`, inner.values);
      if (this.problems.length > before) continue;
      this.#attempt(
        place,
        () => this.named.push({ path, name: key, value: table.refine(settings), origin }),
        `${path}.${key}: `,
      );
    }
  }

  /** The checked values of a section, defaults where nothing is set. */
  #build(
    table: Section<Readonly<Record<string, Node>>>,
    prefix: string,
    values: readonly RawValue[],
  ): Record<string, unknown> {
    const built: Record<string, unknown> = {};
    for (const [key, node] of Object.entries(table.children)) {
      if (node.node === 'section') built[key] = this.#build(node, `${prefix}${key}.`, values);
      if (node.node !== 'option') continue;
      const raw = values.find((each) => each.path === `${prefix}${key}`);
      built[key] = node.initial;
      if (raw)
        this.#attempt(
          raw.place ?? raw.origin,
          () => {
            built[key] = node.parse(raw.value);
          },
          `${raw.path}: `,
        );
    }
    return built;
  }

  #attempt(place: string, action: () => void, before = ''): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.problems.push({ origin: place, message: `${before}${error.message}` });
    }
  }

  #unknown(key: string, prefix: string, place: string, names: readonly string[]): void {
    const meant = nearest(key, names);
    const advice = meant ? `did you mean "${prefix}${meant}"?` : `known here: ${names.join(', ')}`;
    this.problems.push({ origin: place, message: `there is no setting "${prefix}${key}"; ${advice}` });
  }

  *#entries(content: unknown, prefix: string): Generator<Entry> {
    const { isAlias, isMap, isScalar } = load();
    const node = isAlias(content) ? content.resolve(this.#document) : content;
    if (node === null || node === undefined || (isScalar(node) && node.value === null)) return;
    if (!isMap(node)) {
      const origin = this.#placeOf((node as ParsedNode).range?.[0]).place;
      this.problems.push({
        origin,
        message: `${prefix === '' ? 'the file' : prefix.slice(0, -1)} must hold settings, one "key: value" a line`,
      });
      return;
    }
    for (const pair of node.items) {
      const key = isScalar(pair.key) ? String(pair.key.value) : '?';
      yield { key, value: pair.value, ...this.#placeOf(isScalar(pair.key) ? pair.key.range?.[0] : undefined) };
    }
  }

  /** Of the value where there is one, else of its key. */
  #placeOfValue({ value, place }: Entry): string {
    const start = (value as ParsedNode | null)?.range?.[0];
    return start === undefined ? place : this.#placeOf(start).place;
  }

  /** The value that YAML reads, as plain data. */
  #plain(value: unknown): unknown {
    if (value === null || value === undefined) return null;
    try {
      return (value as ParsedNode).toJS(this.#document, { maxAliasCount: 100 });
    } catch (error) {
      return `(${messageOf(error)})`;
    }
  }
}
