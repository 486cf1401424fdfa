import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { suite, test } from 'node:test';
import { concatBytes } from '@oxbow/media/bytes';
import { printInit } from '@oxbow/media/isobmff/init';
import { OxbowError } from '../lib/errors.ts';
import { START_US } from '../recording/recording.fixture.ts';
import { makeGroup, openDelivery, type SegmentPlan, tracks } from './delivery.fixture.ts';
import type { MakeStill } from './stills.ts';

const SECOND = 1_000_000;
const refusal = (code: string) => (error: unknown) => error instanceof OxbowError && error.code === code;
/** Address of the still at this many seconds. */
const at = (seconds: number) => `/thumb/door/${Math.round((START_US + seconds * SECOND) / 1000)}.jpg`;

async function openPast(plans: readonly SegmentPlan[], options: Parameters<typeof openDelivery>[0] = {}) {
  const past = await openDelivery(options);
  await past.record(...plans.map((plan) => makeGroup(plan, plan.init ?? past.init)));
  past.state.settledUs = START_US + 1000 * SECOND;
  return past;
}

suite('a still', () => {
  test('is created from the segment’s pictures and the exact instant, once for all clients', async () => {
    await using past = await openPast([{ msn: 100 }, { msn: 101 }]);
    const replies = await Promise.all([at(3.28), at(3.28), at(3.28)].map((url) => past.get(url)));
    assert.equal(past.stills.length, 1);
    assert.equal(past.stills[0]!.atS, 1.28);
    assert.deepEqual(
      past.stills[0]!.bytes,
      concatBytes([printInit([tracks[0]!]), makeGroup({ msn: 101 }, past.init).tracks[0]!.bytes]),
    );
    assert.equal(replies[0]!.contentType, 'image/jpeg');
    assert.deepEqual(await past.bytes(replies[2]!), await past.bytes(replies[0]!));
    await past.get(at(2.9));
    assert.equal(past.stills.length, 2);
    assert.equal(past.stills[1]!.atS, 0.9);
  });

  test('is the picture that was shown then, where segments do not start at whole seconds', async () => {
    await using past = await openPast([{ msn: 100, startUs: START_US + 700_000 }]);
    for (const [seconds, atS] of [
      [0, 0], // an address that names the second
      [0.7, 0],
      [1.2, 0.5],
      [2.66, 1.96],
    ] as const) {
      await past.get(at(seconds));
      assert.ok(Math.abs(past.stills.at(-1)!.atS! - atS) < 1e-9, `at ${seconds}: ${past.stills.at(-1)!.atS}`);
    }
  });

  test('is as wide as the picture, and 640 pixels at most: it is never enlarged', async () => {
    await using past = await openPast([{ msn: 100 }]);
    const [video] = tracks;
    const wide = past.inits.of([{ ...video!, config: { ...video!.config, width: 1920 } } as typeof video & {}]);
    await past.record(makeGroup({ msn: 101, run: 2, init: wide }, wide));
    await past.get(at(1));
    await past.get(at(3));
    assert.deepEqual(
      past.stills.map(({ width }) => width),
      [160, 640],
    );
  });

  test('within a long GOP is decoded from the key frame before', async () => {
    await using past = await openPast([{ msn: 100 }, { msn: 101, key: false }, { msn: 102, key: false }, { msn: 103 }]);
    await past.get(at(5));
    const video = [100, 101, 102].map((msn) => makeGroup({ msn, key: msn === 100 }, past.init).tracks[0]!.bytes);
    assert.deepEqual(past.stills[0]!.bytes, concatBytes([printInit([tracks[0]!]), ...video]));
    assert.equal(past.stills[0]!.atS, 5);
  });

  test('does not exist in a hole, before and after all media, without pictures, or without a key frame', async () => {
    await using past = await openPast([
      { msn: 100 },
      { msn: 101, startUs: START_US + 10 * SECOND, run: 2, key: false },
      { msn: 102, startUs: START_US + 20 * SECOND, run: 3, without: [1] },
    ]);
    const sound = past.inits.of([tracks[1]!]);
    await past.record(makeGroup({ msn: 103, startUs: START_US + 30 * SECOND, run: 4, init: sound }, sound));
    for (const seconds of [-1, 5, 11, 31, 60])
      await assert.rejects(past.get(at(seconds)), refusal('no-media'), `${seconds}`);
    assert.ok(await past.get(at(0)));
  });

  test('of the newest instants is the newest picture, while the stream grows', async () => {
    await using past = await openPast([{ msn: 100 }]);
    await assert.rejects(past.get(at(3)), refusal('no-media'));
    past.state.settledUs = 0;
    const reply = await past.get(at(10));
    assert.equal(reply.cacheControl, 'public, max-age=1');
    assert.equal(past.stills.at(-1)!.atS, 1.999999, 'the last picture');
    await assert.rejects(past.get(at(18)), refusal('no-media'));
  });

  test('of long ago may be kept a day', async () => {
    await using past = await openPast([{ msn: 100 }]);
    past.rig.clock.advance(100_000);
    assert.equal((await past.get(at(0))).cacheControl, 'public, max-age=86400, immutable');
  });

  test('that failed is tried again', async () => {
    let calls = 0;
    const makeStill = async () => {
      if (++calls === 1) throw new OxbowError('engine-failed', 'no');
      return Uint8Array.of(calls);
    };
    await using past = await openPast([{ msn: 100 }], { makeStill });
    await assert.rejects(past.get(at(0)), refusal('engine-failed'));
    await past.get(at(0));
    await past.get(at(0));
    assert.equal(calls, 2);
  });

  test('without a waiting client is not created; with one it is', async () => {
    const asked: AbortSignal[] = [];
    const made = Promise.withResolvers<Uint8Array>();
    const begun = Promise.withResolvers<void>();
    const makeStill: MakeStill = (_, { signal }) => {
      asked.push(signal);
      begun.resolve();
      return made.promise;
    };
    await using past = await openPast([{ msn: 100 }], { makeStill });
    const [first, second] = [new AbortController(), new AbortController()];
    const [one, two] = [past.get(at(0), first.signal), past.get(at(0), second.signal)];
    await begun.promise;
    // Both wait for the same work once both listen in the same way.
    const heard = ({ signal }: AbortController) => getEventListeners(signal, 'abort').length;
    while (heard(first) === 0 || heard(first) !== heard(second)) await new Promise(setImmediate);
    first.abort(new Error('moved on'));
    await assert.rejects(one, /moved on/);
    assert.equal(asked.length, 1);
    assert.equal(asked[0]!.aborted, false, 'the second one still waits');
    second.abort(new Error('moved on too'));
    await assert.rejects(two, /moved on too/);
    assert.equal(asked[0]!.aborted, true);
    made.resolve(Uint8Array.of(1));
    await past.get(at(0));
    assert.equal(asked.length, 2, 'what came too late is not kept');
  });
});
