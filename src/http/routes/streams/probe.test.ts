/** Waits for wall time: the probed address is on a real socket. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { until } from '../../../../test/fixtures/wait.ts';
import type { ProblemView } from '../../../api/shapes.ts';
import { createLog } from '../../../observe/log.ts';
import { asAdmin, shareTestServer, startTestServer } from '../../fixture.ts';

const body = JSON.stringify({ url: 'https://cam.example/live.m3u8' });
const headers = { 'content-type': 'application/json', ...asAdmin };

suite('POST /api/v1/probe', () => {
  const server = shareTestServer();

  test('probes a source for administrators', async () => {
    const response = await fetch(`${server().url}/api/v1/probe`, { method: 'POST', headers, body });
    assert.equal(response.status, 200);
    assert.equal(((await response.json()) as { container: string }).container, 'mpegts');
    assert.deepEqual(server().calls, ['probe(https://cam.example/live.m3u8)']);
  });

  test('is refused to others, and accepts only a URL and a quality', async () => {
    const anyone = { 'content-type': 'application/json' };
    const refused = await fetch(`${server().url}/api/v1/probe`, { method: 'POST', headers: anyone, body });
    assert.equal(refused.status, 401);
    for (const wrong of ['{}', '{"url":7}', '{"url":""}', '{"url":"https://x","headers":{}}']) {
      const response = await fetch(`${server().url}/api/v1/probe`, { method: 'POST', headers, body: wrong });
      assert.deepEqual([response.status, ((await response.json()) as ProblemView).code], [400, 'bad-request'], wrong);
    }
    assert.deepEqual(server().calls, []);
  });
});

test('a probe ends when the client disconnects, and no failure is logged', async () => {
  let seen: AbortSignal | undefined;
  const lines: string[] = [];
  const log = createLog({ level: 'debug', format: 'json', write: (line) => lines.push(line) });
  await using server = await startTestServer({
    log,
    probe(_request, { signal }) {
      seen = signal;
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    },
  });
  const controller = new AbortController();
  const asking = fetch(`${server.url}/api/v1/probe`, { method: 'POST', headers, body, signal: controller.signal });
  await until('the look has begun', () => seen);
  assert.equal(seen!.aborted, false);
  controller.abort();
  await assert.rejects(asking, { name: 'AbortError' });
  await until('the look has ended', () => seen!.aborted);
  const line = await until('the log line', () => lines.find((each) => each.includes('"where"')));
  assert.match(line, /"level":"debug".*The client disconnected before the answer was sent/);
  assert.match(await server.deps.metrics.print(), /^oxbow_bugs_total 0$/m);
});
