/**
 * Compares the measured with the fixed ladder of a film: the bytes that each needs for the same quality.
 * In: films of three kinds, made by ffmpeg. Out: bytes and XPSNR of each rung, and the difference. Used by
 * tests and benchmarks only.
 */
import { AV_LOG_FATAL } from 'node-av/constants';
import { Log } from 'node-av/lib';
import { readFrames } from '../../../test/fixtures/media/inside.ts';
import type { LadderVideoRendition } from '../../ffmpeg/ladder-options.ts';
import { inputOfBytes } from '../../jobs/worker-job.fixture.ts';
import { type EncodeMeasure, encodeJobs } from './encode-job.ts';
import { encodeFilm, type Films, mediaBytesOf } from './film.fixture.ts';
import { measure } from './measure.ts';
import { MEASURED_CRFS, planMeasured } from './measured-plan.ts';
import { ladderDefaults, planLadder } from './plan.ts';
import type { LadderPlan, LadderSettings } from './plan-shapes.ts';

/** Text that seldom changes, natural motion, and a picture that nothing predicts. */
export const filmKinds = ['slides', 'film', 'noise'] as const;
export type FilmKind = (typeof filmKinds)[number];

/** A film to compare ladders with. */
export interface ComparedFilm {
  readonly width: number;
  readonly height: number;
  readonly seconds: number;
  readonly settings: Partial<LadderSettings>;
}

export interface EncodedRung {
  readonly name: string;
  /** Bits per second. */
  readonly bitRate: number;
  /** In the size of the source, dB. */
  readonly xpsnr: number;
}

/** What was found. */
export interface Comparison {
  readonly fixed: readonly EncodedRung[];
  readonly measured: readonly EncodedRung[];
  /** Bytes of the measured ladder at equal XPSNR, as a share of those of the fixed one. */
  readonly share: number;
  /** Time of the measurement as a share of that of the encode of the same stretch of the film. */
  readonly cost: number;
}

const RATE = 25;
const GOP_S = 2;

/** Arguments of ffmpeg for the pictures of a film. */
function picturesOf(kind: FilmKind, { width, height, seconds }: ComparedFilm): string {
  const size = `${width}x${height}`;
  const film = (w: number, h: number) =>
    `mandelbrot=s=${w}x${h}:r=${RATE}:end_scale=0.1,gblur=sigma=2,noise=alls=2:allf=t`;
  if (kind === 'noise') return `-f lavfi -i testsrc2=s=${size}:r=${RATE},noise=alls=60:allf=t -t ${seconds}`;
  if (kind === 'film') return `-f lavfi -i ${film(width, height)} -t ${seconds}`;
  // A lecture: lines of strokes like text, drawn twice as large and scaled, so that their edges are soft; the
  // speaker in a corner, and a cursor.
  const line = Math.round(height / 10);
  const word = `mod(floor(X*5/${line})*7919+floor(X/${line})*31+floor(Y/${line})*10473+N*541\\,13)`;
  const text = `lt(mod(Y\\,${line})\\,${line * 0.55})*lt(${word}\\,6)*gt(X\\,${width / 6})*gt(Y\\,${height / 5})`;
  const ends = `lt(X\\,${width / 2}+mod(floor(Y/${line})*457+N*131\\,${Math.round(width * 0.9)}))`;
  const luma = `if(${text}*${ends}\\,25\\,245-Y*40/${height})`;
  const slides = `nullsrc=s=${2 * width}x${2 * height}:r=1/5,format=gray,geq=lum=${luma},scale=${size},fps=${RATE}`;
  const cursor = `drawbox=x=mod(t*40\\,${width}):y=${height / 3}+mod(t*25\\,${height / 3}):w=8:h=12:c=red:t=fill`;
  const [w, h] = [width / 5, height / 5];
  const speaker = `-f lavfi -i ${film(w, h)}`;
  const graph = `-filter_complex [0]format=yuv420p,${cursor}[a];[a][1]overlay=x=${width - w}:y=${height - h}`;
  return `-f lavfi -i ${slides} ${speaker} ${graph} -t ${seconds}`;
}

