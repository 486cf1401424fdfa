/**
 * Makes the pictures of all rungs from one decoded picture: tone mapping, rotation, deinterlacing, scaling,
 * bars where the aspect differs.
 * In: pictures of any size and format, which may change. Out: 4:2:0 pictures of 8 bits in the sizes of the
 * rungs, times unchanged. Native code: child processes only.
 */
import {
  AV_BUFFERSRC_FLAG_KEEP_REF,
  AV_FRAME_FLAG_INTERLACED,
  AVCOL_SPC_UNSPECIFIED,
  AVCOL_TRC_ARIB_STD_B67,
  AVCOL_TRC_SMPTE2084,
} from 'node-av/constants';
import { type FilterContext, type FilterGraph, Frame as Picture } from 'node-av/lib';
import type { LadderPicture, LadderVideoRendition } from '../../ladder-options.ts';
import { must } from '../native.ts';
import { drainSinks, openGraph } from './graph.ts';
import { pixelFormatOf } from './upload.ts';

type Size = Pick<LadderVideoRendition, 'width' | 'height' | 'hardware' | 'semiPlanar'>;

/** Sizes of outputs are rounded to even numbers: less than this share is no rounding. */
const NEARLY_ALL = 0.97;

/** Options of {@link PictureFilter}. */
interface PictureFilterOptions {
  readonly picture: LadderPicture;
  /** Interlaced pictures are single fields, which nothing puts together: they stay as they are. */
  readonly hasFields: boolean;
  /** Of the outputs. */
  readonly sizes: readonly Size[];
  /** Ticks per second of all times. */
  readonly timescale: number;
  readonly threads: number;
  /** Receives a picture of output `index`; it is valid until the callback returns. */
  readonly deliver: (index: number, picture: Picture, pts: number) => void;
}

/** One graph of filters, built again where the pictures change. */
export class PictureFilter implements Disposable {
  readonly #options: PictureFilterOptions;
  readonly #out = new Picture();
  #graph: FilterGraph | undefined;
  #source: FilterContext | undefined;
  #sinks: FilterContext[] = [];
  #format = '';
  /** From the first interlaced picture on. */
  #isInterlaced: boolean;
  #changes = 0;

  constructor(options: PictureFilterOptions) {
    this.#options = options;
    this.#isInterlaced = options.picture.interlaced && !options.hasFields;
    this.#out.alloc();
  }

  /** How often size or format changed. */
  get changes(): number {
    return this.#changes;
  }

