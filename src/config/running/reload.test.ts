import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { NO_TEXTS } from '../../api/stream/stream-texts.ts';
import { describeSettings } from '../describe.ts';
import { type ConfigSources, finishStream, loadConfig } from '../load.ts';
import type { Config } from '../schema.ts';
import { planReload } from './reload.ts';
import { withValues } from './with-values.ts';

const folder = mkdtempSync(join(tmpdir(), 'oxbow-reload-'));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'oxbow.yaml');

async function load(yaml: string, sources: ConfigSources = {}) {
  writeFileSync(file, yaml);
  return loadConfig({ files: [file], ...sources });
}

test('live settings are applied, others keep their value and are listed as waiting', async () => {
  const { config: before } = await load('record: { keep: 1h }\nhttp: 8080\nlogLevel: info\n');
  const { config, taken, waiting } = planReload(
    before,
    await load('record: { keep: 2h, maxDisk: 5G, sync: off }\nhttp: 9090\nlogLevel: debug\n'),
  );
  assert.deepEqual(taken, ['logLevel', 'record.keep', 'record.maxDisk']);
  assert.deepEqual(waiting, ['http', 'record.sync']);
  assert.equal(config.record.keep, 7_200_000);
  assert.equal(config.record.maxDisk, 5 * 1024 ** 3);
  assert.equal(config.record.sync, 'segment');
  assert.equal(config.http.port, 8080);
  assert.equal(config.logLevel, 'debug');
  assert.deepEqual(before.record.keep, 3_600_000, 'the running settings were not written to');
});

test('every setting is in the plan of a reload, and beside what the browser sets', async () => {
  const loaded = await load('encryption: { streams: aes-128 }\n');
  const { config } = planReload(loaded.config, loaded);
  const rows = (of: Config) => describeSettings({ config: of, origins: new Map() });
  assert.deepEqual(rows(config), rows(loaded.config));
  const changed = withValues(loaded.config, new Map([['record.keep', 7_200_000]]));
  const others = (of: Config) => rows(of).filter(({ path }) => path !== 'record.keep');
  assert.deepEqual(others(changed), others(loaded.config));
});

test('reloading the same settings changes nothing', async () => {
  const yaml = 'pages: { patterns: [{ match: tv, handler: page }] }\nstreams: { a: { source: { type: test } } }\n';
  const { config } = await load(yaml);
  const plan = planReload(config, await load(yaml));
  assert.deepEqual([plan.taken, plan.waiting], [[], []]);
  assert.deepEqual(plan.config, config);
});

test('added, changed and removed streams are listed; those of the command line remain', async () => {
  const urls = ['door=https://cam.example/live.m3u8'];
  const made = '{ source: { type: test } }';
  const { config: before } = await load(`streams: { a: ${made}, b: ${made}, c: ${made} }\n`, { urls });
  const plan = planReload(
    before,
    await load(`streams: { a: ${made}, b: { source: { type: test }, keep: 1h }, d: ${made} }\n`, { urls }),
  );
  assert.deepEqual(plan.taken.toSorted(), ['streams.b', 'streams.c', 'streams.d']);
  assert.deepEqual(Object.keys(plan.config.streams).toSorted(), ['a', 'b', 'd', 'door']);
});

test('a stream stays unlisted while the running server is exposed', async () => {
  const streams = 'streams: { a: { source: { type: test } } }\n';
  const { config: before } = await load(`listen: 0.0.0.0\n${streams}`);
  const { config } = planReload(before, await load(`listen: 127.0.0.1\n${streams}`));
  assert.equal(config.streams.a!.visibility, 'unlisted');
});

test('added, changed and removed services that sign users in are applied', async () => {
  const providers = (...each: string[]) => `identity: { providers: { ${each.join(', ')} } }\n`;
  const github = 'github: { type: github, clientId: one }';
  const { config: before } = await load(providers(github, 'gone: { type: google, clientId: two }'));
  const plan = planReload(
    before,
    await load(providers(github.replace('one', 'other'), 'new: { type: gitlab, clientId: x }')),
  );
  const changed = ['github', 'new', 'gone'].map((name) => `identity.providers.${name}`);
  assert.deepEqual([plan.taken.toSorted(), plan.waiting], [changed.toSorted(), []]);
  assert.equal(plan.config.identity.providers.github!.clientId, 'other');
  assert.deepEqual(Object.keys(plan.config.identity.providers).toSorted(), ['github', 'new']);
});

test('the sample stream continues until a stream is configured', async () => {
  const { config: empty } = await load('');
  const draft = {
    source: { type: 'test' },
    ...NO_TEXTS,
    record: true,
    keep: undefined,
    visibility: 'default',
  } as const;
  const demo = finishStream(draft, 'sample', empty);
  const before: Config = { ...empty, streams: { demo } };
  assert.deepEqual(planReload(before, await load('logLevel: warn\n')).config.streams, { demo });
  const set = planReload(before, await load('streams: { a: { source: { type: test } } }\n'));
  assert.deepEqual(Object.keys(set.config.streams), ['a']);
});

test('no secret is in the rows that describe the settings', async () => {
  const yaml = `
adminToken: hidden-admin-token
publicUrl: https://me:hidden-pass@cam.example
streams:
  door:
    source:
      url: https://me:hidden-pass@cam.example/live.m3u8?key=hidden-key#hidden-part
      headers: { Cookie: a=hidden-cookie }
  keyed: { source: { url: https://cam.example/live/HIDDENKEY/index.m3u8 } }
  old: { source: { url: 'rtsp://cam.example/user=a_password=hidden_channel=1.sdp' } }
`;
  const rows = describeSettings(await load(yaml));
  assert.doesNotMatch(JSON.stringify(rows), /hidden/i);
  const keyed = rows.find(({ path }) => path === 'streams.keyed')!;
  assert.match(keyed.value, /^pull https:\/\/cam\.example\/\*\*\*\/index\.m3u8,/);
  const door = rows.find(({ path }) => path === 'streams.door')!;
  assert.equal(door.value, 'pull https://***@cam.example/live.m3u8?*** with cookie: ***, recorded, unlisted');
  assert.equal(door.origin, `${file}:5`);
  assert.equal(rows.find(({ path }) => path === 'adminToken')!.value, '***');
});
