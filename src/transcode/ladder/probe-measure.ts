/**
 * Measures samples of a file as the worker does before it encodes an upload, without an import.
 * In: bytes of a file, its fixed ladder. Out: the result of the measurement. docs/decisions/0108.
 */
import { availableParallelism } from 'node:os';
import { openDemuxer } from '../../ffmpeg/demux.ts';
import type { StreamInput } from '../../ffmpeg/stream-input.ts';
import { type EncodeJobResult, measureJob } from './encode-job.ts';
import { measure } from './measure.ts';
import type { LadderPlan } from './plan-shapes.ts';

const OPEN_MS = 20_000;
/** A key frame begins a segment after at least this, as in an import, µs. */
const SEGMENT_US = 4_000_000;
/** Longest look at the packets of a file, ms; beyond it samples are spread evenly. */
const SCAN_MS = 20_000;

interface ProbeMeasureOptions {
  readonly signal: AbortSignal;
  /** @param share 0 to 1 */
  readonly progress: (share: number) => void;
  /** Most time of the measurement, as a share of that of the encode; default a tenth. Tests may raise it. */
  readonly maxShare?: number | undefined;
}

/** Where the segments of an import would begin. */
interface Segments {
  readonly originUs: number;
  /** µs of the asset, the first 0. */
  readonly cuts: readonly number[];
  readonly endUs: number;
  /** Bytes of the picture in each segment; undefined: the file is too large to look at all of it. */
  readonly bytes: readonly number[] | undefined;
}

/**
 * Measures the samples that a worker would measure, within the same bounds: a tenth of the time of the
 * encode, two minutes and a tenth of the film.
 *
 * @returns undefined where a worker would not measure: a short film, interlaced video, two passes
 * @throws the signal's reason; nothing else for a file that can be opened
 */
export async function measureFile(
  input: StreamInput,
  plan: LadderPlan,
  { signal, progress, maxShare }: ProbeMeasureOptions,
): Promise<EncodeJobResult | undefined> {
  const { video } = plan;
  if (!video?.measure) return undefined;
  const { bytes, ...times } = await segmentsOf(input, video.stream, { signal });
  const job = measureJob('probe', plan, times, bytes);
  if (job?.media.kind !== 'measure') return undefined;
  const { media } = job;
  const passes = media.cuts.length * media.crfs.length;
  let done = 0;
  progress(0);
  return await measure({
    input: job,
    media,
    original: input,
    context: { signal, progress },
    passed: () => progress(Math.min(1, ++done / passes)),
    threads: availableParallelism(),
    limits: {},
    maxShare,
  });
}

/** Looks at the packets of the picture, without decoding them. */
async function segmentsOf(
  input: StreamInput,
  stream: number,
  { signal }: { readonly signal: AbortSignal },
): Promise<Segments> {
  await using demuxer = await openDemuxer(input, { openMs: OPEN_MS, signal });
  const { startUs: fileStartUs, durationUs, streams } = demuxer.info;
  const { timeScale = 1, timeStep = 1, startUs = fileStartUs } = streams.find(({ index }) => index === stream) ?? {};
  const deadlineMs = performance.now() + SCAN_MS;
  const cuts: number[] = [];
  const bytes: number[] = [];
  for await (const packets of demuxer.packets([stream])) {
    if (performance.now() > deadlineMs) return evenly(startUs, durationUs);
    for (const { key, pts, data } of packets) {
      const atUs = pts === undefined ? Number.NaN : Math.round((pts * timeStep * 1_000_000) / timeScale) - startUs;
      if (cuts.length === 0 || (key && atUs - cuts.at(-1)! >= SEGMENT_US)) {
        cuts.push(cuts.length === 0 ? 0 : atUs);
        bytes.push(0);
      }
      bytes[bytes.length - 1]! += data.length;
    }
  }
  return { originUs: startUs, cuts, endUs: durationUs, bytes };
}

function evenly(originUs: number, endUs: number): Segments {
  const count = Math.max(1, Math.floor(endUs / SEGMENT_US));
  return { originUs, cuts: Array.from({ length: count }, (_, i) => i * SEGMENT_US), endUs, bytes: undefined };
}
