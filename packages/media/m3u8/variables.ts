/**
 * Variables of a playlist, `{$name}`.
 * In: EXT-X-DEFINE tags, values of the Multivariant Playlist and the URL. Out: text with values in place.
 * Pure. RFC 8216bis 4.3 and 4.4.2.3.
 */
import { FormatError } from '../errors.ts';
import type { Attributes } from './attributes.ts';
import { MAX_LINE } from './lines.ts';

const MAX_VARIABLES = 100;
/**
 * Characters that all values together may put into a playlist: a short name may stand for a long value in
 * every line.
 */
const MAX_PUT_IN = 16 * 1024 * 1024;

/** Where variables come from besides the playlist itself. */
export interface VariableSources {
  /** Those of the Multivariant Playlist, for `IMPORT`. */
  readonly imports?: ReadonlyMap<string, string>;
  /** Parameters of the playlist's URL, decoded, for `QUERYPARAM`. */
  readonly query?: ReadonlyMap<string, string>;
}

/** The variables of one playlist. */
export class Variables {
  readonly #sources: VariableSources;
  readonly #values = new Map<string, string>();
  #putIn = 0;

  constructor(sources: VariableSources) {
    this.#sources = sources;
  }

  /** All of them, by name. */
  get values(): ReadonlyMap<string, string> {
    return this.#values;
  }

  /**
   * Takes an EXT-X-DEFINE.
   *
   * @throws FormatError when it names nothing, names a thing twice, or nothing gives the value
   */
  define(attributes: Attributes, offset: number): void {
    const imported = attributes.text('IMPORT');
    const parameter = attributes.text('QUERYPARAM');
    const name = attributes.text('NAME') ?? imported ?? parameter;
    if (!name) throw new FormatError('EXT-X-DEFINE names no variable', offset);
    if (this.#values.has(name) || this.#values.size >= MAX_VARIABLES) {
      throw new FormatError('EXT-X-DEFINE: a variable is defined twice, or there are too many', offset);
    }
    const value =
      imported !== undefined
        ? this.#sources.imports?.get(name)
        : parameter !== undefined
          ? this.#sources.query?.get(name)
          : attributes.need('VALUE');
    if (value === undefined) throw new FormatError(`EXT-X-DEFINE: nothing gives ${name.slice(0, 40)}`, offset);
    this.#values.set(name, value);
  }

  /**
   * Puts the values in; a `{$` without its `}` stays as it is.
   *
   * @throws FormatError when a variable is not defined, the result passes the bound of a line, or all results
   *   that of a playlist
   */
  substitute(text: string, offset: number): string {
    let open = text.indexOf('{$');
    if (open < 0) return text;
    let result = '';
    let at = 0;
    while (open >= 0) {
      const close = text.indexOf('}', open);
      if (close < 0) break;
      const name = text.slice(open + 2, close);
      const value = this.#values.get(name);
      if (value === undefined) throw new FormatError(`the variable ${name.slice(0, 40)} is not defined`, offset);
      result += text.slice(at, open) + value;
      this.#putIn += value.length;
      if (this.#putIn > MAX_PUT_IN) throw new FormatError('the playlist is too long once its variables are in', offset);
      if (result.length > MAX_LINE) throw new FormatError('a line is too long once its variables are in', offset);
      at = close + 1;
      open = text.indexOf('{$', at);
    }
    return result + text.slice(at);
  }
}
