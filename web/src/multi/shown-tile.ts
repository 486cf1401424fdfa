/**
 * What the page needs of a tile, of a stream or of a video.
 * In: tile.svelte.ts and angles/asset-tile.svelte.ts implement it. Out: Tile.svelte, Tiles.
 */
import type Hls from 'hls.js';
import type { StreamView } from '../../../src/api/shapes.ts';
import type { Failure } from '../api/client.ts';
import type { MediaState } from '../media/state.ts';
import type { TimelineState } from '../timeline/state.svelte.ts';
import type { TileSync } from './tile-sync.svelte.ts';

/** One picture of the page. */
export interface ShownTile {
  /** Of the stream; of a video as `assetTileName` makes it. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  /** Undefined: a video has none. */
  readonly timeline?: TimelineState;
  readonly sync: TileSync;
  /** The stream in the last response; null before the first one, and for a video. */
  readonly stream: StreamView | null;
  /** Why it cannot be shown. */
  readonly failure: Failure | null;
  readonly player: MediaState;
  /** It should play and has nothing to play. */
  readonly lacks: boolean;
  /** Plays until `close`. @param surface a positioned box; the player fills it */
  open(engine: typeof Hls, surface: HTMLElement, lowLatency: boolean): Promise<void>;
  /** Only one tile is heard. @param volume 0 to 1 */
  hear(isHeard: boolean, volume: number): void;
  togglePicture(): void;
  close(): void;
}

const ASSET = 'asset:';

/** Name of the tile of a video; no stream has such a name. */
export function assetTileName(asset: string): string {
  return `${ASSET}${asset}`;
}

/** The video of a tile; undefined: it shows a stream. */
export function assetOfTile(name: string): string | undefined {
  return name.startsWith(ASSET) ? name.slice(ASSET.length) : undefined;
}
