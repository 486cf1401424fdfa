import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { usualSettings } from '../../accounts/users/account-settings.ts';
import { asAdmin, shareTestServer, signedInAs } from '../fixture.ts';

suite('what users see of streams', () => {
  let settings = usualSettings;
  const shared = shareTestServer(() => ({}), { accounts: () => settings });
  const names = async (headers: Readonly<Record<string, string>>) => {
    const { items } = (await (await fetch(`${shared().url}/api/v1/streams`, { headers })).json()) as {
      items: { name: string }[];
    };
    return items.map(({ name }) => name);
  };
  const status = async (path: string, headers: Readonly<Record<string, string>>, method = 'GET') => {
    const json = method === 'POST' ? { 'content-type': 'application/json' } : {};
    const response = await fetch(shared().url + path, {
      method,
      headers: { ...headers, ...json },
      ...(method === 'POST' && { body: '{}' }),
    });
    await response.body?.cancel();
    return response.status;
  };

  for (const role of ['guest', 'user'] as const) {
    test(`a ${role} sees what everyone sees, and private streams appear not to exist`, async () => {
      settings = usualSettings;
      const { headers } = await signedInAs(shared(), role, `${role} A`);
      assert.deepEqual(await names(headers), ['public']);
      for (const name of ['signed', 'private', 'none']) {
        assert.equal(await status(`/api/v1/streams/${name}`, headers), 404, name);
        assert.equal(await status(`/live/${name}/index.m3u8`, headers), 404, name);
        assert.equal(await status(`/api/v1/streams/${name}/watch-tokens`, headers, 'POST'), 403, name);
      }
    });
  }

  test('with `accounts.watch: signed` users, not guests, see signed streams and make links to them; never private ones', async () => {
    settings = { ...usualSettings, watch: 'signed' };
    const user = await signedInAs(shared(), 'user', 'user B');
    const guest = await signedInAs(shared(), 'guest', 'guest B');
    assert.deepEqual([await names(user.headers), await names(guest.headers)], [['public', 'signed'], ['public']]);
    assert.equal(await status('/api/v1/streams/signed', user.headers), 200);
    assert.equal(await status('/api/v1/streams/signed/watch-tokens', user.headers, 'POST'), 201);
    assert.equal(await status('/api/v1/streams/private', user.headers), 404);
    assert.equal(await status('/api/v1/streams/private/watch-tokens', user.headers, 'POST'), 404);
    assert.equal(await status('/api/v1/streams/signed', guest.headers), 404);
    settings = usualSettings;
    assert.equal(await status('/api/v1/streams/signed', user.headers), 404, 'the setting holds at once');
  });

  test('a user gets no private events, and none any more after a ban', async () => {
    const server = shared();
    settings = { ...usualSettings, watch: 'signed' };
    const { user, headers } = await signedInAs(server, 'user', 'user C');
    const response = await fetch(`${server.url}/api/v1/events`, { headers });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const until = async (pattern: RegExp) => {
      while (!pattern.test(text)) {
        const { value, done } = await reader.read();
        if (done) return;
        text += value;
      }
    };
    await until(/\n\n/);
    const { events, access } = server.deps;
    const tell = (name: 'private' | 'signed' | 'public') =>
      events.publish('stream.recording', { recording: true }, { name, visibility: name });
    tell('private');
    tell('signed');
    tell('public');
    await until(/"public"/);
    assert.match(text, /"signed"/);
    assert.doesNotMatch(text, /"private"/);
    await access.users.change(user.id, { state: 'banned' });
    tell('signed');
    await until(/never/);
    assert.match(text, /unauthorized/);
  });

  test('a link that a user made ends with a ban, also one made with an API token; that of another user stays', async () => {
    const { deps, url } = shared();
    settings = { ...usualSettings, watch: 'signed' };
    const [banned, other] = [
      await signedInAs(shared(), 'user', 'user E'),
      await signedInAs(shared(), 'user', 'user F'),
    ];
    const { secret } = await deps.access.tokens.make({
      userId: banned.user.id,
      label: '',
      scopes: ['account'],
      expiresMs: undefined,
    });
    const makeLink = async (headers: Readonly<Record<string, string>>) => {
      const reply = await fetch(`${url}/api/v1/streams/signed/watch-tokens`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: '{}',
      });
      return ((await reply.json()) as { token: string }).token;
    };
    const tokens = await Promise.all(
      [banned.headers, { authorization: `Bearer ${secret}` }, other.headers].map(makeLink),
    );
    const statuses = () => Promise.all(tokens.map((token) => status(`/t/${token}/api/v1/streams/signed`, {})));
    assert.deepEqual(await statuses(), [200, 200, 200]);
    await deps.access.users.change(banned.user.id, { state: 'banned' });
    assert.deepEqual(await statuses(), [403, 403, 200]);
    settings = usualSettings;
  });

  test('an API token of a user reads no more than the user, over HTTP and other protocols', async () => {
    const { deps } = shared();
    settings = usualSettings;
    const { user } = await signedInAs(shared(), 'user', 'user D');
    const make = (scopes: readonly ('view' | 'admin' | 'worker')[]) =>
      deps.access.tokens.make({ userId: user.id, label: '', scopes, expiresMs: undefined });
    for (const scope of ['view', 'admin', 'worker'] as const) {
      const { secret } = await make([scope]);
      const bearer = { authorization: `Bearer ${secret}` };
      assert.equal(await status('/live/private/index.m3u8', bearer), 404, scope);
      assert.equal(await status('/api/v1/settings', bearer), 403, scope);
      assert.equal(await status('/metrics', bearer), 403, scope);
      assert.deepEqual(
        ['isAdmin', 'seesAll', 'isWorker', 'mayUpload'].filter((one) => deps.access.ofToken(secret)[one as 'isAdmin']),
        [],
      );
    }
    assert.deepEqual((await names(asAdmin)).sort(), ['private', 'public', 'signed', 'unlisted']);
  });
});
