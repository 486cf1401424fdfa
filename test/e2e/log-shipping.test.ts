/**
 * The recipe for rsyslog in deploy/rsyslog: lines of a real oxbow reach a collector as they were printed,
 * through rotation and restarts.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, open, readFile, truncate, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { startEngine } from '../fixtures/engines/engine-process.ts';
import { freePort } from '../fixtures/free-port.ts';
import { need, pathOf } from '../fixtures/need.ts';
import { main, openFolder } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const adminToken = 'let-me-in-please';
const recipe = new URL('../../deploy/rsyslog/oxbow.conf', import.meta.url);

/** A collector that reads lines. */
async function openCollector(port: number, lines: string[]): Promise<AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    createInterface({ input: socket }).on('line', (line) => lines.push(line));
  });
  await once(server.listen(port, '127.0.0.1'), 'listening');
  return {
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      if (server.listening) await once(server, 'close');
    },
  };
}

test('lines reach the collector of rsyslog with trace id, level and fields, through its restart and a rotation of the file', {
  skip: need('rsyslogd'),
}, async () => {
  await using folder = await openFolder('rsyslog');
  const at = (...names: string[]) => join(folder.path, ...names);
  const [http, port] = [await freePort(), await freePort()];
  const log = at('oxbow.log');
  await mkdir(at('spool'));
  await mkdir(at('data'));
  await writeFile(at('data', 'not-empty'), ''); // no sample stream
  const written = await readFile(recipe, 'utf8');
  const changed = written
    .replaceAll('/var/spool/rsyslog', at('spool'))
    .replaceAll('/var/log/oxbow/oxbow.log', log)
    .replace('logs.example', '127.0.0.1')
    .replace('5170', String(port))
    .replace('action.resumeInterval="5"', 'action.resumeInterval="1"');
  await writeFile(at('rsyslog.conf'), changed);

  await using file = await open(log, 'a');
  const off = ['rtmp', 'srt', 'webrtc'].flatMap((each) => [`--${each}`, 'off']);
  const args = ['serve', '--data', at('data'), '--http', `127.0.0.1:${http}`, '--admin-token', adminToken, ...off];
  const oxbow = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'ignore', file.fd] });
  const closed = once(oxbow, 'close');
  const startRsyslog = () =>
    startEngine(pathOf('rsyslogd')!, ['-n', '-f', at('rsyslog.conf'), '-i', at('rsyslog.pid')]);
  const lines: string[] = [];
  let collector = await openCollector(port, lines);
  let rsyslog = startRsyslog();
  try {
    /** A request that oxbow logs; returns its trace id. */
    const request = async (digit: string) => {
      const id = digit.repeat(32);
      const headers = { authorization: `Bearer ${adminToken}`, traceparent: `00-${id}-b7ad6b7169203331-00` };
      const url = `http://127.0.0.1:${http}/api/v1/streams/door/restart`;
      // Until it is ready, the API answers with 503.
      await until('oxbow is ready', async () => (await fetch(`http://127.0.0.1:${http}/ready`)).ok);
      assert.equal((await fetch(url, { method: 'POST', headers })).status, 404);
      return id;
    };
    const arrives = (id: string) =>
      until(`line ${id[0]} arrives`, () => {
        if (rsyslog.hasEnded) throw new Error(rsyslog.output());
        return lines.find((line) => line.includes(id));
      });
    const { level, request: what, status, traceId } = JSON.parse(await arrives(await request('1')));
    assert.deepEqual(
      [level, what, status, traceId],
      ['info', 'POST /api/v1/streams/door/restart', 404, '1'.repeat(32)],
    );

    await collector[Symbol.asyncDispose]();
    const away = await request('2');
    await until('it is in the file', async () => (await readFile(log, 'utf8')).includes(away));
    collector = await openCollector(port, lines);
    await arrives(away);

    await rsyslog.kill('SIGTERM');
    const waiting = await request('3');
    rsyslog = startRsyslog();
    await arrives(waiting);

    // As logrotate with copytruncate.
    const before = await readFile(log, 'utf8');
    await copyFile(log, at('oxbow.log.1'));
    await truncate(log);
    await arrives(await request('4'));
    const after = await readFile(log, 'utf8');
    const printed = (before + after).trim().split('\n');
    await until('all lines have arrived', () => printed.every((line) => lines.includes(line)));
    assert.equal(new Set(lines).size, lines.length, 'none came twice');
  } finally {
    oxbow.kill('SIGTERM');
    await closed;
    await rsyslog.kill();
    await collector[Symbol.asyncDispose]();
  }
});
