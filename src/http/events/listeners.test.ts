import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { shareTestServer } from '../fixture.ts';
import { EventListeners } from './listeners.ts';

suite('limits of event subscribers', () => {
  const shared = shareTestServer();
  const filter = { types: undefined, stream: undefined, after: undefined };
  const line = () => ({ flush: () => {}, heartbeat: () => {}, end: () => {} });
  const subscriber = (owner: string, isAdmin = false) => ({
    isAdmin,
    owner,
    principal: '',
    sees: () => false,
    ended: () => undefined,
  });

  test('one address may have 200; others, and administrators, are still admitted', () => {
    const listeners = new EventListeners(shared().deps);
    const leave = Array.from({ length: 200 }, () => listeners.add(filter, subscriber('192.0.2.1'), line));
    const one = () => listeners.add(filter, subscriber('192.0.2.1'), line);
    assert.throws(one, { code: 'busy' });
    leave.push(
      listeners.add(filter, subscriber('192.0.2.2'), line),
      listeners.add(filter, subscriber('192.0.2.1', true), line),
    );
    for (const end of leave.splice(0, 2)) {
      end();
      end(); // it counts once
    }
    leave.push(one());
    assert.throws(one, { code: 'busy' }, 'the subscription of the administrator counts');
    for (const end of leave) end();
    one()();
    listeners.close();
  });
});
