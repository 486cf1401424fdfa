import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { printMediaAddress } from '../../api/media-address.ts';
import { createAuthenticator } from '../../serve/client/authenticate.ts';
import { asAdmin, shareTestServer, startTestServer, textReply, token } from '../fixture.ts';

type Fields = Record<string, string>;

async function ask(base: string, method: string, path: string, headers: Fields = {}, body?: object) {
  const response = await fetch(base + path, {
    method,
    redirect: 'manual',
    headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const json = text.startsWith('{') ? JSON.parse(text) : undefined;
  return { status: response.status, headers: response.headers, text, body: json };
}

const cookieIn = (headers: Headers) => headers.get('set-cookie')!.split(';')[0]!;

suite('signing in', () => {
  const shared = shareTestServer();

  test('the code of a link gives a cookie that pages cannot read and other sites do not send; once', async () => {
    const { url, deps } = shared();
    const { code } = await deps.access.links.make();
    const signed = await ask(url, 'POST', '/api/v1/sessions', {}, { code });
    assert.equal(signed.status, 201, signed.text);
    const port = new URL(url).port;
    const set = signed.headers.get('set-cookie')!;
    assert.match(set, new RegExp(`^oxbow-${port}=[\\w-]{27}; Max-Age=2592000; Path=/; HttpOnly; SameSite=Strict$`));
    assert.doesNotMatch(signed.text, new RegExp(set.slice(set.indexOf('=') + 1, set.indexOf(';'))));
    const again = await ask(url, 'POST', '/api/v1/sessions', {}, { code });
    assert.deepEqual([again.status, again.body.code], [401, 'sign-in-refused']);

    const cookie = cookieIn(signed.headers);
    assert.equal((await ask(url, 'GET', '/api/v1/system', { cookie: `a=b; ${cookie}` })).status, 200);
    const me = (await ask(url, 'GET', '/api/v1/me', { cookie })).body;
    assert.deepEqual([me.admin, me.session.id], [true, signed.body.id]);
    const { admin, session, user } = (await ask(url, 'GET', '/api/v1/me')).body;
    assert.deepEqual({ admin, session, user }, { admin: false, session: null, user: null });
    for (const wrong of [`${cookie}x`, cookie.replace(`oxbow-${port}`, 'oxbow'), `oxbow-${port}=`]) {
      assert.equal((await ask(url, 'GET', '/api/v1/system', { cookie: wrong })).status, 401, wrong);
    }
  });

  test('the admin token gives one too; it is listed, and can be revoked from another browser', async () => {
    const { url } = shared();
    const signed = await ask(url, 'POST', '/api/v1/sessions', { 'user-agent': 'Safari' }, { token });
    const cookie = cookieIn(signed.headers);
    const { items } = (await ask(url, 'GET', '/api/v1/sessions', { cookie })).body;
    const own = items.find(({ current }: { current: boolean }) => current);
    assert.deepEqual([own.id, own.program, own.address], [signed.body.id, 'Safari', '127.0.0.1']);
    assert.equal((await ask(url, 'DELETE', `/api/v1/sessions/${own.id}`, asAdmin)).status, 204);
    assert.equal((await ask(url, 'GET', '/api/v1/system', { cookie })).status, 401);
    assert.equal((await ask(url, 'DELETE', `/api/v1/sessions/${own.id}`, asAdmin)).body.code, 'session-unknown');
  });

  test('signing out ends the session and deletes the cookie', async () => {
    const { url } = shared();
    const cookie = cookieIn((await ask(url, 'POST', '/api/v1/sessions', {}, { token })).headers);
    const out = await ask(url, 'DELETE', '/api/v1/sessions/current', { cookie, 'sec-fetch-site': 'same-origin' });
    assert.equal(out.status, 204);
    assert.match(out.headers.get('set-cookie')!, /^oxbow-\d+=; Max-Age=0; /);
    assert.equal((await ask(url, 'GET', '/api/v1/system', { cookie })).status, 401);
  });

  test('a link created over the API works', async () => {
    const { url } = shared();
    const made = await ask(url, 'POST', '/api/v1/sign-in-links', asAdmin);
    const [page, code] = made.body.url.split('#');
    assert.equal(page, `${url}/sign-in`);
    assert.equal((await ask(url, 'POST', '/api/v1/sessions', {}, { code })).status, 201);
  });

  test('a cookie that is used after an hour is set again, so that it does not expire', async () => {
    const { url, clock } = shared();
    const cookie = cookieIn((await ask(url, 'POST', '/api/v1/sessions', {}, { token })).headers);
    assert.equal((await ask(url, 'GET', '/api/v1/me', { cookie })).headers.get('set-cookie'), null);
    clock.advance(3_600_000);
    assert.equal(cookieIn((await ask(url, 'GET', '/api/v1/me', { cookie })).headers), cookie);
  });
});

suite('the cookie behind a proxy with TLS', () => {
  const cookieOf = (headers: Fields, publicUrl?: string) =>
    createAuthenticator({ access: {} as never, tokenTries: {} as never, publicUrl })
      .clientOf({ headers, remoteAddress: '127.0.0.1', sender: undefined, secure: false })
      .cookie('s');
  const forwarded = { host: '127.0.0.1:8080', 'x-forwarded-for': '203.0.113.1' };

  test('is Secure and for this host alone, also if the proxy passes on neither host nor scheme', () => {
    for (const cookie of [
      cookieOf({ ...forwarded, 'x-forwarded-proto': 'https', 'x-forwarded-host': 'tv.example' }),
      cookieOf({ ...forwarded, host: 'tv.example' }, 'https://tv.example'),
      cookieOf(forwarded, 'https://tv.example'),
    ])
      assert.match(cookie, /^__Host-oxbow=s; .*HttpOnly; SameSite=Strict; Secure$/);
  });

  test('is the usual one for a program that connects directly, and for another address of the proxy', () => {
    assert.match(cookieOf({ host: '127.0.0.1:8080' }, 'https://tv.example'), /^oxbow-8080=s; .*SameSite=Strict$/);
    const lan = { ...forwarded, 'x-forwarded-proto': 'http', 'x-forwarded-host': 'tv.lan' };
    assert.match(cookieOf(lan, 'https://tv.example'), /^oxbow=s; .*SameSite=Strict$/);
  });
});

suite('pages of other sites', () => {
  const shared = shareTestServer();

  test('cannot use the cookie to change anything; pages of this server can, and programs with a token (CSRF)', async () => {
    const { url } = shared();
    const cookie = cookieIn((await ask(url, 'POST', '/api/v1/sessions', {}, { token })).headers);
    const start = (headers: Fields) => ask(url, 'POST', '/api/v1/streams/public/start', headers);
    for (const headers of [
      {},
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: url.replace('http:', 'https:') },
      { origin: `${url}0` },
      { origin: 'https://evil.example', 'sec-fetch-site': 'same-site' },
    ]) {
      const refused = await start({ cookie, ...headers });
      assert.deepEqual([refused.status, refused.body.code], [403, 'cross-site'], JSON.stringify(headers));
    }
    assert.equal((await start({ cookie, origin: url })).status, 202);
    assert.equal((await start({ cookie, 'sec-fetch-site': 'same-origin' })).status, 202);
    assert.equal((await start({ ...asAdmin, origin: 'https://evil.example' })).status, 202);
    const proxied = { 'x-forwarded-host': 'tv.example', 'x-forwarded-proto': 'https' };
    const byProxy = await ask(url, 'POST', '/api/v1/sessions', proxied, { token });
    assert.match(byProxy.headers.get('set-cookie')!, /^__Host-oxbow=.*; Secure$/);
    const there = { ...proxied, cookie: cookieIn(byProxy.headers) };
    assert.equal((await start({ ...there, origin: 'https://tv.example' })).status, 202);
    assert.equal((await start({ ...there, origin: url })).status, 403);
  });

  test('cannot sign a browser in to another session', async () => {
    const { url } = shared();
    const refused = await ask(url, 'POST', '/api/v1/sessions', { origin: 'https://evil.example' }, { token });
    assert.deepEqual([refused.status, refused.headers.get('set-cookie')], [403, null]);
  });

  test('whose name resolves to this server (DNS rebinding) are anonymous', async () => {
    const { url } = shared();
    const { request } = await import('node:http');
    const statusFor = (host: string) =>
      new Promise((resolve, reject) => {
        const asked = request(`${url}/metrics`, { headers: { host }, agent: false }, (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        asked.on('error', reject).end();
      });
    assert.equal(await statusFor('evil.example:8080'), 421);
    assert.equal(await statusFor('tv.example'), 401, 'a known name gives no permission either');
    assert.equal(await statusFor('localhost:8080'), 200);
  });
});

suite('tokens of programs', () => {
  const shared = shareTestServer();
  const bearer = (word: string) => ({ authorization: `Bearer ${word}` });

  test('one with the scope view sees private streams and metrics, and changes nothing', async () => {
    const { url } = shared();
    const made = await ask(url, 'POST', '/api/v1/tokens', asAdmin, { label: 'Prometheus' });
    assert.equal(made.status, 201, made.text);
    assert.match(made.body.token, /^ox_[\w-]{27}$/);
    const { token: word, id } = made.body;
    assert.equal((await ask(url, 'GET', '/api/v1/streams/private', bearer(word))).status, 200);
    assert.equal((await ask(url, 'GET', '/api/v1/streams', bearer(word))).body.items.length, 4);
    assert.equal((await ask(url, 'GET', '/metrics', { ...bearer(word), 'x-forwarded-for': '1.2.3.4' })).status, 200);
    const refused = await ask(url, 'DELETE', '/api/v1/streams/public', bearer(word));
    assert.deepEqual([refused.status, refused.body.code], [403, 'forbidden']);
    const listed = await ask(url, 'GET', '/api/v1/tokens', asAdmin);
    assert.doesNotMatch(listed.text, new RegExp(word.slice(3)));
    assert.deepEqual(listed.body.items[0].scopes, ['view']);
    assert.equal((await ask(url, 'DELETE', `/api/v1/tokens/${id}`, asAdmin)).status, 204);
    assert.equal((await ask(url, 'GET', '/api/v1/streams/private', bearer(word))).status, 404);
  });

  test('one with the scope admin may do everything until it expires', async () => {
    const { url, clock } = shared();
    const wish = { label: 'ci', scopes: ['admin'], expires: '2h' };
    const { body } = await ask(url, 'POST', '/api/v1/tokens', asAdmin, wish);
    assert.equal(Date.parse(body.expiresAt), clock.nowMs() + 7_200_000);
    assert.equal((await ask(url, 'GET', '/api/v1/system', bearer(body.token))).status, 200);
    clock.advance(7_200_000);
    assert.equal((await ask(url, 'GET', '/api/v1/system', bearer(body.token))).status, 401);
    for (const expires of ['2020-01-01T00:00:00Z', 'soon', '2x']) {
      assert.equal((await ask(url, 'POST', '/api/v1/tokens', asAdmin, { ...wish, expires })).body.code, 'bad-time');
    }
  });
});

suite('limits', () => {
  const shared = shareTestServer();
  const from = (address: string) => ({ 'x-forwarded-for': address });

  test('five failed sign-ins a minute; successful ones do not count', async () => {
    const { url, clock } = shared();
    const wrong = (address: string) => ask(url, 'POST', '/api/v1/sessions', from(address), { token: 'guess' });
    for (let tries = 0; tries < 6; tries++) {
      assert.equal((await ask(url, 'POST', '/api/v1/sessions', from('192.0.2.1'), { token })).status, 201);
    }
    for (let tries = 0; tries < 5; tries++) assert.equal((await wrong('192.0.2.1')).status, 401);
    const limited = await wrong('192.0.2.1');
    assert.deepEqual([limited.status, limited.body.code], [429, 'too-many-requests']);
    assert.equal(limited.headers.get('retry-after'), '12');
    assert.match(limited.headers.get('ratelimit')!, /^"sign-in";r=0;t=60$/);
    assert.equal((await wrong('192.0.2.2')).status, 401, 'other addresses are not affected');
    clock.advance(12_000);
    assert.equal((await wrong('192.0.2.1')).status, 401);
  });

  test('changes are limited per client, and each answer reports what is left', async () => {
    const { url } = shared();
    const path = '/api/v1/streams/public/start';
    const first = await ask(url, 'POST', path, { ...asAdmin, ...from('192.0.2.9') });
    assert.equal(first.headers.get('ratelimit-policy'), '"writes";q=300;w=60');
    for (let at = 0; at < 299; at++) shared().deps.limits.take('writes', { address: '192.0.2.9', isLocal: false });
    assert.equal((await ask(url, 'POST', path, { ...asAdmin, ...from('192.0.2.9') })).status, 429);
    assert.equal((await ask(url, 'GET', '/api/v1/streams', from('192.0.2.9'))).status, 200, 'reading is not limited');
  });
});

suite('signed paths', () => {
  const shared = shareTestServer(() => ({
    answer: (address) =>
      textReply(printMediaAddress(address), { contentType: 'text/plain', cacheControl: 'public, max-age=1' }),
  }));
  const wish = { expires: '1h' };
  const make = async (name = 'signed') =>
    (await ask(shared().url, 'POST', `/api/v1/streams/${name}/watch-tokens`, asAdmin, wish)).body;

  test('give access to all media of one stream, and to nothing else', async () => {
    const { url } = shared();
    const made = await make();
    assert.equal(made.url, `${url}/watch/signed?token=${made.token}`);
    assert.equal(made.hls, `${url}/t/${made.token}/live/signed/index.m3u8`);
    for (const path of [
      '/live/signed/index.m3u8',
      '/live/signed/av0/g1.m3u8',
      '/live/signed/av0/init-1.mp4',
      '/vod/signed/1/2/index.m3u8',
      '/clip/signed/1/2.mp4',
      '/thumb/signed/1.jpg',
    ]) {
      const open = await ask(url, 'GET', `/t/${made.token}${path}`);
      assert.deepEqual([open.status, open.text], [200, path]);
      assert.match(open.headers.get('cache-control')!, /^private/);
      assert.deepEqual((await ask(url, 'GET', path)).body.code, 'stream-unknown');
    }
    const other = await ask(url, 'GET', `/t/${made.token}/live/private/index.m3u8`);
    assert.deepEqual([other.status, other.body.code], [403, 'watch-refused']);
    assert.equal((await ask(url, 'GET', `/t/${made.token}/live/public/index.m3u8`)).status, 403);
    assert.equal((await ask(url, 'OPTIONS', `/t/${made.token}/live/signed/index.m3u8`)).status, 204);
  });

  test('give read access to the API of that stream, for players on any page', async () => {
    const { url } = shared();
    const { token: watchToken } = await make();
    const base = `/t/${watchToken}/api/v1/streams`;
    const view = await ask(url, 'GET', `${base}/signed`);
    assert.deepEqual([view.status, view.body.name], [200, 'signed']);
    assert.equal(view.headers.get('access-control-allow-origin'), '*');
    assert.equal((await ask(url, 'GET', `${base}/signed/timeline`)).status, 200);
    assert.equal((await ask(url, 'GET', '/api/v1/streams/signed')).status, 404);
    assert.equal((await ask(url, 'GET', `/t/${watchToken}/api/v1/time`)).status, 200, 'players need the time');
    assert.equal((await ask(url, 'GET', `/t/${watchToken}/api/v1/tokens`)).status, 404);
    assert.equal((await ask(url, 'GET', `${base}/private`)).body.code, 'watch-refused');
    assert.equal((await ask(url, 'POST', `${base}/signed/stop`)).status, 401);
    const page = await ask(url, 'GET', `/t/${watchToken}/watch/signed?t=1795160400`);
    assert.equal(page.headers.get('location'), `/watch/signed?t=1795160400&token=${watchToken}`);
  });

  test('reveal no names: a hidden stream and an unknown one are refused alike', async () => {
    const { url } = shared();
    const { token: watchToken } = await make();
    for (const word of [watchToken, 'guess']) {
      const answers = await Promise.all(
        ['/api/v1/streams/N', '/api/v1/streams/N/timeline', '/live/N/index.m3u8', '/api/v1/events?stream=N'].flatMap(
          (path) => ['private', 'unknown'].map((name) => ask(url, 'GET', `/t/${word}${path.replace('N', name)}`)),
        ),
      );
      const told = new Set(answers.map(({ status, body }) => `${status} ${body.code} ${body.detail}`));
      assert.deepEqual(told.size, 1, [...told].join('\n'));
      assert.match([...told][0]!, /^403 watch-refused /);
    }
  });

  test('expire: playlists at once, the media that they listed two target durations later', async () => {
    const { url, clock } = shared();
    const { token: watchToken } = await make();
    clock.advance(3_600_000);
    const late = await ask(url, 'GET', `/t/${watchToken}/live/signed/index.m3u8`);
    assert.deepEqual([late.status, late.body.code], [403, 'watch-expired']);
    assert.equal((await ask(url, 'GET', `/t/${watchToken}/clip/signed/1/2.mp4`)).status, 403);
    for (const path of ['av0/7.m4s', 'av0/7.2.m4s', 'av0/init-1.mp4', 'ts/7.ts']) {
      assert.equal((await ask(url, 'GET', `/t/${watchToken}/live/signed/${path}`)).status, 200, path);
    }
    clock.advance(12_000);
    assert.equal((await ask(url, 'GET', `/t/${watchToken}/live/signed/av0/7.m4s`)).status, 403);
    assert.equal((await ask(url, 'GET', `/t/${watchToken}/api/v1/streams/signed`)).body.code, 'watch-expired');
    const signedIn = await ask(url, 'GET', `/t/${watchToken}/api/v1/streams/signed`, asAdmin);
    assert.equal(signedIn.body.code, 'watch-expired', 'administrators too: the media would be refused as well');
  });

  test('end when they are revoked', async () => {
    const { url } = shared();
    const { token: watchToken } = await make();
    assert.equal((await ask(url, 'POST', '/api/v1/streams/signed/watch-tokens/revoke', asAdmin)).status, 204);
    assert.equal((await ask(url, 'GET', `/t/${watchToken}/live/signed/av0/7.m4s`)).body.code, 'watch-refused');
  });

  test('end with their stream: they are not valid for a later one of the same name', async () => {
    const { url } = shared();
    const { token: watchToken } = await make();
    assert.equal((await ask(url, 'DELETE', '/api/v1/streams/signed', asAdmin)).status, 204);
    assert.equal((await ask(url, 'GET', `/t/${watchToken}/live/signed/av0/7.m4s`)).body.code, 'watch-refused');
  });

  test('of a private stream last a day at most', async () => {
    const { url } = shared();
    assert.match((await make('private')).url, /\/watch\/private\?token=/);
    const path = '/api/v1/streams/private/watch-tokens';
    assert.equal((await ask(url, 'POST', path, asAdmin, { expires: '25h' })).body.code, 'bad-time');
  });

  test('are in no log', async () => {
    await using server = await startTestServer({
      answer: () => {
        throw new TypeError('a bug');
      },
    });
    const watchToken = server.deps.access.watch.sign('signed', server.clock.nowMs() + 1000);
    assert.equal((await ask(server.url, 'GET', `/t/${watchToken}/live/signed/index.m3u8`)).status, 500);
    await ask(server.url, 'GET', `/t/${watchToken}/nothing/here`);
    assert.match(server.logged.join(''), /\/live\/signed\/index\.m3u8/);
    assert.doesNotMatch(server.logged.join(''), new RegExp(watchToken));
    assert.doesNotMatch(await server.deps.metrics.print(), new RegExp(watchToken));
  });
});

suite('sign-in without a token', () => {
  let isOffered = true;
  const shared = shareTestServer(() => ({
    localSignIn: { isOffered: async () => isOffered, command: () => 'oxbow token link --data /srv/tv' },
  }));
  const press = (url: string, headers: Fields) => ask(url, 'POST', '/api/v1/sessions', headers, { press: true });

  test('a page of this server may use it where it is offered; the cookie is the usual one', async () => {
    isOffered = true;
    const { url } = shared();
    const methods = { press: true, adminToken: true, command: 'oxbow token link --data /srv/tv' };
    const { press: isPress, adminToken, command } = (await ask(url, 'GET', '/api/v1/sign-in')).body;
    assert.deepEqual({ press: isPress, adminToken, command }, methods);
    const signed = await press(url, { origin: url });
    assert.equal(signed.status, 201, signed.text);
    assert.equal((await ask(url, 'GET', '/api/v1/me', { cookie: cookieIn(signed.headers) })).body.admin, true);
  });

  test('no other page may use it, and no program without an Origin', async () => {
    isOffered = true;
    const { url } = shared();
    const foreign = await press(url, { origin: 'https://evil.example' });
    assert.deepEqual([foreign.status, foreign.body.code], [403, 'cross-site']);
    const nameless = await press(url, {});
    assert.deepEqual([nameless.status, nameless.body.code], [401, 'sign-in-refused']);
  });

  test('where it is not offered, the refusal names the command', async () => {
    isOffered = false;
    const { url } = shared();
    assert.equal((await ask(url, 'GET', '/api/v1/sign-in')).body.press, false);
    const refused = await press(url, { origin: url });
    assert.deepEqual([refused.status, refused.body.code], [401, 'sign-in-refused']);
    assert.match(refused.body.hint, /oxbow token link --data \/srv\/tv/);
  });
});
