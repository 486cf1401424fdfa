import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { FormatError } from '@oxbow/media/errors';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { settingsJsonSchema } from './json-schema.ts';
import { listSettings, nearest } from './names.ts';
import { schema } from './schema.ts';

const settings = listSettings(schema);

test('key, flag and variable are derived from the path in the table; a setting can have its own flag', () => {
  const part = settings.find(({ path }) => path === 'hls.partDuration')!;
  assert.deepEqual([part.flag, part.variable], ['hls-part-duration', 'OXBOW_HLS_PART_DURATION']);
  const keep = settings.find(({ path }) => path === 'record.keep')!;
  assert.deepEqual([keep.flag, keep.variable], ['keep', 'OXBOW_RECORD_KEEP']);
});

test('no two settings share a flag or a variable, each has a sentence, each default prints as something that reads the same', () => {
  assert.equal(new Set(settings.map(({ flag }) => flag)).size, settings.length);
  assert.equal(new Set(settings.map(({ variable }) => variable)).size, settings.length);
  for (const { path, option } of settings) {
    assert.match(option.sentence, /^[A-Z].*\.$/, path);
    assert.deepEqual(option.parse(option.print(option.initial)), option.initial, path);
  }
});

test('the flags that the documentation promises exist', () => {
  const flags = new Set(settings.map(({ flag }) => flag));
  for (const promised of [
    'data',
    'listen',
    'http',
    'public-url',
    'keep',
    'max-disk',
    'min-free',
    'threads',
    'processes',
    'log-level',
    'admin-token',
    'rtmp',
    'srt',
    'rtp',
    'webrtc',
  ]) {
    assert.ok(flags.has(promised), promised);
  }
});

test('the JSON Schema describes every setting and refuses unknown keys', () => {
  const document = settingsJsonSchema() as {
    properties: Record<string, { properties?: object; additionalProperties?: unknown; default?: string }>;
  };
  assert.deepEqual(Object.keys(document.properties.record!.properties!), [
    'keep',
    'sync',
    'maxDisk',
    'storyboard',
    'minFree',
    'verifyEvery',
    'verifyRate',
  ]);
  assert.equal(document.properties.record!.additionalProperties, false);
  assert.equal(document.properties.data!.default, './oxbow-data');
  assert.equal(typeof document.properties.streams!.additionalProperties, 'object');
});

test('the JSON Schema accepts what oxbow accepts, and rejects what oxbow rejects', () => {
  const check = new Ajv2020({ strict: false }).compile(settingsJsonSchema());
  const good = {
    listen: '0.0.0.0',
    http: 8080,
    logLevel: 'debug',
    record: { keep: '24h', maxDisk: '200G', minFree: 'off' },
    hls: null,
    trustedProxies: ['10.0.0.0/8'],
    net: { allow: '10.0.0.0/8, fd00::/8' },
    streams: {
      door: {
        source: { type: 'pull', url: 'https://cam.example/' },
        keep: '7d',
        visibility: 'unlisted',
        title: 'Front door',
      },
    },
    pages: { patterns: [{ match: '^https://tv', handler: 'page' }] },
  };
  assert.equal(check(good), true, JSON.stringify(check.errors));
  for (const wrong of [
    { recrod: {} },
    { record: { kepe: '1h' } },
    { logLevel: 'loud' },
    { jobs: { parallel: 99 } },
    { streams: { door: { keeep: '1h' } } },
    { streams: { door: { title: 'x'.repeat(121) } } },
  ]) {
    assert.equal(check(wrong), false, JSON.stringify(wrong));
  }
});

test('each setting declares whether a running server applies it, also in the schema; its default has its type', () => {
  const { properties } = settingsJsonSchema() as {
    properties: Record<string, Record<string, unknown> & { properties: Record<string, Record<string, unknown>> }>;
  };
  assert.equal(properties.logLevel!['x-reload'], 'live');
  assert.equal(properties.streams!['x-reload'], 'live');
  assert.equal(properties.http!['x-reload'], 'restart');
  assert.equal(properties.record!.properties.keep!['x-reload'], 'live');
  assert.equal(properties.jobs!.properties.parallel!.default, 1);
});

test('a size is printed in the largest unit that it is a whole number of', () => {
  const { option } = settings.find(({ path }) => path === 'record.maxDisk')!;
  for (const text of ['200G', '1536M', '2T', '1025', '3K', '0', 'off']) {
    assert.equal(option.print(option.parse(text)), text);
  }
});

test('the least free space prints its default if it is not set; off is 0', () => {
  const { option } = settings.find(({ path }) => path === 'record.minFree')!;
  assert.equal(option.print(option.initial), '1G or 2 % of the disk, the smaller');
  assert.deepEqual([option.parse(''), option.parse('off'), option.parse('10G')], [undefined, 0, 10 * 1024 ** 3]);
});

test('the nearest name is found for a typing error, and none for another word', () => {
  assert.equal(nearest('kepe', ['keep', 'sync', 'maxDisk']), 'keep');
  assert.equal(nearest('maxdisk', ['keep', 'sync', 'maxDisk']), 'maxDisk');
  assert.equal(nearest('zebra', ['keep', 'sync', 'maxDisk']), undefined);
  assert.equal(nearest('FOO', ['SRT', 'RTP', 'LISTEN']), undefined);
  assert.equal(nearest('LISEN', ['SRT', 'RTP', 'LISTEN']), 'LISTEN');
});

test('processes are a number, or one for each core', () => {
  const { option } = settings.find(({ path }) => path === 'processes')!;
  assert.equal(option.parse('3'), 3);
  assert.equal(option.parse('auto'), Math.min(64, availableParallelism()));
  for (const wrong of ['0', '65', 'all', '1.5', '']) assert.throws(() => option.parse(wrong), FormatError, wrong);
});
