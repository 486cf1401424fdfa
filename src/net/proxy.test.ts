// Connections are real, so a test waits for bytes and closed sockets; the limits of time pass on virtual
// time.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, request as send } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Server, Socket } from 'node:net';
import { test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { openVirtualTime } from '../../test/fixtures/virtual-time.ts';
import { until } from '../../test/fixtures/wait.ts';
import { createNet, type GuardedProxy, type ProxyOptions, refusedPhrase } from './net.ts';

interface Target extends AsyncDisposable {
  readonly url: URL;
  readonly port: number;
  readonly sockets: Set<Socket>;
}

async function listen(server: Server): Promise<Target> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}/`),
    port,
    sockets,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
const serve = (listener: RequestListener) => listen(createServer(listener));
/** Echoes bytes, and ends when the other side ends. */
const echo = () => listen(createTcpServer((socket) => void socket.pipe(socket)));

async function open(more: Partial<ProxyOptions> = {}, names: Record<string, string> = {}) {
  const net = createNet({
    allow: [],
    resolve: async (name) => (names[name] === undefined ? [] : [{ address: names[name], family: 4 }]),
  });
  return await net.openProxy({ deadlineMs: 20_000, ...more });
}

interface ProxyReply {
  readonly status: number;
  readonly phrase: string;
  readonly message: IncomingMessage;
  readonly text: string;
}

function outgoing(proxy: GuardedProxy, method: string, path: string, headers: object = {}, password?: string) {
  const url = new URL(proxy.url);
  const pair = Buffer.from(`${url.username}:${password ?? url.password}`).toString('base64');
  return send({
    host: url.hostname,
    port: url.port,
    agent: false,
    method,
    path,
    headers: { ...(password !== '' && { 'proxy-authorization': `Basic ${pair}` }), ...headers },
  });
}

async function ask(
  proxy: GuardedProxy,
  target: string | URL,
  { method = 'GET', body = '', headers = {}, password }: { [key: string]: string | object | undefined } = {},
): Promise<ProxyReply> {
  const request = outgoing(proxy, String(method), String(target), headers as object, password as string | undefined);
  request.end(body);
  const [message] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  for await (const piece of message.setEncoding('utf8')) text += piece;
  return { status: message.statusCode!, phrase: message.statusMessage!, message, text };
}

async function tunnel(proxy: GuardedProxy, authority: string, password?: string) {
  const request = outgoing(proxy, 'CONNECT', authority, {}, password);
  request.end();
  const [message, socket] = (await once(request, 'connect')) as [IncomingMessage, Socket];
  return { status: message.statusCode!, phrase: message.statusMessage!, socket: socket.on('error', () => {}) };
}

test('a plain request is sent by its absolute URL, without hop-by-hop fields', async () => {
  const seen: IncomingMessage[] = [];
  await using site = await serve((request, response) => {
    seen.push(request);
    response.writeHead(201, 'Made', { 'set-cookie': ['a=1', 'b=2'], 'keep-alive': 'timeout=5' });
    request.pipe(response);
  });
  await using proxy = await open({ trusted: site.url });
  const headers = { host: 'elsewhere', 'user-agent': 'x', connection: 'x-own', 'x-own': '1', te: 'gzip' };
  const answer = await ask(proxy, new URL('/a?b=c', site.url), { method: 'POST', body: 'hello', headers });
  assert.deepEqual([answer.status, answer.phrase, answer.text], [201, 'Made', 'hello']);
  assert.deepEqual(answer.message.headers['set-cookie'], ['a=1', 'b=2']);
  const [request] = seen;
  assert.equal(request!.url, '/a?b=c');
  assert.deepEqual(
    ['host', 'user-agent', 'proxy-authorization', 'x-own', 'te'].map((name) => request!.headers[name]),
    [site.url.host, 'x', undefined, undefined, undefined],
  );
  assert.equal((await ask(proxy, site.url, { method: 'HEAD' })).status, 201);
  assert.equal((await ask(proxy, site.url, { method: 'DELETE' })).status, 405);
  assert.equal(seen.length, 2);
  assert.equal(proxy.refusal, undefined);
});

test('a tunnel transfers bytes both ways until either side ends', async () => {
  await using site = await echo();
  await using proxy = await open({ trusted: site.url });
  const { status, socket } = await tunnel(proxy, `127.0.0.1:${site.port}`);
  assert.equal(status, 200);
  const sent = Buffer.alloc(1_000_000, 'oxbow');
  socket.end(sent);
  const pieces: Buffer[] = [];
  for await (const piece of socket) pieces.push(piece as Buffer);
  assert.ok(Buffer.concat(pieces).equals(sent));
  await until('nothing is left open', () => site.sockets.size === 0);
});

test('a request without the password is refused', async () => {
  await using site = await serve((_, response) => void response.end('hello'));
  await using proxy = await open({ trusted: site.url });
  for (const password of ['', 'wrong', `${new URL(proxy.url).password}0`]) {
    const plain = await ask(proxy, site.url, { password });
    assert.deepEqual([plain.status, plain.message.headers['proxy-authenticate']], [407, 'Basic realm="oxbow"']);
    assert.equal((await tunnel(proxy, `127.0.0.1:${site.port}`, password)).status, 407);
  }
  assert.equal(site.sockets.size, 0);
  await using other = await open({ trusted: site.url });
  assert.notEqual(new URL(other.url).password, new URL(proxy.url).password);
});

test('a private address is refused by name, by number and in every spelling, without a connection', async () => {
  await using site = await echo();
  await using proxy = await open({}, { 'inside.test': '10.0.0.1', 'here.test': '127.0.0.1' });
  for (const host of ['127.0.0.1', '2130706433', '127.1', '[::1]', '[::ffff:7f00:1]', 'inside.test', 'here.test']) {
    const plain = await ask(proxy, `http://${host}:${site.port}/`);
    assert.deepEqual([plain.status, plain.phrase], [403, refusedPhrase], host);
    const { status, phrase } = await tunnel(proxy, `${host}:${site.port}`);
    assert.deepEqual([status, phrase], [403, refusedPhrase], host);
    assert.equal(proxy.refusal?.code, 'address-refused');
  }
  assert.match(proxy.refusal!.message, /here\.test leads to 127\.0\.0\.1/);
  assert.equal(site.sockets.size, 0);
});

