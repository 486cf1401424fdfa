import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClipRequest } from '../../api/clips/clips-api.ts';
import type { StoredCamera } from './camera-table.ts';
import { MadeByMoments, type MadeParts } from './made-by-moments.ts';

/** The parts that never fail. @param made gets the clips */
function partsInto(made: ClipRequest[]) {
  return {
    clips: () => ({
      async create(request: ClipRequest) {
        made.push(request);
        return { view: { id: `${made.length}` } };
      },
    }),
    events: { publish: () => {} },
    stream: () => ({ id: 's', name: 'door' }),
  };
}

test('a clip that waits for its end when its camera is no longer watched is made until then', async () => {
  const made: ClipRequest[] = [];
  const parts = {
    table: { addMade: async () => {}, madeBeyond: async () => [], end: async () => true },
    ...partsInto(made),
    failed: assert.fail,
  } as unknown as MadeParts;
  const events = { kinds: ['motion'], markers: false, clips: true, before: 5, after: 15 };
  const makes = new MadeByMoments(parts, () => ({ streamId: 's', events, owner: 'admin' }) as unknown as StoredCamera);
  await makes.take({ kind: 'motion', is: 'over', fromMs: 100_000, toMs: 110_000 });
  await makes.makeDue(112_000);
  assert.deepEqual(made, []);
  await makes.makeRest(112_000.5);
  await makes.makeRest(113_000);
  assert.deepEqual(
    made.map(({ stream, fromMs, toMs }) => [stream, fromMs, toMs]),
    [['door', 95_000, 112_000]],
  );
  assert.equal(makes.dueMs, undefined);
});

test('a moment that begins while the database fails has its clip', async () => {
  const made: ClipRequest[] = [];
  const failures: unknown[] = [];
  const parts = {
    table: {
      async begin() {
        throw new Error('the database is away');
      },
      end: async () => false,
      addMade: async () => {},
      madeBeyond: async () => [],
    },
    ...partsInto(made),
    failed: (error: unknown) => failures.push(error),
  } as unknown as MadeParts;
  const events = { kinds: ['motion'], markers: false, clips: true };
  const makes = new MadeByMoments(parts, () => ({ streamId: 's', events, owner: 'admin' }) as unknown as StoredCamera);
  await makes.take({ kind: 'motion', is: 'begun', fromMs: 100_000, toMs: 100_000 });
  await makes.take({ kind: 'motion', is: 'over', fromMs: 100_000, toMs: 101_000 });
  await makes.makeRest(150_000);
  assert.deepEqual([made.length, failures.length], [1, 1]);
  // A moment that another process has ended has no second clip.
  await makes.take({ kind: 'line', is: 'over', fromMs: 100_000, toMs: 101_000 });
  await makes.makeRest(150_000);
  assert.equal(made.length, 1);
});
