import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { Kysely } from 'kysely';
import { type ConfigSources, loadConfig } from '../config/load.ts';
import { EffectiveSettings } from '../config/running/effective-settings.ts';
import { createSystemClock } from '../lib/clock.ts';
import { createSilentLog } from '../observe/log.ts';
import { RowChanges } from '../store/row-changes.ts';
import type { Tables } from '../store/schema.ts';
import { openTemporaryStore } from '../store/store.fixture.ts';
import { StoredSettings } from './stored-settings.ts';

const DAY_MS = 86_400_000;

/** A data folder of one server. */
function openDataFolder() {
  const path = mkdtempSync(join(tmpdir(), 'oxbow-settings-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** A server that starts: its settings, and what is stored. */
async function start(db: Kysely<Tables>, dataFolder: string, sources: ConfigSources = {}, changes?: RowChanges) {
  const { config, origins } = await loadConfig(sources);
  const settings = new EffectiveSettings(config, origins);
  const stored = await StoredSettings.open({ db, changes, settings, dataFolder, log: createSilentLog() });
  const row = (path: string) => settings.rows().find((each) => each.path === path)!;
  return { settings, stored, row };
}

suite('settings that were set in the browser', () => {
  test('apply at once and after a start, until they are the default again', async () => {
    await using store = await openTemporaryStore();
    using folder = openDataFolder();
    const first = await start(store.db, folder.path);
    assert.deepEqual(readdirSync(folder.path), [], 'a start without any writes nothing');
    assert.equal(first.settings.now.record.keep, DAY_MS);
    await first.stored.change({ 'record.keep': '7d', 'accounts.guests': 'off', 'library.ladder.rungs': '360,720' });
    assert.equal(first.settings.now.record.keep, 7 * DAY_MS);
    assert.deepEqual(
      [first.row('record.keep').value, first.row('record.keep').origin, first.row('record.keep').defaultValue],
      ['7d', 'browser', '24h'],
    );

    const second = await start(store.db, folder.path);
    const { record, accounts, library } = second.settings.now;
    assert.deepEqual([record.keep, accounts.guests, library.ladder.rungs], [7 * DAY_MS, false, [360, 720]]);
    assert.equal(record.maxDisk, (await loadConfig({})).config.record.maxDisk, 'others keep their values');

    await second.stored.change({ 'record.keep': null });
    assert.equal(second.settings.now.record.keep, DAY_MS);
    assert.equal(second.row('record.keep').origin, 'default');
  });

  test('are weaker than a file, a variable or a flag, and return when those are removed', async () => {
    await using store = await openTemporaryStore();
    using folder = openDataFolder();
    await (await start(store.db, folder.path)).stored.change({ 'record.keep': '7d' });
    const sources = { flags: [{ path: 'record.keep', value: '3d', origin: '--keep' }] };
    const { settings, stored, row } = await start(store.db, folder.path, sources);
    assert.equal(settings.now.record.keep, 3 * DAY_MS);
    assert.deepEqual([row('record.keep').settable, row('record.keep').origin], [false, '--keep']);
    await assert.rejects(stored.change({ 'record.keep': '9d' }), { code: 'bad-setting', message: /set by --keep/ });

    const { config, origins } = await loadConfig({});
    settings.take(config, { origins });
    assert.equal(settings.now.record.keep, 7 * DAY_MS);
    settings.take({ ...config, defaultStream: 'door' });
    assert.deepEqual([settings.now.record.keep, settings.now.defaultStream], [7 * DAY_MS, 'door']);
  });

  test('of several either all are set, or none', async () => {
    await using store = await openTemporaryStore();
    using folder = openDataFolder();
    const { settings, stored } = await start(store.db, folder.path);
    for (const [path, text] of [
      ['record.keep', '7 fortnights'],
      ['record.keep', ''],
      ['accounts.signUp', 'anyone'],
      ['library.ladder.rungs', '1x'],
      ['pages.ytDlp', '/bin/sh'],
      ['adminToken', 'x'.repeat(20)],
      ['data', '/elsewhere'],
      ['record', '7d'],
      ['__proto__', '1'],
    ] as const) {
      const texts = Object.fromEntries([
        ['rooms.calls', 'false'],
        [path, text],
      ]);
      await assert.rejects(stored.change(texts), { code: 'bad-setting' }, path);
      assert.equal(settings.now.rooms.calls, true);
    }
    await assert.rejects(stored.change({ adminToken: null }), { code: 'bad-setting' });
  });

  test('a database that was lost gets them back from the data folder; one that has any wins', async () => {
    using folder = openDataFolder();
    {
      await using store = await openTemporaryStore();
      await (await start(store.db, folder.path)).stored.change({ 'record.keep': '30d', 'rooms.keep': '90d' });
    }
    await using store = await openTemporaryStore();
    const { settings, stored } = await start(store.db, folder.path);
    assert.deepEqual([settings.now.record.keep, settings.now.rooms.keep], [30 * DAY_MS, 90 * DAY_MS]);
    await stored.change({ 'record.keep': null });
    using other = openDataFolder();
    const node = await start(store.db, other.path);
    assert.deepEqual([node.settings.now.record.keep, node.settings.now.rooms.keep], [DAY_MS, 90 * DAY_MS]);
    assert.deepEqual(JSON.parse(readFileSync(join(other.path, 'settings.json'), 'utf8')), { 'rooms.keep': '90d' });
  });

  test('a row that this version does not know is left alone', async () => {
    await using store = await openTemporaryStore();
    using folder = openDataFolder();
    await store.db.insertInto('setting').values({ path: 'record.later', value: '1' }).execute();
    await store.db.insertInto('setting').values({ path: 'rooms.calls', value: 'perhaps' }).execute();
    const { settings, stored } = await start(store.db, folder.path);
    assert.equal(settings.now.rooms.calls, true);
    await stored.change({ 'record.keep': '2d' });
    const rows = await store.db.selectFrom('setting').select('path').orderBy('path').execute();
    assert.deepEqual(
      rows.map(({ path }) => path),
      ['record.keep', 'record.later', 'rooms.calls'],
    );
  });

  test('hold on every node of a cluster when the change is answered', async () => {
    await using store = await openTemporaryStore();
    using one = openDataFolder();
    using two = openDataFolder();
    const failed = (error: unknown) => assert.fail(String(error));
    const openNode = async (folder: string) => {
      const changes = new RowChanges({ db: store.db, clock: createSystemClock(), failed });
      return { changes, ...(await start(store.db, folder, {}, changes)) };
    };
    const a = await openNode(one.path);
    const b = await openNode(two.path);
    a.changes.tellBy(() => b.changes.look());
    await a.stored.change({ 'accounts.signUp': 'closed' });
    assert.equal(b.settings.now.accounts.signUp, 'closed');
  });
});
