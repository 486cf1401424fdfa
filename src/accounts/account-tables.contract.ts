/**
 * What the tables of accounts promise on every database.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { OpenDatabase } from '../store/store.fixture.ts';
import { accountTables } from './account-tables.ts';
import type { PublishKey, PublishScope } from './publish-keys.ts';
import type { Invitation } from './users/invitations.ts';
import type { User } from './users/user.ts';

const NOW_MS = 1_795_000_000_000.25;

/** Every database runs this suite. */
export function accountTablesContract(name: string, open: OpenDatabase): void {
  suite(`accounts on ${name}`, () => {
    test('a session is kept, and only the time of its last use changes', async () => {
      await using database = await open();
      const { sessions } = accountTables(database.db);
      const session = {
        id: 'a',
        digest: 'd',
        createdMs: NOW_MS,
        seenMs: NOW_MS,
        address: '::1',
        program: 'Firefox',
        userId: undefined,
        isTelevision: true,
      };
      await sessions.put(session);
      await sessions.put({ ...session, seenMs: NOW_MS + 5, address: 'another' });
      assert.deepEqual(await sessions.all(), [{ ...session, seenMs: NOW_MS + 5 }]);
      const ofUser = { ...session, id: 'b', digest: 'e', userId: 'u' };
      await sessions.put(ofUser);
      assert.deepEqual(
        (await sessions.all()).find(({ id }) => id === 'b'),
        ofUser,
      );
      await sessions.remove('b');
      await sessions.remove('unknown');
      await sessions.remove('a');
      assert.deepEqual(await sessions.all(), []);
    });

    test('a token is kept with its scopes, and with or without an end', async () => {
      await using database = await open();
      const { tokens } = accountTables(database.db);
      const token = { digest: 'd', label: 'Grafana', scopes: ['admin', 'view'] as const, createdMs: NOW_MS };
      const all = [
        { id: 'a', userId: undefined, ...token, expiresMs: undefined },
        { id: 'b', userId: 'u', ...token, expiresMs: NOW_MS + 1000 },
      ];
      for (const one of all) await tokens.put(one);
      assert.deepEqual(
        (await tokens.all()).toSorted((x, y) => (x.id < y.id ? -1 : 1)),
        all,
      );
      await assert.rejects(tokens.put(all[0]!), 'a token never changes');
      await tokens.remove('a');
      assert.deepEqual(await tokens.all(), [all[1]]);
    });

    test('a stream key is kept with its scope and ranges, and only its expiry and last use change', async () => {
      await using database = await open();
      const { publishKeys } = accountTables(database.db);
      const key = { label: 'OBS', allow: [], createdMs: NOW_MS, expiresMs: undefined, usedMs: undefined };
      const one: PublishKey = {
        ...key,
        id: 'a',
        digest: 'd',
        scope: { type: 'stream', streamId: 's' },
        allow: ['10.0.0.0/8', '::1'],
        expiresMs: NOW_MS,
      };
      const scope: PublishScope = { type: 'prefix', prefix: '', maxStreams: 5 };
      const some: PublishKey = { ...key, id: 'b', digest: 'e', scope, usedMs: NOW_MS };
      for (const each of [one, some]) await publishKeys.put(each);
      const all = async () => (await publishKeys.all()).toSorted((x, y) => (x.id < y.id ? -1 : 1));
      assert.deepEqual(await all(), [one, some]);
      const later = { ...one, expiresMs: NOW_MS + 5, usedMs: NOW_MS + 1 };
      await publishKeys.put({ ...later, label: 'another' });
      assert.deepEqual(await all(), [later, some]);
      await publishKeys.remove('a');
      assert.deepEqual(await all(), [some]);
    });

    test('a user is kept with everything, changed, and found no more when removed', async () => {
      await using database = await open();
      const { users } = accountTables(database.db);
      const user: User = {
        id: 'a',
        name: 'Ünal',
        nameKey: 'ünal',
        role: 'user',
        state: 'pending',
        password: '$argon2id$',
        email: 'u@x.org',
        emailVerified: true,
        createdMs: NOW_MS,
        seenMs: NOW_MS,
      };
      const none = { nameKey: undefined, password: undefined, email: undefined, emailVerified: false };
      const guest: User = { ...user, ...none, id: 'g', role: 'guest' };
      for (const one of [user, guest]) await users.put(one);
      const all = async () => (await users.all()).toSorted((x, y) => (x.id < y.id ? -1 : 1));
      assert.deepEqual(await all(), [user, guest]);
      const changed: User = { ...user, name: 'U', nameKey: 'u', state: 'active', role: 'admin', seenMs: NOW_MS + 1 };
      await users.put(changed);
      assert.deepEqual(await all(), [changed, guest]);
      await assert.rejects(users.put({ ...guest, id: 'h', nameKey: 'u' }), 'no two accounts have one name');
      await users.remove('a');
      assert.deepEqual(await all(), [guest]);
    });

    test('of an invitation only the number of uses changes', async () => {
      await using database = await open();
      const { invitations } = accountTables(database.db);
      const invitation: Invitation = {
        id: 'a',
        digest: 'd',
        label: 'class',
        role: 'user',
        usesLeft: 5,
        createdBy: 'admin',
        createdMs: NOW_MS,
        expiresMs: undefined,
      };
      await invitations.put(invitation);
      await invitations.put({ ...invitation, usesLeft: 4, role: 'admin' });
      assert.deepEqual(await invitations.all(), [{ ...invitation, usesLeft: 4 }]);
      const other = { ...invitation, id: 'b', digest: 'e', expiresMs: NOW_MS + 5 };
      await invitations.put(other);
      await invitations.remove('a');
      assert.deepEqual(await invitations.all(), [other]);
    });

    test('a code of an e-mail is taken once; a new one of its kind replaces it, and expired ones go', async () => {
      await using database = await open();
      const { emailCodes } = accountTables(database.db);
      const code = { digest: 'a', userId: 'u', kind: 'reset', email: 'u@example.org', expiresMs: NOW_MS + 5 } as const;
      await emailCodes.put(code, NOW_MS);
      await emailCodes.put({ ...code, digest: 'b', kind: 'verify' }, NOW_MS);
      await emailCodes.put({ ...code, digest: 'c' }, NOW_MS);
      assert.equal(await emailCodes.take('a'), undefined);
      const taken = await Promise.all([emailCodes.take('c'), emailCodes.take('c')]);
      const { digest: _, ...rest } = code;
      assert.deepEqual(taken.filter(Boolean), [rest]);
      await emailCodes.put({ ...code, digest: 'd', userId: 'v' }, NOW_MS + 5);
      assert.equal(await emailCodes.take('b'), undefined, 'expired');
      await emailCodes.removeOf('v');
      assert.equal(await emailCodes.take('d'), undefined);
    });

    test('of an account of another service only the name changes', async () => {
      await using database = await open();
      const { identities } = accountTables(database.db);
      const identity = { provider: 'school', subject: '1', userId: 'u', name: 'Ada', createdMs: NOW_MS };
      await identities.put(identity);
      await identities.put({ ...identity, provider: 'github', createdMs: NOW_MS + 5 });
      await identities.put({ ...identity, name: 'Ada L.', userId: 'someone-else' });
      assert.deepEqual(await identities.all(), [
        { ...identity, name: 'Ada L.' },
        { ...identity, provider: 'github', createdMs: NOW_MS + 5 },
      ]);
      await identities.remove('school', '1');
      assert.equal((await identities.all()).length, 1);
    });

    test('a watch epoch is replaced by the next', async () => {
      await using database = await open();
      const { epochs } = accountTables(database.db);
      await epochs.put({ stream: 'door', epoch: 1 });
      await epochs.put({ stream: 'door', epoch: 2 });
      assert.deepEqual(
        (await epochs.all()).map((row) => ({ ...row })),
        [{ stream: 'door', epoch: 2 }],
      );
      await epochs.remove('door');
      assert.deepEqual(await epochs.all(), []);
    });
  });
}
