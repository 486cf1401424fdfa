import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ClientPlaces, publisherShare, viewerBounds } from './client-places.ts';

suite('places of clients', () => {
  test('an address has its share of them, an IPv6 network is one address, and a place is left once', () => {
    const places = new ClientPlaces({ most: 4, perAddress: 2 });
    const first = places.take('192.0.2.1');
    assert.ok(first && places.take('::ffff:192.0.2.1'));
    assert.equal(places.take('192.0.2.1'), undefined);
    assert.ok(places.take('2001:db8::1') && places.take('2001:db8:0:0:ffff::9'));
    assert.equal(places.take('192.0.2.2'), undefined, 'all are taken');
    first();
    first();
    assert.ok(places.take('192.0.2.2'));
    assert.equal(places.take('192.0.2.3'), undefined);
  });

  test('viewers get fewer places than there are, also with few connections', () => {
    for (const connections of [2, 3, 4, 25, 200, 1000]) {
      const { most, perAddress } = viewerBounds(connections);
      assert.ok(most >= 1 && perAddress >= 1 && perAddress <= most, String(connections));
      assert.ok(most + publisherShare(connections) === connections && most < connections, String(connections));
    }
    assert.deepEqual(viewerBounds(1), { most: 1, perAddress: 1 });
  });
});