test('only http and https are allowed, and an unknown name is not a refusal', async () => {
  await using proxy = await open();
  assert.equal((await ask(proxy, 'ftp://1.1.1.1/')).status, 403);
  for (const target of ['/', 'https://1.1.1.1/', '1.1.1.1:80']) {
    assert.ok([400, 403].includes((await ask(proxy, target)).status), target);
  }
  for (const authority of ['1.1.1.1', 'a@1.1.1.1:443', '1.1.1.1:443/x', '1.1.1.1:99999', '[::1']) {
    assert.equal((await tunnel(proxy, authority)).status, 400, authority);
  }
  await using fresh = await open();
  assert.equal((await ask(fresh, 'http://nowhere.test/')).status, 502);
  assert.equal((await tunnel(fresh, 'nowhere.test:443')).status, 502);
  assert.equal(fresh.refusal, undefined);
});

test('the host configured by an administrator is allowed, a redirect from it to another private one is not', async () => {
  await using secret = await serve((_, response) => void response.end('secret'));
  const location = `http://127.0.0.2:${secret.port}/admin`;
  await using site = await serve((_, response) => void response.writeHead(302, { location }).end());
  await using proxy = await open({ trusted: site.url });
  const moved = await ask(proxy, site.url);
  assert.deepEqual([moved.status, moved.message.headers.location], [302, location]);
  const next = await ask(proxy, moved.message.headers.location!);
  assert.deepEqual([next.status, next.phrase, next.text], [403, refusedPhrase, '']);
  assert.match(proxy.refusal!.message, /127\.0\.0\.2/);
  assert.equal(secret.sockets.size, 0);
});

test('exceeding the bytes closes everything, and no request is sent afterwards', async () => {
  await using site = await serve((_, response) => void response.end(Buffer.alloc(300_000)));
  await using other = await echo();
  await using proxy = await open({ trusted: site.url, maxBytes: 400_000 });
  const { socket } = await tunnel(proxy, `127.0.0.1:${other.port}`);
  assert.equal((await ask(proxy, site.url)).text.length, 300_000);
  const cut = once(socket, 'close');
  await assert.rejects(ask(proxy, site.url));
  await cut;
  assert.equal((await ask(proxy, site.url)).phrase, refusedPhrase);
  assert.equal((await tunnel(proxy, `127.0.0.1:${other.port}`)).status, 403);
  assert.match(proxy.refusal!.message, /More than 400000 bytes/);
});

