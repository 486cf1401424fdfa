/**
 * Draws the test picture: strip, clock, name, a boat on a winding river, a bar that fills each second, and
 * the flash.
 * In: UTC and number of a frame. Out: a YUV 4:2:0 picture. Pure; redraws only the changes.
 */
import { printStrip, STRIP_BLOCKS, stripEdge, stripHeight } from '../strip.ts';
import { black, Canvas, type Colour, colourOf, TextLine, white } from './canvas.ts';
import { glyphSize } from './glyphs.ts';

const colours = {
  skyTop: colourOf(0x0d1b2a),
  skyBottom: colourOf(0x1b3145),
  river: colourOf(0x2a6f86),
  rail: colourOf(0x22384c),
  bar: colourOf(0x4fb3bf),
  boat: colourOf(0xf2a65a),
};
/** Duration of flash and tone at the start of each second, ms. */
export const FLASH_MS = 100;
const RIVER_PERIOD_MS = 8_000;

/** A test picture of one size and name. */
export class Picture {
  readonly #canvas: Canvas;
  readonly #date: TextLine;
  readonly #time: TextLine;
  readonly #margin: number;
  #strip = new Uint8Array(8);
  #flash = false;
  #barWidth = 0;
  #boat = { x: 0, y: 0 };

  /**
   * @param width pixels, even
   * @param height pixels, even
   * @param name of the stream
   */
  constructor(width: number, height: number, name: string) {
    const canvas = new Canvas(width, height);
    this.#canvas = canvas;
    this.#margin = even(width / 16);
    this.#drawBackground();
    const room = width - 2 * this.#margin;
    const nameScale = scaleFor(name.length, room - 2 * this.#flashSize(), height / 90);
    new TextLine(canvas, this.#margin, even(height * 0.13), nameScale, 205).show(name);
    canvas.keepAsBackground();
    this.#date = new TextLine(canvas, this.#margin, even(height * 0.265), scaleFor(14, room, height / 120), 150);
    this.#time = new TextLine(canvas, this.#margin, even(height * 0.39), scaleFor(12, room, height / 51), 225);
  }

  /** Planes Y, U, V of the last frame; overwritten by the next. */
  get planes(): Uint8Array {
    return this.#canvas.planes;
  }

  /**
   * Draws a frame.
   *
   * @param utcMs of the frame, ms since 1970
   * @param counter number of the frame; its lowest 8 bits are shown
   */
  draw(utcMs: number, counter: number): void {
    const ms = Math.round(utcMs);
    const text = new Date(ms).toISOString();
    this.#drawStrip(printStrip(ms, counter));
    this.#date.show(`${text.slice(0, 10)} UTC`);
    this.#time.show(text.slice(11, 23));
    this.#drawFlash(ms % 1000 < FLASH_MS);
    this.#drawBar((ms % 1000) / 1000);
    this.#drawBoat((ms % RIVER_PERIOD_MS) / RIVER_PERIOD_MS);
  }

  #drawBackground(): void {
    const { width, height } = this.#canvas;
    for (let y = 0; y < height; y += 2) {
      this.#canvas.fill(0, y, width, 2, mix(colours.skyTop, colours.skyBottom, y / height));
    }
    const thick = even(height / 40);
    for (let x = 0; x < width; x += 2) this.#canvas.fill(x, this.#riverY(x), 2, thick, colours.river);
    this.#canvas.fill(this.#margin, this.#barY(), width - 2 * this.#margin, even(height / 60), colours.rail);
    this.#canvas.fill(0, 0, width, stripHeight(height), black);
  }

  #drawStrip(strip: Uint8Array): void {
    const { width, height } = this.#canvas;
    for (let block = 0; block < STRIP_BLOCKS; block++) {
      const bit = 0x80 >> (block & 7);
      const on = strip[block >> 3]! & bit;
      if (on === (this.#strip[block >> 3]! & bit)) continue;
      const left = stripEdge(block, width);
      this.#canvas.fillLuma(left, 0, stripEdge(block + 1, width) - left, stripHeight(height), on ? white.y : black.y);
    }
    this.#strip = strip as Uint8Array<ArrayBuffer>;
  }

  #flashSize(): number {
    return even(this.#canvas.height / 6);
  }

  #drawFlash(on: boolean): void {
    if (on === this.#flash) return;
    this.#flash = on;
    const size = this.#flashSize();
    const x = this.#canvas.width - this.#margin - size;
    const y = even(this.#canvas.height * 0.13);
    if (on) this.#canvas.fill(x, y, size, size, white);
    else this.#canvas.restore(x, y, size, size);
  }

  #barY(): number {
    return even(this.#canvas.height * 0.92);
  }

  #drawBar(fraction: number): void {
    const full = this.#canvas.width - 2 * this.#margin;
    const width = Math.floor((full * fraction) / 2) * 2;
    const [y, height] = [this.#barY(), even(this.#canvas.height / 60)];
    if (width < this.#barWidth) {
      this.#canvas.restore(this.#margin + width, y, this.#barWidth - width, height);
    } else {
      this.#canvas.fill(this.#margin + this.#barWidth, y, width - this.#barWidth, height, colours.bar);
    }
    this.#barWidth = width;
  }

  #riverY(x: number): number {
    const { width, height } = this.#canvas;
    return even(height * (0.73 + 0.07 * Math.sin((x / width) * 6 * Math.PI)));
  }

  #drawBoat(fraction: number): void {
    const size = even(this.#canvas.height / 16);
    this.#canvas.restore(this.#boat.x, this.#boat.y, size, size);
    const x = even((this.#canvas.width - size) * (1 - Math.abs(1 - 2 * fraction)));
    this.#boat = { x, y: this.#riverY(x + size / 2) - even(size / 4) };
    this.#canvas.fill(x, this.#boat.y, size, size, colours.boat);
  }
}

/** The largest even number up to `value`, at least 2 if `value` is above 0: chroma covers 2×2 pixels. */
function even(value: number): number {
  return value > 0 ? Math.max(2, Math.floor(value / 2) * 2) : 0;
}

/** Largest integer scale at which `characters` fit into `room` pixels, at least 1 and at most `preferred`. */
function scaleFor(characters: number, room: number, preferred: number): number {
  return Math.max(1, Math.floor(Math.min(preferred, room / (Math.max(1, characters) * glyphSize.advance))));
}

function mix(a: Colour, b: Colour, share: number): Colour {
  const at = (from: number, to: number) => Math.round(from + (to - from) * share);
  return { y: at(a.y, b.y), u: at(a.u, b.u), v: at(a.v, b.v) };
}
