/**
 * A client of a room's WebSocket, for tests.
 * In: the address of a server. Out: what it received, and how the connection ended.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientOptions, WebSocket } from 'ws';
import type { ClientMessage, ServerMessage } from '../../../api/room/messages.ts';

export interface TestRoomClient {
  readonly socket: WebSocket;
  /** Everything that it received and `next` did not return. */
  readonly got: readonly ServerMessage[];
  send(message: ClientMessage): void;
  /** Waits for a message of a type, and drops those before it. @param isIt further conditions */
  next<T extends ServerMessage['t']>(
    type: T,
    isIt?: (message: Extract<ServerMessage, { t: T }>) => boolean,
  ): Promise<Extract<ServerMessage, { t: T }>>;
  /** Resolves with the close code and the reason. */
  ended(): Promise<string>;
  close(): void;
}

/** Connects. @param url of the server @throws if the server refuses the upgrade */
export async function openRoomClient(url: string, room: string, options: ClientOptions = {}): Promise<TestRoomClient> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/v1/rooms/${room}/socket`, options);
  const got: ServerMessage[] = [];
  let wake = () => {};
  let isClosed = false;
  socket.on('message', (data) => {
    got.push(JSON.parse(String(data)) as ServerMessage);
    wake();
  });
  const closed = once(socket, 'close') as Promise<[code: number, reason: Buffer]>;
  const ended = closed.then(([code, reason]) => {
    isClosed = true;
    wake();
    return `${code} ${reason}`;
  });
  ended.catch(() => {}); // `open` fails
  await once(socket, 'open');
  return {
    socket,
    got,
    ended: () => ended,
    close: () => socket.close(),
    send: (message) => socket.send(JSON.stringify(message)),
    async next(type, isIt = () => true) {
      for (;;) {
        const message = got.shift();
        if (message?.t === type && isIt(message as never)) return message as never;
        if (message) continue;
        if (isClosed) assert.fail(`the connection ended before ${type}: ${await ended}`);
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}

/** Connects and waits for the welcome. */
export async function enterRoom(
  url: string,
  room: string,
  options: ClientOptions = {},
  hello: Omit<Extract<ClientMessage, { t: 'hello' }>, 't'> = {},
): Promise<TestRoomClient & { readonly welcome: Extract<ServerMessage, { t: 'welcome' }> }> {
  const client = await openRoomClient(url, room, options);
  client.send({ t: 'hello', ...hello });
  return { ...client, welcome: await client.next('welcome') };
}

/** The HTTP status by which an upgrade is refused, and the code of the problem. */
export async function refusalOf(url: string, room: string, options: ClientOptions = {}): Promise<string> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/v1/rooms/${room}/socket`, options);
  socket.on('error', () => {});
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, import('node:http').IncomingMessage];
  let text = '';
  for await (const bytes of response) text += bytes;
  return `${response.statusCode} ${(JSON.parse(text) as { code: string }).code}`;
}
