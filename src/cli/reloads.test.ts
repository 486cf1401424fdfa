import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadConfig } from '../config/load.ts';
import type { SettingFacts } from '../config/running/effective-settings.ts';
import type { Config } from '../config/schema.ts';
import { openReloads, type Reconfigured } from './reloads.ts';

const folder = mkdtempSync(join(tmpdir(), 'oxbow-reloads-'));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'oxbow.yaml');
const read = () => loadConfig({ files: [file] });

/** An app that remembers the applied settings. */
function fakeApp() {
  const applied: Config[] = [];
  const besides: SettingFacts[] = [];
  const lines: [level: string, fields: Record<string, unknown>, message: string][] = [];
  const line = (level: string) => (fields: unknown, message?: string) => {
    lines.push([level, fields as Record<string, unknown>, message ?? '']);
  };
  const app = {
    reconfigure: async (config: Config, facts: SettingFacts = {}) => {
      applied.push(config);
      besides.push(facts);
    },
    log: { info: line('info'), warn: line('warn'), error: line('error') },
  } as unknown as Reconfigured;
  return { app, applied, besides, lines };
}

test('a reload applies live settings and logs those that need a restart until they are reverted', async () => {
  writeFileSync(file, 'logLevel: info\n');
  const { app, applied, besides, lines } = fakeApp();
  await using reloads = await openReloads([], (await read()).config, read);
  reloads.begin(app);
  writeFileSync(file, 'logLevel: debug\nhttp: 9\n');
  reloads.request('SIGHUP');
  await reloads.rest;
  assert.deepEqual(
    applied.map(({ logLevel, http }) => [logLevel, http.port]),
    [['debug', 8080]],
  );
  assert.deepEqual(
    ['logLevel', 'http'].map((path) => besides[0]?.origins?.get(path)),
    [`${file}:1`, undefined],
    'a setting that needs a restart keeps its origin',
  );
  assert.deepEqual(lines, [
    ['info', { why: 'SIGHUP', taken: ['logLevel'] }, 'settings changed'],
    ['warn', { waiting: ['http'] }, 'settings changed that need a restart'],
  ]);
  writeFileSync(file, 'logLevel: debug\n');
  reloads.request('SIGHUP');
  await reloads.rest;
  assert.deepEqual(
    besides.map(({ waiting }) => waiting),
    [['http'], []],
    'a reverted change needs no restart',
  );
});

test('an invalid file is one log line with file, line, column and nearest key; the settings stay, and the next valid file is applied', async () => {
  writeFileSync(file, 'logLevel: info\n');
  const { app, applied, lines } = fakeApp();
  await using reloads = await openReloads([], (await read()).config, read);
  reloads.begin(app);
  writeFileSync(file, 'logLevle: debug\nrecord: { keep: soon }\n');
  reloads.request('SIGHUP');
  await reloads.rest;
  assert.deepEqual(applied, []);
  assert.equal(lines.length, 1);
  const [level, { problems }, message] = lines[0]!;
  assert.equal(level, 'error');
  assert.equal((problems as string[]).length, 2);
  assert.match(message, /the current ones stay: .*oxbow\.yaml:1:1: .*did you mean "logLevel"\?/);
  writeFileSync(file, 'logLevel: warn\n');
  reloads.request('SIGHUP');
  await reloads.rest;
  assert.deepEqual(
    applied.map(({ logLevel }) => logLevel),
    ['warn'],
  );
});

test('settings that could not be applied are tried again at the next reload', async () => {
  writeFileSync(file, 'logLevel: info\n');
  const { app, applied, lines } = fakeApp();
  let broken = true;
  const reconfigure = async (config: Config) => {
    if (broken) throw new Error('database is locked');
    await app.reconfigure(config);
  };
  await using reloads = await openReloads([], (await read()).config, read);
  reloads.begin({ ...app, reconfigure });
  writeFileSync(file, 'logLevel: warn\n');
  reloads.request('saved');
  await reloads.rest;
  assert.match(lines[0]![2], /could not be applied completely: database is locked/);
  broken = false;
  reloads.request('SIGHUP');
  await reloads.rest;
  assert.deepEqual(
    applied.map(({ logLevel }) => logLevel),
    ['warn'],
  );
});

test('a change during the start is applied when the server runs', async () => {
  writeFileSync(file, 'logLevel: info\n');
  const { app, applied } = fakeApp();
  await using reloads = await openReloads([], (await read()).config, read);
  writeFileSync(file, 'logLevel: warn\n');
  reloads.request('saved');
  assert.equal(applied.length, 0);
  reloads.begin(app);
  await reloads.rest;
  assert.equal(applied[0]?.logLevel, 'warn');
});
