import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type AccountSettings, usualSettings } from '../../../accounts/users/account-settings.ts';
import { asAdmin, shareTestServer, signedInAs } from '../../fixture.ts';

type Fields = Readonly<Record<string, string>>;

async function ask(base: string, method: string, path: string, headers: Fields = {}, body?: object) {
  const response = await fetch(base + path, {
    method,
    headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? undefined : JSON.parse(text),
    cookie: { cookie: response.headers.get('set-cookie')?.split(';')[0] ?? '', 'sec-fetch-site': 'same-origin' },
  };
}

const password = 'correct horse battery';

suite('accounts', () => {
  let settings: AccountSettings = usualSettings;
  const shared = shareTestServer(() => ({}), { accounts: () => settings });

  test('an account is created and signed in, signs in again by name in any case, and is no administrator', async () => {
    const { url } = shared();
    settings = { ...usualSettings, signUp: 'open' };
    const made = await ask(url, 'POST', '/api/v1/users', {}, { name: 'Zoë', password });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    assert.deepEqual(
      [made.body.name, made.body.role, made.body.state, made.body.hasPassword],
      ['Zoë', 'user', 'active', true],
    );
    assert.doesNotMatch(JSON.stringify(made.body), /argon/);
    const again = await ask(url, 'POST', '/api/v1/sessions', {}, { name: 'ZOE\u0308', password });
    assert.equal(again.status, 201, JSON.stringify(again.body));
    for (const { cookie } of [made, again]) {
      const me = (await ask(url, 'GET', '/api/v1/me', cookie)).body;
      assert.deepEqual([me.admin, me.user.name, me.may.createRooms, me.may.upload], [false, 'Zoë', true, false]);
      assert.equal((await ask(url, 'GET', '/api/v1/settings', cookie)).status, 403);
    }
    const wrong = await ask(url, 'POST', '/api/v1/sessions', {}, { name: 'zoë', password: 'wrong' });
    const unknown = await ask(url, 'POST', '/api/v1/sessions', {}, { name: 'unheard-of', password });
    assert.deepEqual([wrong.body.code, unknown.body.code], ['sign-in-refused', 'sign-in-refused']);
    assert.equal(wrong.body.detail, unknown.body.detail);
  });

  test('without an invitation no account is created where invitations are needed, and none at all where sign-up is closed', async () => {
    const { url, deps } = shared();
    const form = { name: 'Ivo', password };
    settings = { ...usualSettings, signUp: 'invitation' };
    assert.equal((await ask(url, 'POST', '/api/v1/users', {}, form)).body.code, 'sign-up-closed');
    const { code } = await deps.access.invitations.make({
      ...{ label: '', role: 'user', usesLeft: 1, createdBy: 'admin', expiresMs: undefined },
    });
    settings = { ...usualSettings, signUp: 'closed' };
    assert.equal((await ask(url, 'POST', '/api/v1/users', {}, { ...form, invitation: code })).status, 403);
    settings = { ...usualSettings, signUp: 'invitation' };
    const weak = await ask(url, 'POST', '/api/v1/users', {}, { ...form, password: '12345678', invitation: code });
    assert.equal(weak.body.code, 'bad-password', 'a failed sign-up does not use it');
    assert.equal((await ask(url, 'POST', '/api/v1/users', {}, { ...form, invitation: code })).status, 201);
    const used = await ask(url, 'POST', '/api/v1/users', {}, { name: 'Eva', password, invitation: code });
    assert.equal(used.body.code, 'invitation-refused');
  });

  test('an account that waits for approval cannot sign in', async () => {
    const { url } = shared();
    settings = { ...usualSettings, signUp: 'approval' };
    const made = await ask(url, 'POST', '/api/v1/users', {}, { name: 'Waiting', password });
    assert.deepEqual([made.status, made.body.state, made.headers.get('set-cookie')], [201, 'pending', null]);
    const tried = await ask(url, 'POST', '/api/v1/sessions', {}, { name: 'Waiting', password });
    assert.deepEqual([tried.status, tried.body.code], [403, 'account-inactive']);
  });

  test('a guest gets a session, may join rooms and nothing more, and may change the name', async () => {
    const { url } = shared();
    settings = usualSettings;
    const made = await ask(url, 'POST', '/api/v1/guests', {}, { name: 'Passer-by' });
    assert.deepEqual([made.status, made.body.role], [201, 'guest']);
    const me = (await ask(url, 'GET', '/api/v1/me', made.cookie)).body;
    assert.deepEqual([me.user.role, me.may.joinRooms, me.may.createRooms, me.admin], ['guest', true, false, false]);
    const renamed = await ask(url, 'POST', '/api/v1/guests', made.cookie, { name: 'Sam' });
    assert.deepEqual([renamed.status, renamed.body.id, renamed.body.name], [200, made.body.id, 'Sam']);
    settings = { ...usualSettings, guests: false };
    assert.equal((await ask(url, 'POST', '/api/v1/guests', {}, { name: 'Other' })).body.code, 'guests-refused');
  });

  test('a session for tests is that of its user, and lists only its own sessions', async () => {
    const server = shared();
    const user = await signedInAs(server, 'user', 'Tester');
    const chief = await signedInAs(server, 'admin');
    const me = (await ask(server.url, 'GET', '/api/v1/me', user.headers)).body;
    assert.equal(me.user.id, user.user.id);
    const own = (await ask(server.url, 'GET', '/api/v1/sessions', user.headers)).body.items;
    assert.deepEqual(
      own.map((one: { user: { name: string } }) => one.user.name),
      ['Tester'],
    );
    assert.equal((await ask(server.url, 'GET', '/api/v1/sessions?all=true', user.headers)).status, 403);
    const all = (await ask(server.url, 'GET', '/api/v1/sessions?all=true', chief.headers)).body.items;
    assert.ok(all.length >= 2);
    const foreign = all.find((one: { user: { name: string } | null }) => one.user?.name === 'Chief').id;
    assert.equal((await ask(server.url, 'DELETE', `/api/v1/sessions/${foreign}`, user.headers)).status, 404);
    assert.equal((await ask(server.url, 'GET', '/api/v1/sessions')).status, 401);
    assert.equal((await ask(server.url, 'GET', '/api/v1/sessions', asAdmin)).status, 200);
  });
});
