import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionLimits } from './connection-limits.ts';

const never = () => assert.fail('nothing is dropped');

test('an address has its own bound, and an IPv6 network counts as one client', () => {
  const limits = new ConnectionLimits({ connections: 10, perAddress: 2, halfOpen: 10 });
  const first = limits.admit('192.0.2.1', never);
  assert.ok(first && limits.admit('::ffff:192.0.2.1', never));
  assert.equal(limits.admit('192.0.2.1', never), undefined);
  assert.ok(limits.admit('192.0.2.2', never));
  assert.ok(limits.admit('2001:db8::1', never) && limits.admit('2001:db8:0:0:ffff::9', never));
  assert.equal(limits.admit('2001:db8::2', never), undefined);
  first.ended();
  first.ended();
  assert.ok(limits.admit('192.0.2.1', never));
  assert.equal(limits.total, 5);
});

test('a new connection takes the place of the oldest half-open one, never of a publisher', () => {
  const limits = new ConnectionLimits({ connections: 3, perAddress: 3, halfOpen: 2 });
  const dropped: string[] = [];
  const open = (name: string) => {
    const admission = limits.admit('192.0.2.1', () => {
      dropped.push(name);
      admission?.ended();
    });
    return admission;
  };
  open('publisher')?.published();
  open('a');
  open('b');
  assert.ok(!open('over the bound of the address'));
  const other = new ConnectionLimits({ connections: 3, perAddress: 9, halfOpen: 2 });
  const inOther = (name: string) => {
    const admission = other.admit('192.0.2.1', () => {
      dropped.push(name);
      admission?.ended();
    });
    return admission;
  };
  const publisher = inOther('publisher');
  publisher?.published();
  inOther('a');
  inOther('b');
  assert.ok(inOther('c'));
  assert.deepEqual(dropped, ['a']);
  assert.equal(other.total, 3);
  publisher?.unpublished();
  assert.equal(other.halfOpen, 3);
  publisher?.ended();
  publisher?.unpublished();
  assert.equal(other.halfOpen, 2);
});

test('a flood of one address costs that address its half-open connections, and no encoder of another one', () => {
  const limits = new ConnectionLimits({ connections: 100, perAddress: 50, halfOpen: 10 });
  const dropped: string[] = [];
  const open = (address: string) => {
    const admission = limits.admit(address, () => {
      dropped.push(address);
      admission?.ended();
    });
  };
  open('192.0.2.1');
  open('2001:db8::1');
  for (let i = 0; i < 200; i++) open('203.0.113.9');
  assert.deepEqual([...new Set(dropped)], ['203.0.113.9']);
  assert.equal(limits.halfOpen, 10);
});
