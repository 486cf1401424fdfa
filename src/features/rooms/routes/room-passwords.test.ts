import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signedInAs } from '../../../http/fixture.ts';
import { startRoomServer } from '../room-server.fixture.ts';
import { openTestRooms } from '../rooms.fixture.ts';

test('a person has ten guesses a minute of the password of a room, from however many addresses', async () => {
  await using rooms = await openTestRooms();
  await using server = await startRoomServer({ rooms: rooms.rooms });
  const { headers: owner } = await signedInAs(server, 'user', 'Ada');
  const { headers: guesser } = await signedInAs(server, 'user', 'Eve');
  const post = (path: string, headers: Readonly<Record<string, string>>, body: object) =>
    fetch(`${server.url}/api/v1/rooms${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    });
  const { id } = (await (await post('', owner, { name: 'Secret', password: 'open sesame' })).json()) as { id: string };
  const guess = async (password: string, i: number) =>
    (await post(`/${id}/join`, { ...guesser, 'x-forwarded-for': `203.0.113.${i}` }, { password })).status;
  const tried: number[] = [];
  for (let i = 0; i < 11; i++) tried.push(await guess(`guess ${i}`, i));
  assert.deepEqual(tried, [...Array<number>(10).fill(403), 429]);
  server.clock.advance(60_000);
  assert.equal(await guess('open sesame', 12), 200);
});
