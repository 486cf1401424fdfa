/**
 * What viewers have of several processes that are one server: other viewers, messages on phones, televisions.
 * In: two processes; each request has its own connection, which the system gives to any of them.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import type { PeersView } from '../../src/api/peers/peer-shapes.ts';
import type { PushView } from '../../src/api/push/push-shapes.ts';
import type { PairingView } from '../../src/api/television/television-shapes.ts';
import { PushBrowser } from '../../src/features/push/push-browser.fixture.ts';
import { canSharePorts } from '../../src/serve/hot/listeners.ts';
import { openPushReceiver, type PushReceiver } from '../fixtures/clients/push-receiver.ts';
import { ViewerSocket } from '../fixtures/clients/viewer-socket.ts';
import { need } from '../fixtures/need.ts';
import { openFolder, type Server, smallPicture, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const ADMIN = 'let-me-in-please';
const skip = canSharePorts ? need('ffmpeg') || need('openssl') : 'needs shared ports';

interface Answer {
  readonly status: number;
  readonly body: string;
  /** The secret of the session that it begins; empty: none. */
  readonly session: string;
}

suite('viewers of several processes', { skip }, () => {
  const opened = new AsyncDisposableStack();
  let server: Server;
  let receiver: PushReceiver;
  let session = '';

  before(async () => {
    const folder = opened.use(await openFolder('processes-viewers'));
    receiver = opened.use(await openPushReceiver(folder.path));
    const { args, env } = receiver.options;
    server = opened.use(
      await startPlainServer({
        data: join(folder.path, 'data'),
        adminToken: ADMIN,
        sample: false,
        env,
        args: ['--processes', '2', '--peers-enabled', 'true', ...smallPicture, ...args],
      }),
    );
    session = await signIn();
  });
  after(() => opened.disposeAsync());

  /** @param as secret of a session; empty: no one's */
  function ask(method: string, path: string, body?: object, as = session): Promise<Answer> {
    const { port } = new URL(server.url);
    const headers = {
      ...(body && { 'content-type': 'application/json' }),
      ...(as && { cookie: `oxbow-${port}=${as}`, 'sec-fetch-site': 'same-origin' }),
      connection: 'close',
    };
    return new Promise((resolve, reject) => {
      const sent = request(`${server.url}${path}`, { method, agent: false, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        response.on('end', () => {
          const status = response.statusCode!;
          if (status >= 300) {
            reject(new Error(`${method} ${path}: ${status} ${text}`));
            return;
          }
          const [, made = ''] = /^oxbow-\d+=([^;]+)/.exec(response.headers['set-cookie']?.[0] ?? '') ?? [];
          resolve({ status, body: text, session: made });
        });
      });
      sent.on('error', reject).end(body && JSON.stringify(body));
    });
  }
  const get = async <T>(path: string) => JSON.parse((await ask('GET', path)).body) as T;
  const signIn = async () => (await ask('POST', '/api/v1/sessions', { token: ADMIN }, '')).session;
  const createStream = async (name: string) => {
    const source = { type: 'test' };
    await ask('POST', '/api/v1/streams', { name, source, visibility: 'public', peerDelivery: true });
    await server.stream(name, 'live');
  };

  test('those of one stream find each other, and reports count together, whichever processes they reach', async () => {
    await createStream('door');
    const connect = async (name: string, address: string) => {
      const socket = await ViewerSocket.open(server.url, 'door', name, address);
      assert.ok(socket instanceof ViewerSocket, `${name}: ${socket}`);
      return opened.use(socket);
    };
    const pages: ViewerSocket[] = [];
    for (let i = 0; i < 8; i++) {
      const page = await connect(`page${i}`, `203.0.${i}.1`);
      assert.equal(await page.announce(), i + 1);
      pages.push(page);
    }
    for (let i = 0; i < 8; i++) {
      assert.equal((await get<PeersView>('/api/v1/streams/door/peers')).connected, pages.length);
    }
    const [liar] = pages;
    for (let i = 1; i <= 3; i++) {
      await until('the liar is introduced', async () => {
        await pages[i]!.announce(['1', '2', '3', '4', '5']);
        return liar!.received.some(({ peer_id }) => String(peer_id).startsWith(`page${i}.`));
      });
      pages[i]!.report('page0');
    }
    assert.equal(await liar!.ended, 4010);
    for (let i = 0; i < 8; i++) assert.equal(await ViewerSocket.open(server.url, 'door', 'again', '203.0.0.1'), 409);
  });

  test('a television is allowed by a person who has signed in a moment ago', async () => {
    for (let i = 0; i < 8; i++) {
      const pairing = JSON.parse((await ask('POST', '/api/v1/televisions', {}, '')).body) as PairingView;
      const person = await signIn();
      await ask('POST', '/api/v1/televisions/approvals', { code: pairing.code, opens: '/tv' }, person);
      const redeemed = await ask('POST', '/api/v1/televisions/sessions', { secret: pairing.secret }, '');
      assert.deepEqual(JSON.parse(redeemed.body), { paired: true, opens: '/tv' });
      for (let look = 0; look < 4; look++) await ask('GET', '/api/v1/streams/door', undefined, redeemed.session);
    }
  });

  test('a browser gets each message once, also over the end of a process', async () => {
    const browser = new PushBrowser(`${receiver.url}/one`);
    await ask('POST', '/api/v1/push/subscriptions', browser.subscription());
    const keys = new Set<string | null>();
    for (let i = 0; i < 8; i++) keys.add((await get<PushView>('/api/v1/push')).publicKey);
    assert.equal(keys.size, 1);
    const liveOf = (name: string) =>
      receiver.messagesFor(browser).filter(({ message }) => message.kind === 'live' && message.stream === name);
    const names = ['first', 'second'];
    for (const name of names) {
      await createStream(name);
      await until(`a message about ${name}`, () => liveOf(name).length > 0);
    }
    await until('both are recorded', async () => {
      const views = await Promise.all(names.map((name) => server.stream(name)));
      return views.every(({ recorded }) => recorded.seconds > 2);
    });
    const { stdout } = await promisify(execFile)('ps', ['-o', 'pid=', '--ppid', String(server.pid)]);
    process.kill(Number(stdout.trim().split(/\s+/)[0]), 'SIGKILL');
    await until('a process has ended', () => server.log('error').some(({ msg }) => String(msg).includes('has ended')));
    for (const name of names) await server.stream(name, 'live', 60_000);
    // Until the process is back, it may be the one that should have the stream: 503, try again.
    await until('a third stream', () => createStream('third').then(() => true));
    await until('a message about the third', () => liveOf('third').length > 0);
    assert.deepEqual(
      ['door', ...names, 'third'].map((name) => liveOf(name).length),
      [0, 1, 1, 1],
    );
  });
});
