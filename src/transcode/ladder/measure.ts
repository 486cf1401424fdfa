/**
 * Measures samples of a video, which decide the renditions of its ladder. A measurement that fails or takes
 * too long costs the measurement, not the film: its result is a warning, and the fixed ladder is encoded.
 * In: a job of kind `encode` with samples. Out: its result.
 */
import { earlierClockStartUs } from '@oxbow/media/asset-time';
import { encodeLadder, type LadderProcessLimits } from '../../ffmpeg/ladder.ts';
import type { LadderCounts } from '../../ffmpeg/ladder-options.ts';
import type { StreamInput } from '../../ffmpeg/stream-input.ts';
import type { JobInput, WorkerContext } from '../../jobs/worker-job.ts';
import { sentenceOf } from '../../lib/errors.ts';
import type { EncodeJobInput, EncodeJobResult, EncodeMeasure } from './encode-job.ts';
import { LEAST_SAMPLES } from './measured-plan.ts';

/** What a measurement needs. */
interface MeasureJob {
  readonly input: EncodeJobInput;
  readonly media: EncodeMeasure;
  readonly original: Pick<JobInput, 'length' | 'read'>;
  readonly context: Pick<WorkerContext, 'signal' | 'progress'>;
  readonly threads: number;
  readonly limits: LadderProcessLimits;
  /** A sample was measured at one quality. */
  readonly passed?: () => void;
  /** Most time, as a share of that of the encode; undefined: a tenth. */
  readonly maxShare?: number | undefined;
}

/** Most time of a measurement, as a share of that of the encode. */
const MAX_SHARE = 0.1;
/** Longest measurement, s: two minutes and a tenth of the film. */
const LEAST_LIMIT_S = 120;
const LIMIT_SHARE = 0.1;
const NONE: LadderCounts = { decoded: 0, damaged: 0, concealed: 0, changes: 0, fallbacks: [] };

/** Runs it. Abort of the job rejects. */
export async function measure(job: MeasureJob): Promise<EncodeJobResult> {
  const { input, media, original, context, threads, limits, passed = () => {}, maxShare = MAX_SHARE } = job;
  const { originUs, clockStartUs = earlierClockStartUs, endUs } = input;
  const limitS = LEAST_LIMIT_S + (LIMIT_SHARE * endUs) / 1_000_000;
  const late = AbortSignal.timeout(Math.ceil(limitS) * 1000);
  const signal = AbortSignal.any([context.signal, late]);
  const nothing = { track: () => {}, frame: () => {}, ready: () => Promise.resolve(), passed };
  const file: StreamInput = { length: original.length, read: (at, count) => original.read(at, count, { signal }) };
  const { cuts, sampleUs, ...sizes } = media;
  const samples = cuts.map((fromUs) => ({ fromUs, toUs: fromUs + sampleUs }));
  const times = { originUs, clockStartUs, cuts: [0], endUs };
  try {
    const { measured, ...counts } = await encodeLadder(
      { media: { ...sizes, samples, maxShare }, times, threads },
      file,
      nothing,
      { signal, limits },
    );
    context.progress(1);
    if (measured && measured.samples >= LEAST_SAMPLES) return { chunks: [], counts, measured };
    const count = `${measured?.samples ?? 0} of ${samples.length} samples`;
    return fixed(`only ${count} could be measured in a tenth of the time of the encode`);
  } catch (error) {
    if (context.signal.aborted) throw error;
    return fixed(late.aborted ? `it took longer than ${Math.ceil(limitS)} s` : sentenceOf(error));
  }
}

function fixed(why: string): EncodeJobResult {
  const reason = why.replace(/\.$/, '');
  return { chunks: [], counts: NONE, warnings: [`The ladder was not measured (${reason}): the fixed one is used.`] };
}
