import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { SettingFacts } from '../config/effective-settings.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { openReloads, type Reconfigured } from './reloads.ts';

const folder = mkdtempSync(join(tmpdir(), 'oxbow-reloads-'));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'oxbow.yaml');
const read = () => loadConfig({ files: [file] });

/** An app that remembers what it was told. */
function fakeApp() {
  const told: Config[] = [];
  const besides: SettingFacts[] = [];
  const lines: [level: string, fields: Record<string, unknown>, message: string][] = [];
  const line = (level: string) => (fields: unknown, message?: string) => {
    lines.push([level, fields as Record<string, unknown>, message ?? '']);
  };
  const app = {
    reconfigure: async (config: Config, facts: SettingFacts = {}) => {
      told.push(config);
      besides.push(facts);
    },
    log: { info: line('info'), warn: line('warn'), error: line('error') },
  } as unknown as Reconfigured;
  return { app, told, besides, lines };
}

test('a wish takes over what may change, says what waits until it waits no more, and comes to rest', async () => {
  writeFileSync(file, 'logLevel: info\n');
  const { app, told, besides, lines } = fakeApp();
  await using reloads = await openReloads([], (await read()).config, read);
  reloads.begin(app);
  writeFileSync(file, 'logLevel: debug\nhttp: 9\n');
  reloads.wish('SIGHUP');
  await reloads.rest;
  assert.deepEqual(
    told.map(({ logLevel, http }) => [logLevel, http.port]),
    [['debug', 8080]],
  );
  assert.deepEqual(
    ['logLevel', 'http'].map((path) => besides[0]?.origins?.get(path)),
    [`${file}:1`, undefined],
    'what waits is still set where it was',
  );
  assert.deepEqual(lines, [
    ['info', { why: 'SIGHUP', taken: ['logLevel'] }, 'settings changed'],
    ['warn', { waiting: ['http'] }, 'these settings changed but wait for a restart'],
  ]);
  writeFileSync(file, 'logLevel: debug\n');
  reloads.wish('SIGHUP');
  await reloads.rest;
  assert.deepEqual(
    besides.map(({ waiting }) => waiting),
    [['http'], []],
    'a change that was taken back waits no more',
  );
});

test('a bad file is one line with file, line, column and nearest key, the running settings stay, and the next good one is taken', async () => {
  writeFileSync(file, 'logLevel: info\n');
  const { app, told, lines } = fakeApp();
  await using reloads = await openReloads([], (await read()).config, read);
  reloads.begin(app);
  writeFileSync(file, 'logLevle: debug\nrecord: { keep: soon }\n');
  reloads.wish('SIGHUP');
  await reloads.rest;
  assert.deepEqual(told, []);
  assert.equal(lines.length, 1);
  const [level, { problems }, message] = lines[0]!;
  assert.equal(level, 'error');
  assert.equal((problems as string[]).length, 2);
  assert.match(message, /the running ones stay: .*oxbow\.yaml:1:1: .*did you mean "logLevel"\?/);
  writeFileSync(file, 'logLevel: warn\n');
  reloads.wish('SIGHUP');
  await reloads.rest;
  assert.deepEqual(
    told.map(({ logLevel }) => logLevel),
    ['warn'],
  );
});

test('settings that could not be taken over as a whole are tried again with the next reading', async () => {
  writeFileSync(file, 'logLevel: info\n');
  const { app, told, lines } = fakeApp();
  let broken = true;
  const reconfigure = async (config: Config) => {
    if (broken) throw new Error('database is locked');
    await app.reconfigure(config);
  };
  await using reloads = await openReloads([], (await read()).config, read);
  reloads.begin({ ...app, reconfigure });
  writeFileSync(file, 'logLevel: warn\n');
  reloads.wish('saved');
  await reloads.rest;
  assert.match(lines[0]![2], /not taken over as a whole: database is locked/);
  broken = false;
  reloads.wish('SIGHUP');
  await reloads.rest;
  assert.deepEqual(
    told.map(({ logLevel }) => logLevel),
    ['warn'],
  );
});

test('what is saved while the server starts is taken over once it runs', async () => {
  writeFileSync(file, 'logLevel: info\n');
  const { app, told } = fakeApp();
  await using reloads = await openReloads([], (await read()).config, read);
  writeFileSync(file, 'logLevel: warn\n');
  reloads.wish('saved');
  assert.equal(told.length, 0);
  reloads.begin(app);
  await reloads.rest;
  assert.equal(told[0]?.logLevel, 'warn');
});
