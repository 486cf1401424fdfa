import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { test } from 'node:test';
import { startEngine } from '../fixtures/engines/engine-process.ts';
import { freePort } from '../fixtures/free-port.ts';
import { need, pathOf } from '../fixtures/need.ts';
import { startPrometheus } from '../fixtures/observe/prometheus.ts';
import { openFolder, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

interface Notification {
  readonly alerts: readonly {
    readonly status: 'firing' | 'resolved';
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  }[];
}

const adminToken = 'let-me-in-please';

test('a stream that is down and a full disk reach the receiver of Alertmanager, and so does their end', {
  skip: need('prometheus') || need('prometheus-alertmanager'),
}, async () => {
  await using folder = await openFolder('alerts');
  const file = (name: string) => join(folder.path, name);
  const received: string[] = [];
  const receiver = createServer(async (request, response) => {
    const { alerts } = (await json(request)) as Notification;
    for (const { status, labels, annotations } of alerts) {
      assert.match(annotations.runbook!, /^docs\/9-run\/alerts\.md#/);
      received.push(`${status} ${labels.alertname} ${labels.stream ?? ''}`.trim());
    }
    response.end();
  });
  await once(receiver.listen(0, '127.0.0.1'), 'listening');
  const hook = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
  const settings = (minFree: string) => writeFile(file('oxbow.yaml'), `record: { minFree: ${minFree} }\n`);
  await settings('1M');
  const args = [...smallPicture, '--config', file('oxbow.yaml')];
  await using server = await startServer({ data: file('data'), args, adminToken, sample: false });
  const post = (path: string, body?: object) =>
    server.fetch(path, {
      method: 'POST',
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
  assert.equal((await post('/api/v1/streams', { name: 'cam', source: { type: 'test' } })).status, 201);
  await server.stream('cam', 'live');

  const alertPort = await freePort();
  // The rules as they are shipped, but a moment is enough.
  const rules = await readFile(new URL('../../deploy/prometheus/alerts.yaml', import.meta.url), 'utf8');
  await writeFile(file('alerts.yaml'), rules.replace(/\bfor: \d+m/g, 'for: 1s'));
  await writeFile(
    file('alertmanager.yml'),
    `route: { receiver: test, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h }
receivers: [{ name: test, webhook_configs: [{ url: '${hook}', send_resolved: true }] }]
`,
  );
  await using _alertmanager = startEngine(pathOf('prometheus-alertmanager')!, [
    ...[`--config.file=${file('alertmanager.yml')}`, `--storage.path=${file('alertmanager')}`],
    ...[`--web.listen-address=127.0.0.1:${alertPort}`, '--cluster.listen-address='],
  ]);
  await using prometheus = await startPrometheus({
    folder: folder.path,
    targets: [new URL(server.url).host],
    token: adminToken,
    more: `rule_files: [alerts.yaml]
alerting: { alertmanagers: [{ static_configs: [{ targets: ['127.0.0.1:${alertPort}'] }] }] }
`,
  });
  const arrives = (line: string) =>
    until(line, () => {
      if (prometheus.engine.hasEnded) throw new Error(prometheus.engine.output());
      if (!received.includes(line)) throw new Error(received.join(', '));
      return true;
    });
  await until('Prometheus has scraped oxbow', async () => {
    const [live] = await prometheus.query('oxbow_stream_live');
    return live?.value[1] === '1';
  });

  await post('/api/v1/streams/cam/stop');
  await arrives('firing OxbowStreamDown cam');
  await post('/api/v1/streams/cam/start');
  await arrives('resolved OxbowStreamDown cam');
  await settings('900T');
  process.kill(server.pid, 'SIGHUP');
  await arrives('firing OxbowRecordingPaused');
  await settings('1M');
  process.kill(server.pid, 'SIGHUP');
  await arrives('resolved OxbowRecordingPaused');
  receiver.closeAllConnections();
  receiver.close();
});
