import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { type JWTPayload, SignJWT } from 'jose';
import type { OxbowError } from '../../lib/errors.ts';
import { createNet } from '../../net/net.ts';
import { openProviders, type ProviderSettings } from './open-providers.ts';
import { readGoal, SignInTickets, TICKET_MS } from './sign-in-ticket.ts';

const REDIRECT = 'https://tv.example/api/v1/sign-in/x/callback';

interface Request {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: URLSearchParams;
}

/** A service on this computer that answers what a test says, and oxbow's side of it. */
async function openRig(type: ProviderSettings['type'], answers: (request: Request, base: string) => unknown) {
  const requests: Request[] = [];
  const server = createServer(async (request, response) => {
    const { url = '', headers } = request;
    const each = { path: url, headers, body: new URLSearchParams(await text(request)) };
    requests.push(each);
    const answer = await answers(each, base);
    response.setHeader('content-type', typeof answer === 'string' ? 'text/html' : 'application/json');
    response.statusCode = answer === undefined ? 404 : 200;
    response.end(typeof answer === 'string' ? answer : JSON.stringify(answer ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const net = createNet({ allow: [] });
  const settings: ProviderSettings = {
    type,
    issuer: base,
    clientId: 'oxbow',
    clientSecret: 'hush',
    clientSecretFile: '',
    scopes: '',
    name: '',
    signUp: 'accounts',
  };
  const shared = { net, signal: new AbortController().signal, nowMs: () => 0 };
  const provider = (await openProviders({ x: settings }, shared)).get('x')!;
  return {
    base,
    requests,
    provider,
    /** Begins, and comes back with a code. */
    async signIn() {
      const { url, checks } = await provider.begin(REDIRECT);
      return provider.finish(`?code=c0de&state=${url.searchParams.get('state')}`, checks);
    },
    async [Symbol.asyncDispose]() {
      await net.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
const nowS = Math.floor(Date.now() / 1000);

/** An OpenID Connect service whose ID token a test changes. */
async function openForger(
  change: (claims: JWTPayload, base: string) => JWTPayload,
  { key = privateKey, type = 'oidc' as ProviderSettings['type'], userinfo = undefined as unknown } = {},
) {
  let nonce = '';
  const rig = await openRig(type, async ({ path }, base) => {
    switch (path) {
      case '/.well-known/openid-configuration':
        return {
          issuer: base,
          authorization_endpoint: `${base}/auth`,
          token_endpoint: `${base}/token`,
          jwks_uri: `${base}/keys`,
          response_types_supported: ['code'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: ['RS256'],
          ...(userinfo !== undefined && { userinfo_endpoint: `${base}/me` }),
        };
      case '/keys':
        return { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'RS256', use: 'sig' }] };
      case '/me':
        return userinfo;
      case '/token': {
        const claims = { iss: base, aud: 'oxbow', sub: 'ada', iat: nowS, exp: nowS + 60, nonce };
        const header = { alg: 'RS256', kid: 'k' };
        const token = await new SignJWT(change(claims, base)).setProtectedHeader(header).sign(key);
        return { access_token: 'a', token_type: 'bearer', id_token: token };
      }
      default:
        return undefined;
    }
  });
  return {
    ...rig,
    async signIn() {
      const { url, checks } = await rig.provider.begin(REDIRECT);
      ({ nonce } = checks);
      return rig.provider.finish(`?code=c0de&state=${url.searchParams.get('state')}`, checks);
    },
    [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose](),
  };
}

const withCode = (code: string) => (error: OxbowError) => error.code === code;

suite('a service with OpenID Connect', () => {
  test('confirms a person by an ID token and userinfo', async () => {
    const userinfo = { sub: 'ada', email: 'ada@school.example', email_verified: true, name: 'Ada' };
    await using rig = await openForger((claims) => claims, { userinfo });
    assert.deepEqual(await rig.signIn(), { subject: 'ada', name: 'Ada', verifiedEmail: 'ada@school.example' });
    const { body } = rig.requests.find(({ path }) => path === '/token')!;
    assert.equal(body.get('redirect_uri'), REDIRECT);
    assert.match(body.get('code_verifier')!, /^[\w-]{43,}$/);
    assert.equal(body.get('client_secret'), 'hush');
  });

  test('is refused with a token of another issuer, for another client, of another sign-in, expired, or unsigned', async () => {
    const changes: readonly ((claims: JWTPayload) => JWTPayload)[] = [
      (claims) => ({ ...claims, iss: 'https://evil.example' }),
      (claims) => ({ ...claims, aud: 'another-client' }),
      (claims) => ({ ...claims, nonce: 'of-another-sign-in' }),
      ({ nonce: _, ...claims }) => claims,
      (claims) => ({ ...claims, exp: nowS - 3600, iat: nowS - 7200 }),
      ({ sub: _, ...claims }) => claims,
    ];
    for (const change of changes) {
      await using rig = await openForger(change);
      await assert.rejects(rig.signIn(), withCode('identity-refused'), String(change));
    }
    await using forged = await openForger((claims) => claims, { key: other.privateKey });
    await assert.rejects(forged.signIn(), withCode('identity-refused'), 'signed with another key');
  });

  test('is refused when userinfo is about someone else', async () => {
    const userinfo = { sub: 'mallory', email: 'ada@school.example', email_verified: true };
    await using rig = await openForger((claims) => claims, { userinfo });
    await assert.rejects(rig.signIn(), withCode('identity-refused'));
  });

  test('that calls itself otherwise, or answers with pages, is unavailable or refused; a later attempt works', async () => {
    let isBroken = true;
    await using rig = await openRig('oidc', ({ path }, base) =>
      isBroken
        ? '<html>Welcome</html>'
        : path.startsWith('/.well-known') && {
            issuer: base,
            authorization_endpoint: `${base}/auth`,
            token_endpoint: base,
          },
    );
    await assert.rejects(rig.provider.begin(REDIRECT), /OxbowError|did not/);
    isBroken = false;
    assert.ok((await rig.provider.begin(REDIRECT)).url.href.startsWith(`${rig.base}/auth?`));
    await using impostor = await openRig('oidc', (_, base) => ({
      issuer: 'https://evil.example',
      token_endpoint: base,
    }));
    await assert.rejects(impostor.provider.begin(REDIRECT), withCode('identity-refused'));
  });

  test('cannot make oxbow connect to other private hosts', async () => {
    await using rig = await openRig('oidc', (_, base) => ({
      issuer: base,
      authorization_endpoint: `${base}/auth`,
      token_endpoint: 'http://169.254.169.254/latest/meta-data',
    }));
    await assert.rejects(rig.signIn(), withCode('identity-unavailable'));
  });
});

suite('presets, with answers as the services document them', () => {
  const token = { access_token: 'gho_x', token_type: 'bearer', scope: 'read:user,user:email' };

  test('GitHub: the id, and the primary address if it is verified', async () => {
    let emails: unknown = [
      { email: 'octocat@users.noreply.github.com', primary: false, verified: true, visibility: null },
      { email: 'octocat@github.com', primary: true, verified: true, visibility: 'private' },
    ];
    await using rig = await openRig('github', ({ path }) => {
      if (path === '/login/oauth/access_token') return token;
      if (path === '/api/v3/user') return { login: 'octocat', id: 583_231, name: 'The Octocat', email: null };
      return path === '/api/v3/user/emails' ? emails : undefined;
    });
    const { url } = await rig.provider.begin(REDIRECT);
    assert.equal(url.pathname, '/login/oauth/authorize');
    assert.equal(url.searchParams.get('scope'), 'read:user user:email');
    const octocat = { subject: '583231', name: 'octocat' };
    assert.deepEqual(await rig.signIn(), { ...octocat, verifiedEmail: 'octocat@github.com' });
    const api = rig.requests.find(({ path }) => path === '/api/v3/user')!;
    assert.equal(api.headers.authorization, 'Bearer gho_x');
    emails = [{ email: 'octocat@github.com', primary: true, verified: false }];
    assert.deepEqual(await rig.signIn(), { ...octocat, verifiedEmail: undefined });
    emails = undefined;
    assert.deepEqual(await rig.signIn(), { ...octocat, verifiedEmail: undefined });
  });

  test('GitHub: a used code is answered with 200 and an error, and refused', async () => {
    await using rig = await openRig('github', () => ({
      error: 'bad_verification_code',
      error_description: 'The code passed is incorrect or expired.',
    }));
    await assert.rejects(rig.signIn(), withCode('identity-refused'));
  });

  test('Discord: the id, the shown name, and the address if it is verified', async () => {
    let verified = true;
    await using rig = await openRig('discord', ({ path }) => {
      if (path === '/api/oauth2/token') return { ...token, expires_in: 604_800, refresh_token: 'r' };
      if (path !== '/api/users/@me') return undefined;
      const names = { username: 'nelly', global_name: 'Nelly', discriminator: '0' };
      return { id: '80351110224678912', ...names, email: 'nelly@discord.com', verified };
    });
    const nelly = { subject: '80351110224678912', name: 'Nelly' };
    assert.deepEqual(await rig.signIn(), { ...nelly, verifiedEmail: 'nelly@discord.com' });
    verified = false;
    assert.deepEqual(await rig.signIn(), { ...nelly, verifiedEmail: undefined });
  });

  test('Google and GitLab: the standard claims', async () => {
    for (const type of ['google', 'gitlab'] as const) {
      const more = { email: 'ada@gmail.com', email_verified: true, name: 'Ada Lovelace' };
      await using rig = await openForger((claims) => ({ ...claims, ...more }), { type });
      assert.deepEqual(await rig.signIn(), { subject: 'ada', name: 'Ada Lovelace', verifiedEmail: 'ada@gmail.com' });
    }
  });

  test('Microsoft: an address counts only with `xms_edov`', async () => {
    const more = { email: 'ada@contoso.com', email_verified: true, preferred_username: 'ada@contoso.com', name: 'Ada' };
    await using plain = await openForger((claims) => ({ ...claims, ...more }), { type: 'microsoft' });
    assert.deepEqual(await plain.signIn(), { subject: 'ada', name: 'Ada', verifiedEmail: undefined });
    await using owned = await openForger((claims) => ({ ...claims, ...more, xms_edov: true }), { type: 'microsoft' });
    assert.equal((await owned.signIn()).verifiedEmail, 'ada@contoso.com');
  });

  test('an answer without an id is refused', async () => {
    for (const id of [undefined, null, '', {}, [1], 1.5, 'x'.repeat(256)]) {
      await using rig = await openRig('discord', ({ path }) => (path === '/api/oauth2/token' ? token : { id }));
      await assert.rejects(rig.signIn(), withCode('identity-refused'), JSON.stringify(id));
    }
  });
});

suite('the ticket of a sign-in', () => {
  const ticket = {
    provider: 'x',
    goal: '/',
    checks: { state: 's', nonce: 'n', verifier: 'v', redirectUri: REDIRECT },
  };

  test('is opened by servers with the same secret, until it expires', () => {
    const tickets = new SignInTickets(Buffer.from('secret'));
    const sealed = tickets.seal(ticket, 1000);
    assert.deepEqual(new SignInTickets(Buffer.from('secret')).open(sealed, 1000), ticket);
    assert.deepEqual(tickets.open(sealed, 1000 + TICKET_MS - 1), ticket);
    assert.equal(tickets.open(sealed, 1000 + TICKET_MS), undefined);
    assert.equal(new SignInTickets(Buffer.from('another')).open(sealed, 1000), undefined);
  });

  test('is nothing else, for any text', () => {
    const tickets = new SignInTickets(Buffer.from('secret'));
    const sealed = tickets.seal(ticket, 1000);
    const random = seeded(20261124);
    for (let i = 0; i < 5000; i++) {
      const at = random(sealed.length);
      const changed = sealed.slice(0, at) + 'aB-_.=%'[random(7)] + sealed.slice(at + random(3));
      const opened = tickets.open(changed, 1000);
      // The last character of the digest has bits that mean nothing.
      if (opened !== undefined) assert.deepEqual(opened, ticket);
    }
    for (const text of ['', '.', '..', 'a.b', 'x'.repeat(10_000)]) assert.equal(tickets.open(text, 1000), undefined);
  });

  test('leads to a path of this site, for any text', () => {
    const random = seeded(20261125);
    const pieces = [
      '/',
      '\\',
      '.',
      '..',
      '@',
      ':',
      'http:',
      'evil.example',
      '?',
      '#',
      '%2f',
      '%5c',
      '\t',
      '\n',
      ' ',
      'a',
    ];
    for (let i = 0; i < 50_000; i++) {
      const text = Array.from({ length: 1 + random(7) }, () => pieces[random(pieces.length)]).join('');
      const goal = readGoal(text);
      assert.match(goal, /^\/(?![/\\])/, JSON.stringify(text));
      assert.equal(new URL(goal, 'https://tv.example').host, 'tv.example', JSON.stringify(text));
    }
  });
});
