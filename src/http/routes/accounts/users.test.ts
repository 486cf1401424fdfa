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
      label: '',
      role: 'user',
      usesLeft: 1,
      createdBy: 'admin',
      expiresMs: undefined,
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

  test('a guest who signs up or signs in is moved to the account, and is gone as a guest', async () => {
    const { url, deps } = shared();
    settings = { ...usualSettings, signUp: 'open' };
    const merged: string[] = [];
    deps.access.references.onMerged(async (guest, user) => {
      assert.equal(deps.access.users.find(guest)?.role, 'guest');
      merged.push(`${guest} ${user.name}`);
    });
    const enter = () => ask(url, 'POST', '/api/v1/guests', {}, { name: 'Newcomer' });
    const first = await enter();
    assert.equal((await ask(url, 'POST', '/api/v1/users', first.cookie, { name: 'Nora', password })).status, 201);
    const second = await enter();
    const signedIn = await ask(url, 'POST', '/api/v1/sessions', second.cookie, { name: 'nora', password });
    assert.equal(signedIn.status, 201, JSON.stringify(signedIn.body));
    assert.deepEqual(merged, [`${first.body.id} Nora`, `${second.body.id} Nora`]);
    assert.equal(deps.access.users.find(second.body.id), undefined);
    // One who signs in wrongly, or from an account, moves nothing.
    await ask(url, 'POST', '/api/v1/sessions', signedIn.cookie, { name: 'nora', password });
    assert.equal(merged.length, 2);
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

suite('the own account', () => {
  const shared = shareTestServer(() => ({}), { accounts: () => ({ ...usualSettings, signUp: 'open' }) });
  const signIn = (name: string, text: string) =>
    ask(shared().url, 'POST', '/api/v1/sessions', {}, { name, password: text });

  test('a new password needs the old one, and signs out everywhere else', async () => {
    const { url } = shared();
    const here = await ask(url, 'POST', '/api/v1/users', {}, { name: 'Ada', password });
    const there = await signIn('ada', password);
    const tokenOf = async () => {
      const { body } = await ask(url, 'POST', '/api/v1/tokens', here.cookie, { label: 'x', scopes: ['account'] });
      return { authorization: `Bearer ${body.token}` };
    };
    const acts = async (bearer: Record<string, string>) =>
      (await ask(url, 'GET', '/api/v1/me', bearer)).body.user !== null;
    const token = await tokenOf();
    const change = (current: string, text: string) =>
      ask(url, 'PUT', '/api/v1/me/password', here.cookie, { current, password: text });
    assert.equal((await change('wrong', 'another good one')).body.code, 'wrong-password');
    assert.equal((await change(password, 'ADA')).body.code, 'bad-password');
    assert.equal((await change(password, 'another good one')).status, 204);
    assert.equal((await ask(url, 'GET', '/api/v1/me', here.cookie)).body.user.name, 'Ada');
    assert.equal((await ask(url, 'GET', '/api/v1/me', there.cookie)).body.user, null);
    assert.equal((await signIn('ada', password)).status, 401);
    assert.equal((await signIn('ada', 'another good one')).status, 201);
    assert.equal(await acts(token), false, 'tokens end too');
    const { id } = (await ask(url, 'GET', '/api/v1/me', here.cookie)).body.user;
    const set = (fields: object) => ask(url, 'PATCH', `/api/v1/users/${id}`, asAdmin, { password, ...fields });
    const kept = await tokenOf();
    const own = { current: 'another good one', password: 'a third good one', keepTokens: true };
    assert.equal((await ask(url, 'PUT', '/api/v1/me/password', here.cookie, own)).status, 204);
    assert.equal(await acts(kept), true);
    assert.equal((await set({ keepTokens: true })).status, 200);
    assert.equal(await acts(kept), true);
    assert.equal((await set({})).status, 200);
    assert.equal(await acts(kept), false, 'also by an administrator');
  });

  test('of what is stored the user gets everything but secrets', async () => {
    const server = shared();
    const made = await ask(server.url, 'POST', '/api/v1/users', {}, { name: 'Exported', password });
    const token = await ask(server.url, 'POST', '/api/v1/tokens', made.cookie, { label: 'mine', scopes: ['account'] });
    server.deps.access.exporters.add('rooms', async (userId) => [{ of: userId }]);
    const { status, body } = await ask(server.url, 'GET', '/api/v1/me/export', made.cookie);
    assert.equal(status, 200);
    assert.deepEqual(
      [body.user.name, body.sessions.length, body.tokens[0].label, body.rooms[0].of],
      ['Exported', 1, 'mine', made.body.id],
    );
    assert.ok(body.audit.some(({ action }: { action: string }) => action === 'createToken'));
    const secrets = [token.body.token, made.cookie.cookie.split('=')[1]!, 'argon2id', 'digest'];
    for (const secret of secrets) assert.ok(!JSON.stringify(body).includes(secret), secret);
  });

  test('a deleted account is signed out, forgotten by every part, and its name is free', async () => {
    const server = shared();
    const forgotten: string[] = [];
    server.deps.access.references.onDeleted(async (id) => void forgotten.push(id));
    const made = await ask(server.url, 'POST', '/api/v1/users', {}, { name: 'Gone', password });
    const refused = await ask(server.url, 'DELETE', '/api/v1/me', made.cookie, { password: 'wrong' });
    assert.equal(refused.body.code, 'wrong-password');
    assert.equal((await ask(server.url, 'DELETE', '/api/v1/me', made.cookie, { password })).status, 204);
    assert.deepEqual(forgotten, [made.body.id]);
    assert.equal((await ask(server.url, 'GET', '/api/v1/me', made.cookie)).body.user, null);
    const lines = (await ask(server.url, 'GET', `/api/v1/audit?user=${made.body.id}`, asAdmin)).body.items;
    assert.ok(lines.length > 0);
    assert.doesNotMatch(JSON.stringify(lines), /Gone/);
    assert.equal((await ask(server.url, 'POST', '/api/v1/users', {}, { name: 'Gone', password })).status, 201);
  });

  test('a token of a user acts as the user and no more, and ends with the account', async () => {
    const { url } = shared();
    const made = await ask(url, 'POST', '/api/v1/users', {}, { name: 'Robot', password });
    for (const scope of ['admin', 'worker', 'upload', 'view']) {
      const tried = await ask(url, 'POST', '/api/v1/tokens', made.cookie, { label: 'x', scopes: [scope] });
      assert.equal(tried.status, 403, scope);
    }
    for (const label of ['\x1b[2J', 'two\nlines', '\u202etxt.exe']) {
      const tried = await ask(url, 'POST', '/api/v1/tokens', made.cookie, { label, scopes: ['account'] });
      assert.equal(tried.status, 400, JSON.stringify(label)); // it would command the terminal of `oxbow token list`
    }
    const token = await ask(url, 'POST', '/api/v1/tokens', made.cookie, { label: 'x', scopes: ['account'] });
    const bearer = { authorization: `Bearer ${token.body.token}` };
    const me = (await ask(url, 'GET', '/api/v1/me', bearer)).body;
    assert.deepEqual([me.user.name, me.admin, me.may.createRooms], ['Robot', false, true]);
    assert.equal((await ask(url, 'POST', '/api/v1/tokens', bearer, { label: 'y', scopes: ['account'] })).status, 403);
    assert.equal(
      (await ask(url, 'PUT', '/api/v1/me/password', bearer, { current: password, password: 'one more good one' }))
        .status,
      403,
    );
    assert.equal((await ask(url, 'GET', '/api/v1/settings', bearer)).status, 403);
    assert.equal((await ask(url, 'DELETE', `/api/v1/users/${made.body.id}`, asAdmin)).status, 204);
    assert.equal((await ask(url, 'GET', '/api/v1/me', bearer)).body.user, null);
  });
});

suite('users, for administrators', () => {
  const shared = shareTestServer(() => ({}), { accounts: () => ({ ...usualSettings, signUp: 'approval' }) });

  test('approve one who waits, ban and unban at once, give a role; not to themselves', async () => {
    const server = shared();
    const { url } = server;
    const chief = await signedInAs(server, 'admin');
    const { id } = (await ask(url, 'POST', '/api/v1/users', {}, { name: 'Newcomer', password })).body;
    const found = (await ask(url, 'GET', '/api/v1/users?state=pending&search=NEW', chief.headers)).body.items;
    assert.deepEqual(
      found.map((one: { id: string }) => one.id),
      [id],
    );
    const change = (patch: object, of = id) => ask(url, 'PATCH', `/api/v1/users/${of}`, chief.headers, patch);
    assert.equal((await change({ state: 'active' })).body.state, 'active');
    const signed = await ask(url, 'POST', '/api/v1/sessions', {}, { name: 'newcomer', password });
    assert.equal(signed.status, 201);
    assert.equal((await change({ role: 'admin' })).body.role, 'admin');
    assert.equal((await ask(url, 'GET', '/api/v1/settings', signed.cookie)).status, 200);
    assert.equal((await change({ role: 'user' })).body.role, 'user');
    assert.equal((await ask(url, 'GET', '/api/v1/settings', signed.cookie)).status, 403);
    assert.equal((await change({ state: 'banned' })).body.state, 'banned');
    assert.equal((await ask(url, 'GET', '/api/v1/me', signed.cookie)).body.session, null);
    assert.equal(
      (await ask(url, 'POST', '/api/v1/sessions', {}, { name: 'newcomer', password })).body.code,
      'account-inactive',
    );
    assert.equal((await change({ state: 'active' })).status, 200);
    assert.equal(
      (await ask(url, 'GET', '/api/v1/me', signed.cookie)).body.session,
      null,
      'the session is gone for good',
    );
    for (const patch of [{ role: 'user' }, { state: 'banned' }]) {
      assert.equal((await change(patch, chief.user.id)).body.code, 'own-account');
    }
    assert.equal((await ask(url, 'DELETE', `/api/v1/users/${chief.user.id}`, chief.headers)).status, 409);
    assert.equal((await ask(url, 'GET', '/api/v1/users/none', asAdmin)).body.code, 'user-unknown');
  });

  test('create accounts in any mode, without being signed in as them, and invite', async () => {
    const { url } = shared();
    const made = await ask(url, 'POST', '/api/v1/users', asAdmin, { name: 'Admin', password, role: 'admin' });
    assert.deepEqual([made.status, made.body.role, made.headers.get('set-cookie')], [201, 'admin', null]);
    assert.equal((await ask(url, 'POST', '/api/v1/users', {}, { name: 'Other', password, role: 'admin' })).status, 403);
    const invited = await ask(url, 'POST', '/api/v1/invitations', asAdmin, { label: 'class', uses: 2, expires: '1h' });
    assert.deepEqual([invited.status, invited.body.usesLeft], [201, 2]);
    const joined = await ask(
      url,
      'POST',
      '/api/v1/users',
      {},
      { name: 'Pupil', password, invitation: invited.body.code },
    );
    assert.deepEqual([joined.status, joined.body.state], [201, 'active']);
    const { items } = (await ask(url, 'GET', '/api/v1/invitations', asAdmin)).body;
    assert.deepEqual([items[0].usesLeft, items[0].code], [1, undefined]);
    assert.equal((await ask(url, 'DELETE', `/api/v1/invitations/${items[0].id}`, asAdmin)).status, 204);
    assert.equal((await ask(url, 'DELETE', `/api/v1/invitations/${items[0].id}`, asAdmin)).status, 404);
  });

  test('the audit log has who did what, also wrong passwords of known names, in pages', async () => {
    const server = shared();
    const { url } = server;
    const { user, headers } = await signedInAs(server, 'user', 'Watched');
    await server.deps.access.passwords.set(user.id, password);
    await ask(url, 'POST', '/api/v1/sessions', {}, { name: 'WATCHED', password: 'no, wrong' });
    await ask(url, 'POST', '/api/v1/sessions', {}, { name: 'unheard of', password: 'no, wrong' });
    await ask(url, 'PATCH', '/api/v1/me', headers, { name: 'Watched II' });
    const taken = await ask(url, 'POST', '/api/v1/users', {}, { name: 'Watched II', password });
    assert.equal(taken.status, 409, 'and is no action of the user');
    const signedUp = await ask(url, 'POST', '/api/v1/users', {}, { name: 'Signed up', password });
    const own = (await ask(url, 'GET', `/api/v1/audit?user=${signedUp.body.id}`, asAdmin)).body.items;
    assert.deepEqual([own.length, own[0].action], [1, 'createUser']);
    const { items } = (await ask(url, 'GET', `/api/v1/audit?user=${user.id}`, asAdmin)).body;
    assert.deepEqual(
      items.map(({ action, status, name }: Record<string, unknown>) => [action, status, name]),
      [
        ['updateMe', 200, 'user Watched'],
        ['createSession', 401, 'user Watched'],
      ],
    );
    assert.equal((await ask(url, 'GET', '/api/v1/me/audit?action=updateMe', headers)).body.items.length, 1);
    const first = (await ask(url, 'GET', '/api/v1/audit?limit=1', asAdmin)).body;
    const second = (await ask(url, 'GET', `/api/v1/audit?limit=1&cursor=${first.nextCursor}`, asAdmin)).body;
    assert.ok(Number(first.items[0].id) > Number(second.items[0].id));
    assert.doesNotMatch(JSON.stringify((await ask(url, 'GET', '/api/v1/audit', asAdmin)).body), /unheard of|no, wrong/);
  });

  test('guesses at one name from everywhere are limited, but its user is not locked out', async () => {
    const server = shared();
    const made = await server.deps.access.users.create({ name: 'Target', role: 'user', state: 'active', password });
    const from = (address: string, text: string) =>
      ask(server.url, 'POST', '/api/v1/sessions', { 'x-forwarded-for': address }, { name: 'Target', password: text });
    assert.equal((await from('198.51.100.7', password)).status, 201);
    for (let i = 0; i < 10; i++) assert.equal((await from(`192.0.2.${i}`, `guess ${i}`)).status, 401);
    // From a new address it waits: name-guesses.test.ts.
    assert.equal((await from('198.51.100.7', password)).status, 201, 'from where it signed in before');
    assert.equal(made.state, 'active');
  });
});
