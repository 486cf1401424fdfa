import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createManualClock } from '../lib/clock.ts';
import { memoryTables } from './memory-tables.fixture.ts';
import { type PublishKey, type PublishKeySettings, PublishKeys } from './publish-keys.ts';

const START_MS = 1_795_000_000_000;
const HOME = '192.0.2.1';
const ofDoor: PublishKeySettings = {
  scope: { type: 'stream', streamId: 'door-id' },
  label: 'OBS',
  allow: [],
  expiresMs: undefined,
};

async function openKeys(tables = memoryTables()) {
  const clock = createManualClock(START_MS);
  const keys = await PublishKeys.open(tables.publishKeys, clock);
  const accepts = (secret: string, address = HOME) => {
    const found = keys.check(secret, address);
    return typeof found === 'string' ? found : found.label;
  };
  return { clock, keys, tables, accepts };
}

suite('stream keys', () => {
  test('a stream has several; each is accepted until it is revoked, also after a restart, and is stored as a digest', async () => {
    const { keys, accepts, tables } = await openKeys();
    const obs = await keys.create(ofDoor);
    const truck = await keys.create({ ...ofDoor, label: 'truck' });
    await keys.create({ ...ofDoor, scope: { type: 'stream', streamId: 'other' } });
    assert.match(obs.secret, /^ok_[A-Za-z0-9_-]{27}$/);
    assert.deepEqual([accepts(obs.secret), accepts(truck.secret), accepts('ok_wrong')], ['OBS', 'truck', 'unknown']);
    assert.deepEqual(
      keys.ofStream('door-id').map(({ label }) => label),
      ['OBS', 'truck'],
    );
    assert.ok(!JSON.stringify(await tables.publishKeys.all()).includes(obs.secret.slice(3)));
    const revoked: string[] = [];
    keys.revoked.subscribe((id) => revoked.push(id));
    const removing = keys.remove(obs.key.id);
    assert.equal(accepts(obs.secret), 'unknown', 'at once');
    assert.equal(await removing, true);
    assert.equal(await keys.remove(obs.key.id), false);
    assert.equal(revoked[0], obs.key.id);
    const later = await openKeys(tables);
    assert.deepEqual([later.accepts(obs.secret), later.accepts(truck.secret)], ['unknown', 'truck']);
    await later.keys.removeStream('door-id');
    assert.equal(later.accepts(truck.secret), 'unknown');
  });

  test('a key is not accepted after its expiry, nor from an address outside its ranges', async () => {
    const { clock, keys, accepts } = await openKeys();
    const { secret } = await keys.create({
      ...ofDoor,
      expiresMs: START_MS + 1000,
      allow: ['192.0.2.0/24', '2001:db8::/32'],
    });
    assert.deepEqual(
      [HOME, '::ffff:192.0.2.9', '2001:db8::5', '198.51.100.1', '::ffff:198.51.100.1', 'nonsense', ''].map((address) =>
        accepts(secret, address),
      ),
      ['OBS', 'OBS', 'OBS', 'address', 'address', 'address', 'address'],
    );
    clock.advance(1000);
    assert.equal(accepts(secret), 'expired');
  });

  test('rotation creates a key with the same settings; the old one is accepted until the overlap is over', async () => {
    const { clock, keys, accepts } = await openKeys();
    const old = await keys.create({ ...ofDoor, allow: ['192.0.2.0/24'] });
    const fresh = await keys.rotate(old.key.id, { overlapMs: 600_000 });
    assert.deepEqual([fresh.key.label, fresh.key.allow, fresh.key.expiresMs], ['OBS', ['192.0.2.0/24'], undefined]);
    clock.advance(599_999);
    assert.deepEqual([accepts(old.secret), accepts(fresh.secret)], ['OBS', 'OBS']);
    clock.advance(1);
    assert.deepEqual([accepts(old.secret), accepts(fresh.secret)], ['expired', 'OBS']);
    await assert.rejects(keys.rotate(old.key.id, { overlapMs: 0 }), { code: 'key-unknown' });
    const soon = await keys.create({ ...ofDoor, expiresMs: clock.nowMs() + 1000 });
    const next = await keys.rotate(soon.key.id, { overlapMs: 600_000 });
    assert.equal(keys.get(soon.key.id)!.expiresMs, clock.nowMs() + 1000, 'an overlap extends no key');
    assert.equal(next.key.expiresMs, clock.nowMs() + 1000);
  });

  test('the last use is stored at most once a minute, and does not undo a rotation', async () => {
    const { clock, keys, tables } = await openKeys();
    const { key } = await keys.create(ofDoor);
    const stored = async () => (await tables.publishKeys.all()).find(({ id }) => id === key.id) as PublishKey;
    await keys.used(key.id);
    assert.equal((await stored()).usedMs, START_MS);
    clock.advance(59_999);
    await keys.used(key.id);
    assert.equal((await stored()).usedMs, START_MS);
    clock.advance(1);
    await Promise.all([keys.rotate(key.id, { overlapMs: 5000 }), keys.used(key.id)]);
    assert.deepEqual([(await stored()).usedMs, (await stored()).expiresMs], [START_MS + 60_000, START_MS + 65_000]);
    await keys.used('unknown');
  });

  test('a stream has at most 100 keys; a new one takes the place of an expired one', async () => {
    const { clock, keys } = await openKeys();
    await keys.create({ ...ofDoor, expiresMs: START_MS + 1 });
    for (let i = 1; i < 100; i++) await keys.create(ofDoor);
    await assert.rejects(keys.create(ofDoor), { code: 'limit-reached' });
    clock.advance(1);
    await keys.create(ofDoor);
    assert.equal(keys.ofStream('door-id').length, 100);
    await keys.create({ ...ofDoor, scope: { type: 'prefix', prefix: 'cam-', maxStreams: 3 } });
    assert.equal(keys.ofPrefixes.length, 1);
  });
});
