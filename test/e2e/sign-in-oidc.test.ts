import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { oidcClient, startOidcServer } from '../../src/accounts/identity/oidc.fixture.ts';
import type { MeView, SignInMethods } from '../../src/api/account/access-shapes.ts';
import { openFolder, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';

test('a person signs in by OpenID Connect, gets an account, and is still signed in after a restart', async () => {
  await using folder = await openFolder('oidc');
  let url = '';
  await using service = await startOidcServer(() => `${url}/api/v1/sign-in/school/callback`);
  service.people.set('ada', { name: 'Ada', email: 'ada@school.example', emailVerified: true });
  const config = `${folder.path}/oxbow.yaml`;
  const secret = `${folder.path}/secret`;
  await writeFile(secret, `${oidcClient.secret}\n`);
  const yaml = `identity:
  providers:
    school: { issuer: '${service.issuer}', clientId: ${oidcClient.id}, clientSecretFile: '${secret}', signUp: open }
`;
  await writeFile(config, yaml);
  const start = () => startServer({ data: `${folder.path}/data`, args: ['--config', config] });
  const me = async (cookie: string) =>
    (await (await fetch(`${url}/api/v1/me`, { headers: { cookie } })).json()) as MeView;

  let cookie: string;
  {
    await using server = await start();
    ({ url } = server);
    const methods = (await (await fetch(`${url}/api/v1/sign-in`)).json()) as SignInMethods;
    assert.deepEqual(methods.providers, [{ id: 'school', name: 'school' }]);
    const begun = await fetch(`${url}/api/v1/sign-in/school?to=/me`, { redirect: 'manual' });
    const ticket = begun.headers.getSetCookie()[0]!;
    assert.match(ticket, /; HttpOnly; SameSite=Lax$/);
    const back = await service.signIn(begun.headers.get('location')!, 'ada');
    const done = await fetch(back, { headers: { cookie: ticket.split(';')[0]! } });
    assert.match(await done.text(), /url=\/me"/);
    const session = done.headers.getSetCookie().find((each) => each.includes('SameSite=Strict'))!;
    cookie = session.split(';')[0]!;
    const { user } = await me(cookie);
    assert.deepEqual([user?.name, user?.emailVerified, user?.identities.length], ['Ada', true, 1]);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    assert.match(metrics, /oxbow_identity_sign_ins_total\{provider="school",result="created"\} 1/);
    assert.ok(!server.stderr.includes(oidcClient.secret));

    const names = async () => (await server.json<SignInMethods>('/api/v1/sign-in')).providers.map(({ name }) => name);
    await writeFile(
      config,
      `${yaml}    other: { type: github, clientId: x, clientSecretFile: '${folder.path}/none' }\n`,
    );
    const refused = await until('the refusal', () => server.log('error').find(({ msg }) => msg.startsWith('invalid')));
    assert.match(refused.msg, /clientSecretFile cannot be read/);
    assert.deepEqual(await names(), ['school']);
    await writeFile(config, `${yaml}    other: { type: github, clientId: x }\n`);
    await until('the other service', async () => (await names()).includes('GitHub'));
  }
  await using again = await start();
  const port = new URL(url).port;
  ({ url } = again);
  // The name of the cookie has the port, which is another one now.
  const { user } = await me(cookie.replace(`-${port}=`, `-${new URL(url).port}=`));
  assert.deepEqual([user?.name, user?.identities], ['Ada', [{ provider: 'school', name: 'Ada' }]]);
});

fullTest(
  'an answer of a service that is replayed, mixed up, late, of another browser or forged signs no one in; it is counted, logged and explained',
  async () => {
    await using folder = await openFolder('oidc-attacks');
    let url = '';
    const callback = (id: string) => `${url}/api/v1/sign-in/${id}/callback`;
    await using school = await startOidcServer(() => callback('school'));
    await using club = await startOidcServer(() => callback('club'));
    await using forger = await startForger();
    const secret = `${folder.path}/secret`;
    await writeFile(secret, `${oidcClient.secret}\n`);
    const config = `${folder.path}/oxbow.yaml`;
    const services = Object.entries({ school, club, forger }).map(
      ([id, { issuer }]) =>
        `    ${id}: { issuer: '${issuer}', clientId: ${oidcClient.id}, clientSecretFile: '${secret}', signUp: open }\n`,
    );
    await writeFile(config, `identity:\n  providers:\n${services.join('')}`);
    await using server = await startServer({ data: `${folder.path}/data`, args: ['--config', config] });
    ({ url } = server);

    const begin = async (id: string) => {
      const answer = await fetch(`${url}/api/v1/sign-in/${id}`, { redirect: 'manual' });
      return { cookie: answer.headers.getSetCookie()[0]!.split(';')[0]!, to: answer.headers.get('location')! };
    };
    /** Comes back; returns what the page of sign-in explains, or where a person who is signed in is led. */
    const finish = async (back: string, cookie: string) => {
      const answer = await fetch(back, { headers: { cookie } });
      const led = /url=([^"]+)"/.exec(await answer.text())![1]!.replaceAll('&#38;', '&');
      const hasSession = answer.headers.getSetCookie().some((each) => each.includes('SameSite=Strict'));
      const error = new URL(led, url).searchParams.get('error');
      assert.equal(hasSession, error === null);
      return error ?? led;
    };

    const own = await begin('school');
    const back = await school.signIn(own.to, 'ada');
    const other = await begin('school');
    assert.equal(await finish(back, other.cookie), 'identity-refused', 'begun in another browser');
    assert.equal(await finish(back, ''), 'identity-expired', 'a browser that began nothing');
    const atClub = await begin('club');
    const mixed = back.replace(callback('school'), callback('club'));
    assert.equal(await finish(mixed, own.cookie), 'identity-expired', 'the answer of one service at another');
    const state = (of: string) => new URL(of).searchParams.get('state')!;
    const swapped = mixed.replace(state(back), state(atClub.to));
    assert.equal(
      await finish(swapped, atClub.cookie),
      'identity-refused',
      'the code of one service at another (RFC 9207)',
    );
    assert.equal(await finish(back, own.cookie), '/');
    assert.equal(await finish(back, own.cookie), 'identity-refused', 'code and state twice');
    const late = await begin('school');
    const lateBack = await school.signIn(late.to, 'ada');
    const expired = sealed(late.cookie, (ticket) => ({ ...ticket, expiresMs: Date.now() + 1e9 }));
    assert.equal(await finish(lateBack, expired), 'identity-expired', 'a ticket with another time of its end');

    for (const forgery of ['none', 'tampered', 'nonce', 'audience'] as const) {
      const begun = await begin('forger');
      forger.forgery = forgery;
      forger.nonce = new URL(begun.to).searchParams.get('nonce')!;
      const answer = `${callback('forger')}?code=x&state=${state(begun.to)}`;
      assert.equal(await finish(answer, begun.cookie), 'identity-refused', forgery);
    }
    const metrics = await (await fetch(`${url}/metrics`)).text();
    const counted = (id: string, result: string) =>
      Number(
        new RegExp(`oxbow_identity_sign_ins_total\\{provider="${id}",result="${result}"\\} (.*)`).exec(metrics)?.[1],
      );
    assert.deepEqual(
      [counted('school', 'refused'), counted('club', 'refused'), counted('forger', 'refused')],
      [4, 2, 4],
    );
    assert.equal(counted('school', 'created'), 1);
    const logged = server.log('warn').filter(({ msg }) => msg === 'a sign-in by another service failed');
    assert.equal(logged.length, 10);
    assert.ok(logged.every(({ reason }) => typeof reason === 'string' && reason !== ''));
    const codes = [back, lateBack].map((each) => new URL(each).searchParams.get('code')!);
    assert.ok(!codes.some((code) => server.stderr.includes(code)), 'no code is in the log');
  },
);

/** The ticket of a cookie, changed under its old seal. */
function sealed(cookie: string, change: (ticket: object) => object): string {
  const [, name, content, mac] = /^([^=]+)=([^.]+)\.(.*)$/.exec(cookie)!;
  const ticket = change(JSON.parse(Buffer.from(content!, 'base64url').toString()) as object);
  return `${name}=${Buffer.from(JSON.stringify(ticket)).toString('base64url')}.${mac}`;
}

/** A service whose ID tokens are not in order. */
async function startForger() {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'RS256', use: 'sig' }];
  const forger = { issuer: '', nonce: '', forgery: 'none' as 'none' | 'tampered' | 'nonce' | 'audience' };
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const token = async () => {
    const { issuer, nonce, forgery } = forger;
    const nowS = Math.floor(Date.now() / 1000);
    const claims = { iss: issuer, aud: oidcClient.id, sub: 'ada', iat: nowS, exp: nowS + 60, nonce };
    if (forgery === 'nonce') claims.nonce = 'of-another-sign-in';
    if (forgery === 'audience') claims.aud = 'another-client';
    if (forgery === 'none') return `${part({ alg: 'none' })}.${part(claims)}.`;
    const signed = await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'k' }).sign(privateKey);
    const [head, , mac] = signed.split('.');
    return forgery === 'tampered' ? `${head}.${part({ ...claims, sub: 'administrator' })}.${mac}` : signed;
  };
  const server = createServer(async (request, response) => {
    const { issuer } = forger;
    response.setHeader('content-type', 'application/json');
    const answer =
      request.url === '/keys'
        ? { keys }
        : request.url === '/token'
          ? { access_token: 'a', token_type: 'bearer', id_token: await token() }
          : {
              issuer,
              authorization_endpoint: `${issuer}/auth`,
              token_endpoint: `${issuer}/token`,
              jwks_uri: `${issuer}/keys`,
              response_types_supported: ['code'],
              subject_types_supported: ['public'],
              id_token_signing_alg_values_supported: ['RS256'],
            };
    response.end(JSON.stringify(answer));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  forger.issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(forger, {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
