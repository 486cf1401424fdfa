/**
 * Compares pictures of a rendition with those of its source, as large as the source: XPSNR, which weighs
 * errors by what an eye sees of them there.
 * In: pictures of a rendition, in any size, and of the source. Out: dB. Native code: child processes only.
 */
import { AV_BUFFERSRC_FLAG_KEEP_REF } from 'node-av/constants';
import { type FilterContext, type FilterGraph, Frame as Picture } from 'node-av/lib';
import { must } from '../native.ts';
import { openGraph } from './graph.ts';

/** Equal pictures have no error: dB. */
const MOST_DB = 60;
/** Shares of the planes (Y, U, V), as the authors of XPSNR weigh them. */
const PLANES = [
  ['y', 4 / 6],
  ['u', 1 / 6],
  ['v', 1 / 6],
] as const;

/** Compares the pictures of one rendition, in presentation order: weights depend on the picture before. */
export class PictureQuality implements Disposable {
  readonly #graph: FilterGraph;
  readonly #made: FilterContext;
  readonly #source: FilterContext;
  readonly #sink: FilterContext;
  readonly #out = new Picture();
  #count = 0;
  #sum = 0;

  /** @param made a picture of the rendition, @param source one of the source: all others are like them */
  constructor(made: Picture, source: Picture, threads: number) {
    const { width, height } = source;
    const { graph, find } = openGraph(
      `buffer@made=${describe(made)}[a];[a]scale=${width}:${height}:flags=bicubic,format=yuv420p[b];` +
        `buffer@source=${describe(source)}[c];[b][c]xpsnr,buffersink@out`,
      threads,
    );
    this.#graph = graph;
    this.#made = find('buffer@made');
    this.#source = find('buffer@source');
    this.#sink = find('buffersink@out');
    this.#out.alloc();
  }

  /** Average of the pictures, dB; undefined before the first. */
  get xpsnr(): number | undefined {
    return this.#count === 0 ? undefined : this.#sum / this.#count;
  }

  /** Takes the same picture of both; they remain the caller's. */
  push(made: Picture, source: Picture): void {
    const pts = BigInt(this.#count);
    made.pts = pts;
    source.pts = pts;
    must(this.#made.buffersrcAddFrameSync(made, AV_BUFFERSRC_FLAG_KEEP_REF), 'comparing a picture');
    must(this.#source.buffersrcAddFrameSync(source, AV_BUFFERSRC_FLAG_KEEP_REF), 'comparing a picture');
    this.#drain();
  }

  /** No more pictures follow. */
  finish(): void {
    this.#made.buffersrcAddFrameSync(null);
    this.#source.buffersrcAddFrameSync(null);
    this.#drain();
  }

  [Symbol.dispose](): void {
    this.#graph.free();
    this.#out.free();
  }

  #drain(): void {
    while (this.#sink.buffersinkGetFrameSync(this.#out) >= 0) {
      const values = this.#out.getMetadata();
      const db = (plane: string) => {
        const value = Number(values.get(`lavfi.xpsnr.xpsnr.${plane}`));
        return Number.isFinite(value) ? Math.min(MOST_DB, value) : MOST_DB;
      };
      this.#sum += PLANES.reduce((sum, [plane, share]) => sum + share * db(plane), 0);
      this.#count++;
      this.#out.unref();
    }
  }
}

function describe({ width, height, format, colorSpace, colorRange }: Picture): string {
  const size = `video_size=${width}x${height}:pix_fmt=${format}:time_base=1/25:frame_rate=25/1:pixel_aspect=1/1`;
  return `${size}:colorspace=${colorSpace}:range=${colorRange}`;
}
