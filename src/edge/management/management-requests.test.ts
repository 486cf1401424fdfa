import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDrain, readPurge, readWarm } from './management-requests.ts';

const live = { key: '/live/door/v0/7.m4s', name: 'door' };

test('a purge names a prefix, a stream with all its areas, an asset, or everything', () => {
  assert.ok(readPurge({ prefix: '/live/door/' }).isMeant(live));
  assert.ok(!readPurge({ prefix: '/live/do/' }).isMeant(live));
  assert.ok(readPurge({ stream: 'door' }).isMeant({ key: '/thumb/door/1.jpg', name: 'door' }));
  assert.ok(!readPurge({ stream: 'doo' }).isMeant(live));
  assert.ok(readPurge({ asset: 'k3v9' }).isMeant({ key: '/assets/k3v9/v0/1.m4s', name: 'asset/k3v9' }));
  assert.ok(readPurge({ all: true }).isMeant(live));
});

for (const body of [null, [], {}, { prefix: 'live' }, { all: false }, { stream: '' }, { stream: 'a', all: true }, 7]) {
  test(`${JSON.stringify(body)} purges nothing`, () => {
    assert.throws(() => readPurge(body), { code: 'bad-request' });
  });
}

test('a warm-up has a bounded list of paths', () => {
  assert.deepEqual(readWarm({ paths: ['/a'] }), { paths: ['/a'], follow: false });
  for (const paths of ['/a', ['a'], [7], Array.from({ length: 1001 }, () => '/a')]) {
    assert.throws(() => readWarm({ paths }), { code: 'bad-request' });
  }
});

test('a drain is begun or ended', () => {
  assert.equal(readDrain({ draining: true }), true);
  assert.equal(readDrain({ draining: false }), false);
  for (const body of [null, [], {}, { draining: 'yes' }, { draining: 1 }])
    assert.throws(() => readDrain(body), { code: 'bad-request' });
});
