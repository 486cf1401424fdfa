import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { RoomMessage } from '../../src/api/room/messages.ts';
import { positionAt } from '../../src/api/room/playback.ts';
import type { SendResult } from '../../web/src/rooms/session/outbox.ts';
import { needPostgres } from '../fixtures/engines/postgres.ts';
import { need } from '../fixtures/need.ts';
import { createRoom, enterAsGuest } from '../fixtures/rooms/rooms.ts';
import { smallPicture } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { firstOf, fullTest, isFull } from '../full.ts';
import { ADMIN, openCluster, type TestCluster, type TestNode } from './cluster.fixture.ts';
import { Member } from './member.fixture.ts';

const skip = needPostgres() || need('redis-server');
const NAMES = firstOf(2, ['a', 'b', 'c']);
// A member writes more than people do.
const args = [...smallPicture, '--rooms-message-rate', '100'];

suite('rooms of a cluster', { skip }, () => {
  let cluster: TestCluster;
  const nodes = new Map<string, TestNode>();
  const node = (name: string) => nodes.get(name)!;
  const others = (name: string) => NAMES.filter((each) => each !== name).map((each) => node(each).server.url);

  before(async () => {
    cluster = await openCluster();
    for (const name of NAMES) nodes.set(name, await cluster.start(name, { args }));
  });
  after(() => cluster?.[Symbol.asyncDispose]());

  const post = (name: string, path: string, body: object) =>
    node(name).server.fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  /** A room with an entry, on a node. */
  async function openRoom(name: string, target: object = { kind: 'link', url: 'https://films.example/film.mp4' }) {
    const id = await createRoom(node(name).server, { visibility: 'public' });
    const made = await post(name, `/api/v1/rooms/${id}/items`, { items: [{ target }] });
    assert.ok(made.ok, await made.clone().text());
    const { items } = (await made.json()) as { items: readonly { id: string }[] };
    return { id, item: items[0]!.id };
  }

  /** What plays is stored within about a second: only then another node continues it. */
  const isStored = (id: string, item: string) =>
    until('what plays is stored', async () => {
      const [room] = await cluster.query(`SELECT state FROM room WHERE id = '${id}'`);
      return String(room!.state).includes(item);
    });

  /** Every message of a room, as the node that has it now answers. */
  async function messagesOf(id: string, urls: readonly string[]): Promise<readonly RoomMessage[]> {
    return until('a node answers', async () => {
      for (const url of urls) {
        const headers = { authorization: `Bearer ${ADMIN}` };
        const response = await fetch(`${url}/api/v1/rooms/${id}/messages?limit=500`, { headers });
        if (response.ok) return ((await response.json()) as { items: readonly RoomMessage[] }).items;
        assert.equal(response.status, 503, 'another node has it');
      }
      return false;
    });
  }

  fullTest('a room plays the stream of another node at its live edge, and finds what was recorded', async () => {
    const { server } = node('c');
    const made = await post('c', '/api/v1/streams', { name: 'one', source: { type: 'test' } });
    assert.equal(made.status, 201, await made.text());
    await server.stream('one', 'live');
    const { id, item } = await openRoom('b', { kind: 'stream', stream: 'one' });
    using member = new Member(id, () => [node('b').server.url]);
    await until('it is in', () => member.welcomes.length === 1);
    const result = await member.command({ do: 'item', item });
    assert.ok(result.ok, JSON.stringify(result));
    const live = await until('it plays live', () => member.state!.live && member.state);
    assert.ok(live.playing);
    const { spans } = await until('it is recorded', async () => {
      const timeline = await server.timeline('one');
      return timeline.spans.length > 0 && timeline;
    });
    const startMs = Date.parse(spans[0]!.from);
    assert.ok((await member.command({ do: 'seek', positionMs: startMs })).ok);
    await until('it plays from the start', () => !member.state!.live && member.state!.anchorMedia >= startMs);
    await server.fetch('/api/v1/streams/one', { method: 'DELETE' });
  });

  fullTest(
    'a guest of one node enters a room by any other at once, and a password that was set holds there',
    async () => {
      const { id } = await openRoom('b');
      for (let n = 0; n < 30; n++) {
        const [made, entered] = [0, 1].map((more) => node(NAMES[(n + more) % NAMES.length]!).server.url) as [
          string,
          string,
        ];
        const { cookie } = await enterAsGuest(made, `Guest ${n}`);
        // A browser behind a balancer has one host; the name of the cookie has its port.
        const here = `oxbow-${new URL(entered).port}=${cookie!.split('=')[1]}`;
        const headers = { cookie: here, origin: entered, 'content-type': 'application/json' };
        const joined = await fetch(`${entered}/api/v1/rooms/${id}/join`, { method: 'POST', headers, body: '{}' });
        assert.ok(joined.ok, `${n}: ${joined.status} ${await joined.text()}`);
      }
      for (let n = 0; n < 6; n++) {
        const [made, used] = [0, 1].map((more) => NAMES[(n + more) % NAMES.length]!) as [string, string];
        const account = { name: `Person ${n}`, password: `a long password ${n}` };
        const created = await post(made, '/api/v1/users', account);
        assert.equal(created.status, 201, await created.text());
        const signedIn = await fetch(`${node(used).server.url}/api/v1/sessions`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(account),
        });
        assert.equal(signedIn.status, 201, `${n}: ${await signedIn.text()}`);
      }
    },
  );

  test('a room of a killed node continues on another one: position, and every acknowledged message, once', async (t) => {
    const { id, item } = await openRoom('a');
    let urls = [node('a').server.url];
    using member = new Member(id, () => urls);
    await until('it is in', () => member.welcomes.length === 1);
    assert.ok((await member.command({ do: 'item', item, positionMs: 60_000 })).ok);
    await isStored(id, item);
    using far = new Member(id, () => others('a'));
    await until('another one is in by another node', () => far.welcomes.length === 1);
    const results: Promise<SendResult>[] = [];
    for (let n = 0; n < 20; n++) results.push(member.write(`before ${n}`));
    await Promise.all(results);
    await until('the member at another node has every message', () => far.shown.size === 20);
    const playing = member.state!;
    const list = async () => {
      const headers = { authorization: `Bearer ${ADMIN}` };
      const response = await fetch(`${others('a')[0]}/api/v1/rooms`, { headers });
      return ((await response.json()) as { items: readonly { id: string; present: number }[] }).items;
    };
    await until('the others list it with its people', async () =>
      (await list()).some((room) => room.id === id && room.present === 1),
    );
    for (let n = 0; n < 20; n++) results.push(member.write(`meanwhile ${n}`));
    const killedMs = Date.now();
    await node('a').server.stop('SIGKILL');
    urls = others('a');
    const numbers = (await Promise.all(results)).map((result) => (result.ok ? result.seq! : -1));
    t.diagnostic(`the member is back ${member.welcomes.at(-1)! - killedMs} ms after the kill`);
    const nowMs = Date.now();
    assert.equal(positionAt(member.state!, nowMs), positionAt(playing, nowMs));
    const stored = await messagesOf(id, urls);
    assert.deepEqual(
      stored.map(({ seq }) => seq),
      numbers.toSorted((one, other) => one - other),
    );
    assert.equal(new Set(stored.map(({ text }) => text)).size, 40);
    if (isFull) nodes.set('a', await cluster.start('a', { args }));
  });

  fullTest(
    'a node that was paused and wakes up has not its rooms any more, and writes nothing into them',
    async (t) => {
      const { id, item } = await openRoom('b');
      let urls = [node('b').server.url];
      using ofOld = new Member(id, () => urls);
      await until('it is in', () => ofOld.welcomes.length === 1);
      assert.ok((await ofOld.command({ do: 'item', item, positionMs: 60_000 })).ok);
      await isStored(id, item);
      assert.ok((await ofOld.write('before')).ok);
      process.kill(node('b').server.pid, 'SIGSTOP');
      const pausedMs = Date.now();
      const unanswered = ofOld.write('to the paused node');
      using member = new Member(id, () => others('b'));
      await until('another node has it', () => member.welcomes.length === 1);
      t.diagnostic(`another node has it ${Date.now() - pausedMs} ms after the pause`);
      const moved = await member.command({ do: 'seek', positionMs: 5_000 });
      assert.ok(moved.ok, JSON.stringify(moved));
      const written = await member.write('to the new owner');
      const seeked = await until(
        'the member has the new state',
        () => member.state!.anchorMedia >= 5_000 && member.state,
      );
      urls = others('b');
      process.kill(node('b').server.pid, 'SIGCONT');
      const [old] = [await unanswered];
      assert.ok(old.ok && written.ok && old.seq! > written.seq!, 'it was sent again, to the new owner');
      await until('the node that woke up has ended', async () => {
        const answers = await node('b')
          .server.fetch('/health')
          .then(
            () => true,
            () => false,
          );
        return !answers;
      });
      const stored = await messagesOf(id, urls);
      assert.deepEqual(
        stored.map(({ text }) => text),
        ['before', 'to the new owner', 'to the paused node'],
      );
      const nowMs = Date.now();
      assert.equal(positionAt(member.state!, nowMs), positionAt(seeked, nowMs));
    },
  );
});
