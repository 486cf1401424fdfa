import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { segmentLocation } from '../segment-store.ts';
import { DIRECT_LIFE_S, DirectAddresses, type DirectAddressesOptions } from './direct-addresses.ts';
import type { PresignOptions } from './object-client.ts';

const location = segmentLocation('recordings/ab12/1.mp4');
const range = { location, offset: 100, length: 50 };
/** 2026-11-21T12:00:00Z, where a slot begins. */
const SLOT = Date.UTC(2026, 10, 21, 12);

/** A bucket with one object of 150 bytes, and time that a test moves. */
function open({ direct = 'redirect', directUrl = '', missing = false } = {}) {
  const state = {
    nowMs: SLOT,
    probes: [] as string[],
    changes: [] as [string, string | undefined][],
    signed: [] as PresignOptions[],
    fails: undefined as string | undefined,
    /** Holds probes until it is called. */
    hold: undefined as Promise<void> | undefined,
  };
  const row = { location, target: 'archive', key: 'oxbow/12/1.mp4', size: 150 };
  const client = {
    async presign(key: string, options: PresignOptions) {
      state.signed.push(options);
      return `https://s3.example/media/${key}?signed=${options.signedAtMs}`;
    },
  };
  const addresses = new DirectAddresses({
    index: { find: async () => (missing ? undefined : row) },
    targets: { find: () => ({ direct, directUrl }), client: async () => client },
    nowMs: () => state.nowMs,
    monotonicMs: () => state.nowMs,
    async probe(url: string) {
      state.probes.push(url);
      await state.hold;
      if (state.fails !== undefined) throw new Error(state.fails);
    },
    changed: (target: string, problem: string | undefined) => void state.changes.push([target, problem]),
  } as unknown as DirectAddressesOptions);
  return { addresses, state };
}

suite('addresses of a bucket for viewers', () => {
  test('all viewers of a slot of five minutes have the same address, which ends ten minutes after its start', async () => {
    const { addresses, state } = open();
    const first = await addresses.find(range);
    assert.equal(first, `https://s3.example/media/oxbow/12/1.mp4?signed=${SLOT}`);
    state.nowMs += 299_000;
    assert.equal(await addresses.find(range), first);
    assert.equal(state.signed.length, 1);
    assert.equal(state.signed[0]!.expiresS, DIRECT_LIFE_S);
    assert.equal(state.signed[0]!.cacheControl, 'public, max-age=300');
    state.nowMs += 1_000;
    assert.equal(await addresses.find(range), `https://s3.example/media/oxbow/12/1.mp4?signed=${SLOT + 300_000}`);
  });

  test('there is none without an object, beyond its end, and where the target is not `direct`', async () => {
    assert.equal(await open({ missing: true }).addresses.find(range), undefined);
    assert.equal(await open({ direct: 'off' }).addresses.find(range), undefined);
    const { addresses, state } = open();
    assert.equal(await addresses.find({ ...range, length: 51 }), undefined, 'the object lost its end');
    assert.equal(state.probes.length, 0);
  });

  test('a CDN has the path and the query of the bucket', async () => {
    const { addresses } = open({ directUrl: 'https://cdn.example/past/' });
    assert.equal(await addresses.find(range), `https://cdn.example/past/media/oxbow/12/1.mp4?signed=${SLOT}`);
  });

  test('viewers are sent away only while a probe of the last 15 seconds succeeded; one runs at a time', async () => {
    const { addresses, state } = open();
    const released = Promise.withResolvers<void>();
    state.hold = released.promise;
    const both = Promise.all([addresses.find(range), addresses.find(range)]);
    released.resolve();
    assert.equal(new Set(await both).size, 1);
    assert.equal(state.probes.length, 1, 'both waited for the first one');
    state.hold = undefined;
    state.fails = 'it answers a signed address with 403';
    state.nowMs += 5_000;
    assert.notEqual(await addresses.find(range), undefined, 'the probe in the background has not ended');
    await new Promise(setImmediate);
    assert.equal(await addresses.find(range), undefined);
    assert.deepEqual(state.changes, [['archive', state.fails]]);
    state.fails = undefined;
    state.nowMs += 5_000;
    assert.equal(await addresses.find(range), undefined, 'no viewer waits for one that failed');
    await new Promise(setImmediate);
    assert.notEqual(await addresses.find(range), undefined);
    assert.deepEqual(state.changes.at(-1), ['archive', undefined]);
  });

  test('after a pause the first viewer waits for a probe', async () => {
    const { addresses, state } = open();
    await addresses.find(range);
    state.nowMs += 60_000;
    state.fails = 'it is away';
    assert.equal(await addresses.find(range), undefined);
  });

  test('a viewer without success has the bucket probed at once, once a second at most', async () => {
    const { addresses, state } = open();
    await addresses.find(range);
    state.fails = 'it is away';
    await addresses.doubt(range);
    assert.equal(state.probes.length, 1, 'the last one is of this second');
    state.nowMs += 1_000;
    await addresses.doubt(range);
    assert.equal(state.probes.length, 2);
    assert.equal(await addresses.find(range), undefined);
  });
});
