import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { type OidcServer, oidcClient, startOidcServer } from '../../../accounts/identity/oidc.fixture.ts';
import { openProviders, type ProviderSettings } from '../../../accounts/identity/open-providers.ts';
import { type AccountSettings, usualSettings } from '../../../accounts/users/account-settings.ts';
import { createNet, type Net } from '../../../net/net.ts';
import { signedInAs, startTestServer, type TestServer } from '../../fixture.ts';

type Cookies = Map<string, string>;

suite('sign-in by another service', () => {
  let service: OidcServer;
  let server: TestServer;
  let net: Net;
  let settings: AccountSettings = { ...usualSettings, signUp: 'open' };
  let people = 0;

  before(async () => {
    service = await startOidcServer(() => callbackOf('school'));
    net = createNet({ allow: [] });
    const of = (change: Partial<ProviderSettings>): ProviderSettings => ({
      type: 'oidc',
      issuer: service.issuer,
      clientId: oidcClient.id,
      clientSecret: oidcClient.secret,
      clientSecretFile: '',
      scopes: '',
      name: '',
      signUp: 'accounts',
      ...change,
    });
    const providers = await openProviders(
      {
        school: of({ name: 'Our school' }),
        down: of({ issuer: 'http://127.0.0.1:9' }),
        github: of({ type: 'github' }),
      },
      { net, signal: new AbortController().signal, nowMs: () => 0 },
    );
    server = await startTestServer({}, undefined, { accounts: () => settings, identity: { providers } });
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await service[Symbol.asyncDispose]();
    await net.close();
  });

  const callbackOf = (id: string) => `${server.url}/api/v1/sign-in/${id}/callback`;

  /** A person at the service that is in no other test. */
  function person(change: { name?: string; email?: string; emailVerified?: boolean } = {}): string {
    const id = `person-${++people}`;
    service.people.set(id, { name: `Person ${people}`, ...change });
    return id;
  }

  async function ask(path: string, cookies: Cookies = new Map(), method = 'GET') {
    server.clock.advance(5000); // the limit of requests is not the subject
    const answer = await fetch(path.startsWith('http') ? path : server.url + path, {
      method,
      redirect: 'manual',
      headers: {
        cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        'sec-fetch-site': 'same-origin',
      },
    });
    for (const cookie of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    const text = await answer.text();
    const to = /url=([^"]+)"/.exec(text)?.[1]?.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(code));
    return { status: answer.status, headers: answer.headers, text, to: to ?? answer.headers.get('location') };
  }

  /**
   * Walks to the service and back; the session cookie is not sent with the way back, as a browser with
   * SameSite=Strict does it.
   */
  async function signIn(id: string, { cookies = new Map() as Cookies, query = '', provider = 'school' } = {}) {
    const begun = await ask(`/api/v1/sign-in/${provider}${query}`, cookies);
    const back = await service.signIn(begun.to!, id);
    const sent = new Map([...cookies].filter(([name]) => name.startsWith('oxbow-sign-in')));
    const done = await ask(back, sent);
    for (const [name, value] of sent) cookies.set(name, value);
    if (!sent.has([...cookies.keys()].find((name) => name.startsWith('oxbow-sign-in')) ?? '')) clearTicket(cookies);
    return { done, back, cookies };
  }

  function clearTicket(cookies: Cookies): void {
    for (const name of [...cookies.keys()]) if (name.startsWith('oxbow-sign-in')) cookies.delete(name);
  }

  async function me(cookies: Cookies) {
    return JSON.parse((await ask('/api/v1/me', cookies)).text).user;
  }

  const cookiesOf = (headers: { readonly cookie: string }): Cookies =>
    new Map([headers.cookie.split('=') as [string, string]]);

  test('creates an account with the confirmed address, and signs in to the same one later', async () => {
    const id = person({ name: 'Ada', email: 'ada@school.example', emailVerified: true });
    const first = await signIn(id, { query: '?to=/rooms/blue%3Fa%3D1' });
    assert.equal(first.done.status, 200);
    assert.equal(first.done.to, '/rooms/blue?a=1');
    assert.match(first.done.headers.get('content-security-policy')!, /default-src 'none'/);
    const user = await me(first.cookies);
    assert.deepEqual(
      [user.name, user.email, user.emailVerified, user.hasPassword, user.identities],
      ['Ada', 'ada@school.example', true, false, [{ provider: 'school', name: 'Ada' }]],
    );
    const again = await signIn(id);
    assert.equal((await me(again.cookies)).id, user.id);
    const methods = JSON.parse((await ask('/api/v1/sign-in')).text);
    assert.deepEqual(methods.providers[0], { id: 'school', name: 'Our school' });
  });

  test('makes one account of a person who signs in for the first time in two browsers at once', async () => {
    const { services } = server.deps.access;
    const profile = { subject: 'twice', name: 'Twin', verifiedEmail: undefined };
    const both = [services.provider('school'), services.provider('school')];
    const made = await Promise.all(both.map((each) => services.signIn(each, profile, {})));
    assert.equal(made[0]!.user.id, made[1]!.user.id);
    assert.deepEqual(
      made.map(({ result }) => result),
      ['created', 'signed-in'],
    );
  });

  test('leads only to paths of this site', async () => {
    for (const to of [
      'https://evil.example/',
      '//evil.example',
      '/\\evil.example',
      'javascript:alert(1)',
      '/%09/evil.example',
    ]) {
      const { done } = await signIn(person(), { query: `?to=${encodeURIComponent(to)}` });
      assert.ok(done.to === '/' || done.to === '/%09/evil.example', String(done.to));
    }
    const { done } = await signIn(person(), { query: `?to=${encodeURIComponent('/a?"><script>')}` });
    assert.doesNotMatch(done.text, /<script>/);
  });

  test('ends only in the browser that began, once, within ten minutes', async () => {
    const refused = async (cookies: Cookies, back: string) => {
      const { to } = await ask(back, cookies);
      assert.equal(await me(cookies), null);
      return new URL(to!, server.url).searchParams.get('error');
    };
    const begin = async (id: string) => {
      const cookies: Cookies = new Map();
      const { to } = await ask('/api/v1/sign-in/school', cookies);
      return { cookies, back: await service.signIn(to!, id) };
    };
    const own = await begin(person());
    assert.equal(await refused(new Map(), own.back), 'identity-expired', 'no ticket');
    const other = await begin(person());
    assert.equal(await refused(new Map(other.cookies), own.back), 'identity-refused', 'the ticket of another sign-in');
    const changed = own.back.replace(/state=[^&]+/, 'state=guess');
    assert.equal(await refused(new Map(own.cookies), changed), 'identity-refused', 'wrong state');
    const elsewhere = own.back.replace('/school/', '/github/');
    assert.equal(
      await refused(new Map(own.cookies), elsewhere),
      'identity-expired',
      'the answer of one service at another',
    );
    const [name, sealed] = [...own.cookies][0]!;
    const forged = sealed.replace(/^./, (first) => (first === 'a' ? 'b' : 'a'));
    assert.equal(await refused(new Map([[name, forged]]), own.back), 'identity-expired', 'a forged ticket');
    const kept = new Map(own.cookies);
    assert.equal((await ask(own.back, own.cookies)).to, '/');
    assert.equal(await refused(kept, own.back), 'identity-refused', 'the code is used up');
    const late = await begin(person());
    server.clock.advance(600_000);
    assert.equal(await refused(late.cookies, late.back), 'identity-expired');
  });

  test('never joins an account by an unconfirmed address', async () => {
    const { users } = server.deps.access;
    const own = await signedInAs(server, 'user', 'Bea');
    await users.change(own.user.id, { email: 'bea@school.example', emailVerified: true });
    const fake = await signIn(person({ name: 'Mallory', email: 'bea@school.example', emailVerified: false }));
    const mallory = await me(fake.cookies);
    assert.notEqual(mallory.id, own.user.id);
    assert.equal(mallory.email, null);
    const plain = await signedInAs(server, 'user', 'Cleo');
    await users.change(plain.user.id, { email: 'cleo@school.example' });
    const real = await signIn(person({ name: 'Real Cleo', email: 'cleo@school.example', emailVerified: true }));
    assert.notEqual((await me(real.cookies)).id, plain.user.id, 'the account has not confirmed the address');
  });

  test('joins an account where both sides have confirmed the address, but never that of an administrator', async () => {
    const { users } = server.deps.access;
    const own = await signedInAs(server, 'user', 'Dora');
    await users.change(own.user.id, { email: 'dora@school.example', emailVerified: true });
    const { cookies } = await signIn(person({ email: 'Dora@school.example', emailVerified: true }));
    assert.equal((await me(cookies)).id, own.user.id);
    const chief = await signedInAs(server, 'admin', 'Chief Dora');
    await users.change(chief.user.id, { email: 'chief@school.example', emailVerified: true });
    const other = await me((await signIn(person({ email: 'chief@school.example', emailVerified: true }))).cookies);
    assert.notEqual(other.id, chief.user.id);
    assert.equal(other.email, null);
  });

  test('of a user who is signed in links the service, until it is unlinked', async () => {
    const { user, headers } = await signedInAs(server, 'user', 'Eve');
    const id = person({ name: 'eve@school' });
    const { done, cookies } = await signIn(id, { cookies: cookiesOf(headers), query: '?to=/me' });
    assert.equal(done.to, '/me');
    assert.deepEqual((await me(cookies)).identities, [{ provider: 'school', name: 'eve@school' }]);
    assert.equal((await me((await signIn(id)).cookies)).id, user.id);
    const last = await ask('/api/v1/me/identities/school', cookies, 'DELETE');
    assert.equal(JSON.parse(last.text).code, 'last-sign-in');
    await server.deps.access.passwords.set(user.id, 'correct horse battery');
    assert.equal((await ask('/api/v1/me/identities/school', cookies, 'DELETE')).status, 200);
    assert.equal(
      JSON.parse((await ask('/api/v1/me/identities/school', cookies, 'DELETE')).text).code,
      'identity-unknown',
    );
    assert.notEqual((await me((await signIn(id)).cookies)).id, user.id);
  });

  test('links no service that signs another user in, and none for a user who has signed out meanwhile', async () => {
    const id = person();
    await signIn(id);
    const fay = await signedInAs(server, 'user', 'Fay');
    const taken = await signIn(id, { cookies: cookiesOf(fay.headers) });
    assert.equal(new URL(taken.done.to!, server.url).searchParams.get('error'), 'identity-taken');
    const cookies = cookiesOf(fay.headers);
    const begun = await ask('/api/v1/sign-in/school', cookies);
    const back = await service.signIn(begun.to!, person());
    await server.deps.access.sessions.removeOf(fay.user.id);
    const { to } = await ask(back, cookies);
    assert.equal(new URL(to!, server.url).searchParams.get('error'), 'identity-expired');
  });

  test('follows the rules of sign-up', async () => {
    const errorOf = async (query = '') => {
      const { done, cookies } = await signIn(person(), { query });
      return new URL(done.to!, server.url).searchParams.get('error') ?? (await me(cookies)).state;
    };
    try {
      settings = { ...usualSettings, signUp: 'closed' };
      assert.equal(await errorOf(), 'sign-up-closed');
      settings = { ...usualSettings, signUp: 'invitation' };
      assert.equal(await errorOf(), 'sign-up-closed');
      const { code } = await server.deps.access.invitations.make({
        label: '',
        role: 'user',
        usesLeft: 1,
        createdBy: 'admin',
        expiresMs: undefined,
      });
      assert.equal(await errorOf(`?invitation=${code}`), 'active');
      assert.equal(await errorOf(`?invitation=${code}`), 'invitation-refused');
      settings = { ...usualSettings, signUp: 'approval' };
      const id = person();
      const { done } = await signIn(id);
      assert.equal(new URL(done.to!, server.url).searchParams.get('error'), 'account-inactive');
      const [pending] = [...server.deps.access.users.all()].filter(({ state }) => state === 'pending');
      await server.deps.access.users.change(pending!.id, { state: 'active' });
      assert.equal((await me((await signIn(id)).cookies)).id, pending!.id);
    } finally {
      settings = { ...usualSettings, signUp: 'open' };
    }
  });

  test('gives a free and valid name, and a guest an account', async () => {
    const names = [];
    for (const name of ['Gus', 'Gus', 'admin', '\u202e', '', 'x'.repeat(300)]) {
      names.push((await me((await signIn(person({ name }))).cookies)).name);
    }
    assert.equal(names[0], 'Gus');
    assert.match(names[1], /^Gus \d+$/);
    for (const name of names.slice(2, 5)) assert.match(name, /^user \d+$/);
    assert.equal(names[5], 'x'.repeat(28));
    const guest = await signedInAs(server, 'guest', 'Visitor');
    const { cookies } = await signIn(person({ name: 'Visitor' }), { cookies: cookiesOf(guest.headers) });
    assert.equal((await me(cookies)).role, 'user');
    assert.equal(server.deps.access.users.find(guest.user.id), undefined);
  });

  test('a service that does not answer, and an unknown one, lead back to the page of sign-in', async () => {
    assert.equal((await ask('/api/v1/sign-in/down?to=/rooms')).to, '/sign-in?error=identity-unavailable&to=%2Frooms');
    assert.equal((await ask('/api/v1/sign-in/unheard-of')).to, '/sign-in?error=provider-unknown&to=%2F');
    const cookies: Cookies = new Map();
    await ask('/api/v1/sign-in/school', cookies);
    const denied = await ask(`${callbackOf('school')}?error=access_denied&state=x`, cookies);
    assert.match(denied.to!, /^\/sign-in\?error=identity-refused/);
    assert.equal(cookies.size, 0, 'the ticket is removed');
  });

  test('the services of a deleted account sign no one in', async () => {
    const id = person();
    const { cookies } = await signIn(id);
    const before = await me(cookies);
    await server.deps.access.users.remove(before.id);
    assert.notEqual((await me((await signIn(id)).cookies)).id, before.id);
  });
});
