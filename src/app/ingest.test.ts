import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Config } from '../config/schema.ts';
import { createSilentLog } from '../observe/log.ts';
import { BONDED_FILE } from '../store/file-names.ts';
import { configOfProcess } from './cluster/processes.ts';
import { openIngest } from './ingest.ts';

test('a server without bonded senders keeps no links of a server before', async () => {
  const dataFolder = mkdtempSync(join(tmpdir(), 'oxbow-ingest-'));
  try {
    writeFileSync(join(dataFolder, BONDED_FILE), '{"atMs":1,"groups":[]}');
    const off = { rtmp: 'off', rtmps: 'off', srt: 'off', srtla: 'off', rtsp: 'off', webrtc: 'off' };
    const config = { ...off, rtmpLimits: { connections: 1, perAddress: 1, idle: 1 } };
    const settings = { now: config };
    const shutdown = { leaving: new AbortController().signal };
    const app = { config, settings, dataFolder, shutdown, clock: { nowMs: () => 0 }, log: createSilentLog() };
    await openIngest(app as never, { publishPorts: {} } as never);
    assert.equal(existsSync(join(dataFolder, BONDED_FILE)), false);
  } finally {
    rmSync(dataFolder, { recursive: true });
  }
});

test('only one process of several opens the port of bonded senders, if the supervisor does not have it', () => {
  const endpoint = { address: '127.0.0.1', port: 5000 };
  const http = { address: '127.0.0.1', port: 8080 };
  const config = { http, srtla: endpoint, webrtc: 'off', rtp: 'off', cluster: { takeover: 1 } } as unknown as Config;
  const portOf = (number: number, srtla: object | undefined) => {
    const names = ['process-1', 'process-2'];
    const start = { name: names[number], names, isFirst: false, ports: { srtla: 5000 }, srtla };
    return configOfProcess(config, { link: { start }, internal: { port: 1 } } as never).srtla;
  };
  assert.deepEqual([portOf(0, undefined), portOf(1, undefined)], [endpoint, 'off']);
  assert.deepEqual([portOf(0, {}), portOf(1, {})], [endpoint, endpoint]);
});
