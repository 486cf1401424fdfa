import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { oidcClient, startOidcServer } from '../../src/accounts/identity/oidc.fixture.ts';
import type { MeView, SignInMethods } from '../../src/api/account/access-shapes.ts';
import { openFolder, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

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
    const ways = (await (await fetch(`${url}/api/v1/sign-in`)).json()) as SignInMethods;
    assert.deepEqual(ways.providers, [{ id: 'school', name: 'school' }]);
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