test('connections are bounded in number, idle time and total time', async (t) => {
  await using site = await echo();
  const authority = `127.0.0.1:${site.port}`;
  await using few = await open({ trusted: site.url, maxConnections: 2 });
  await tunnel(few, authority);
  const second = await tunnel(few, authority);
  await assert.rejects(tunnel(few, authority));
  second.socket.destroy();
  await until('there is room again', () =>
    tunnel(few, authority).then(
      () => true,
      () => false,
    ),
  );

  await using silent = await open({ trusted: site.url, idleMs: 47_000 });
  const limited = t.mock.method(Socket.prototype, 'setTimeout').mock;
  for (const side of [0, 1]) {
    limited.resetCalls();
    const { socket } = await tunnel(silent, authority);
    const sides = limited.calls.filter(({ arguments: [ms] }) => ms === 47_000).map((call) => call.this as Socket);
    assert.equal(sides.length, 2);
    sides[side]!.emit('timeout'); // as the system does when nothing came or went for this long
    await once(socket.resume(), 'close');
  }
  assert.equal(silent.refusal, undefined);

  using time = openVirtualTime();
  await using brief = await open({ trusted: site.url, deadlineMs: 60_000 });
  const { socket } = await tunnel(brief, authority);
  const closed = once(socket.resume(), 'close');
  await time.runFor(59_999);
  assert.equal(brief.refusal, undefined);
  await time.runFor(1);
  assert.match(brief.refusal!.message, /longer than 60000 ms/);
  await closed;
  assert.equal((await tunnel(brief, authority)).status, 403);
});

test('closing ends all connections at once', async () => {
  await using site = await serve(() => {});
  const proxy = await open({ trusted: site.url });
  const { port } = new URL(proxy.url);
  const waiting = assert.rejects(ask(proxy, site.url));
  const { socket } = await tunnel(proxy, `127.0.0.1:${site.port}`);
  await until('both have arrived', () => site.sockets.size === 2);
  const cut = once(socket.resume(), 'close');
  await Promise.all([proxy.close(), proxy.close()]);
  await Promise.all([waiting, cut]);
  await proxy[Symbol.asyncDispose]();
  const [error] = await once(connect(Number(port), '127.0.0.1'), 'error');
  assert.equal((error as NodeJS.ErrnoException).code, 'ECONNREFUSED');
  await until('the site is left too', () => site.sockets.size === 0);
});

test('the proxy survives any input of a child', async () => {
  await using site = await serve((_, response) => void response.end('hello'));
  await using proxy = await open({ trusted: new URL('http://site.test/') }, { 'site.test': '127.0.0.1' });
  const address = `http://site.test:${site.port}/`;
  const { port, password } = new URL(proxy.url);
  const pair = Buffer.from(`oxbow:${password}`).toString('base64');
  const whole = `POST ${address} HTTP/1.1\r\nHost: x\r\nProxy-Authorization: Basic ${pair}\r\nContent-Length: 5\r\n\r\nhello`;
  const door = `CONNECT site.test:${site.port} HTTP/1.1\r\nProxy-Authorization: Basic ${pair}\r\n\r\nGET / HTTP/1.0\r\n\r\n`;
  const random = seeded(5);
  for (let round = 0; round < 100; round++) {
    await Promise.all(
      Array.from({ length: 10 }, async (_, i) => {
        const bytes = Buffer.from(i % 2 ? whole : door, 'latin1');
        for (let n = random(4); n >= 0; n--) bytes[random(bytes.length)] = random(256);
        const socket = connect(Number(port), '127.0.0.1').on('error', () => {});
        socket.end(bytes.subarray(0, random(8) ? bytes.length : random(bytes.length)));
        await new Promise((resolve) => socket.resume().once('close', resolve));
      }),
    );
  }
  assert.equal((await ask(proxy, address)).text, 'hello');
});
