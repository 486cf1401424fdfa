import assert from 'node:assert/strict';
import { chown, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { parseSignedPath, printSignedPath } from '../api/signed-path.ts';
import { createManualClock } from '../lib/clock.ts';
import { createSilentLog } from '../observe/log.ts';
import { openStore } from '../store/db.ts';
import { openAccess } from './access.ts';
import { accountTables } from './account-tables.ts';
import { memoryTables } from './memory-tables.fixture.ts';
import { SESSION_MS } from './sessions.ts';
import { LINK_MS, SignInLinks } from './sign-in-links.ts';

const browser = { address: '192.0.2.1', program: 'Firefox' };

suite('access control', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'oxbow-access-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const open = (tables = memoryTables(), clock = createManualClock(), watchSecret?: string) =>
    openAccess({ tables, dataFolder: folder, clock, adminToken: 'secret', watchSecret });

  test('a session lasts 30 days from its last use, and not a moment longer', async () => {
    const clock = createManualClock();
    const tables = memoryTables();
    const { sessions } = await open(tables, clock);
    const { session, secret } = await sessions.make(browser);
    assert.equal(await sessions.seen(session), false, 'written down at most once an hour');
    clock.advance(SESSION_MS - 1);
    assert.equal(await sessions.seen(sessions.find(secret)!), true);
    clock.advance(SESSION_MS - 1);
    assert.ok(sessions.find(secret));
    clock.advance(1);
    assert.equal(sessions.find(secret), undefined);
    assert.deepEqual(sessions.all, []);
    await sessions.removeExpired();
    assert.deepEqual(await tables.sessions.all(), [], 'nor is its address kept');
  });

  test('only digests of sessions and tokens are stored; they survive a restart, and a revoked one stays revoked', async () => {
    await using store = await openStore({ file: join(folder, 'a', 'oxbow.db'), log: createSilentLog() });
    const tables = accountTables(store.db);
    const clock = createManualClock();
    const first = await open(tables, clock);
    const { session, secret } = await first.sessions.make(browser);
    clock.advance(3_600_000);
    await first.sessions.seen(session);
    const program = await first.tokens.make({
      label: 'ci',
      scopes: ['admin', 'view'],
      expiresMs: clock.nowMs() + 5000,
    });
    const gone = await first.tokens.make({ label: 'old', scopes: ['view'], expiresMs: undefined });
    await first.tokens.remove(gone.token.id);
    const token = first.watch.sign('cam', clock.nowMs() + 60_000);
    await first.watch.revoke('cam');
    const rows = JSON.stringify([
      await store.db.selectFrom('session').selectAll().execute(),
      await store.db.selectFrom('api_token').selectAll().execute(),
    ]);
    assert.ok(!rows.includes(secret) && !rows.includes(program.secret.slice(3)), rows);

    const second = await open(tables, clock);
    assert.deepEqual(second.sessions.find(secret), { ...session, seenMs: clock.nowMs() });
    assert.deepEqual(second.tokens.find(program.secret), program.token);
    assert.equal(second.tokens.find(gone.secret), undefined);
    assert.equal(second.watch.verify(token, 'cam', 'playlist', clock.nowMs()), 'refused');
    assert.equal(await second.sessions.remove(session.id), true);
    assert.equal(await second.sessions.remove(session.id), false);
    assert.equal((await open(tables, clock)).sessions.find(secret), undefined);
    clock.advance(5000);
    assert.equal(second.tokens.find(program.secret), undefined, 'it has expired');
  });

  test('a session that is revoked while it is used is not restored', async () => {
    const tables = memoryTables();
    const clock = createManualClock();
    const { sessions } = await open(tables, clock);
    const { session, secret } = await sessions.make(browser);
    clock.advance(3_600_000);
    await Promise.all([sessions.seen(session), sessions.remove(session.id)]);
    assert.equal(sessions.find(secret), undefined);
    assert.deepEqual(await tables.sessions.all(), []);
  });

  test('a link signs in once within fifteen minutes, also one that another process created', async () => {
    const clock = createManualClock();
    const one = await open(memoryTables(), clock);
    const other = await open(memoryTables(), clock);
    const { code } = await other.links.make();
    assert.deepEqual((await Promise.all([one.links.use(code), one.links.use(code)])).sort(), [false, true]);
    assert.equal(await one.links.use(code), false);
    const late = await one.links.make();
    clock.advance(LINK_MS);
    assert.equal(await one.links.use(late.code), false);
    for (const forged of ['', '../watch-secret', 'x'.repeat(100_000)]) assert.equal(await one.links.use(forged), false);
  });

  const skipChown = process.getuid?.() === 0 ? false : 'only root may give files away';
  test('a link that root creates for a server of another user is valid there', { skip: skipChown }, async () => {
    const data = await mkdtemp(join(folder, 'of-another-'));
    await chown(data, 1234, 1234);
    await new SignInLinks(data, () => 0).make();
    const [name] = await readdir(join(data, 'sign-in'));
    for (const path of ['sign-in', join('sign-in', name!)]) assert.equal((await stat(join(data, path))).uid, 1234);
  });

  test('a playback token ends with the account that created it; another stays', async () => {
    const clock = createManualClock();
    const { watch, users } = await open(memoryTables(), clock);
    const add = (name: string, role: 'user' | 'admin') => users.create({ name, role, state: 'active' });
    const [ann, ben, cat] = [await add('ann', 'user'), await add('ben', 'admin'), await add('cat', 'user')];
    const atMs = clock.nowMs() + 60_000;
    const tokens = [ann, ben, cat].map(({ id, role }) => watch.sign('cam', atMs, { id, isAdmin: role === 'admin' }));
    const verdicts = () => tokens.map((token) => watch.verify(token, 'cam', 'playlist', clock.nowMs()));
    for (const token of tokens)
      assert.ok(parseSignedPath(printSignedPath(token, '/live/cam/index.m3u8')), 'it is part of an address');
    assert.deepEqual(verdicts(), ['ok', 'ok', 'ok']);
    assert.equal(watch.verify(tokens[0]!, 'other', 'playlist', clock.nowMs()), 'refused');
    const forged = Buffer.from(tokens[0]!, 'base64url');
    forged[9]! ^= 1; // the account
    assert.equal(watch.verify(forged.toString('base64url'), 'cam', 'playlist', clock.nowMs()), 'refused');
    await users.change(ann.id, { state: 'banned' });
    await users.change(ben.id, { role: 'user' });
    assert.deepEqual(verdicts(), ['refused', 'refused', 'ok']);
    await users.change(ann.id, { state: 'active' });
    await users.remove(cat.id);
    assert.deepEqual(verdicts(), ['ok', 'refused', 'refused']);
    clock.advance(60_000);
    assert.deepEqual(verdicts(), ['expired', 'refused', 'refused']);
  });

  test('the watch secret is generated once, readable by its owner only', async () => {
    const clock = createManualClock();
    const token = (await open()).watch.sign('cam', clock.nowMs() + 1000);
    assert.equal((await open()).watch.verify(token, 'cam', 'playlist', clock.nowMs()), 'ok');
    const file = join(folder, 'watch-secret');
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.ok((await readFile(file, 'utf8')).length > 40);
    const other = await open(memoryTables(), clock, 'a secret of the settings');
    assert.equal(other.watch.verify(token, 'cam', 'playlist', clock.nowMs()), 'refused');
    await assert.rejects(open(memoryTables(), clock, 'short'), { code: 'bad-setting' });
  });

  test('a playback token is for one stream until it expires; media of a playlist two target durations longer (docs/media.md 32)', async () => {
    const { watch } = await open();
    const atMs = 1_795_160_400_000;
    const token = watch.sign('cam', atMs);
    assert.match(token, /^[\w-]{34}$/);
    for (let again = 0; again < 2; again++) {
      assert.equal(watch.verify(token, 'cam', 'playlist', atMs - 1), 'ok');
      assert.equal(watch.verify(token, 'cam', 'playlist', atMs), 'expired');
      assert.equal(watch.verify(token, 'cam', 'media', atMs + 11_999), 'ok');
      assert.equal(watch.verify(token, 'cam', 'media', atMs + 12_000), 'expired');
      assert.equal(watch.verify(token, 'came', 'playlist', atMs - 1), 'refused');
    }
    await watch.revoke('cam');
    assert.equal(watch.verify(token, 'cam', 'media', atMs - 1), 'refused');
    assert.equal(watch.verify(watch.sign('cam', atMs), 'cam', 'playlist', atMs - 1), 'ok');
  });

  test('a token that is truncated or changed by one bit is refused', async () => {
    const { watch } = await open();
    const token = watch.sign('cam', 1_795_160_400_000);
    const bytes = Buffer.from(token, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const forged = Buffer.from(bytes);
      forged[bit >> 3]! ^= 1 << (bit & 7);
      assert.equal(watch.verify(forged.toString('base64url'), 'cam', 'playlist', 0), 'refused', `bit ${bit}`);
    }
    for (const forged of ['', 'a', token.slice(1), `${token}A`, '_'.repeat(34), 'ü'.repeat(34)]) {
      assert.equal(watch.verify(forged, 'cam', 'playlist', 0), 'refused', forged);
    }
  });

  test('a signed path is split into the token and the path', () => {
    assert.deepEqual(parseSignedPath('/t/ab-_9/live/cam/index.m3u8?x=/t/y/'), {
      token: 'ab-_9',
      path: '/live/cam/index.m3u8?x=/t/y/',
    });
    assert.equal(printSignedPath('ab', '/live/cam/'), '/t/ab/live/cam/');
    for (const path of [
      '/live/cam/',
      '/t/',
      '/t/ab',
      '/t//live/',
      '/t/a%62/live/',
      '/t/a.b/live',
      `/t/${'a'.repeat(101)}/l`,
    ])
      assert.equal(parseSignedPath(path), null, path);
  });
});
