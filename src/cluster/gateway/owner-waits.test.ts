// Clients enter a room over real sockets: the test waits for what the node counts and for their messages.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openVirtualTime } from '../../../test/fixtures/virtual-time.ts';
import { administrator } from '../../accounts/users/user.ts';
import { featuresWith } from '../../features/rooms/room-server.fixture.ts';
import { openTestRooms } from '../../features/rooms/rooms.fixture.ts';
import { enterRoom } from '../../features/rooms/sockets/room-client.fixture.ts';
import { asAdmin } from '../../http/fixture.ts';
import { nodeView, startNodes } from './nodes.fixture.ts';
import { OwnerWaits } from './owner-waits.ts';

suite('a room whose node does not answer', () => {
  for (const state of ['dead', 'gone, and the others do not know it yet'] as const) {
    test(`is entered by those who tried before when another node has it (the first is ${state})`, async () => {
      await using rooms = await openTestRooms();
      const deps = { features: featuresWith({ rooms: rooms.rooms }) };
      await using cluster = await startNodes(['patient', 'heir'], (name) => (name === 'heir' ? deps : {}));
      const [patient] = cluster.nodes;
      const room = (await rooms.rooms.create(administrator, { name: 'Friday' })).state.record.id;
      cluster.placements.nodes.set('first', nodeView('first', 'http://127.0.0.1:1', { isAlive: state !== 'dead' }));
      cluster.placements.give('room', room, 'first');
      const entering = enterRoom(patient!.server.url, room, { headers: asAdmin });
      const isHeld = async () => /^oxbow_held_requests 1$/m.test(await patient!.metrics.print());
      while (!(await isHeld())) await new Promise(setImmediate);
      cluster.placements.give('room', room, 'heir');
      const client = await entering;
      assert.equal(client.welcome.room.name, 'Friday');
      assert.ok(!(await isHeld()), 'no client waits any more');
      client.close();
      await client.ended();
    });
  }

  test('is not waited for without end: not beyond a time, and not when the server stops', async () => {
    using time = openVirtualTime();
    const { clock } = time;
    let waiting = 0;
    const waits = new OwnerWaits(clock, (change) => {
      waiting += change;
    });
    const first = waits.until(() => false, clock.monotonicMs() + 100);
    const second = waits.until(() => false, Number.POSITIVE_INFINITY);
    assert.equal(await time.settled('the first wait', first), false);
    assert.deepEqual([waiting, time.nowMs], [1, 100]);
    waits.close();
    assert.deepEqual([await second, waiting, waits.isFull], [false, 0, true]);
    assert.equal(await waits.until(() => true, Number.POSITIVE_INFINITY), false);
  });
});
