/**
 * What the nodes of a cluster promise about accounts, on every database: what one changes, the others know
 * when they have looked.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 * Waits for wall time: a PostgreSQL server runs this suite too, and its rows are looked at until they are
 * there.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { Kysely } from 'kysely';
import { createManualClock, type ManualClock } from '../lib/clock.ts';
import { RowChanges } from '../store/row-changes.ts';
import type { Tables } from '../store/schema.ts';
import type { OpenDatabase } from '../store/store.fixture.ts';
import { openAccess } from './access.ts';
import { accountTables } from './account-tables.ts';
import { MailQueue } from './mail/mail-queue.ts';
import { mailRows } from './mail/mail-rows.ts';
import { SecretBox } from './secret-box.ts';

const SECRET = 'a secret of a cluster, with enough characters';
const from = { address: '::1', program: 'Firefox' };

/** A node: its accounts, and `look` as it does every second. */
async function openNode(db: Kysely<Tables>, clock: ManualClock) {
  const failures: unknown[] = [];
  const failed = (error: unknown) => failures.push(error);
  const changes = new RowChanges({ db, clock, failed });
  const dataFolder = await mkdtemp(join(tmpdir(), 'oxbow-node-'));
  const access = await openAccess({
    tables: accountTables(db, changes),
    dataFolder,
    clock,
    adminToken: undefined,
    clusterSecret: SECRET,
    failed,
  });
  return {
    access,
    changes,
    failures,
    async look() {
      await changes.look();
      assert.deepEqual(failures, []);
    },
    [Symbol.asyncDispose]: () => rm(dataFolder, { recursive: true, force: true }),
  };
}

