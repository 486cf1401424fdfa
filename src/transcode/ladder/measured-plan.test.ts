import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { MeasuredPoint } from '../../ffmpeg/ladder-options.ts';
import { curveOf, hullOf } from './hull.ts';
import { planMeasured } from './measured-plan.ts';
import { ladderDefaults, planLadder } from './plan.ts';
import type { LadderSettings, LadderSourceVideo } from './plan-shapes.ts';

const FILM: LadderSourceVideo = { stream: 0, codec: 'h264', width: 1280, height: 720, frameRate: 25 };

function fixedPlan(video: Partial<LadderSourceVideo> = {}, settings: Partial<LadderSettings> = {}) {
  return planLadder({ video: { ...FILM, ...video }, audio: [] }, { ...ladderDefaults, plan: 'measured', ...settings });
}

/** kbps and dB at the qualities 22, 28 and 34. */
function pointsOf(sizes: Readonly<Record<string, readonly (readonly [kbps: number, db: number])[]>>): MeasuredPoint[] {
  return Object.entries(sizes).flatMap(([rung, at]) =>
    at.map(([kbps, xpsnr], i) => ({ rung, crf: [22, 28, 34][i]!, bitRate: kbps * 1000, xpsnr })),
  );
}

const LECTURE = pointsOf({
  720: [
    [600, 50],
    [390, 48],
    [250, 44],
  ],
  480: [
    [420, 37],
    [280, 36],
    [190, 35],
  ],
  360: [
    [300, 34],
    [200, 33],
    [130, 32],
  ],
});
const FILM_POINTS = pointsOf({
  720: [
    [2700, 38],
    [1500, 35],
    [800, 30],
  ],
  480: [
    [1150, 35],
    [700, 33],
    [400, 30],
  ],
  360: [
    [390, 31],
    [300, 30],
    [200, 28],
  ],
});
const NOISE = pointsOf({
  720: [
    [2790, 12],
    [2790, 12],
    [2780, 12],
  ],
  480: [
    [1190, 11],
    [1190, 11],
    [1190, 11],
  ],
  360: [
    [399, 9],
    [399, 9],
    [399, 9],
  ],
});

const rendered = (plan: ReturnType<typeof fixedPlan> | undefined) =>
  plan?.video?.renditions.map(({ id, trackId, crf }) => `${id} ${trackId} ${crf}`);

