/**
 * An older backup is restored into a data folder whose recording continued: nothing newer is lost, and
 * nothing deleted comes back.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RoomMessage } from '../../src/api/room/messages.ts';
import { recordedSegments } from '../fixtures/disks/failing-disk.ts';
import { createRoom, enterAsGuest, LastingMember } from '../fixtures/rooms/rooms.ts';
import { openFolder, runOxbow, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const CAM = '/api/v1/streams/cam';

async function send<T>(server: Server, method: string, path: string, body?: object): Promise<T> {
  const json = body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const answer = await server.fetch(path, { method, ...json });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

/** Records some seconds in their own file, and stops. @returns start and end of the new span, ms */
async function record(server: Server, seconds: number): Promise<{ readonly fromMs: number; readonly toMs: number }> {
  const sinceMs = Date.now();
  await send(server, 'POST', `${CAM}/start`);
  await until(`${seconds} more seconds are recorded`, async () => {
    const span = (await server.timeline('cam')).spans.at(-1);
    return span && Date.parse(span.to) > Math.max(sinceMs, Date.parse(span.from)) + seconds * 1000;
  });
  await send(server, 'POST', `${CAM}/stop`);
  await server.stream('cam', 'stopped');
  const { from, to } = (await server.timeline('cam')).spans.at(-1)!;
  return { fromMs: Math.max(sinceMs, Date.parse(from)), toMs: Date.parse(to) };
}

const msnOf = (path: string) => Number(/(\d+)\.m4s$/.exec(path)![1]);
const idsOf = async (server: Server, path: string) =>
  (await server.json<{ items: { id: string }[] }>(path)).items.map(({ id }) => id);
const isDeleted = async (server: Server, atMs: number) =>
  (await server.timeline('cam')).deleted.some(({ from, to }) => Date.parse(from) <= atMs && Date.parse(to) > atMs);

test('a restore beside newer files: nothing newer is lost, no MSN twice, what was deleted stays deleted, pins and holds stay', async () => {
  await using folder = await openFolder('restore');
  const [data, copy, settings] = ['data', 'copy.db', 'oxbow.yaml'].map((name) => join(folder.path, name)) as [
    ...[string, string, string],
  ];
  const source = { source: { type: 'test' } };
  await writeFile(settings, JSON.stringify({ streams: { cam: source }, hls: { segmentDuration: '1s' } }));
  const start = () =>
    startServer({
      data,
      adminToken: 'an-administrator',
      sample: false,
      args: ['--config', settings, ...smallPicture],
    });
  let kept: ReadonlyMap<string, number>;
  let room: string;
  let ids: readonly string[];
  let deletedMs: readonly number[];
  let gone: readonly string[];
  const things = [
    ...['/api/v1/clips', '/api/v1/assets', '/api/v1/users', '/api/v1/tokens', `${CAM}/pins`, `${CAM}/holds`],
    ...[`${CAM}/markers`, `${CAM}/keys`],
  ];
  const allIds = async (server: Server) => (await Promise.all(things.map((path) => idsOf(server, path)))).flat().sort();
  {
    await using server = await start();
    await server.stream('cam');
    const first = await record(server, 7);
    const at = (seconds: number) => String(Math.round(first.fromMs + seconds * 1000));
    const range = { from: at(0.2), to: at(1.2) };
    await send(server, 'POST', `${CAM}/pins`, { ...range, text: 'keep this' });
    await send(server, 'POST', `${CAM}/holds`, { ...range, name: 'case 7', reason: 'a court asks for it' });
    await send(server, 'POST', `${CAM}/markers`, { at: at(1), text: 'the parcel' });
    await send(server, 'POST', '/api/v1/clips', { stream: 'cam', ...range, title: 'clip', visibility: 'public' });
    await send(server, 'POST', '/api/v1/assets', { stream: 'cam', ...range, title: 'film', visibility: 'public' });
    await send(server, 'POST', '/api/v1/users', { name: 'Ada', password: 'correct horse battery', role: 'user' });
    await send(server, 'POST', '/api/v1/tokens', { label: 'deploy', scopes: ['admin'] });
    await send(server, 'POST', `${CAM}/keys`, { label: 'camera' });
    room = await createRoom(server);
    using member = new LastingMember(server.url, room, await enterAsGuest(server.url, 'Grace'));
    await until('the member is in', () => member.welcomes > 0);
    member.write(crypto.randomUUID(), 'before the backup');
    await until('it is stored', () => member.acked.size === 1);
    ids = await allIds(server);
    assert.ok(ids.length >= things.length, JSON.stringify(ids));

    const made = await runOxbow(['backup', '-o', copy, '--data', data]);
    assert.equal(made.code, 0, made.stderr);

    const newer = await record(server, 5);
    const before = await recordedSegments(server, 'cam');
    // One range that the backup has, and one that it does not.
    deletedMs = [first.fromMs + 4000, newer.fromMs + 2000];
    for (const ms of deletedMs) await send(server, 'DELETE', `${CAM}/recordings?from=${ms}&to=${ms + 200}`);
    await until('both deletions are done', async () => {
      const { items } = await server.json<{ items: { state: string }[] }>('/api/v1/deletions');
      return items.length === 2 && items.every(({ state }) => state === 'done');
    });
    kept = await recordedSegments(server, 'cam');
    gone = [...before.keys()].filter((path) => !kept.has(path));
    assert.ok(gone.length >= 2 && kept.size > 5, `${gone.length} are deleted, ${kept.size} kept`);
  }
  const restored = await runOxbow(['backup', '--restore', copy, '--data', data, '--config', settings]);
  assert.equal(restored.code, 0, restored.stderr);

  await using server = await start();
  const now = await until('the index has all files', async () => {
    const found = await recordedSegments(server, 'cam');
    return found.size >= kept.size && found;
  });
  for (const [path, crc] of kept) assert.equal(now.get(path), crc, path);
  for (const path of gone) {
    assert.equal(now.has(path), false, path);
    assert.equal((await server.fetch(path)).status, 410, path);
  }
  for (const ms of deletedMs) assert.ok(await isDeleted(server, ms + 100), new Date(ms).toISOString());
  assert.deepEqual(await allIds(server), ids);
  const { items } = await server.json<{ items: RoomMessage[] }>(`/api/v1/rooms/${room}/messages`);
  assert.deepEqual(
    items.filter(({ kind }) => kind === 'chat').map(({ text }) => text),
    ['before the backup'],
  );
  await record(server, 2);
  const after = await recordedSegments(server, 'cam');
  const added = [...after.keys()].filter((path) => !now.has(path)).map(msnOf);
  assert.ok(added.length > 0 && Math.min(...added) > Math.max(...[...kept.keys(), ...gone].map(msnOf)));
  for (const [path, crc] of kept) assert.equal(after.get(path), crc, path);
  // What pins and holds protect cannot be deleted.
  const held = await server.fetch(`${CAM}/recordings?from=${deletedMs[0]! - 4000}&to=2s`, { method: 'DELETE' });
  assert.match(`${held.status} ${await held.text()}`, /^409 .*case 7/);
  assert.deepEqual(server.log('error'), []);
});
