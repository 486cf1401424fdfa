/**
 * The storyboard of a video: which picture of which sheet is of which time.
 * In: the address of its WebVTT file. Out: tiles in order. W3C Media Fragments URI 4.2.2 (`#xywh=`).
 */

/** A picture on a sheet. */
export interface Tile {
  /** Seconds. */
  readonly fromS: number;
  readonly toS: number;
  /** Address of the sheet. */
  readonly sheet: string;
  /** Pixels of the sheet. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const CUE =
  /^(\d{2,}):(\d\d):(\d\d\.\d{3}) --> (\d{2,}):(\d\d):(\d\d\.\d{3})[^\n]*\n([\w./-]+)#xywh=(\d{1,5}),(\d{1,5}),(\d{1,4}),(\d{1,4})$/gm;
const MAX_TILES = 1000;

/**
 * Reads the file; cues without a picture are left out.
 *
 * @param url of the file: sheets are relative to it
 */
export function parseStoryboard(text: string, url: string): Tile[] {
  const tiles: Tile[] = [];
  for (const [, h0, m0, s0, h1, m1, s1, path, x, y, width, height] of text.matchAll(CUE)) {
    if (tiles.length === MAX_TILES) break;
    const seconds = (h: string | undefined, m: string | undefined, s: string | undefined) =>
      Number(h) * 3600 + Number(m) * 60 + Number(s);
    tiles.push({
      fromS: seconds(h0, m0, s0),
      toS: seconds(h1, m1, s1),
      sheet: new URL(path!, url).href,
      x: Number(x),
      y: Number(y),
      width: Number(width),
      height: Number(height),
    });
  }
  return tiles;
}

/** The picture of an instant; the last one after the end. */
export function tileAt(tiles: readonly Tile[], atS: number): Tile | undefined {
  return tiles.find(({ toS }) => atS < toS) ?? tiles.at(-1);
}

/** Loads the file; empty where it cannot be loaded: the bar works without pictures. */
export async function loadStoryboard(path: string, signal: AbortSignal): Promise<Tile[]> {
  try {
    const url = new URL(path, location.href).href;
    const response = await fetch(url, { signal });
    return response.ok ? parseStoryboard(await response.text(), url) : [];
  } catch {
    return []; // aborted, or the server cannot be reached
  }
}