suite('measured ladders', () => {
  test('a lecture gets its size several times, and the smallest one for weak devices', () => {
    const { plan, rungs } = planMeasured(fixedPlan(), { points: LECTURE, samples: 3 })!;
    assert.deepEqual(rendered(plan), ['v0-720 101 22', 'v0-720-2 102 28', 'v0-720-3 103 34', 'v0-360 104 31']);
    assert.deepEqual(
      rungs.map(({ size, bitRate }) => [size.height, Math.round(bitRate / 1000)]),
      [
        [720, 600],
        [720, 390],
        [720, 250],
        [360, 161],
      ],
    );
  });

  test('every rung keeps to the rates of the fixed ladder, a lower quality to its share of them, with room for peaks', () => {
    const fixed = fixedPlan();
    const { plan } = planMeasured(fixed, { points: LECTURE, samples: 3 })!;
    const caps = plan.video!.renditions.map(({ maxRate }) => maxRate);
    assert.deepEqual(caps, [2_800_000, 1_820_000, 1_167_000, 242_000]);
    assert.ok(plan.video!.renditions.every(({ maxRate, bufferSize }) => bufferSize === 2 * maxRate));
  });

  test('rungs are at least half as large again as the next lower one, and none is below what every connection has', () => {
    for (const points of [LECTURE, FILM_POINTS]) {
      const { rungs } = planMeasured(fixedPlan(), { points, samples: 3 })!;
      for (const [i, { bitRate }] of rungs.entries()) {
        const next = rungs[i + 1];
        if (next) assert.ok(bitRate >= 1.4 * next.bitRate, `${bitRate} after ${next.bitRate}`);
      }
    }
    // The smallest one would be dearer.
    const quiet = pointsOf({
      720: [
        [90, 55],
        [60, 53],
        [50, 50],
      ],
      480: [
        [95, 40],
        [75, 39],
        [55, 38],
      ],
      360: [
        [100, 36],
        [80, 35],
        [70, 34],
      ],
    });
    assert.deepEqual(rendered(planMeasured(fixedPlan(), { points: quiet, samples: 3 })!.plan), [
      'v0-720 101 22',
      'v0-720-2 102 28',
    ]);
  });

  test('no rung is beaten by another one: the hull has no point below the line between its neighbours', () => {
    const { measure } = fixedPlan().video!;
    const hull = hullOf(measure!.sizes.flatMap((size) => curveOf(size, FILM_POINTS)));
    assert.ok(hull.length > 4);
    const slopes = hull
      .slice(1)
      .map(({ bitRate, xpsnr }, i) => (xpsnr - hull[i]!.xpsnr) / (bitRate - hull[i]!.bitRate));
    assert.ok(slopes.every((slope, i) => slope > 0 && (i === 0 || slope < slopes[i - 1]!)));
    assert.equal(hull[0]!.size.height, 360);
    assert.equal(hull.at(-1)!.size.height, 720);
  });

  test('a picture that needs all rates keeps the fixed ladder', () => {
    assert.equal(planMeasured(fixedPlan(), { points: NOISE, samples: 3 }), undefined);
    const mixed = [...NOISE.filter(({ rung }) => rung === '720'), ...FILM_POINTS.filter(({ rung }) => rung !== '720')];
    const { plan, rungs } = planMeasured(fixedPlan(), { points: mixed, samples: 3 })!;
    assert.deepEqual(rendered(plan)![0], 'v0-720 101 22');
    assert.equal(rungs[0]!.isKept, true);
    assert.equal(plan.video!.renditions[0]!.maxRate, 2_800_000);
  });

  test('fewer than two samples, and points of other sizes, decide nothing', () => {
    assert.equal(planMeasured(fixedPlan(), { points: LECTURE, samples: 1 }), undefined);
    assert.equal(planMeasured(fixedPlan(), { points: pointsOf({ 1080: [[1, 1]] }), samples: 3 }), undefined);
    assert.equal(planMeasured(fixedPlan({}, { plan: 'fixed' }), { points: LECTURE, samples: 3 }), undefined);
  });

  test('two passes and interlaced video are not measured', () => {
    assert.equal(fixedPlan({}, { passes: 2 }).video!.measure, undefined);
    assert.equal(fixedPlan({ interlaced: true }).video!.measure, undefined);
  });

  test('a source that has half as many bits again as its size needs is encoded in that size too', () => {
    const source = { passesThrough: true, bitRate: 3_000_000 };
    const fixed = fixedPlan(source);
    assert.deepEqual(rendered(fixed), ['v0-480 101 22', 'v0-360 102 22']);
    const measured = { points: LECTURE, samples: 3 };
    assert.equal(planMeasured(fixed, measured)!.plan.video!.renditions[0]!.id, 'v0-720');
    const lean = planMeasured(fixedPlan({ ...source, bitRate: 800_000 }), measured)!.plan;
    assert.deepEqual(rendered(lean), ['v0-720-2 101 28', 'v0-720-3 102 34', 'v0-360 103 31']);
    assert.ok(lean.notes.includes('720p is the source itself.'));
  });

  test('a second codec has the same sizes, on its own scale', () => {
    const { plan } = planMeasured(fixedPlan({}, { preset: 'av1' }), { points: LECTURE, samples: 3 })!;
    assert.deepEqual(rendered(plan)!.slice(4), [
      'v0-720-av1 105 32',
      'v0-720-2-av1 106 40',
      'v0-720-3-av1 107 49',
      'v0-360-av1 108 45',
    ]);
    assert.equal(plan.video!.renditions[4]!.maxRate, 1_540_000);
  });
});
