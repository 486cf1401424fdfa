/**
 * A door in front of a server: it adds a page that was built for a test, and passes everything else on, late if the test wants that.
 * In: a folder of built files, the port of the server. Out: an address of its own, so that the page's WebSockets have its origin.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { type Duplex, Transform } from 'node:stream';

/** A door. */
export interface RoomDoor extends AsyncDisposable {
  readonly url: string;
  /** Each packet to the page takes up to so much longer, ms. */
  jitterMs: number;
  /** Ends every connection. */
  cut(): void;
}

const types: Readonly<Record<string, string>> = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml' };
const page = `<!doctype html><html lang="en"><head><title>Room</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="/step/style.css"><script type="module" src="/step/page.js"></script></head>
<body><div id="app"></div></body></html>`;

/** Builds the page of one player in a room into a folder. */
export async function buildRoomPage(outDir: string): Promise<void> {
  const { build } = await import('vite');
  const { components } = await import('../../web/vite.config.js');
  const input = { page: join(import.meta.dirname, 'room-step.fixture.ts') };
  await build({
    root: import.meta.dirname,
    configFile: false,
    logLevel: 'error',
    plugins: [components],
    base: '/step/',
    build: {
      outDir,
      minify: false, // it is read once
      assetsInlineLimit: 0,
      cssCodeSplit: false,
      rolldownOptions: { input, output: { entryFileNames: 'page.js', assetFileNames: '[name][extname]' } },
    },
  });
}

/**
 * Opens a door.
 *
 * @param built the folder of the page, at `/step/`
 * @param port of the server, on 127.0.0.1, when a connection begins
 */
export async function openRoomDoor(built: string, port: () => number): Promise<RoomDoor> {
  const sockets = new Set<Duplex>();
  const door = { jitterMs: 0 };
  const server: Server = createServer((asked, answer) => {
    const path = new URL(asked.url!, 'http://door').pathname;
    if (path.startsWith('/step/')) void servePage(built, path.slice('/step/'.length), answer);
    else passOn(asked, answer, port(), door);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (asked, socket, head) => {
    const behind = connect(port(), '127.0.0.1');
    const lines = [`${asked.method} ${asked.url} HTTP/1.1`];
    for (let n = 0; n < asked.rawHeaders.length; n += 2)
      lines.push(`${asked.rawHeaders[n]}: ${asked.rawHeaders[n + 1]}`);
    behind.write(`${lines.join('\r\n')}\r\n\r\n`);
    behind.write(head);
    behind.pipe(late(door)).pipe(socket);
    socket.pipe(behind);
    behind.on('error', () => socket.destroy());
    behind.on('close', () => socket.destroy());
    socket.on('error', () => behind.destroy());
    socket.on('close', () => behind.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return Object.assign(door, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      server.close();
      await once(server, 'close');
    },
  });
}

async function servePage(built: string, name: string, answer: ServerResponse): Promise<void> {
  const body = name === '' ? page : await readFile(join(built, name));
  answer.writeHead(200, { 'content-type': types[name.split('.').at(-1)!] ?? 'text/html' }).end(body);
}

function passOn(asked: IncomingMessage, answer: ServerResponse, port: number, door: { jitterMs: number }): void {
  const { method, url: path, headers } = asked;
  const behind = request({ host: '127.0.0.1', port, method, path, headers }, (response) => {
    answer.writeHead(response.statusCode!, response.headers);
    response.pipe(late(door)).pipe(answer);
    response.on('error', () => answer.destroy());
  });
  behind.on('error', () => answer.destroy());
  answer.on('close', () => behind.destroy());
  asked.pipe(behind);
}

/** Passes packets on in their order, each up to `jitterMs` later. */
function late(door: { readonly jitterMs: number }): Transform {
  return new Transform({
    transform(chunk, _, passed) {
      if (door.jitterMs === 0) passed(null, chunk);
      else setTimeout(() => passed(null, chunk), Math.random() * door.jitterMs);
    },
  });
}
