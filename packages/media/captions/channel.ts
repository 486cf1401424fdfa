/**
 * Decodes one channel of CEA-608 captions: pop-on, roll-up and paint-on, with all characters; colours and
 * styles are ignored.
 * In: commands and characters of the channel with their times. Out: cues. ANSI/CTA-608-E, 8.4; 47 CFR 79.101.
 *
 * Rolled-up and painted captions appear letter by letter. Here they are complete from their first letter on,
 * and a rolled-up row is shown until the next one begins: each row is in one cue.
 */
import type { VttCue } from '../webvtt/cue.ts';
import { basicCharacter, extendedCharacter, preambleAddress, specialCharacter } from './characters.ts';
import { Screen } from './screen.ts';

type Mode = 'pop-on' | 'roll-up' | 'paint-on' | 'text';
type Shown = Pick<VttCue, 'text' | 'settings'>;

const LAST_ROW = 15;

export class CaptionChannelDecoder {
  readonly #deliver: (cue: VttCue) => void;
  #displayed = new Screen();
  #hidden = new Screen();
  #mode: Mode | undefined;
  #row = LAST_ROW;
  #column = 0;
  /** The cue that is shown. `shown` is undefined while characters are added to it. */
  #cue: { readonly startMs: number; shown: Shown | undefined } | undefined;

  /** @param deliver receives each cue when it ends, in order */
  constructor(deliver: (cue: VttCue) => void) {
    this.#deliver = deliver;
  }

  /** Takes a control code, 0x10 to 0x17 without the bit of the channel, and its second byte, 0x20 to 0x7f. */
  control(first: number, second: number, atMs: number): void {
    if (second >= 0x40) this.#address(first, second);
    else if ((first === 0x14 || first === 0x15) && second < 0x30) this.#command(second, atMs);
    else if (first === 0x11 && second >= 0x30) this.#put(specialCharacter(second), atMs);
    else if (first === 0x11)
      this.#put(' ', atMs); // A mid-row code occupies a column.
    else if (first === 0x12 || first === 0x13) {
      this.#column = Math.max(0, this.#column - 1);
      this.#put(extendedCharacter(first, second), atMs);
    } else if (first === 0x17 && second >= 0x21 && second <= 0x23) this.#column += second - 0x20;
  }

  /** Takes a character, 0x20 to 0x7f. */
  character(code: number, atMs: number): void {
    this.#put(basicCharacter(code), atMs);
  }

  /** Ends the shown text. */
  erase(atMs: number): void {
    this.#close(atMs);
    this.#displayed.clear();
  }

  #command(code: number, atMs: number): void {
    switch (code) {
      case 0x20:
        this.#enter('pop-on', atMs);
        break;
      case 0x21:
        this.#column = Math.max(0, this.#column - 1);
        this.#screen?.clearRow(this.#row, this.#column);
        break;
      case 0x24:
        this.#screen?.clearRow(this.#row, this.#column);
        break;
      case 0x25:
      case 0x26:
      case 0x27:
        this.#enter('roll-up', atMs);
        break;
      case 0x29:
        this.#enter('paint-on', atMs);
        break;
      case 0x2a:
      case 0x2b:
        this.#mode = 'text';
        break;
      case 0x2c:
        this.erase(atMs);
        break;
      case 0x2d:
        if (this.#mode === 'roll-up') this.#return();
        break;
      case 0x2e:
        this.#hidden.clear();
        break;
      case 0x2f:
        this.#flip(atMs);
        break;
    }
  }

  #enter(mode: Mode, atMs: number): void {
    const before = this.#mode;
    this.#mode = mode;
    if (mode === 'roll-up' && before !== 'roll-up') {
      this.erase(atMs);
      this.#hidden.clear();
      this.#row = LAST_ROW;
      this.#column = 0;
    } else if (mode !== 'roll-up') this.#freeze();
  }

  /** Carriage return: the row scrolls up and stays visible. */
  #return(): void {
    this.#freeze();
    this.#displayed.clear();
    this.#column = 0;
  }

  /** End of caption: shows the prepared text. */
  #flip(atMs: number): void {
    this.#mode = 'pop-on';
    this.#close(atMs);
    const shown = this.#hidden;
    this.#hidden = this.#displayed;
    this.#displayed = shown;
    if (!shown.isEmpty) this.#cue = { startMs: atMs, shown: shown.read() };
  }

  #address(first: number, second: number): void {
    const { row, column } = preambleAddress(first, second);
    if (this.#mode === 'roll-up' && row !== this.#row) {
      this.#freeze();
      this.#displayed.clear();
    }
    this.#row = row;
    this.#column = column;
  }

  /** Where characters go. */
  get #screen(): Screen | undefined {
    if (this.#mode === undefined || this.#mode === 'text') return undefined;
    return this.#mode === 'pop-on' ? this.#hidden : this.#displayed;
  }

  #put(character: string, atMs: number): void {
    const screen = this.#screen;
    if (!screen) return;
    if (screen === this.#displayed && (!this.#cue || this.#cue.shown)) {
      if (character === ' ' && this.#isRowEmpty) {
        this.#column++;
        return;
      }
      this.#close(atMs);
      this.#cue = { startMs: atMs, shown: undefined };
    }
    screen.put(this.#row, this.#column, character);
    this.#column = Math.min(this.#column + 1, 32);
  }

  get #isRowEmpty(): boolean {
    return this.#displayed.isEmptyRow(this.#row);
  }

  /** The text of the cue is complete; it stays visible. */
  #freeze(): void {
    const cue = this.#cue;
    if (!cue || cue.shown) return;
    cue.shown = this.#displayed.read();
    if (!cue.shown) this.#cue = undefined;
  }

  #close(atMs: number): void {
    const cue = this.#cue;
    this.#cue = undefined;
    const shown = cue && (cue.shown ?? this.#displayed.read());
    if (shown && atMs > cue.startMs) this.#deliver({ id: '', startMs: cue.startMs, endMs: atMs, ...shown });
  }
}
