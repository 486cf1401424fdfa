import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { usualSettings } from '../../accounts/users/account-settings.ts';
import { routes } from '../../app/routes.fixture.ts';
import { token as adminToken, shareTestServer, signedInAs } from '../fixture.ts';
import type { RouteAccess } from '../route/route.ts';

/** What each may do, of the levels that need a permission. */
const allowed: Readonly<Record<string, readonly RouteAccess[]>> = {
  stranger: [],
  guest: ['self', 'person'],
  user: ['self', 'person', 'user'],
  'user who uploads': ['self', 'person', 'user', 'uploader', 'watcher'],
};

/** A path with something in the place of each parameter. */
const pathOf = (path: string) => path.replace(/:name\b/g, 'private').replace(/:(\w+)/g, 'x1');

suite('every route', () => {
  let settings = usualSettings;
  const shared = shareTestServer(() => ({}), { accounts: () => settings, routes });
  const guarded = routes.filter(({ access }) => !['anyone', 'viewer'].includes(access));

  for (const [who, levels] of Object.entries(allowed)) {
    test(`a ${who} is refused by each one that needs another permission, before it does anything`, async () => {
      const server = shared();
      settings = {
        ...usualSettings,
        uploads: who === 'user who uploads',
        watch: who === 'user who uploads' ? 'signed' : 'public',
      };
      const { headers } =
        who === 'stranger'
          ? { headers: { 'x-forwarded-for': '192.0.2.1' } }
          : await signedInAs(server, who === 'guest' ? 'guest' : 'user', `${who} 1`);
      const expected = who === 'stranger' ? 401 : 403;
      for (const route of guarded.filter(({ access }) => !levels.includes(access))) {
        const sentence = `${route.method} ${route.path} (${route.access})`;
        server.calls.length = 0;
        const response = await fetch(server.url + pathOf(route.path), {
          method: route.method,
          headers: { ...headers, ...(route.method !== 'GET' && { 'content-type': 'application/json' }) },
          ...(!['GET', 'DELETE'].includes(route.method) && { body: '{}' }),
        });
        await response.body?.cancel();
        assert.equal(response.status, expected, sentence);
        assert.deepEqual(server.calls, [], sentence);
      }
    });
  }

  test('a session of an administrator with an account passes all of them, as the admin token does', async () => {
    const server = shared();
    const { headers } = await signedInAs(server, 'admin');
    for (const given of [headers, { authorization: `Bearer ${adminToken}` }]) {
      // Guarded ones that change nothing; without parameters, so that they answer.
      for (const { path, access, method } of guarded) {
        if (method !== 'GET' || path.includes(':') || ['person', 'user'].includes(access)) continue;
        const response = await fetch(server.url + path, { headers: given as Record<string, string> });
        await response.body?.cancel();
        assert.ok(![401, 403].includes(response.status), `${path}: ${response.status}`);
      }
    }
  });

  test('a level that no one knows is not in the table', () => {
    const known = ['anyone', 'viewer', 'operator', 'uploader', 'worker', 'admin', 'watcher', 'self', 'user', 'person'];
    assert.deepEqual(
      routes.filter(({ access }) => !known.includes(access)),
      [],
    );
  });
});
