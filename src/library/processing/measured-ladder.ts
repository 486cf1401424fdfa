/**
 * The ladder of an asset after its samples were measured: the plan, and its description in the facts of the
 * asset.
 * In: the fixed plan, the job that measured. Out: the plan to encode, AssetLadder, warnings. Pure.
 */
import type { AssetLadder, AssetLadderRung } from '../../api/library/asset-facts.ts';
import type { LadderMeasured, MeasuredPoint } from '../../ffmpeg/ladder-options.ts';
import type { Job } from '../../jobs/job.ts';
import { type EncodeJobResult, MOST_POINTS } from '../../transcode/ladder/encode-job.ts';
import { curveOf } from '../../transcode/ladder/hull.ts';
import { type MeasuredRung, planMeasured } from '../../transcode/ladder/measured-plan.ts';
import type { LadderPlan } from '../../transcode/ladder/plan-shapes.ts';

/** What a measurement has decided. */
interface DecidedLadder {
  readonly plan: LadderPlan;
  readonly ladder: AssetLadder;
  /** For a person: why the fixed ladder is used; usually empty. */
  readonly warnings: readonly string[];
}

/** The ladder that follows from the end of a measurement, however it ended. */
export function decideLadder(
  plan: LadderPlan,
  { state, result, error }: Pick<Job, 'state' | 'result' | 'error'>,
): DecidedLadder {
  const { warnings } = (result ?? {}) as Partial<EncodeJobResult>;
  const measured = state === 'done' ? measuredOf(result) : undefined;
  if (!measured) {
    const reason = error ? ` (${error.detail.replace(/\.$/, '')})` : '';
    const why = `The ladder was not measured${reason}: the fixed one is used.`;
    const said = Array.isArray(warnings) && warnings.length > 0 ? warnings.map(String) : [why];
    return { plan, ladder: { plan: 'fixed', rungs: [], fixed: [], samples: 0, points: [] }, warnings: said };
  }
  return decideByPoints(plan, measured);
}

/** The same, of a measurement that is stored with the facts of an asset. */
export function decideByPoints(plan: LadderPlan, measured: Pick<LadderMeasured, 'points' | 'samples'>): DecidedLadder {
  const { points, samples } = measured;
  const decided = planMeasured(plan, measured);
  const sizes = plan.video?.measure?.sizes ?? [];
  const fixed = sizes.map((size): AssetLadderRung => {
    const [best] = curveOf(size, points);
    const { width, height, maxRate, rung } = size;
    return {
      name: rung,
      width,
      height,
      maxRate,
      bitRate: rounded(best?.bitRate ?? maxRate),
      xpsnr: best ? decibels(best.xpsnr) : null,
    };
  });
  const ladder: AssetLadder = {
    plan: decided ? 'measured' : 'fixed',
    rungs: decided ? rungsOf(decided.plan, decided.rungs) : fixed,
    fixed,
    samples,
    points,
  };
  return { plan: decided?.plan ?? plan, ladder, warnings: [] };
}

/** Of H.264, the best first, with the one that the source takes the place of. */
function rungsOf({ video }: LadderPlan, rungs: readonly MeasuredRung[]): AssetLadderRung[] {
  const made = (video?.renditions ?? []).filter(({ codec }) => codec === 'h264');
  const left = rungs.length - made.length;
  return rungs.map(({ size, bitRate, maxRate, xpsnr, isKept }, index): AssetLadderRung => {
    const { width, height } = size;
    const name = made[index - left]?.rung ?? size.rung;
    return { name, width, height, maxRate, bitRate: rounded(bitRate), xpsnr: isKept ? null : decibels(xpsnr) };
  });
}

const decibels = (xpsnr: number): number => Math.round(xpsnr * 100) / 100;
const rounded = (bitRate: number): number => Math.round(bitRate / 1000) * 1000;

/** The measurement of a job. Workers send it: anything else is none. */
function measuredOf(result: unknown): LadderMeasured | undefined {
  const { measured } = (result ?? {}) as { readonly measured?: Partial<LadderMeasured> };
  const { points, samples } = measured ?? {};
  if (!Array.isArray(points) || points.length > MOST_POINTS || !Number.isSafeInteger(samples)) return undefined;
  const isPoint = (point: Partial<MeasuredPoint> | null) =>
    typeof point?.rung === 'string' &&
    [point.crf, point.bitRate, point.xpsnr].every((value) => Number.isFinite(value)) &&
    point.bitRate! > 0;
  return points.every(isPoint) ? (measured as LadderMeasured) : undefined;
}
