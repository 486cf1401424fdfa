import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import type { MeView } from '../../api/account/access-shapes.ts';
import { CODE_LETTERS, type PairingState, type PairingView } from '../../api/television/television-shapes.ts';
import { shareTestServer, signedInAs, type TestServer } from '../../http/fixture.ts';
import { routesWith } from '../../http/routes/table.ts';
import { createManualClock } from '../../lib/clock.ts';
import { createSilentLog } from '../../observe/log.ts';
import { openStore } from '../../store/db.ts';
import { temporaryFolder } from '../../streams/streams.fixture.ts';
import { television } from './feature.ts';
import { MAX_WAITING, PAIRING_MS, Pairings } from './pairings.ts';

suite('televisions', async () => {
  const folder = await temporaryFolder();
  const store = await openStore({ file: `${folder.path}/oxbow.db`, log: createSilentLog() });
  after(async () => {
    await store[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });
  const clock = createManualClock();
  const pairings = new Pairings(store.db, clock);
  const server = shareTestServer(() => ({ features: new Map([['television', pairings]]) }), {
    routes: routesWith([television]),
  });

  const send = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    fetch(`${server().url}/api/v1/${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  const make = async () => (await (await send('POST', 'televisions')).json()) as PairingView;
  const claim = (secret: string) => send('POST', 'televisions/sessions', { secret });
  const approve = (headers: Record<string, string>, body: unknown) =>
    send('POST', 'televisions/approvals', body, headers);
  const cookieOf = (answer: Response) => ({
    cookie: answer.headers.get('set-cookie')!.split(';')[0]!,
    'sec-fetch-site': 'same-origin',
  });
  const codeOf = async (answer: Response) => ((await answer.json()) as { code: string }).code;

  /** A television that a new administrator has allowed. */
  async function paired(name: string, on: TestServer): Promise<Record<string, string>> {
    const { headers } = await signedInAs(on, 'admin', name);
    const { code, secret } = await make();
    assert.equal((await approve(headers, { code })).status, 204);
    return cookieOf(await claim(secret));
  }

  test('a code that a person enters signs the television in, once', async () => {
    const { code, secret, url, intervalS } = await make();
    assert.match(code, new RegExp(`^[${CODE_LETTERS}]{8}$`));
    assert.equal(new URL(url).hash, `#${code}`);
    assert.equal(intervalS, 3);
    assert.deepEqual(await (await claim(secret)).json(), { paired: false, opens: null });

    const { user, headers } = await signedInAs(server(), 'user', 'Ada');
    const typed = `${code.slice(0, 4)}-${code.slice(4)}`.toLowerCase();
    assert.equal((await approve(headers, { code: typed, opens: '/tv/watch/door' })).status, 204);
    assert.equal(await codeOf(await approve(headers, { code })), 'television-unknown', 'a code is allowed once');

    const answer = await claim(secret);
    assert.deepEqual((await answer.json()) as PairingState, { paired: true, opens: '/tv/watch/door' });
    const me = (await (await send('GET', 'me', undefined, cookieOf(answer))).json()) as MeView;
    assert.equal(me.user?.id, user.id);
    assert.equal(me.session?.television, true);
    assert.equal(await codeOf(await claim(secret)), 'television-gone');
  });

  test('of two requests at the same time one gets the session', async () => {
    const { headers } = await signedInAs(server(), 'user', 'Both');
    const { code, secret } = await make();
    await approve(headers, { code });
    const answers = await Promise.all([claim(secret), claim(secret)]);
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 410]);
  });

  test('the television of an administrator watches as them, and is none', async () => {
    const on = server();
    const tv = await paired('Ruler', on);
    const me = (await (await send('GET', 'me', undefined, tv)).json()) as MeView;
    assert.equal(me.admin, false);
    assert.deepEqual([me.may.upload, me.may.openCases], [false, false]);
    const streams = (await (await send('GET', 'streams', undefined, tv)).json()) as { items: unknown[] };
    const all = (await (
      await send('GET', 'streams', undefined, (await signedInAs(on, 'admin', 'Same')).headers)
    ).json()) as {
      items: unknown[];
    };
    assert.equal(streams.items.length, all.items.length, 'it sees every stream');
    assert.equal((await send('POST', 'streams', { name: 'x', source: { type: 'test' } }, tv)).status, 403);
    assert.equal((await send('GET', 'sessions?all=true', undefined, tv)).status, 403);
  });

  test('neither a television nor an anonymous client allows another one', async () => {
    const tv = await paired('Chief of two', server());
    const { code } = await make();
    assert.equal((await approve(tv, { code })).status, 403);
    assert.equal((await approve({}, { code })).status, 401);
    const { headers } = await signedInAs(server(), 'user', 'Third');
    assert.equal((await approve(headers, { code, opens: 'https://elsewhere.example/' })).status, 400);
    assert.equal((await approve(headers, { code, opens: '/admin' })).status, 400);
  });

  test('a television makes no token, and changes neither the account nor its sessions, rooms and services', async () => {
    const { user, headers } = await signedInAs(server(), 'user', 'Host');
    const { code, secret } = await make();
    await approve(headers, { code });
    const tv = cookieOf(await claim(secret));
    const refusals: readonly (readonly [method: string, path: string, body?: unknown])[] = [
      ['POST', 'tokens', { label: 'x', scopes: ['account'] }],
      ['GET', 'tokens'],
      ['GET', 'sessions'],
      ['DELETE', 'sessions/others'],
      ['PATCH', 'me', { name: 'Guest of the host' }],
      ['PUT', 'me/password', { password: 'a long password of a guest' }],
      ['PUT', 'me/email', { email: 'guest@example.org' }],
      ['GET', 'me/export'],
      ['GET', 'me/audit'],
      ['DELETE', 'me', {}],
    ];
    for (const [method, path, body] of refusals) {
      const { status } = await send(method, path, body, tv);
      assert.equal(status, 403, `${method} ${path}`);
    }
    const { users, sessions } = server().deps.access;
    assert.equal(users.find(user.id)?.name, 'Host');
    assert.equal(sessions.of(user.id).length, 2, 'the browser and the television');
    const me = (await (await send('GET', 'me', undefined, tv)).json()) as MeView;
    assert.equal(me.may.joinRooms, true);
    assert.equal((await send('DELETE', 'sessions/current', undefined, tv)).status, 204, 'it signs itself out');
    const foreign = { 'content-type': 'application/json', origin: 'https://elsewhere.example' };
    assert.equal(await codeOf(await send('POST', 'televisions/sessions', { secret }, foreign)), 'cross-site');
  });

  test('what a session has allowed ends with it', async () => {
    const { user, headers } = await signedInAs(server(), 'user', 'Robbed');
    const { code, secret } = await make();
    assert.equal((await approve(headers, { code })).status, 204);
    await server().deps.access.sessions.removeOf(user.id);
    assert.equal(await codeOf(await claim(secret)), 'television-gone');
  });

  test('a code ends after ten minutes, and a banned user allows nothing', async () => {
    const { user, headers } = await signedInAs(server(), 'user', 'Late');
    const first = await make();
    await clock.advance(PAIRING_MS);
    assert.equal(await codeOf(await approve(headers, { code: first.code })), 'television-unknown');
    assert.equal(await codeOf(await claim(first.secret)), 'television-gone');

    const second = await make();
    assert.equal((await approve(headers, { code: second.code })).status, 204);
    await server().deps.access.users.change(user.id, { state: 'banned' });
    assert.equal((await claim(second.secret)).status, 410);
  });

  test('the number of televisions that wait is bounded', async () => {
    await clock.advance(PAIRING_MS);
    for (let n = 0; n < MAX_WAITING; n++) await pairings.make();
    await assert.rejects(pairings.make(), { code: 'limit-reached' });
    await clock.advance(PAIRING_MS);
    assert.equal((await pairings.make()).code.length, 8);
  });
});
