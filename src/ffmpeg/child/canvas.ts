/**
 * A YUV 4:2:0 picture with a saved background, which is restored where objects move.
 * In: rectangles and text. Out: packed planes Y, U, V. Pure; BT.709, limited range.
 */
import { glyphOf, glyphSize } from './glyphs.ts';

/** A colour as values of the planes. */
export interface Colour {
  readonly y: number;
  readonly u: number;
  readonly v: number;
}

/** White in limited range. */
export const white: Colour = { y: 235, u: 128, v: 128 };
/** Black in limited range. */
export const black: Colour = { y: 16, u: 128, v: 128 };

/**
 * A colour from red, green and blue (ITU-R BT.709, limited range).
 *
 * @param rgb 0xRRGGBB
 */
export function colourOf(rgb: number): Colour {
  const [r, g, b] = [(rgb >> 16) / 255, ((rgb >> 8) & 255) / 255, (rgb & 255) / 255];
  const luma = 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  return {
    y: Math.round(16 + 219 * luma),
    u: Math.round(128 + (224 * (b! - luma)) / 1.8556),
    v: Math.round(128 + (224 * (r! - luma)) / 1.5748),
  };
}

/**
 * The picture and its background. Coordinates are pixels from the top left; drawing is clipped to the
 * picture.
 */
export class Canvas {
  readonly width: number;
  readonly height: number;
  /** Y, then U, then V; owned and changed by the canvas. */
  readonly planes: Uint8Array;
  #base: Uint8Array;

  /**
   * @param width pixels, even
   * @param height pixels, even
   */
  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.planes = new Uint8Array((width * height * 3) / 2);
    this.#base = this.planes;
  }

  /**
   * Copies a picture into this one.
   *
   * @param planes Y, U, V, packed
   * @param width pixels of the copied picture, even; it is within this one
   * @param height likewise
   * @param x left edge, even
   * @param y top edge, even
   */
  paste(planes: Uint8Array, width: number, height: number, x: number, y: number): void {
    let from = 0;
    let to = 0;
    for (const half of [1, 2, 2]) {
      const stride = this.width / half;
      for (let row = 0; row < height / half; row++) {
        this.planes.set(planes.subarray(from, from + width / half), to + (y / half + row) * stride + x / half);
        from += width / half;
      }
      to += stride * (this.height / half);
    }
  }

  /** Saves the current picture as the background. */
  keepAsBackground(): void {
    this.#base = this.planes.slice();
  }

  /** Fills a rectangle; chroma covers whole 2×2 blocks. */
  fill(x: number, y: number, width: number, height: number, colour: Colour): void {
    const [right, bottom] = this.#bounds(x, y, width, height);
    for (let row = y; row < bottom; row++) this.planes.fill(colour.y, row * this.width + x, row * this.width + right);
    this.#chromaRows(x, y, right, bottom, (start, end, second) => {
      this.planes.fill(second ? colour.v : colour.u, start, end);
    });
  }

  /** Fills only the luma of a rectangle: fast, exact to the pixel, keeps the chroma. */
  fillLuma(x: number, y: number, width: number, height: number, luma: number): void {
    const [right, bottom] = this.#bounds(x, y, width, height);
    for (let row = y; row < bottom; row++) this.planes.fill(luma, row * this.width + x, row * this.width + right);
  }

  /** Restores the background of a rectangle. */
  restore(x: number, y: number, width: number, height: number): void {
    const [right, bottom] = this.#bounds(x, y, width, height);
    const copy = (start: number, end: number) => this.planes.set(this.#base.subarray(start, end), start);
    for (let row = y; row < bottom; row++) copy(row * this.width + x, row * this.width + right);
    this.#chromaRows(x, y, right, bottom, copy);
  }

  /** Draws one character, luma only. */
  glyph(character: string, x: number, y: number, scale: number, luma: number): void {
    glyphOf(character).forEach((row, rowAt) => {
      row.forEach((ink, columnAt) => {
        if (ink) this.fillLuma(x + columnAt * scale, y + rowAt * scale, scale, scale, luma);
      });
    });
  }

  #bounds(x: number, y: number, width: number, height: number): [number, number] {
    return [Math.min(this.width, x + width), Math.min(this.height, y + height)];
  }

  #chromaRows(
    x: number,
    y: number,
    right: number,
    bottom: number,
    each: (start: number, end: number, second: boolean) => void,
  ) {
    const half = this.width / 2;
    const firstPlane = this.width * this.height;
    const planeSize = firstPlane / 4;
    for (let row = y >> 1; row < (bottom + 1) >> 1; row++) {
      const start = firstPlane + row * half + (x >> 1);
      const end = firstPlane + row * half + ((right + 1) >> 1);
      each(start, end, false);
      each(start + planeSize, end + planeSize, true);
    }
  }
}

/** A line of text; only changed characters are redrawn. */
export class TextLine {
  readonly #canvas: Canvas;
  readonly #x: number;
  readonly #y: number;
  readonly #scale: number;
  readonly #luma: number;
  #shown = '';

  /**
   * @param x left edge, pixels
   * @param y top edge, pixels
   * @param scale pixels per glyph pixel, whole
   * @param luma brightness, 16 to 235
   */
  constructor(canvas: Canvas, x: number, y: number, scale: number, luma: number) {
    this.#canvas = canvas;
    this.#x = x;
    this.#y = y;
    this.#scale = scale;
    this.#luma = luma;
  }

  /** Replaces the text. */
  show(text: string): void {
    const scale = this.#scale;
    for (let i = 0; i < Math.max(text.length, this.#shown.length); i++) {
      if (text[i] === this.#shown[i]) continue;
      const x = this.#x + i * glyphSize.advance * scale;
      this.#canvas.restore(x, this.#y, glyphSize.advance * scale, glyphSize.height * scale);
      if (text[i]) this.#canvas.glyph(text[i]!, x, this.#y, scale, this.#luma);
    }
    this.#shown = text;
  }
}
