/**
 * Pictures of an asset: its poster, and a storyboard for the time bar of players: sheets of small pictures,
 * and WebVTT that says which of them is of which time.
 * In: an asset. Out: Reply. A picture is decoded at its first request and stored with the asset.
 */
import { extraLocation } from '../../archive/asset-locations.ts';
import type { RangeReader } from '../../archive/range-reader.ts';
import { isMissing, type SegmentLocation, type SegmentStore } from '../../archive/segment-store.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Reply } from '../reply.ts';
import { SingleFlight } from '../single-flight.ts';
import type { MakeStill } from '../stills.ts';
import { bytesReply, contentTypes, playlistReply } from '../text-reply.ts';
import { assertPlayable } from './asset-lists.ts';
import { choosePoster, chooseTile, lengthOf, noPicture, pictureOf, readPicture } from './picture-media.ts';
import type { ServedAsset } from './served-asset.ts';
import { columns, printStoryboard, storyboardOf } from './storyboard.ts';

/** Widest poster, pixels. */
const POSTER_WIDTH = 1280;
const MIN_WIDTH = 16;
const BOUNDS = { maxBytes: 4 * 1024 * 1024, grows: { mostBytes: 32 * 1024 * 1024, againMs: 10_000 } };
/** A user may choose another poster. */
const CACHING = 'public, max-age=300';

/** Size of a picture of a sheet, pixels. */
interface TileSize {
  readonly width: number;
  readonly height: number;
}

/** Makes sheets; see ffmpeg/engine. */
export interface MakeSheets {
  readonly makeTile: (
    input: { readonly bytes: Uint8Array; readonly atS?: number } & TileSize,
    options: { signal: AbortSignal },
  ) => Promise<Uint8Array>;
  readonly makeSheet: (
    input: { readonly tiles: readonly (Uint8Array | undefined)[]; readonly columns: number } & TileSize,
    options: { signal: AbortSignal },
  ) => Promise<Uint8Array>;
}

/** Dependencies of the pictures. */
interface AssetPicturesOptions {
  readonly makeStill: MakeStill;
  readonly sheets: MakeSheets;
  readonly reader: Pick<RangeReader, 'read'>;
  readonly segments: Pick<SegmentStore, 'put' | 'read' | 'size'>;
  /** Aborts all decoding. */
  readonly signal: AbortSignal;
}

export class AssetPictures {
  readonly #options: AssetPicturesOptions;
  readonly #shared: SingleFlight;

  constructor(options: AssetPicturesOptions) {
    this.#options = options;
    this.#shared = new SingleFlight({ bounds: BOUNDS, signal: options.signal });
  }

  /**
   * The poster.
   *
   * @throws OxbowError `asset-unfinished`; `no-media` without a picture; `engine-failed`
   */
  poster(served: ServedAsset, options: { readonly signal: AbortSignal }): Promise<Reply> {
    assertPlayable(served);
    const { posterUs } = served.asset;
    const atUs = posterUs ?? Math.floor(lengthOf(served) / 2);
    const make = async ({ signal }: { signal: AbortSignal }) => {
      const { reader, makeStill } = this.#options;
      const { track, bytes, atS } = await readPicture(served, atUs, { reader, choose: choosePoster });
      signal.throwIfAborted();
      const width = Math.max(MIN_WIDTH, Math.min(POSTER_WIDTH, track.config.width));
      return makeStill({ bytes, atS, width }, { signal });
    };
    return this.#stored(served, `poster-${posterUs ?? 'middle'}`, make, options);
  }

  /**
   * The storyboard: which picture of which sheet is of which time.
   *
   * @throws OxbowError `asset-unfinished`; `no-media` without a picture
   */
  storyboard(served: ServedAsset): Reply {
    assertPlayable(served);
    const track = pictureOf(served.index.tracks, chooseTile);
    if (!track) throw noPicture();
    return playlistReply(printStoryboard(storyboardOf(served, track)), CACHING, contentTypes.vtt);
  }

  /** A sheet of the storyboard. Throws as `poster`; `not-found` for another number. */
  async sheet(served: ServedAsset, number: number, options: { readonly signal: AbortSignal }): Promise<Reply> {
    assertPlayable(served);
    const track = pictureOf(served.index.tracks, chooseTile);
    if (!track) throw noPicture();
    const board = storyboardOf(served, track);
    const instants = board.sheets[number];
    if (!instants) throw new OxbowError('not-found', `The storyboard has no sheet ${number}.`);
    const { width, height, keyFrames } = board;
    const make = async ({ signal }: { signal: AbortSignal }) => {
      const { reader, sheets } = this.#options;
      const tiles: (Uint8Array | undefined)[] = [];
      for (const atUs of instants) {
        try {
          const media = await readPicture(served, atUs, { reader, choose: chooseTile, keyFrame: keyFrames });
          signal.throwIfAborted();
          tiles.push(await sheets.makeTile({ bytes: media.bytes, atS: media.atS, width, height }, { signal }));
        } catch (error) {
          signal.throwIfAborted();
          if (!(error instanceof OxbowError) || !['no-media', 'engine-failed'].includes(error.code)) throw error;
          tiles.push(undefined); // black: the others are still useful
        }
      }
      if (tiles.every((tile) => tile === undefined)) throw noPicture();
      return sheets.makeSheet({ tiles, columns, width, height }, { signal });
    };
    return this.#stored(served, `sheet-${number}`, make, options);
  }

  /** A picture that is stored with its asset, or made now. */
  async #stored(
    served: ServedAsset,
    name: string,
    make: (options: { signal: AbortSignal }) => Promise<Uint8Array>,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Reply> {
    const location = extraLocation(served.asset.id, `${name}.jpg`);
    const get = async (options: { signal: AbortSignal }) => {
      const stored = await this.#read(location);
      if (stored) return stored;
      const made = await make(options);
      await this.#options.segments.put(location, made);
      return made;
    };
    const bytes = await this.#shared.get(location, get, { signal });
    return bytesReply(bytes, contentTypes.jpeg, CACHING, name);
  }

  async #read(location: SegmentLocation): Promise<Uint8Array | undefined> {
    const { segments } = this.#options;
    try {
      return await segments.read(location, { offset: 0, length: await segments.size(location) });
    } catch (error) {
      // On a node that does not run: its media may be elsewhere.
      const isAway = error instanceof OxbowError && error.code === 'not-ready';
      if (isMissing(error) || isAway) return undefined;
      throw error;
    }
  }
}
