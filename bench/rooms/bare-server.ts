/**
 * The peer of `bench rooms`: a chat server as the page of ws shows one. It parses a message, numbers
 * it, prints it once, and calls `send` for each member; it stores nothing and checks nothing.
 * In: clients of room-load.c. Out: the port, as a line.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

const rooms = new Map<string, Set<WebSocket>>();
let seq = 0;

const server = createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
sockets.on('connection', (socket, { url = '' }) => {
  const members = rooms.get(url) ?? new Set();
  rooms.set(url, members);
  members.add(socket);
  socket.on('close', () => members.delete(socket));
  socket.on('message', (data) => {
    const { t, id, text } = JSON.parse(String(data)) as { t: string; id?: string; text?: string };
    if (t === 'hello') return socket.send('{"t":"welcome"}');
    const message = { seq: ++seq, id, kind: t, author: 'x'.repeat(20), name: 'Member', text, sentMs: Date.now() };
    const json = JSON.stringify({ t: 'message', message });
    for (const each of members) if (each.readyState === each.OPEN) each.send(json);
  });
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
