import assert from 'node:assert/strict';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import type { AuthVerdict } from '../../accounts/auth/auth-answer.ts';
import type { AuthQuestion } from '../../accounts/auth/auth-url.ts';
import { asAdmin, startTestServer, textReply } from '../../http/fixture.ts';
import { waitFor } from '../../lib/abort.ts';
import { OxbowError } from '../../lib/errors.ts';

const allowed: AuthVerdict = { isAllowed: true, stream: undefined, record: undefined };

async function openServer() {
  const asked: AuthQuestion[] = [];
  const memory = new Map<string, AuthVerdict>();
  const state: { answer: AuthVerdict | OxbowError } = { answer: allowed };
  const keyOf = ({ stream, address, secret }: AuthQuestion) => `${stream} ${address} ${secret ?? ''}`;
  const server = await startTestServer({
    answer: () => textReply('media'),
    auth: {
      known(question) {
        const verdict = memory.get(keyOf(question));
        return verdict && { verdict, untilMs: Number.POSITIVE_INFINITY };
      },
      async ask(question) {
        asked.push(question);
        if (state.answer instanceof OxbowError) throw state.answer;
        memory.set(keyOf(question), state.answer);
        return state.answer;
      },
    },
  });
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`${server.url}${path}`, { headers });
    const body = await response.text();
    return response.ok ? response.status : `${response.status} ${JSON.parse(body).code}`;
  };
  return { server, asked, state, get, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

suite('media with an authorization server', () => {
  test('is asked once for each client of a restricted stream, not for each request and not for public streams', async () => {
    await using open = await openServer();
    for (let i = 0; i < 20; i++) {
      assert.equal(await open.get('/live/private/av0/1.m4s'), 200);
      assert.equal(await open.get('/t/of-another-system/live/private/av0/1.m4s'), 200);
      assert.equal(await open.get('/live/signed/av0/1.m4s', { authorization: 'Bearer a.j.wt' }), 200);
      assert.equal(await open.get('/live/public/av0/1.m4s'), 200);
      assert.equal(await open.get('/t/of-another-system/live/public/av0/1.m4s'), 200);
    }
    assert.deepEqual(
      open.asked.map(({ action, protocol, stream, address, secret }) => [action, protocol, stream, address, secret]),
      [
        ['read', 'http', 'private', '127.0.0.1', undefined],
        ['read', 'http', 'private', '127.0.0.1', 'of-another-system'],
        ['read', 'http', 'signed', '127.0.0.1', 'a.j.wt'],
      ],
    );
  });

  test('a refused client gets what one without a valid token gets; without an answer no one watches', async () => {
    await using open = await openServer();
    open.state.answer = { isAllowed: false, detail: 'no' };
    const { access, clock } = open.server.deps;
    const own = access.watch.sign('private', clock.nowMs() + 60_000);
    assert.equal(await open.get('/live/private/av0/1.m4s'), '404 stream-unknown');
    assert.equal(await open.get(`/t/${own}/live/private/av0/1.m4s`), '403 watch-refused');
    open.state.answer = new OxbowError('auth-unavailable', 'no answer');
    assert.equal(await open.get('/live/signed/av0/1.m4s'), '503 auth-unavailable');
    assert.equal(await open.get('/live/attic/av0/1.m4s'), 200, 'not restricted: delivery answers');
  });

  test('administrators are not asked about, and an expired playback token is refused without a question', async () => {
    await using open = await openServer();
    const { access, clock } = open.server.deps;
    assert.equal(await open.get('/live/private/av0/1.m4s', asAdmin), 200);
    const old = access.watch.sign('private', clock.nowMs() - 60_000);
    assert.equal(await open.get(`/t/${old}/live/private/index.m3u8`), '403 watch-expired');
    assert.equal(open.asked.length, 0);
  });

  test('a viewer that leaves no longer waits for the answer', async () => {
    const asked = Promise.withResolvers<AbortSignal>();
    await using server = await startTestServer({
      auth: {
        known: () => undefined,
        ask(_, { signal }) {
          asked.resolve(signal);
          return waitFor(new Promise<AuthVerdict>(() => {}), { signal });
        },
      },
    });
    const leaving = new AbortController();
    const request = fetch(`${server.url}/live/private/av0/1.m4s`, { signal: leaving.signal });
    const signal = await asked.promise;
    assert.equal(signal.aborted, false);
    leaving.abort();
    await assert.rejects(request);
    if (!signal.aborted) await once(signal, 'abort');
    assert.match(String(signal.reason), /the viewer disconnected/);
    assert.deepEqual(server.logged, []);
  });
});

test('of a private stream, rules by network say no more than of one that does not exist', async () => {
  await using server = await startTestServer({ answer: () => textReply('media') });
  const { streams, access, clock } = server.deps;
  const lists = { allow: ['203.0.113.0/24'], deny: [] };
  Object.assign(streams, { watchRulesOf: (name: string) => (streams.visibilityOf(name) ? lists : undefined) });
  Object.assign(server.deps, {
    answer: () => {
      throw new OxbowError('stream-unknown', 'There is no stream of this name.');
    },
  });
  const ask = async (path: string, method: string, from: string) => {
    const response = await fetch(`${server.url}${path}`, { method, headers: { 'x-forwarded-for': from } });
    const body = await response.text();
    const fields = [...response.headers].filter(([name]) => name !== 'date' && name !== 'content-length');
    return { status: response.status, code: body === '' ? '' : (JSON.parse(body) as { code: string }).code, fields };
  };
  for (const method of ['GET', 'POST', 'OPTIONS']) {
    for (const from of ['203.0.113.7', '198.51.100.1']) {
      const hidden = await ask('/live/private/av0/1.m4s', method, from);
      assert.deepEqual(hidden, await ask('/live/attic/av0/1.m4s', method, from), `${method} from ${from}`);
    }
  }
  const token = access.watch.sign('private', clock.nowMs() + 60_000);
  const refused = await ask(`/t/${token}/live/private/av0/1.m4s`, 'GET', '198.51.100.1');
  assert.deepEqual([refused.status, refused.code], [403, 'watch-denied-here'], 'one who may know of it');
});
