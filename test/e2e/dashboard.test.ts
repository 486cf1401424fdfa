/**
 * The dashboard in a real Prometheus that scrapes a real oxbow and its edge: each query has series, or needs
 * what is not here.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { need } from '../fixtures/need.ts';
import { openCollector } from '../fixtures/observe/collector.ts';
import { panelQueries } from '../fixtures/observe/dashboard.ts';
import { startPrometheus } from '../fixtures/observe/prometheus.ts';
import { EDGE_TOKEN, startEdge } from '../fixtures/proxies/edge.ts';
import { openFolder, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

/** What a metric needs that this test does not have: its queries may have no series. */
const onlyWith: Readonly<Record<string, string>> = {
  oxbow_gaps_total: 'a gap',
  oxbow_source_failures_total: 'a source that fails',
  oxbow_source_pause_seconds: 'a source that fails',
  oxbow_log_lines_suppressed_total: 'a source that fails often',
  oxbow_publish_rtt_seconds: 'a publisher over SRT',
  oxbow_publish_packets_total: 'a publisher over SRT or WebRTC',
  oxbow_clipped_seconds_total: 'a publisher whose clock differs',
  oxbow_publisher_switches_total: 'two publishers',
  oxbow_sink_lost_frames_total: 'a slow viewer or relay',
  oxbow_tracks_left_out: 'a track that oxbow cannot take',
  oxbow_damage_total: 'a damaged file',
  oxbow_room_messages_in_total: 'people in a room',
  oxbow_refused_total: 'a forged token, or a private address',
  oxbow_room_refused_total: 'people in a room',
  oxbow_room_media_proxy_requests_total: 'a room with a link to another site',
  oxbow_breaker_state: 'Redis, RabbitMQ, PostgreSQL or an object store',
  oxbow_breaker_opened_total: 'Redis, RabbitMQ, PostgreSQL or an object store',
  oxbow_storage_up: 'an object store',
  oxbow_storage_waiting_files: 'an object store',
  oxbow_nodes: 'a cluster',
  oxbow_node_owned: 'a cluster',
  oxbow_node_requests_total: 'a cluster',
  oxbow_node_failures_total: 'a cluster',
  oxbow_telemetry_lost_total: 'a collector that refuses',
  oxbow_error_reports_total: 'errors.webhook',
};

test('each query of the dashboard has series in Prometheus, or needs what is named here', {
  skip: need('prometheus'),
}, async () => {
  await using folder = await openFolder('dashboard');
  await using collector = await openCollector();
  const telemetry = ['--telemetry-otlp', collector.url, '--telemetry-sample', '100'];
  await using server = await startServer({
    data: `${folder.path}/data`,
    args: [...smallPicture, ...telemetry],
    adminToken: EDGE_TOKEN,
    sample: false,
  });
  const post = async (path: string, body?: object) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await server.fetch(path, { method: 'POST', ...(body && { headers, body: JSON.stringify(body) }) });
    assert.ok(answer.ok, `${path}: ${await answer.text()}`);
  };
  const receiver = createServer((_, response) => response.writeHead(204).end());
  await once(receiver.listen(0, '127.0.0.1'), 'listening');
  await using _receiver = { [Symbol.asyncDispose]: async () => void receiver.close().closeAllConnections() };
  const { port } = receiver.address() as AddressInfo;
  await post('/api/v1/webhooks', { url: `http://127.0.0.1:${port}/`, types: ['job.done'] });
  await post('/api/v1/streams', { name: 'cam', source: { type: 'test' }, visibility: 'public' });
  await server.stream('cam', 'live');
  await using edge = await startEdge(server.url);
  await using prometheus = await startPrometheus({
    folder: folder.path,
    targets: [server.url, edge.url].map((url) => new URL(url).host),
    token: EDGE_TOKEN,
  });
  const view = async (base: string, path: string) => {
    const answer = await fetch(base + path, { headers: { 'cmcd-session': 'sid="player-1"', 'cmcd-object': 'ot=m' } });
    await answer.arrayBuffer();
    return answer.status;
  };
  for (const base of [server.url, edge.url]) assert.equal(await view(base, '/live/cam/index.m3u8'), 200);
  await until('it is recorded', async () => (await server.timeline('cam')).spans.length > 0);
  const toMs = Date.now();
  const range = { from: new Date(toMs - 5000).toISOString(), to: new Date(toMs).toISOString() };
  await post('/api/v1/exports', { stream: 'cam', ...range, format: 'mp4' });

  await until('each query has series', async () => {
    const results = await Promise.all(
      panelQueries.map(async ({ title, expr }) => {
        const name = /oxbow_[a-z_]+?(?=_bucket\b|[{[)]|$)/.exec(expr)![0];
        return { title, name, expr, count: (await prometheus.query(expr)).length };
      }),
    );
    const missing = results.filter(({ name, count }) => count === 0 && !(name in onlyWith));
    if (missing.length > 0) throw new Error(missing.map(({ title, expr }) => `${title}: ${expr}`).join('\n'));
    return true;
  });
});