/** Every database runs this suite. */
export function sharedAccountsContract(name: string, open: OpenDatabase): void {
  suite(`accounts of several nodes on ${name}`, () => {
    test('a session of one node is one of the others, at once when it is used, and none when one has ended it', async () => {
      await using database = await open();
      const clock = createManualClock();
      await using a = await openNode(database.db, clock);
      await using b = await openNode(database.db, clock);
      const { session, secret } = await a.access.sessions.make(from);
      assert.equal(b.access.ofCookie(secret).session, undefined);
      await b.access.lookUpCookie(secret);
      assert.equal(b.access.ofCookie(secret).session?.id, session.id, 'found in the database');
      assert.equal(b.access.lookUpCookie(secret), undefined, 'known now');
      await a.access.sessions.remove(session.id);
      await b.look();
      assert.equal(b.access.ofCookie(secret).session, undefined);
      assert.equal(await b.access.sessions.seen(session), false);
      assert.deepEqual(await database.db.selectFrom('session').selectAll().execute(), []);
    });

    test('what one node has changed is known to the others before it is answered, if they were asked to look', async () => {
      await using database = await open();
      const clock = createManualClock();
      await using a = await openNode(database.db, clock);
      await using b = await openNode(database.db, clock);
      a.changes.tellBy(() => b.look());
      b.changes.tellBy(() => a.look());
      const guest = await a.access.users.makeGuest('Ben', { most: 10 });
      const { session, secret } = await a.access.sessions.make({ ...from, userId: guest.id });
      assert.equal(b.access.ofCookie(secret).user?.id, guest.id, 'a guest enters a room of another node at once');
      const ada = await b.access.users.create({
        name: 'Ada',
        role: 'user',
        state: 'pending',
        password: 'a long password',
      });
      await b.access.users.change(ada.id, { state: 'active' });
      assert.equal((await a.access.passwords.signIn('ada', 'a long password'))?.state, 'active');
      const scope = { type: 'stream', streamId: 's' } as const;
      const key = await a.access.publishKeys.create({ scope, label: '', allow: [], expiresMs: undefined });
      assert.equal((b.access.publishKeys.check(key.secret, '::1') as { id: string }).id, key.key.id);
      await b.access.publishKeys.remove(key.key.id);
      assert.equal(a.access.publishKeys.check(key.secret, '::1'), 'unknown');
      await b.access.users.change(guest.id, { state: 'banned' });
      assert.equal(a.access.ofCookie(secret).user, undefined);
      assert.equal(b.access.sessions.get(session.id), undefined);
    });

    test('a token or a key that one node revokes is refused by the others, and it is reported for publishers', async () => {
      await using database = await open();
      const clock = createManualClock();
      await using a = await openNode(database.db, clock);
      await using b = await openNode(database.db, clock);
      const token = await a.access.tokens.make({ label: '', scopes: ['admin'], expiresMs: undefined });
      const scope = { type: 'stream', streamId: 's' } as const;
      const key = await a.access.publishKeys.create({ scope, label: '', allow: [], expiresMs: undefined });
      await b.look();
      assert.ok(b.access.tokens.find(token.secret));
      assert.equal((b.access.publishKeys.check(key.secret, '::1') as { id: string }).id, key.key.id);
      const revoked: string[] = [];
      b.access.publishKeys.revoked.subscribe((id) => revoked.push(id));
      await a.access.tokens.remove(token.token.id);
      await a.access.publishKeys.remove(key.key.id);
      await b.access.publishKeys.used(key.key.id); // it does not know yet
      await b.look();
      assert.equal(b.access.tokens.find(token.secret), undefined);
      assert.equal(b.access.publishKeys.check(key.secret, '::1'), 'unknown');
      assert.ok(revoked.includes(key.key.id));
      assert.deepEqual(await database.db.selectFrom('publish_key').selectAll().execute(), [], 'it does not come back');
    });

    test('a ban holds on all nodes, whatever another one stores of the user at the same time', async () => {
      await using database = await open();
      const clock = createManualClock();
      await using a = await openNode(database.db, clock);
      await using b = await openNode(database.db, clock);
      const ada = await a.access.users.create({ name: 'Ada', role: 'user', state: 'active' });
      await b.look();
      const { secret } = await b.access.sessions.make({ ...from, userId: ada.id });
      await a.look();
      clock.advance(2 * 3_600_000);
      await a.access.users.change(ada.id, { state: 'banned' });
      await b.access.users.seen(ada.id);
      for (const node of [a, b]) await node.look();
      for (const { access } of [a, b]) {
        assert.equal(access.users.get(ada.id).state, 'banned');
        assert.equal(access.ofCookie(secret).user, undefined);
      }
      await b.access.users.remove(ada.id);
      await a.look();
      assert.equal(a.access.users.find(ada.id), undefined);
      await a.access.users.create({ name: 'Ada', role: 'user', state: 'active' });
      await assert.rejects(b.access.users.create({ name: 'ada', role: 'user', state: 'active' }), {
        code: 'user-name-taken',
      });
    });

    test('the last use of an invitation is taken once', async () => {
      await using database = await open();
      const clock = createManualClock();
      await using a = await openNode(database.db, clock);
      const settings = { label: '', role: 'user', usesLeft: 1, createdBy: 'admin', expiresMs: undefined } as const;
      const { code } = await a.access.invitations.make(settings);
      await using b = await openNode(database.db, clock);
      const results = await Promise.allSettled([a, b].map(({ access }) => access.invitations.use(code, async () => 1)));
      assert.deepEqual(results.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
      await b.look();
      assert.deepEqual(b.access.invitations.all, []);
    });

    test('playback tokens of one node are those of all, until one revokes them', async () => {
      await using database = await open();
      const clock = createManualClock();
      await using a = await openNode(database.db, clock);
      await using b = await openNode(database.db, clock);
      const untilMs = clock.nowMs() + 60_000;
      const first = a.access.watch.sign('cam', untilMs);
      assert.equal(b.access.watch.verify(first, 'cam', 'playlist', clock.nowMs()), 'ok');
      await a.access.watch.revoke('cam');
      const second = a.access.watch.sign('cam', untilMs);
      await b.access.watch.revoke('cam'); // it does not know of the first time
      for (const node of [a, b]) await node.look();
      for (const { access } of [a, b]) {
        for (const token of [first, second]) {
          assert.equal(access.watch.verify(token, 'cam', 'playlist', clock.nowMs()), 'refused');
        }
      }
      assert.equal(a.access.ownWorker.secret, b.access.ownWorker.secret, 'a request of a worker may be passed on');
    });

    test('a node that has read nothing for long reads everything', async () => {
      await using database = await open();
      const clock = createManualClock();
      await using a = await openNode(database.db, clock);
      await using b = await openNode(database.db, clock);
      const { session, secret } = await a.access.sessions.make(from);
      await b.look();
      await a.access.sessions.remove(session.id);
      clock.advance(3_600_000);
      await a.look();
      assert.deepEqual(await database.db.selectFrom('row_change').selectAll().execute(), [], 'notes are deleted');
      await b.look();
      assert.equal(b.access.ofCookie(secret).session, undefined);
    });

    test('an e-mail is sent by one node, and by another one if that node has died', async () => {
      await using database = await open();
      const clock = createManualClock();
      const sent: string[] = [];
      const stop = new AbortController();
      const openQueue = (node: string, signal = stop.signal) =>
        MailQueue.open({
          rows: mailRows(database.db, true),
          box: new SecretBox(Buffer.from(SECRET), 'mail'),
          clock,
          signal,
          lookEveryMs: 5,
          onResult: () => {},
          failed: (error) => assert.fail(String(error)),
          transport: { send: async (to) => void sent.push(`${node} ${to}`) },
        });
      const mail = (to: string) => ({
        to,
        userId: undefined,
        lifetimeMs: 3_600_000,
        content: { subject: 'Hello', text: 'Hello', html: 'Hello' },
      });
      const dead = await openQueue('dead', AbortSignal.abort());
      await openQueue('a');
      await openQueue('b');
      await dead.add(mail('ada@example.org'));
      const own = await openQueue('c');
      for (let i = 0; i < 5; i++) await own.add(mail(`${i}@example.org`));
      const until = async (count: number) => {
        while ((await database.db.selectFrom('mail_message').select('id').execute()).length > count) {
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      };
      await until(1);
      assert.equal(sent.filter((line) => line.startsWith('c ')).length, 5);
      clock.advance(121_000);
      await until(0);
      assert.equal(sent.length, 6);
      assert.match(sent.at(-1)!, /^[abc] ada@/);
      stop.abort();
    });
  });
}
