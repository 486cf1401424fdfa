/**
 * Where the pictures of a call are in its recording: an even grid; with a shared screen the people are in a
 * column next to it.
 * In: the size of the picture, how many people and screens there are. Out: rectangles in whole pixels. Pure.
 */
import type { Rectangle, Size } from '../../../studio/places.ts';

/** The places of a recording, in the order of the people and of the screens. */
interface Places {
  readonly people: readonly Rectangle[];
  readonly screens: readonly Rectangle[];
}

/** Shape of a cell. */
const SHAPE = 16 / 9;
/** Distance between cells and to the edge, as a share of the height of the picture. */
const GAP_SHARE = 0.0125;
/** Width of the column of people next to a screen, as a share of the width of the picture. */
const COLUMN_SHARE = 0.22;

/** The places of all pictures. */
export function placesOf(size: Size, people: number, screens: number): Places {
  const gap = Math.round(size.height * GAP_SHARE);
  const whole = { x: 0, y: 0, width: size.width, height: size.height };
  if (screens === 0) return { people: gridIn(whole, people, gap), screens: [] };
  if (people === 0) return { people: [], screens: gridIn(whole, screens, gap) };
  const column = Math.round(size.width * COLUMN_SHARE);
  return {
    people: gridIn({ ...whole, x: size.width - column, width: column }, people, gap),
    screens: gridIn({ ...whole, width: size.width - column + gap }, screens, gap),
  };
}

/** Even cells that are as large as they can be; those of the last row are in its middle. */
export function gridIn(area: Rectangle, count: number, gap: number): readonly Rectangle[] {
  if (count === 0) return [];
  const choices = Array.from({ length: count }, (_, index) =>
    cellsOf(area, index + 1, Math.ceil(count / (index + 1)), gap),
  );
  const { columns, rows, width, height } = choices.reduce((best, each) => (each.width > best.width ? each : best));
  const top = area.y + Math.round((area.height - rows * height - (rows - 1) * gap) / 2);
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns);
    const inRow = Math.min(columns, count - row * columns);
    const left = area.x + Math.round((area.width - inRow * width - (inRow - 1) * gap) / 2);
    return { x: left + (index % columns) * (width + gap), y: top + row * (height + gap), width, height };
  });
}

/** Cells of a grid with this many columns and rows. */
function cellsOf(area: Size, columns: number, rows: number, gap: number) {
  const widest = (area.width - (columns + 1) * gap) / columns;
  const highest = (area.height - (rows + 1) * gap) / rows;
  const width = Math.max(0, Math.floor(Math.min(widest, highest * SHAPE)));
  return { columns, rows, width, height: Math.floor(width / SHAPE) };
}

/** The part of a picture that fills a place: the middle of it, without its edges. */
export function cropped(picture: Size, place: Size): Rectangle {
  const scale = Math.max(place.width / picture.width, place.height / picture.height);
  const [width, height] = [place.width / scale, place.height / scale];
  return { x: (picture.width - width) / 2, y: (picture.height - height) / 2, width, height };
}

/** A text that is no wider than this, with `…` for the omitted part. */
export function shortened(text: string, mostWidth: number, widthOf: (text: string) => number): string {
  if (widthOf(text) <= mostWidth) return text;
  const letters = [...text];
  while (letters.length > 1 && widthOf(`${letters.join('').trimEnd()}…`) > mostWidth) letters.pop();
  return `${letters.join('').trimEnd()}…`;
}
