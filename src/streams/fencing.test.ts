import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { LeaseStore } from '../cluster/lease/lease.ts';
import { createLocalLeases } from '../cluster/lease/local-leases.ts';
import { createManualClock } from '../lib/clock.ts';
import type { OxbowError } from '../lib/errors.ts';
import { openStreams, PlayedSource, START_MS, temporaryFolder, timeline } from './streams.fixture.ts';

test('media that a publisher sent before another process took its stream is not recorded afterwards', async () => {
  await using folder = await temporaryFolder();
  const clock = createManualClock(START_MS);
  const leases: LeaseStore = createLocalLeases(clock);
  await using rig = await openStreams({ folder: folder.path, leases });
  await rig.api.create('door', { source: { type: 'push' } });
  const { definition, publishers } = rig.catalog.get('door');
  const { signal } = new AbortController();
  const request = { protocol: 'rtmp', remote: '192.0.2.1:5000', signal };
  const publisher = await publishers.claim(request);
  new PlayedSource(definition, publisher, { signal }, rig.clock).flow(4500);
  const name = `publisher:${definition.id}`;
  const { token } = await leases.take(name, { holder: 'another', ttlMs: 60_000 });
  const taken = await leases.take(name, { holder: 'another', ttlMs: 60_000, replaces: token });
  assert.equal(taken.isTaken, true);
  await once(publisher.signal, 'abort'); // the lease is renewed every five seconds
  assert.equal((publisher.signal.reason as OxbowError).code, 'publisher-replaced');
  await rig.settle();
  // The segment that was open when the lease was lost has media of 0.5 s or more.
  assert.deepEqual(await timeline(rig), ['media 0…4', 'offline 4…4.5']);

  await leases.release(name, taken.token);
  rig.clock.advance(10_000);
  const next = await publishers.claim(request);
  new PlayedSource(definition, next, { signal }, rig.clock).flow(3500);
  await rig.settle();
  assert.match((await timeline(rig)).at(-1)!, /^media 15/, 'a publisher that has the lease again is recorded');
});
