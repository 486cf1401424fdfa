/**
 * The plan of a storyboard: at most 100 pictures, at least 2 s apart, on sheets of 5 × 5.
 * In: the length of an asset and the shape of its picture. Out: instants and sizes; WebVTT with the place of
 * each picture (`#xywh=`, W3C Media Fragments URI 4.2.2). Pure.
 */
import type { VideoTrack } from '@oxbow/media/frame';
import { printVtt } from '@oxbow/media/webvtt/print';
import { lengthOf } from './picture-media.ts';
import type { ServedAsset } from './served-asset.ts';

/** Pictures in a row of a sheet. */
export const columns = 5;
const PER_SHEET = columns * columns;
const MAX_TILES = 100;
const TILE_US = 2_000_000;
/** Width of a picture, pixels; tall pictures are narrower. */
const TILE_WIDTH = 160;
const MAX_HEIGHT = 160;
const MIN_SIDE = 16;

interface Storyboard {
  /** Of a picture, pixels, even. */
  readonly width: number;
  readonly height: number;
  readonly everyUs: number;
  readonly lengthUs: number;
  /** Instants of the pictures of each sheet, µs. */
  readonly sheets: readonly (readonly number[])[];
  /** Pictures are further apart than key frames: the key frame before each is near enough. */
  readonly keyFrames: boolean;
}

/** Plans the storyboard of an asset with pictures. */
export function storyboardOf(served: ServedAsset, { config }: VideoTrack): Storyboard {
  const lengthUs = lengthOf(served);
  const count = Math.max(1, Math.min(MAX_TILES, Math.floor(lengthUs / TILE_US)));
  const everyUs = Math.ceil(lengthUs / count);
  const instants = Array.from({ length: count }, (_, i) => Math.round((i + 0.5) * everyUs));
  const aspect = served.displayAspect ?? config.width / config.height;
  const even = (side: number) => Math.max(MIN_SIDE, 2 * Math.round(side / 2));
  const height = even(Math.min(MAX_HEIGHT, TILE_WIDTH / aspect));
  const [first] = served.index;
  return {
    width: even(Math.min(TILE_WIDTH, height * aspect)),
    height,
    everyUs,
    lengthUs,
    sheets: Array.from({ length: Math.ceil(count / PER_SHEET) }, (_, i) =>
      instants.slice(i * PER_SHEET, (i + 1) * PER_SHEET),
    ),
    keyFrames: first !== undefined && everyUs >= first.durationUs,
  };
}

/** The storyboard as WebVTT. */
export function printStoryboard({ width, height, everyUs, lengthUs, sheets }: Storyboard): string {
  const cues = sheets.flatMap((instants, sheet) =>
    instants.map((_, i) => {
      const number = sheet * PER_SHEET + i;
      const [x, y] = [(i % columns) * width, Math.floor(i / columns) * height];
      return {
        id: '',
        settings: '',
        startMs: (number * everyUs) / 1000,
        endMs: Math.min(lengthUs, (number + 1) * everyUs) / 1000,
        text: `storyboard-${sheet}.jpg#xywh=${x},${y},${width},${height}`,
      };
    }),
  );
  return printVtt({ header: 'WEBVTT', cues });
}
