/**
 * The convex hull of what samples of a video have shown: for each bit rate the size and quality that look
 * best.
 * In: measured points. Out: operating points on the hull, the cheapest first. Pure.
 */
import type { LadderVideoRendition, MeasuredPoint } from '../../ffmpeg/ladder-options.ts';

/** A size at a constant quality. */
export interface OperatingPoint {
  readonly size: LadderVideoRendition;
  readonly crf: number;
  /** Expected average, bits per second, at most the cap of the size. */
  readonly bitRate: number;
  /** In the largest size, dB. */
  readonly xpsnr: number;
}

/** A size that takes this share of its cap at the lowest quality is limited by the cap, not by quality. */
const FULL = 0.9;

/**
 * The points of one size from its best to its lowest measured quality, one for each step of the scale of
 * x264. Empty where its cap limits all of them.
 */
export function curveOf(size: LadderVideoRendition, points: readonly MeasuredPoint[]): OperatingPoint[] {
  const measured = points.filter(({ rung }) => rung === size.rung).toSorted((a, b) => a.crf - b.crf);
  const last = measured.at(-1);
  if (!last || last.bitRate > size.maxRate * FULL) return [];
  const curve: OperatingPoint[] = [];
  for (let crf = measured[0]!.crf; crf <= last.crf; crf++) {
    const above = Math.max(
      1,
      measured.findIndex((point) => point.crf >= crf),
    );
    const [a, b] = [measured[above - 1]!, measured[above] ?? last];
    const share = b.crf === a.crf ? 0 : (crf - a.crf) / (b.crf - a.crf);
    const bitRate = Math.min(size.maxRate, a.bitRate * (b.bitRate / a.bitRate) ** share);
    curve.push({ size, crf, bitRate, xpsnr: a.xpsnr + (b.xpsnr - a.xpsnr) * share });
  }
  return curve;
}

/** The points of all curves that no mix of two others beats, the cheapest first. */
export function hullOf(points: readonly OperatingPoint[]): OperatingPoint[] {
  const sorted = points.toSorted((a, b) => a.bitRate - b.bitRate || b.xpsnr - a.xpsnr);
  const hull: OperatingPoint[] = [];
  for (const point of sorted) {
    if (point.xpsnr <= (hull.at(-1)?.xpsnr ?? Number.NEGATIVE_INFINITY)) continue;
    while (hull.length > 1 && !isAbove(hull.at(-2)!, hull.at(-1)!, point)) hull.pop();
    hull.push(point);
  }
  return hull;
}

/** Whether a point is above the line between its neighbours. */
function isAbove(before: OperatingPoint, point: OperatingPoint, after: OperatingPoint): boolean {
  const slope = (a: OperatingPoint, b: OperatingPoint) => (b.xpsnr - a.xpsnr) / (b.bitRate - a.bitRate);
  return slope(before, point) > slope(point, after);
}
