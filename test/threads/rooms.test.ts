import assert from 'node:assert/strict';
import { test } from 'node:test';
import { administrator } from '../../src/accounts/users/user.ts';
import { startRoomServer } from '../../src/features/rooms/room-server.fixture.ts';
import { openTestRooms } from '../../src/features/rooms/rooms.fixture.ts';
import { enterRoom, refusalOf } from '../../src/features/rooms/sockets/room-client.fixture.ts';
import { asAdmin, signedInAs, startTestServer } from '../../src/http/fixture.ts';
import { makeCertificate } from '../fixtures/certificate.ts';
import { need } from '../fixtures/need.ts';

process.env.OXBOW_THREADS = '2';

for (const transport of ['TCP', 'TLS'] as const) {
  test(`with serving threads, everyone in a room is in the main thread, over ${transport}`, {
    skip: transport === 'TLS' && need('openssl'),
  }, async () => {
    await using rooms = await openTestRooms();
    await using plain = await startTestServer();
    const certificate = transport === 'TLS' ? await makeCertificate(plain.folder, 'threads') : undefined;
    await using server = await startRoomServer({ rooms: rooms.rooms }, {}, certificate);
    const { id } = (await rooms.rooms.create(administrator, {})).state.record;
    const options = { headers: asAdmin, rejectUnauthorized: false };
    // The threads take connections in turn, and these are several for each.
    const members = await Promise.all(Array.from({ length: 8 }, () => enterRoom(server.url, id, options)));
    members[0]!.send({ t: 'chat', id: 'message-1', text: 'all of you' });
    for (const member of members) assert.equal((await member.next('message')).message.text, 'all of you');
    assert.equal(await refusalOf(server.url, id, { rejectUnauthorized: false }), '401 unauthorized');
    if (transport === 'TCP') {
      const { headers } = await signedInAs(server, 'guest', 'Ana');
      const guest = await enterRoom(server.url, id, { headers });
      assert.equal(guest.welcome.you.name, 'Ana');
      guest.close();
    }
    for (const { socket } of members) socket.terminate();
  });
}
