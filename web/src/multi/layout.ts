/**
 * The layouts of several streams on one page: a grid, and the cell of each tile.
 * In: the name of a layout, whether the page is narrow. Out: the grid of the page, the default layout of a
 * link. Pure.
 */

/** All layouts, by number of tiles. The first tile of `1+2` and `1+5` is large. */
export const layouts = ['1', '2', '1+2', '2x2', '1+5', '3x2', '3x3'] as const;
/** One of them. */
export type LayoutName = (typeof layouts)[number];

/** At most this many streams. */
export const MOST_TILES = 9;

/** A cell of the grid: CSS grid lines, from 1, and how many tracks it covers. */
interface Cell {
  readonly column: number;
  readonly row: number;
  readonly span: number;
}

/** A grid of equal tracks and its cells, in the order of the tiles. */
interface Grid {
  readonly columns: number;
  readonly rows: number;
  readonly cells: readonly Cell[];
}

function plain(columns: number, rows: number): Grid {
  const cells = Array.from({ length: columns * rows }, (_, i) => ({
    column: (i % columns) + 1,
    row: Math.floor(i / columns) + 1,
    span: 1,
  }));
  return { columns, rows, cells };
}

/**
 * One tile of `span` tracks in the corner, the others one by one around it: row by row.
 * @param small at most this many others
 */
function oneLarge(columns: number, rows: number, span: number, small = Number.POSITIVE_INFINITY): Grid {
  const free = plain(columns, rows).cells.filter(({ column, row }) => column > span || row > span);
  const around = free.slice(0, small);
  return { columns, rows, cells: [{ column: 1, row: 1, span }, ...around] };
}

const wide: Readonly<Record<LayoutName, Grid>> = {
  '1': plain(1, 1),
  '2': plain(2, 1),
  '1+2': oneLarge(3, 2, 2),
  '2x2': plain(2, 2),
  '1+5': oneLarge(3, 3, 2),
  '3x2': plain(3, 2),
  '3x3': plain(3, 3),
};
/**
 * Phones: two columns at most, so that names and pictures can be read; of an odd number the first one is
 * large.
 */
const narrow: Readonly<Record<LayoutName, Grid>> = {
  ...wide,
  '2': plain(1, 2),
  '1+2': oneLarge(2, 3, 2),
  '1+5': oneLarge(2, 5, 2, 5),
  '3x2': plain(2, 3),
  '3x3': oneLarge(2, 6, 2),
};

/** The grid of a layout. */
export function gridOf(layout: LayoutName, isNarrow = false): Grid {
  return (isNarrow ? narrow : wide)[layout];
}

/** Number of tiles of a layout. */
export function tilesOf(layout: LayoutName): number {
  return wide[layout].cells.length;
}

/** The smallest layout for a number of streams. */
export function layoutFor(streams: number): LayoutName {
  return layouts.find((name) => tilesOf(name) >= streams) ?? '3x3';
}

/**
 * The list with two places exchanged; the same list if a place does not exist.
 *
 * @param from index from 0
 * @param to index from 0
 */
export function swapped<T>(list: readonly T[], from: number, to: number): readonly T[] {
  if (from === to || !(from in list) || !(to in list)) return list;
  const next = [...list];
  [next[from], next[to]] = [list[to]!, list[from]!];
  return next;
}

/**
 * The tile that an arrow key reaches from a tile: the nearest one in that direction; the tile itself if there
 * is none.
 */
export function neighbour({ cells }: Grid, from: number, key: string): number {
  const directions: Readonly<Record<string, readonly [number, number]>> = {
    ArrowLeft: [-1, 0],
    ArrowRight: [1, 0],
    ArrowUp: [0, -1],
    ArrowDown: [0, 1],
  };
  const direction = directions[key];
  const here = cells[from];
  if (!direction || !here) return from;
  const centre = ({ column, row, span }: Cell) => [column + span / 2, row + span / 2] as const;
  const [x, y] = centre(here);
  let best = from;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const [index, cell] of cells.entries()) {
    const [dx, dy] = [centre(cell)[0] - x, centre(cell)[1] - y];
    const ahead = dx * direction[0] + dy * direction[1];
    const beside = Math.abs(dx * direction[1]) + Math.abs(dy * direction[0]);
    if (index === from || ahead <= 0.25 || beside > ahead + here.span) continue;
    const distance = ahead + 2 * beside;
    if (distance < bestDistance) [best, bestDistance] = [index, distance];
  }
  return best;
}
