/**
 * Chooses the rungs of a ladder from what samples of the video have shown.
 * In: the fixed plan, a measurement. Out: a plan with other renditions. Pure. docs/decisions/0108.
 */
import type { LadderMeasured, LadderVideoCodec, LadderVideoRendition } from '../../ffmpeg/ladder-options.ts';
import { curveOf, hullOf, type OperatingPoint } from './hull.ts';
import { CRF, PEAK, SOURCE_BITS, TRACKS_FROM } from './plan.ts';
import type { LadderMeasurePlan, LadderPlan } from './plan-shapes.ts';

/** Constant qualities that samples are measured at: that of the fixed ladder, then lower ones. */
export const MEASURED_CRFS: readonly number[] = [CRF.h264, 28, 34];
/** Fewer samples decide nothing. */
export const LEAST_SAMPLES = 2;
/** The bit rate of a rung is at least this multiple of that of the next lower one. */
const LEAST_STEP = 1.5;
/** Every connection has this: no rung below it is of use, bits per second. */
const FLOOR_BITS = 64_000;
/** The highest bit rate of any rung is at least this, bits per second: a key frame needs room. */
const LEAST_CAP = 150_000;
/** The steps of the scales of other encoders in one step of that of x264. */
const CRF_STEP: Readonly<Record<LadderVideoCodec, number>> = { h264: 1, hevc: 1, vp9: 1.4, av1: 1.4 };

/** A rung of a measured ladder. */
export interface MeasuredRung extends OperatingPoint {
  /** Bits per second that it never exceeds for long. */
  readonly maxRate: number;
  /** It is that of the fixed ladder, whose cap decides; its XPSNR is not known. */
  readonly isKept?: true;
}

/** A plan whose picture was measured, and its rungs, the best first. */
interface MeasuredPlan {
  readonly plan: LadderPlan;
  readonly rungs: readonly MeasuredRung[];
}

/**
 * The plan with measured renditions; undefined where the measurement decides nothing: too few samples, or the
 * picture needs more than the rates of the fixed ladder in each size.
 */
export function planMeasured(
  plan: LadderPlan,
  measured: Pick<LadderMeasured, 'points' | 'samples'>,
): MeasuredPlan | undefined {
  const { video } = plan;
  if (!video?.measure || measured.samples < LEAST_SAMPLES) return undefined;
  const rungs = rungsOf(video.measure, measured);
  if (!rungs) return undefined;
  const { sizes, codecs, sourceBits } = video.measure;
  const [largest] = rungs;
  const isSource =
    sourceBits !== undefined && largest!.size === sizes[0] && sourceBits <= largest!.bitRate * SOURCE_BITS;
  const renditions: LadderVideoRendition[] = [];
  for (const codec of codecs) {
    for (const [index, rung] of rungs.entries()) {
      if (codec === 'h264' && isSource && index === 0) continue;
      renditions.push(renditionOf(rung, codec, { rungs, trackId: TRACKS_FROM + renditions.length, plan }));
    }
  }
  const others = plan.notes.filter((note) => !note.endsWith('p is the source itself.'));
  const { measure: _, ...kept } = video;
  const notes = isSource ? [...others, `${largest!.size.rung}p is the source itself.`] : others;
  return { plan: { ...plan, video: { ...kept, renditions }, notes }, rungs };
}

