import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { named, type Period, parseXml, readManifest, secondsOf } from '../../../test/conformance/mpd.ts';
import { OxbowError } from '../../lib/errors.ts';
import { DEFAULT_LIMITS } from '../../packager/live-window.ts';
import { START_US } from '../../recording/recording.fixture.ts';
import { type Delivery, generation, makeGroup, openDelivery, type SegmentPlan, tracks } from '../delivery.fixture.ts';

const SECOND = 1_000_000;
/** The live list holds six segments; what is older comes from the recording. */
const limits = { ...DEFAULT_LIMITS, windowUs: 12 * SECOND };
const MANIFEST = '/live/door/dvr-30m/index.mpd';

/** Before the generation: five segments of one run, a hole, four of another. */
const older: SegmentPlan[] = [
  ...[50, 51, 52, 53, 54].map((msn) => ({ msn, run: 1, startUs: START_US - (80 - 2 * (msn - 50)) * SECOND })),
  ...[60, 61, 62, 63].map((msn) => ({ msn, run: 2, startUs: START_US - (50 - 2 * (msn - 60)) * SECOND })),
];

async function openDvr(): Promise<Delivery> {
  const dvr = await openDelivery({ limits });
  await dvr.record(...older.map((plan) => makeGroup(plan, dvr.init)));
  dvr.listWriter.begin(generation, tracks);
  return dvr;
}

async function flow(dvr: Delivery, from: number, to: number, lost: readonly number[] = []): Promise<void> {
  for (let msn = from; msn <= to; msn++) {
    const group = dvr.live({ msn, run: 3 });
    if (lost.includes(msn)) dvr.listWriter.lost(msn);
    else await dvr.record(group);
  }
}

async function periodsOf(dvr: Delivery): Promise<readonly Period[]> {
  return readManifest(await dvr.text(MANIFEST), MANIFEST, assert.fail).periods;
}
const numbersOf = ({ representations: [first] }: Period) =>
  first!.segments.map(({ uri }) => Number(/(\d+)\.m4s$/.exec(uri)![1]));

suite('a DASH manifest that reaches far back (docs/media.md 19, 27)', () => {
  test('has a Period for each run, recorded or live, with the addresses of the live stream', async () => {
    await using dvr = await openDvr();
    await flow(dvr, 100, 110);
    const periods = await periodsOf(dvr);
    const runs = [older.slice(0, 5), older.slice(5), Array.from({ length: 11 }, (_, i) => ({ msn: 100 + i }))];
    assert.deepEqual(
      periods.map(numbersOf),
      runs.map((plans) => plans.map(({ msn }) => msn)),
    );
    assert.deepEqual(
      periods.map(({ id, startS }) => [id, startS - START_US / SECOND]),
      [
        ['1', -80],
        ['2', -50],
        ['3', 0],
      ],
    );
    assert.equal(periods[0]!.representations[0]!.segments[0]!.uri, '/live/door/v0/50.m4s');
    const root = parseXml(await dvr.text(MANIFEST));
    assert.equal(root.attributes.type, 'dynamic');
    assert.equal(root.attributes.availabilityStartTime, '1970-01-01T00:00:00Z');
    assert.ok(secondsOf(root.attributes.timeShiftBufferDepth) >= 102);
    const [base] = named(root, 'BaseURL');
    const clocks = named(root, 'UTCTiming').map(
      ({ attributes }) => new URL(attributes.value!, new URL(base!.text, `http://host${MANIFEST}`)),
    );
    assert.deepEqual(
      clocks.map(({ pathname }) => pathname),
      ['/live/door/time.txt', '/live/door/time.txt'],
    );
  });

  test('changes nothing that it listed while it grows and slides, nor after a time without requests', async () => {
    await using dvr = await openDvr();
    const starts = new Map<string, string>();
    let [first, end] = [0, 100];
    for (const to of [106, 107, 112, 141, 600, 960, 961, 1010]) {
      await flow(dvr, end, to);
      end = to + 1;
      const periods = await periodsOf(dvr);
      for (const { id, startS, representations } of periods) {
        const known = `${startS} ${representations[0]!.offset}`;
        assert.equal(known, starts.get(id) ?? known);
        starts.set(id, known);
      }
      const numbers = periods.flatMap(numbersOf);
      assert.ok(numbers[0]! >= first);
      first = numbers[0]!;
      assert.equal(numbers.at(-1), to);
    }
    assert.ok(first > 100, 'it is full');
  });

  test('is printed once for a segment; segments that the recorder lost are left out once they are not live', async () => {
    await using dvr = await openDvr();
    await flow(dvr, 100, 104, [103]);
    const reply = await dvr.get(MANIFEST);
    assert.equal(await dvr.get(MANIFEST), reply);
    assert.ok((await periodsOf(dvr)).flatMap(numbersOf).includes(103));
    await flow(dvr, 105, 120);
    const numbers = (await periodsOf(dvr)).flatMap(numbersOf);
    assert.ok(numbers.includes(102) && !numbers.includes(103) && numbers.includes(104));
  });

  test('ends as the live manifest does; other lengths are unknown', async () => {
    await using dvr = await openDvr();
    await flow(dvr, 100, 104);
    dvr.rig.clock.advance((START_US + 30 * SECOND) / 1000 - dvr.rig.clock.nowMs());
    dvr.listWriter.end();
    const head = async () => parseXml(await dvr.text(MANIFEST)).attributes;
    const { type, mediaPresentationDuration } = await head();
    assert.deepEqual([type, mediaPresentationDuration], ['dynamic', `PT${START_US / SECOND + 9.999}S`]);
    dvr.rig.clock.advance(4_000);
    assert.equal((await head()).type, 'static');
    const is = (code: string) => (error: unknown) => error instanceof OxbowError && error.code === code;
    await assert.rejects(dvr.get('/live/door/dvr-3h/index.mpd'), is('not-found'));
    dvr.rig.clock.advance(600_000);
    await assert.rejects(dvr.get(MANIFEST), is('stream-offline'));
  });
});
