import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { shareTestServer } from '../fixture.ts';
import { EventListeners } from './listeners.ts';

suite('places of listeners to events', () => {
  const shared = shareTestServer();
  const filter = { types: undefined, stream: undefined, after: undefined };
  const line = () => ({ ring: () => {}, beat: () => {}, end: () => {} });
  const subscriber = (owner: string, isAdmin = false) => ({
    isAdmin,
    owner,
    sees: () => false,
    ended: () => undefined,
  });

  test('one address has 200 of them; others, and administrators, still get in', () => {
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
    assert.throws(one, { code: 'busy' }, 'the administrator has a place there');
    for (const end of leave) end();
    one()();
    listeners.close();
  });
});
