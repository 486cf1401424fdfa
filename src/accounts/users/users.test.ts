import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { hash as bcrypt } from 'bcryptjs';
import { createManualClock } from '../../lib/clock.ts';
import { openAccess } from '../access.ts';
import { memoryTables } from '../memory-tables.fixture.ts';
import { usualSettings } from './account-settings.ts';
import type { User } from './user.ts';

const folder = await mkdtemp(join(tmpdir(), 'oxbow-users-'));
after(() => rm(folder, { recursive: true, force: true }));

const open = async (tables = memoryTables(), clock = createManualClock(), settings = usualSettings) => ({
  tables,
  clock,
  access: await openAccess({
    tables,
    dataFolder: folder,
    clock,
    adminToken: undefined,
    watchSecret: 'a secret of the settings',
    accounts: () => settings,
  }),
});
const ada = { name: 'Ada', role: 'user', state: 'active' } as const;

suite('users', () => {
  test('are there after a restart, by id and by any spelling of their name', async () => {
    const { tables, access } = await open();
    const made = await access.users.create({ ...ada, password: 'correct horse' });
    const { users: again, passwords } = (await open(tables)).access;
    assert.deepEqual(again.find(made.id), made);
    assert.equal(again.findByName('ＡＤＡ')?.id, made.id);
    assert.equal((await passwords.signIn('ada', 'correct horse'))?.id, made.id);
    assert.equal(await passwords.signIn('ada', 'wrong horse'), undefined);
    assert.equal(await passwords.signIn('eve', 'correct horse'), undefined);
  });

  test('of one name are one, also when two ask at the same moment', async () => {
    const { access } = await open();
    const both = await Promise.allSettled([
      access.users.create({ ...ada, password: 'correct horse' }),
      access.users.create({ ...ada, name: 'ADA', password: 'correct horse' }),
    ]);
    assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    assert.equal(access.users.count, 1);
    await assert.rejects(access.users.makeGuest('ada', { most: 5 }), { code: 'user-name-taken' });
    const eve = await access.users.create({ ...ada, name: 'Eve' });
    await assert.rejects(access.users.change(eve.id, { name: 'ADA' }), { code: 'user-name-taken' });
    assert.equal((await access.users.change(eve.id, { name: 'EVE' })).name, 'EVE');
  });

  test('from SyncTV sign in by bcrypt once, then by argon2id', async () => {
    const { access } = await open();
    const { id } = await access.users.create({ ...ada, passwordHash: await bcrypt('from SyncTV', 4) });
    assert.equal((await access.passwords.signIn('ada', 'from SyncTV'))?.id, id);
    assert.match(access.users.get(id).password!, /^\$argon2id\$/);
    assert.equal((await access.passwords.signIn('ada', 'from SyncTV'))?.id, id);
  });

  test('that could not be stored do not exist, and their name is free', async () => {
    const { tables, clock } = await open();
    let isBroken = true;
    const put = async (row: User) => {
      if (isBroken) throw new Error('disk full');
      await tables.users.put(row);
    };
    const { users } = (await open({ ...tables, users: { ...tables.users, put } }, clock)).access;
    await assert.rejects(users.create(ada), /disk full/);
    assert.deepEqual([users.count, users.findByName('Ada')], [0, undefined]);
    isBroken = false;
    await users.create(ada);
  });

  test('that are deleted while oxbow crashes are forgotten by every part at the next start', async () => {
    const { tables, clock, access } = await open();
    const { id } = await access.users.create({ ...ada, password: 'correct horse', email: 'ada@x.org' });
    access.references.onDeleted(() => Promise.reject(new Error('crashed')));
    await assert.rejects(access.users.remove(id), /crashed/);
    assert.equal(access.users.find(id), undefined, 'gone at once');
    const next = await open(tables, clock);
    const forgotten: string[] = [];
    next.access.references.onDeleted(async (user) => void forgotten.push(user));
    assert.deepEqual([next.access.users.find(id), next.access.users.findByName('ada')], [undefined, undefined]);
    await next.access.users.finishDeletions();
    assert.deepEqual([forgotten, await tables.users.all()], [[id], []]);
  });

  test('who are banned have no session and no token any more, also where the database hangs', async () => {
    const { access } = await open();
    const { id } = await access.users.create({ ...ada, role: 'admin' });
    const { secret } = await access.sessions.make({ address: '', program: '', userId: id });
    const token = await access.tokens.make({ userId: id, label: '', scopes: ['admin'], expiresMs: undefined });
    assert.deepEqual([access.ofCookie(secret).isAdmin, access.ofToken(token.secret).isAdmin], [true, true]);
    const banned = access.users.change(id, { state: 'banned' });
    assert.deepEqual(
      [access.ofCookie(secret).name, access.ofToken(token.secret).name],
      ['', ''],
      'before it is stored',
    );
    await banned;
    assert.deepEqual([access.sessions.of(id), access.tokens.of(id)], [[], []]);
  });
});

suite('guests', () => {
  test('expire this long after their last use, with their session; the oldest make room for new ones', async () => {
    const { access, clock } = await open(memoryTables(), createManualClock(), { ...usualSettings, maxGuests: 2 });
    const old = await access.signUp.joinAsGuest('Old');
    await access.sessions.make({ address: '', program: '', userId: old.id });
    clock.advance(usualSettings.guestExpiry - 3_600_000);
    const young = await access.signUp.joinAsGuest('Young');
    await assert.rejects(access.signUp.joinAsGuest('Third'), { code: 'limit-reached' });
    clock.advance(3_600_001);
    await access.signUp.joinAsGuest('Third');
    assert.deepEqual([access.users.find(old.id), access.sessions.of(old.id)], [undefined, []]);
    assert.ok(access.users.find(young.id));
  });

  test('may share a name', async () => {
    const { access } = await open();
    const [one, other] = [await access.signUp.joinAsGuest('Sam'), await access.signUp.joinAsGuest('sam')];
    assert.notEqual(one.id, other.id);
  });
});

suite('the audit log', () => {
  test('keeps lines in order, in few writes, and reports those that are lost', async () => {
    const { access, tables } = await open();
    let writes = 0;
    const { add } = tables.audit;
    tables.audit.add = async (lines) => {
      if (++writes === 3) throw new Error('disk full');
      await add(lines);
    };
    const lost: number[] = [];
    access.audit.onLost = (count) => void lost.push(count);
    const line = { userId: 'u', name: '', address: '', action: 'a', status: 200, traceId: '' };
    for (let i = 0; i < 1200; i++) access.audit.record({ ...line, request: String(i) });
    const page = await access.audit.page({ userId: 'u', limit: 2 });
    assert.deepEqual([page.map(({ request }) => request), lost, writes], [['999', '998'], [200], 3]);
  });
});
