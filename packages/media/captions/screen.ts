/**
 * The character memory of a CEA-608 channel: 15 rows of 32 columns.
 * In: characters at positions. Out: the text and where it is, as WebVTT has it. ANSI/CTA-608-E, 8.
 */
import type { VttCue } from '../webvtt/cue.ts';

const ROWS = 15;
const COLUMNS = 32;

/** One memory: the shown text, or the prepared text. */
export class Screen {
  readonly #rows: (string[] | undefined)[] = [];

  /** Whether no row has a character. */
  get isEmpty(): boolean {
    return this.#rows.every((row) => row === undefined);
  }

  /** Whether a row has no character. */
  isEmptyRow(row: number): boolean {
    return this.#rows[row] === undefined;
  }

  /** Sets a character; the last column is overwritten. */
  put(row: number, column: number, character: string): void {
    if (row < 1 || row > ROWS) return;
    const characters = this.#rows[row] ?? [];
    this.#rows[row] = characters;
    characters[Math.min(Math.max(column, 0), COLUMNS - 1)] = character;
  }

  /** Deletes a row from a column on. */
  clearRow(row: number, column = 0): void {
    const characters = this.#rows[row];
    if (!characters) return;
    characters.length = Math.min(characters.length, column);
    if (characters.length === 0) this.#rows[row] = undefined;
  }

  /** Deletes everything. */
  clear(): void {
    this.#rows.length = 0;
  }

  /**
   * Its text; undefined if that is nothing but spaces.
   *
   * The position is that of the first row and of the leftmost column within the safe area, 80 % of the
   * picture. ANSI/CTA-608-E, 4.
   */
  read(): Pick<VttCue, 'text' | 'settings'> | undefined {
    const lines: string[] = [];
    let top = 0;
    let left = COLUMNS;
    for (let row = 1; row <= ROWS; row++) {
      const line = Array.from(this.#rows[row] ?? [], (character) => character ?? ' ').join('');
      const text = line.trim();
      if (text === '') continue;
      if (top === 0) top = row;
      left = Math.min(left, line.length - line.trimStart().length);
      lines.push(escapeText(text));
    }
    if (lines.length === 0) return undefined;
    const line = (10 + ((top - 1) * 80) / ROWS).toFixed(2);
    const position = (10 + (left * 80) / COLUMNS).toFixed(2);
    return { text: lines.join('\n'), settings: `line:${line}% position:${position}% align:start` };
  }
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