  /** Takes the next picture in presentation order; it remains the caller's. */
  push(picture: Picture, pts: number): void {
    this.#isInterlaced ||= !this.#options.hasFields && picture.hasFlags(AV_FRAME_FLAG_INTERLACED);
    const format = `${formatOf(picture)},${this.#isInterlaced}`;
    if (format !== this.#format) {
      this.#end();
      this.#build(picture);
      if (this.#format !== '') this.#changes++;
      this.#format = format;
    }
    picture.pts = BigInt(pts);
    must(this.#source!.buffersrcAddFrameSync(picture, AV_BUFFERSRC_FLAG_KEEP_REF), 'filtering a picture');
    this.#drain();
  }

  /** Delivers the pictures in the filters; more pictures may follow. */
  flush(): void {
    this.#end();
    this.#format = '';
  }

  [Symbol.dispose](): void {
    this.#graph?.free();
    this.#graph = undefined;
    this.#out.free();
  }

  #end(): void {
    if (!this.#graph) return;
    this.#source!.buffersrcAddFrameSync(null);
    this.#drain();
    this.#graph.free();
    this.#graph = undefined;
  }

  #drain(): void {
    const { deliver, timescale } = this.#options;
    const out = this.#out;
    drainSinks(
      this.#sinks,
      out,
      () => timescale,
      (index, at) => deliver(index, out, at),
    );
  }

  #build(like: Picture): void {
    const { sizes, threads } = this.#options;
    const { graph, find } = openGraph(describe(this.#options, like, this.#isInterlaced), threads);
    const source = find('buffer@in');
    const sinks = sizes.map((_, index) => find(`buffersink@out${index}`));
    this.#graph = graph;
    this.#source = source;
    this.#sinks = sinks;
  }
}

function formatOf(picture: Picture): string {
  const { width, height, format, colorSpace, colorRange, colorTrc, sampleAspectRatio } = picture;
  const { num, den } = sampleAspectRatio;
  return [width, height, format, colorSpace, colorRange, colorTrc, num, den].join();
}

const TURNS = { 0: '', 90: 'transpose=clock,', 180: 'hflip,vflip,', 270: 'transpose=cclock,' } as const;

/** The description of a graph for FFmpeg. */
function describe({ picture, sizes, timescale }: PictureFilterOptions, like: Picture, interlaced: boolean): string {
  const { rotation, matrix, fields } = picture;
  // Of a live source only its pictures say that they are HDR.
  const toneMap = picture.toneMap ?? hdrOf(like);
  const deinterlace = interlaced ? `bwdif=mode=${fields ? 'send_field' : 'send_frame'}:deint=interlaced,` : '';
  const before = `${deinterlace}${toneMap ? toSdr(toneMap, sizes, rotation) : ''}${TURNS[rotation]}`;
  const guess = like.colorSpace === AVCOL_SPC_UNSPECIFIED && !toneMap ? `:in_color_matrix=${matrix}` : '';
  const scales = sizes.map((size, index) => {
    const { width, height } = size;
    const format = pixelFormatOf(size);
    const inner = insideBars(like, rotation, { width, height });
    const scale = `scale=${inner.width}:${inner.height}:flags=bicubic${guess}:out_color_matrix=${matrix}:out_range=tv`;
    const isWhole = inner.width === width && inner.height === height;
    const bars = isWhole ? '' : `,pad=${width}:${height}:-1:-1`;
    return `[s${index}]${scale}${bars},format=${format},setsar=1,buffersink@out${index}`;
  });
  const split = `split=${sizes.length}${sizes.map((_, index) => `[s${index}]`).join('')}`;
  return [`${sourceOf(like, timescale)},${before}${split}`, ...scales].join(';');
}

function hdrOf({ colorTrc }: Picture): LadderPicture['toneMap'] {
  if (colorTrc === AVCOL_TRC_SMPTE2084) return 'pq';
  return colorTrc === AVCOL_TRC_ARIB_STD_B67 ? 'hlg' : undefined;
}

/**
 * The size of a picture in an output: all of it, unless the picture has another aspect on the screen (samples
 * that are not square in a live source, a change in mid-stream).
 */
function insideBars(
  { width, height, sampleAspectRatio: { num, den } }: Picture,
  rotation: number,
  output: Pick<Size, 'width' | 'height'>,
): Pick<Size, 'width' | 'height'> {
  const shown = (width / height) * (num > 0 && den > 0 ? num / den : 1);
  const aspect = rotation % 180 === 0 ? shown : 1 / shown;
  const even = (value: number) => Math.max(2, 2 * Math.round(value / 2));
  const inner = {
    width: Math.min(output.width, even(output.height * aspect)),
    height: Math.min(output.height, even(output.width / aspect)),
  };
  const isNearlyAll = inner.width >= NEARLY_ALL * output.width && inner.height >= NEARLY_ALL * output.height;
  return isNearlyAll ? output : inner;
}

function sourceOf(like: Picture, timescale: number): string {
  const { width, height, format, colorSpace, colorRange, sampleAspectRatio } = like;
  const { num, den } = sampleAspectRatio;
  const aspect = num > 0 && den > 0 ? `${num}/${den}` : '1/1';
  const size = `video_size=${width}x${height}:pix_fmt=${format}:time_base=1/${timescale}:pixel_aspect=${aspect}`;
  return `buffer@in=${size}:colorspace=${colorSpace}:range=${colorRange}`;
}

/** Scales to the largest rung first: mapping is the expensive step. */
function toSdr(transfer: 'pq' | 'hlg', sizes: readonly Size[], rotation: number): string {
  const width = Math.max(...sizes.map((size) => size.width));
  const height = Math.max(...sizes.map((size) => size.height));
  const size = rotation % 180 === 0 ? `w=${width}:h=${height}` : `w=${height}:h=${width}`;
  const input = transfer === 'pq' ? 'smpte2084' : 'arib-std-b67';
  const read = `zscale=${size}:tin=${input}:min=bt2020nc:pin=bt2020:t=linear:npl=100`;
  const map = 'format=gbrpf32le,zscale=p=bt709,tonemap=tonemap=hable:desat=0';
  return `${read},${map},zscale=t=bt709:m=bt709:r=tv,format=yuv420p,`;
}
