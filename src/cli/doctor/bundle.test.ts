import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { loadConfig } from '../../config/load.ts';
import { makeBundle } from './bundle.ts';
import { failed } from './finding.ts';
import { printTar } from './tar.ts';

const folder = mkdtempSync(join(tmpdir(), 'oxbow-bundle-'));
after(() => rmSync(folder, { recursive: true }));
const NOW_MS = Date.UTC(2026, 10, 20);

/** Names and texts of a tar that `printTar` made. */
function filesOf(tar: Uint8Array): Readonly<Record<string, string>> {
  const bytes = Buffer.from(tar);
  const files: Record<string, string> = {};
  for (let at = 0; bytes[at] !== 0; ) {
    const name = bytes.toString('utf8', at, at + 100).replace(/\0.*$/s, '');
    const size = Number.parseInt(bytes.toString('latin1', at + 124, at + 135), 8);
    files[name] = bytes.toString('utf8', at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

const hasTar = spawnSync('tar', ['--version']).status === 0;

test('tar reads the archive, with files of any length', { skip: !hasTar && 'no tar' }, () => {
  const lengths = [0, 1, 511, 512, 513, 3000];
  const files = lengths.map((length) => ({ name: `a/${length}.txt`, bytes: Buffer.alloc(length, 'x') }));
  writeFileSync(join(folder, 'a.tar'), printTar(files, NOW_MS));
  const { stdout, stderr } = spawnSync('tar', ['--utc', '--full-time', '-tvf', join(folder, 'a.tar')], {
    encoding: 'utf8',
  });
  assert.equal(stderr, '');
  const lines = stdout.trim().split('\n');
  assert.deepEqual(
    lines.map((line) => line.split(/\s+/).at(2)),
    lengths.map(String),
  );
  assert.match(lines[0]!, /2026-11-20 00:00:00 a\/0\.txt$/);
  assert.throws(() => printTar([{ name: 'x'.repeat(101), bytes: new Uint8Array() }], 0), RangeError);
});

test('a bundle has no secrets of settings, findings, responses and log: no tokens, URLs, headers, cookies', async () => {
  const data = join(folder, 'data');
  mkdirSync(join(data, 'recordings', 'abc'), { recursive: true });
  writeFileSync(join(data, 'recordings', 'abc', 'one.mp4'), 'HIDDEN in media');
  const yaml = join(folder, 'oxbow.yaml');
  writeFileSync(
    yaml,
    `data: ${data}
adminToken: HIDDEN-admin-token
publicUrl: https://u:HIDDEN-public@cam.example
streams:
  door:
    source:
      url: https://HIDDEN-user:HIDDEN%40pass@cam.example/live.m3u8?sig=HIDDEN-query&x=HIDDEN/2#HIDDEN-part
      headers: { Authorization: Bearer HIDDEN-bearer, Cookie: session=HIDDEN-cookie; b=HIDDENvalue, X-Own: HIDDEN-own }
    relays: rtmp://live.example/app/HIDDEN-relay
    healFrom: https://cam.example/HIDDEN-folder/HIDDEN9x9x9.m3u8
  keyed: { source: { url: https://cam.example/live/HIDDENKEY/index.m3u8 } }
`,
  );
  const logFile = join(folder, 'oxbow.log');
  const spill = [
    'HIDDEN-admin-token HIDDEN-user HIDDEN@pass HIDDEN-query HIDDEN-own HIDDENvalue HIDDEN-bearer',
    'GET https://other.example/a.ts?token=HIDDEN-other&n=1 failed',
    'GET rtsp://me:HIDDEN-rtsp@10.0.0.1/1 failed',
    '{"level":"info","cookie":"sid=HIDDEN-json","url":"/t/HIDDEN-signed/live/door/v.m3u8"}',
    'cookie="sid=HIDDEN-text" x=1',
    String.raw`{"msg":"{\"cookie\":\"sid=HIDDEN-nested\"}"}`,
    'Authorization: Basic HIDDENbasic',
    'Set-Cookie: a=HIDDEN-set; Path=/',
    'GET /live/door/v.m3u8?key=HIDDEN-key',
    'GET https://cam.example/live/HIDDENKEY/index.m3u8 and rtmp://live.example/app/HIDDEN-relay failed',
    'GET rtsp://10.0.0.1/user=admin_password=HIDDEN17_channel=1.sdp',
  ].join('\n');
  writeFileSync(logFile, `${spill}\n`);
  const loaded = await loadConfig({ files: [yaml] });
  const bundle = await makeBundle({
    findings: [failed('index', spill, 'Stop oxbow')],
    loaded,
    ask: async (path) =>
      path === '/api/v1/streams'
        ? JSON.stringify({
            items: [{ name: 'door', state: 'waiting', problem: spill, source: { url: 'HIDDEN-source' } }],
          })
        : spill,
    logFile,
    nowMs: NOW_MS,
  });
  const tar = gunzipSync(bundle);
  const files = filesOf(tar);
  for (const [name, text] of Object.entries(files)) assert.doesNotMatch(text, /HIDDEN/, name);
  assert.equal(tar.includes('HIDDEN'), false);
  assert.deepEqual(
    Object.keys(files).map((name) => name.replace('oxbow-support/', '')),
    [
      ...['README.txt', 'settings.json', 'versions.json', 'doctor.json', 'recordings.txt'],
      ...['server/system.json', 'server/health.json', 'server/streams.json', 'server/metrics.txt', 'log.txt'],
    ],
  );
  assert.match(
    files['oxbow-support/settings.json']!,
    /"path": "streams\.door",\s+"description": "",\s+"value": "pull https:\/\/\*\*\*@cam\.example/,
  );
  assert.match(files['oxbow-support/recordings.txt']!, /^15\t.*\tabc\/one\.mp4$/m);
  assert.match(files['oxbow-support/log.txt']!, /GET https:\/\/other\.example\/a\.ts\?\*\*\* failed/);
});

test('a bundle is written and says so if the settings are invalid and no server runs', async () => {
  const bundle = await makeBundle({
    findings: [],
    loaded: undefined,
    ask: async () => assert.fail('connection refused'),
    logFile: join(folder, 'none.log'),
    nowMs: NOW_MS,
  });
  const files = filesOf(gunzipSync(bundle));
  assert.match(files['oxbow-support/settings.json']!, /settings are invalid/);
  assert.equal(files['oxbow-support/server/metrics.txt'], 'not available: connection refused\n');
  assert.match(files['oxbow-support/log.txt']!, /^not available: /);
});
