/**
 * Messages to browsers, from a running oxbow to a push service over HTTPS.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { PushSubscriptionView, PushView } from '../../src/api/push/push-shapes.ts';
import { claimsOf, PushBrowser, type ReceivedPush } from '../../src/features/push/push-browser.fixture.ts';
import { makeCertificate } from '../fixtures/certificate.ts';
import { need } from '../fixtures/need.ts';
import { openFolder, type Server, type ServerOptions, smallPicture, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';

const adminToken = 'a-token-of-the-test-0123456789';

suite('messages to a phone', { skip: need('ffmpeg') || need('openssl') }, () => {
  const opened = new AsyncDisposableStack();
  const received: (ReceivedPush & { readonly path: string })[] = [];
  const gone = new Set<string>();
  let options: ServerOptions;
  let server: Server;
  let service: string;
  let cookie: string;

  before(async () => {
    const folder = opened.use(await openFolder('phone'));
    const { cert, key } = await makeCertificate(folder.path, 'push');
    const receiver = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, async (request, response) => {
      const pieces: Buffer[] = [];
      for await (const piece of request) pieces.push(piece as Buffer);
      const path = request.url ?? '';
      received.push({ path, headers: request.headers, body: Buffer.concat(pieces) });
      response.writeHead(gone.has(path) ? 410 : 201).end();
    });
    receiver.listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    opened.defer(() => {
      receiver.closeAllConnections();
      receiver.close();
    });
    service = `https://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
    options = {
      data: join(folder.path, 'data'),
      args: [...smallPicture, '--net-allow', '127.0.0.0/8', '--push-contact', 'mailto:operator@example.com'],
      sample: false,
      env: { NODE_EXTRA_CA_CERTS: cert },
      adminToken,
    };
    server = opened.use(await startPlainServer(options));
    const signIn = await send('POST', '/api/v1/sessions', { token: adminToken }, { authorization: '' });
    cookie = signIn.headers.get('set-cookie')!.split(';')[0]!;
  });
  after(() => opened.disposeAsync());

  /** A request of the browser that is signed in. */
  async function send(method: string, path: string, body?: object, more: Record<string, string> = {}) {
    const session = { authorization: '', cookie, 'sec-fetch-site': 'same-origin', ...more };
    const headers = Object.entries({ 'content-type': 'application/json', ...session }).filter(([, value]) => value);
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    });
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${await response.clone().text()}`);
    return response;
  }
  const listed = async () =>
    ((await (await send('GET', '/api/v1/push/subscriptions')).json()) as { items: PushSubscriptionView[] }).items;
  const subscribe = async (browser: PushBrowser) =>
    (await (await send('POST', '/api/v1/push/subscriptions', browser.subscription())).json()) as PushSubscriptionView;
  const messageFor = (browser: PushBrowser, kind: string) =>
    until(`a message of the kind ${kind}`, async () => {
      const mine = received.filter(({ path }) => service + path === browser.endpoint);
      const message = mine.find((each) => browser.read(each).kind === kind);
      assert.ok(message, `there are ${received.length} others`);
      return message;
    });
  const createStream = (name: string) => send('POST', '/api/v1/streams', { name, source: { type: 'test' } });

  test('a browser is notified of a stream that begins and of a clip; a private address gets nothing', async () => {
    const browser = new PushBrowser(`${service}/one`);
    await subscribe(browser);
    await createStream('demo');
    const message = await messageFor(browser, 'live');
    const { kind, stream, url } = browser.read(message);
    assert.deepEqual({ kind, stream, url }, { kind: 'live', stream: 'demo', url: '/watch/demo' });
    const { publicKey } = (await (await send('GET', '/api/v1/push')).json()) as PushView;
    const claims = claimsOf(message, publicKey!);
    assert.deepEqual([claims.aud, claims.sub], [service, 'mailto:operator@example.com']);

    await send('PUT', '/api/v1/streams/demo/follow');
    assert.deepEqual(((await (await send('GET', '/api/v1/push')).json()) as PushView).follows, ['demo']);
    const { recorded } = await until('four seconds are recorded', async () => {
      const view = await server.stream('demo');
      assert.ok(view.recorded.seconds > 4, `${view.recorded.seconds}`);
      return view;
    });
    const fromMs = Date.parse(recorded.from!);
    const [from, to] = [fromMs + 1000, fromMs + 3000].map((ms) => new Date(ms).toISOString());
    await send('POST', '/api/v1/clips', { stream: 'demo', from, to, title: 'Goal' });
    assert.equal(browser.read(await messageFor(browser, 'clips')).title, 'Goal');

    await subscribe(new PushBrowser('https://10.1.2.3/private'));
    const [refused] = await listed();
    await send('POST', `/api/v1/push/subscriptions/${refused!.id}/test`);
    await until('it has failed', async () => (await listed())[0]!.failing);
    const metrics = await (await server.fetch('/metrics')).text();
    assert.match(metrics, /oxbow_push_messages_total\{kind="test",result="failed"\} 1/);
    assert.match(metrics, /oxbow_push_waiting 0/);
  });

  test('a browser that has unsubscribed is removed, and signing out ends its messages', async () => {
    const browser = new PushBrowser(`${service}/gone`);
    const { id } = await subscribe(browser);
    gone.add('/gone');
    await send('POST', `/api/v1/push/subscriptions/${id}/test`);
    await until('it is removed', async () => (await listed()).length === 0);
    await subscribe(new PushBrowser(`${service}/last`));
    await send('DELETE', '/api/v1/streams/demo');
    assert.deepEqual(((await (await send('GET', '/api/v1/push')).json()) as PushView).follows, []);
    const token = { authorization: `Bearer ${adminToken}`, cookie: '' };
    await send('DELETE', '/api/v1/sessions/current');
    await send('POST', '/api/v1/streams', { name: 'after', source: { type: 'test' } }, token);
    await server.stream('after');
    assert.ok(!received.some(({ path }) => path === '/last'), 'the session has ended');
  });

  fullTest('a kill keeps subscriptions and the key, and a stream that continues is not reported again', async () => {
    const signIn = await send('POST', '/api/v1/sessions', { token: adminToken }, { cookie: '' });
    cookie = signIn.headers.get('set-cookie')!.split(';')[0]!;
    const browser = new PushBrowser(`${service}/kept`);
    await subscribe(browser);
    const before = (await (await send('GET', '/api/v1/push')).json()) as PushView;
    await createStream('continues');
    await messageFor(browser, 'live');
    await server.stop('SIGKILL');
    received.length = 0;
    const http = new URL(server.url).host; // the name of the cookie has its port
    server = opened.use(await startPlainServer({ ...options, http }));
    await server.stream('continues');
    const [kept] = await listed();
    assert.equal(((await (await send('GET', '/api/v1/push')).json()) as PushView).publicKey, before.publicKey);
    await send('POST', `/api/v1/push/subscriptions/${kept!.id}/test`);
    await messageFor(browser, 'test');
    assert.equal(received.length, 1);
  });
});
