import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { NO_TEXTS } from '../../api/stream/stream-texts.ts';
import { loadConfig } from '../../config/load.ts';
import { createSystemClock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { StreamInput } from '../../live/input.ts';
import type { Net } from '../../net/net.ts';
import { createLog, createSilentLog, type Log } from '../../observe/log.ts';
import { createMetrics } from '../../observe/metrics.ts';
import type { ClientDefinition } from '../stream-deps.ts';
import { runSource } from './sources.ts';

const definition: ClientDefinition = {
  id: 'x',
  name: 'door',
  source: { type: 'pull', url: 'http://127.0.0.1:9/live.m3u8', headers: {} },
  origin: 'api',
  ...NO_TEXTS,
  record: true,
  keepMs: undefined,
  visibility: 'public',
  visibilityIsSet: false,
  createdUs: 0,
  stopped: false,
  paused: false,
};

/** Runs the source against a network that always fails with `error`, until `enough` gaps are reported. */
async function gapsOf(error: () => Error, enough: number, log = createSilentLog(), of = definition): Promise<string[]> {
  using metrics = createMetrics();
  const { config } = await loadConfig({});
  const controller = new AbortController();
  const gaps: string[] = [];
  const input: StreamInput = {
    startRun() {},
    publish() {},
    flush() {},
    damage() {},
    absent(cause, detail) {
      gaps.push(`${cause}: ${detail}`);
      if (gaps.length === enough) controller.abort();
    },
  };
  const net = { fetch: () => Promise.reject(error()) } as unknown as Net;
  const deps = { clock: createSystemClock(), log, settings: { now: config }, metrics, net };
  assert.equal(await runSource(deps, of, input, { signal: controller.signal }), 'stopped');
  const bugs = (await metrics.bugs.get()).values[0]?.value ?? 0;
  return gaps.map((line) => (line.includes('internal error') ? `${line} (${bugs})` : line));
}

suite('a pulled source', () => {
  test('that is down is source-down', async () => {
    const gaps = await gapsOf(() => new OxbowError('source-failed', 'HTTP 404 live.m3u8'), 1);
    assert.match(gaps[0]!, /^source-down: .*HTTP 404 live\.m3u8/);
  });

  test('has stream and address in each log line, without secrets of the address', async () => {
    const lines: string[] = [];
    const log = createLog({ level: 'debug', write: (line) => lines.push(line) });
    const url = 'http://me:hidden@127.0.0.1:9/live.m3u8?key=hidden#hidden';
    const secret = { ...definition, source: { type: 'pull', url, headers: { 'X-Word': 'hidden' } } } as const;
    await gapsOf(() => new OxbowError('source-failed', 'HTTP 404 live.m3u8'), 1, log, secret);
    log.flush();
    assert.ok(lines.length > 0);
    for (const line of lines) {
      const fields = JSON.parse(line) as Record<string, unknown>;
      assert.deepEqual([fields.stream, fields.url], ['door', 'http://127.0.0.1:9/live.m3u8']);
      assert.doesNotMatch(line, /hidden/);
    }
  });

  test('that fails because of a bug is read again later, and the bug is counted', async () => {
    const warn = () => {
      throw new TypeError('warn is not a function');
    };
    const own = { debug() {}, info() {}, warn, error() {} };
    const log = { child: () => own } as unknown as Log;
    const gaps = await gapsOf(() => new OxbowError('source-failed', 'HTTP 404 live.m3u8'), 2, log);
    assert.equal(gaps[1], 'internal: an internal error ended the source; the log has the details (1)');
  });

  test('with a refused address is bad-media, and aborting ends the long pause', async () => {
    const gaps = await gapsOf(() => new OxbowError('address-refused', '10.0.0.1 is private'), 1);
    assert.equal(gaps.length, 1);
    assert.match(gaps[0]!, /^bad-media: .*private/);
  });

  test('that was aborted before it began does nothing', async () => {
    using metrics = createMetrics();
    const { config } = await loadConfig({});
    const deps = {
      clock: createSystemClock(),
      log: createSilentLog(),
      settings: { now: config },
      metrics,
      net: {} as Net,
    };
    const input = {} as StreamInput;
    assert.equal(await runSource(deps, definition, input, { signal: AbortSignal.abort() }), 'stopped');
  });
});