/** Encodes both ladders of a film. @param films where the files are written */
export async function compareLadders(films: Films, kind: FilmKind, film: ComparedFilm): Promise<Comparison> {
  const { width, height, seconds, settings } = film;
  Log.setLevel(AV_LOG_FATAL); // The filter prints its averages.
  const codec = `-c:v libx264 -preset ultrafast -crf 10 -g ${GOP_S * RATE} -sc_threshold 0 -pix_fmt yuv420p`;
  const name = `${kind}-${width}.mp4`;
  const original = await films.make(name, `${picturesOf(kind, film)} ${codec}`);
  const plan = planLadder(
    { video: { stream: 0, codec: 'h264', width, height, frameRate: RATE }, audio: [] },
    { ...ladderDefaults, ...settings, plan: 'measured' },
  );
  const { measure: setup, stream, picture } = plan.video!;
  const endUs = seconds * 1_000_000;
  const cuts = Array.from({ length: Math.ceil(seconds / GOP_S) }, (_, i) => i * GOP_S * 1_000_000);
  const times = { originUs: 0, cuts, endUs };
  const media: EncodeMeasure = {
    kind: 'measure',
    stream,
    picture,
    renditions: [],
    sizes: setup!.sizes,
    crfs: MEASURED_CRFS,
    cuts: [1, 3, 5].map((sixth) => cuts[Math.floor((cuts.length * sixth) / 6)]!),
    sampleUs: GOP_S * 1_000_000,
    keyEveryS: GOP_S,
  };
  const context = { signal: new AbortController().signal, progress: () => {} };
  const input = { assetId: 'a1', ...times, media };
  const { measured } = await measure({
    input,
    media,
    original: inputOfBytes(original),
    context,
    threads: 2,
    limits: {},
    maxShare: 1000,
  });
  const decided = planMeasured(plan, measured!)?.plan ?? plan;
  const encode = async (made: LadderPlan): Promise<EncodedRung[]> => {
    const [job] = encodeJobs('a1', made, times, { pieceUs: endUs });
    const { outputs } = await encodeFilm(original, job!, { threads: 2 });
    return Promise.all(
      made.video!.renditions.map((rendition) => rungOf(films, `${films.folder}/${name}`, { rendition, outputs, film })),
    );
  };
  const fixed = await encode(plan);
  const chosen = await encode(decided);
  const cost = measured!.totalMs / measured!.encodeMs;
  return { fixed, measured: chosen, share: bytesAtEqualQuality(chosen, fixed), cost };
}

async function rungOf(
  films: Films,
  source: string,
  {
    rendition: { id, rung },
    outputs,
    film: { width, height, seconds },
  }: {
    readonly rendition: LadderVideoRendition;
    readonly outputs: ReadonlyMap<string, Uint8Array>;
    readonly film: ComparedFilm;
  },
): Promise<EncodedRung> {
  const path = await films.save(`${id}-${Math.random()}.mp4`, outputs.get(`${id}/1.mp4`)!);
  const values = readFrames(
    [
      `movie=${source},format=yuv420p,setpts=N/TB[ref]`,
      `movie=${path},scale=${width}:${height}:flags=bicubic,format=yuv420p,setpts=N/TB[d]`,
      '[d][ref]xpsnr=shortest=1',
    ].join(';'),
    (picture) => {
      const data = picture.getMetadata();
      const db = (plane: string) => Math.min(60, Number(data.get(`lavfi.xpsnr.xpsnr.${plane}`)) || 60);
      return (4 * db('y') + db('u') + db('v')) / 6;
    },
  );
  const xpsnr = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { name: rung, bitRate: (mediaBytesOf(path) * 8) / seconds, xpsnr };
}

/**
 * The bytes of a ladder for the same quality, as a share of those of another: the average over the qualities
 * that both have of the ratio of their bit rates, interpolated between rungs (as the BD-rate of Bjøntegaard).
 */
export function bytesAtEqualQuality(ladder: readonly EncodedRung[], other: readonly EncodedRung[]): number {
  const [a, b] = [bestOf(ladder), bestOf(other)];
  const low = Math.max(a[0]!.xpsnr, b[0]!.xpsnr);
  const high = Math.min(a.at(-1)!.xpsnr, b.at(-1)!.xpsnr);
  const steps = 200;
  let sum = 0;
  for (let i = 0; i <= steps; i++) {
    const at = low + ((high - low) * i) / steps;
    sum += logRateAt(a, at) - logRateAt(b, at);
  }
  return Math.exp(sum / (steps + 1));
}

/** The rungs that no cheaper one is as good as, the cheapest first. */
function bestOf(rungs: readonly EncodedRung[]): EncodedRung[] {
  const sorted = rungs.toSorted((a, b) => a.bitRate - b.bitRate);
  return sorted.filter(({ xpsnr }, i) => sorted.slice(0, i).every((cheaper) => cheaper.xpsnr < xpsnr));
}

function logRateAt(rungs: readonly EncodedRung[], xpsnr: number): number {
  const above = rungs.findIndex((rung) => rung.xpsnr >= xpsnr);
  if (above <= 0) return Math.log(rungs.at(above)!.bitRate);
  const [a, b] = [rungs[above - 1]!, rungs[above]!];
  return Math.log(a.bitRate) + (Math.log(b.bitRate / a.bitRate) * (xpsnr - a.xpsnr)) / (b.xpsnr - a.xpsnr);
}
