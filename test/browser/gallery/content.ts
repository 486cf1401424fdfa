/**
 * What the gallery shows: cameras that are live with markers, a gap and clips, one without a source, a film,
 * a room in which people write.
 * In: an oxbow with RTMP. Out: ids for the addresses of its pages.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { WebSocket } from 'ws';
import type { RoomPoll } from '../../../src/api/room/chat-shapes.ts';
import { encode } from '../../fixtures/encoder.ts';
import { createRoom, enterAsGuest } from '../../fixtures/rooms/rooms.ts';
import type { Server } from '../../fixtures/server.ts';
import { until } from '../../fixtures/wait.ts';
import { filmScene, type SceneName } from './scenes.ts';

/** The person who looks at the pages. */
export const visitor = { name: 'Ann', password: 'correct horse battery' } as const;
/** The camera is away for this long, seconds. */
const GAP_S = 8;

const cameras = [
  { name: 'harbour', title: 'Harbour', description: 'The west pier, with the boats that come home in the evening.' },
  { name: 'gate', title: 'North gate', description: 'The street in front of the house.' },
  { name: 'hut', title: 'Mountain hut', description: '' },
] as const satisfies readonly { readonly name: SceneName; readonly title: string; readonly description: string }[];

/** What was made. */
export interface Content extends AsyncDisposable {
  readonly asset: string;
  readonly clip: string;
  readonly room: string;
}

/** A JSON request of the administrator. @throws Error with the answer if it is not good */
async function send<T>(server: Server, method: string, path: string, body: object): Promise<T> {
  const headers = { 'content-type': 'application/json' };
  const answer = await server.fetch(`/api/v1${path}`, { method, headers, body: JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

/**
 * Fills a server; the cameras send until the content is disposed.
 *
 * @param folder for the films
 */
export async function fillServer(server: Server, browser: Browser, folder: string): Promise<Content> {
  await using opened = new AsyncDisposableStack();
  const films = new Map<SceneName, string>();
  for (const { name } of cameras) films.set(name, await filmScene(browser, folder, name));
  const start = async (name: SceneName): Promise<ChildProcess> => {
    const { key } = await send<{ key: string }>(server, 'POST', `/streams/${name}/keys`, { label: 'Camera' });
    const input = ['-re', '-stream_loop', '-1', '-i', films.get(name)!];
    const to = `${server.ingest.rtmp}/${name}?key=${key}`;
    const child = spawn('ffmpeg', ['-v', 'error', '-nostdin', ...input, '-c', 'copy', '-f', 'flv', to], {
      stdio: 'ignore',
    });
    opened.defer(() => end(child));
    return child;
  };
  await send(server, 'POST', '/users', { ...visitor, role: 'admin' });
  for (const camera of cameras) await send(server, 'POST', '/streams', { ...camera, source: { type: 'push' } });
  await send(server, 'POST', '/streams', { name: 'studio', title: 'Studio', source: { type: 'push' } });
  const [harbour] = await Promise.all(cameras.map(({ name }) => start(name)));
  for (const { name } of cameras) await server.stream(name);
  const cut = ['-i', films.get('harbour')!, '-t', '12', '-c', 'copy', '-movflags', '+faststart'];
  const asset = await uploadFilm(server, await encode(cut, join(folder, 'cut.mp4')));
  await setTimeout(60_000); // something to go back to
  await end(harbour!);
  await setTimeout(GAP_S * 1000);
  await start('harbour');
  await server.stream('harbour');
  await setTimeout(35_000);
  const clip = await markHarbour(server);
  const room = await openRoom(server, opened, asset);
  const isReady = async () => (await server.json<{ state: string }>(`/api/v1/assets/${asset}`)).state === 'ready';
  await until('the film is ready', isReady, { withinMs: 300_000 });
  const all = opened.move();
  return { asset, clip, room, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'close');
}

async function uploadFilm(server: Server, file: string): Promise<string> {
  const path = '/api/v1/uploads/file?filename=harbour.mp4';
  const sent = await server.fetch(path, { method: 'PUT', body: await readFile(file) });
  if (!sent.ok) throw new Error(await sent.text());
  const { asset } = (await sent.json()) as { asset: string };
  await send(server, 'PATCH', `/assets/${asset}`, {
    title: 'An evening at the harbour',
    description: 'Filmed from the west pier.',
    tags: ['boats', 'evening'],
    visibility: 'public',
  });
  return asset;
}

/** Markers and a clip. @returns id of the clip */
async function markHarbour(server: Server): Promise<string> {
  const agoMs = (s: number) => String(Date.now() - s * 1000);
  for (const [s, text] of [
    [75, 'First boat comes home'],
    [14, 'Both boats in the sun'],
  ] as const)
    await send(server, 'POST', '/streams/harbour/markers', { at: agoMs(s), text });
  const clip = {
    stream: 'harbour',
    from: agoMs(25),
    to: agoMs(10),
    title: 'Both boats in the sun',
    visibility: 'public',
  };
  await send(server, 'POST', '/clips', { stream: 'gate', from: agoMs(40), to: agoMs(30), title: 'The red car' });
  return (await send<{ id: string }>(server, 'POST', '/clips', clip)).id;
}

/** A room with five people who write, and a poll. @returns its id */
async function openRoom(server: Server, opened: AsyncDisposableStack, asset: string): Promise<string> {
  const room = await createRoom(server, { name: 'Film night', visibility: 'public', capacity: 12 });
  await send(server, 'POST', `/rooms/${room}/items`, {
    items: [
      { target: { kind: 'stream', stream: 'harbour' } },
      { target: { kind: 'stream', stream: 'hut' } },
      { target: { kind: 'asset', asset } },
    ],
  });
  const { items } = await server.json<{ items: { id: string }[] }>(`/api/v1/rooms/${room}/items`);
  const { state } = await server.json<{ state: { rev: number } }>(`/api/v1/rooms/${room}/state`);
  await send(server, 'POST', `/rooms/${room}/commands`, { do: 'item', item: items[0]!.id, rev: state.rev });
  const { id: poll } = await send<RoomPoll>(server, 'POST', `/rooms/${room}/polls`, {
    question: 'What do we watch next?',
    choices: ['Mountain hut', 'The storm of last night', 'Something else entirely'],
  });
  const lines = [
    ['Ben', 'Good evening, everyone!', 1],
    ['Chiara', 'What a sunset. @Ben look at the red boat', 1],
    ['Dana', 'Clear as day here, no delay at all.', 0],
    ['Fay', 'I opened the link on my phone and it just plays. How far back can we go?', 1],
    ['Ben', 'As far as it is recorded.', -1],
    ['Chiara', 'Back to the first boat after this?', -1],
  ] as const;
  const people = new Map<string, WebSocket>();
  for (const [i, [name, text, vote]] of lines.entries()) {
    let socket = people.get(name);
    if (!socket) {
      const headers = await enterAsGuest(server.url, name);
      socket = new WebSocket(`${server.url.replace('http', 'ws')}/api/v1/rooms/${room}/socket`, { headers });
      const left = socket;
      opened.defer(() => left.terminate());
      people.set(name, socket);
      await once(socket, 'open');
      socket.send(JSON.stringify({ t: 'hello' }));
      await once(socket, 'message');
    }
    socket.send(JSON.stringify({ t: 'chat', id: `line-of-chat-${i}`, text }));
    if (vote >= 0) socket.send(JSON.stringify({ t: 'vote', poll, choices: [vote] }));
    await setTimeout(500); // their order
  }
  return room;
}