/** The best first. */
function rungsOf({ sizes }: LadderMeasurePlan, { points }: Pick<LadderMeasured, 'points'>): MeasuredRung[] | undefined {
  if (sizes.some(({ rung }) => points.every((point) => point.rung !== rung))) return undefined;
  const curves = new Map(sizes.map((size) => [size, curveOf(size, points)]));
  // A size that exceeds its cap at the lowest quality keeps its rung: its cap decides, as before.
  const capped = sizes.filter((size) => curves.get(size)!.length === 0);
  const hull = hullOf([...curves.values()].flat());
  const best = hull.at(-1);
  if (!best) return undefined;
  const fixed = [...curves.values()].flatMap(([point]) => point ?? []);
  const low = Math.max(FLOOR_BITS, Math.min(...fixed.map(({ bitRate }) => bitRate)));
  const most = sizes.length - capped.length;
  const step = Math.max(LEAST_STEP, (best.bitRate / low) ** (1 / Math.max(1, most - 1)));
  const chosen = [best];
  while (chosen.length < most) {
    const lastRate = chosen.at(-1)!.bitRate;
    const target = lastRate / step;
    if (target * LEAST_STEP < low) break;
    const next = nearest(hull, target, lastRate / LEAST_STEP);
    if (!next) break;
    chosen.push(next);
  }
  const small = smallestOf(sizes, curves, chosen);
  const rungs = [...chosen, ...small].map((point) => ({ ...point, maxRate: capOf(point, curves.get(point.size)!) }));
  const kept = capped.map((size): MeasuredRung => {
    const { maxRate } = size;
    return { size, crf: CRF.h264, bitRate: maxRate, xpsnr: 0, maxRate, isKept: true };
  });
  return [...kept, ...rungs].sort((a, b) => b.bitRate - a.bitRate);
}

/** The point whose bit rate is nearest, of those up to a limit. */
function nearest(hull: readonly OperatingPoint[], target: number, limit: number): OperatingPoint | undefined {
  const distance = ({ bitRate }: OperatingPoint) => Math.abs(Math.log(bitRate / target));
  return hull
    .filter(({ bitRate }) => bitRate <= limit)
    .reduce<OperatingPoint | undefined>((a, b) => (a && distance(a) <= distance(b) ? a : b), undefined);
}

/** The smallest size is for devices that decode no larger one, where it is cheaper than the others. */
function smallestOf(
  sizes: readonly LadderVideoRendition[],
  curves: ReadonlyMap<LadderVideoRendition, readonly OperatingPoint[]>,
  chosen: readonly OperatingPoint[],
): readonly OperatingPoint[] {
  const smallest = sizes.at(-1)!;
  const lowest = Math.min(...chosen.map(({ bitRate }) => bitRate));
  if (chosen.some(({ size }) => size === smallest)) return [];
  const curve = curves.get(smallest)!;
  const cheaper = curve.filter(({ bitRate }) => bitRate < lowest);
  return cheaper.length > 0 ? [cheaper.find(({ bitRate }) => bitRate * LEAST_STEP <= lowest) ?? cheaper.at(-1)!] : [];
}

/** A lower quality has as much less of the cap of its size as it needs less on average; peaks have room. */
function capOf({ size, bitRate }: OperatingPoint, [best]: readonly OperatingPoint[]): number {
  const share = Math.min(1, bitRate / best!.bitRate);
  const cap = Math.max(size.maxRate * share, bitRate * PEAK);
  return Math.min(size.maxRate, Math.max(LEAST_CAP, Math.round(cap / 1000) * 1000));
}

/** Its name is that of its size; a second one of a size has a number. */
function renditionOf(
  rung: MeasuredRung,
  codec: LadderVideoCodec,
  {
    rungs,
    trackId,
    plan,
  }: { readonly rungs: readonly MeasuredRung[]; readonly trackId: number; readonly plan: LadderPlan },
): LadderVideoRendition {
  const { size, crf, maxRate } = rung;
  const place = rungs.filter((other) => other.size === size).indexOf(rung) + 1;
  const number = place === 1 ? '' : `-${place}`;
  const name = codec === 'h264' ? `${size.rung}${number}` : `${size.rung}${number}-${codec}`;
  const fixed = plan.video!.renditions.find((each) => each.codec === codec && each.height === size.height) ?? size;
  const cap = Math.round((maxRate * fixed.maxRate) / size.maxRate);
  return {
    ...size,
    id: `v0-${name}`,
    trackId,
    rung: name,
    codec,
    crf: CRF[codec] + Math.round((crf - CRF.h264) * CRF_STEP[codec]),
    maxRate: cap,
    bufferSize: cap * 2,
  };
}
