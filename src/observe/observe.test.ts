import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { openVirtualTime } from '../../test/fixtures/virtual-time.ts';
import { createHealth, worstReport } from './health.ts';
import { metricTable } from './metric-table.ts';
import { createMetrics } from './metrics.ts';
import { parseTraceparent, traceIdOf } from './traces/trace.ts';

suite('metrics', () => {
  test('every row of the table is printed with help and type, in base units', async () => {
    using metrics = createMetrics();
    const printed = await metrics.print();
    const rows = Object.values(metricTable);
    assert.equal(new Set(rows.map(({ name }) => name)).size, rows.length);
    for (const { name, type, help } of rows) {
      assert.ok(printed.includes(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`), name);
      assert.match(help, /\.$/);
      assert.equal(name.endsWith('_total'), type === 'counter', name);
      if (type === 'histogram') assert.match(name, /_(seconds|bytes)$/);
    }
  });

  test('values are printed with their labels, and two registries share nothing', async () => {
    using metrics = createMetrics();
    using other = createMetrics();
    metrics.gaps.inc({ stream: 'door', cause: 'source-down' });
    metrics.syncSeconds.observe(0.004);
    assert.match(await metrics.print(), /^oxbow_gaps_total\{stream="door",cause="source-down"\} 1$/m);
    assert.match(await metrics.print(), /^oxbow_sync_seconds_bucket\{le="0.005"\} 1$/m);
    assert.doesNotMatch(await other.print(), /source-down/);
  });

  test('a value that cannot be read keeps the last one, and the others are there', async () => {
    using metrics = createMetrics();
    metrics.beforeScrape(async () => {
      throw new Error('the database does not respond');
    });
    metrics.beforeScrape(() => metrics.streams.set({ state: 'live' }, 3));
    const text = await metrics.print();
    assert.match(text, /^oxbow_streams\{state="live"\} 3$/m);
    assert.match(text, /^oxbow_scrape_errors_total 1$/m);
  });

  test('values that are cheaper to read are read at each scrape, until stopped', async () => {
    using metrics = createMetrics();
    let reads = 0;
    const stop = metrics.beforeScrape(() => metrics.streams.set({ state: 'live' }, ++reads));
    await metrics.print();
    assert.match(await metrics.print(), /^oxbow_streams\{state="live"\} 2$/m);
    stop();
    await metrics.print();
    assert.equal(reads, 2);
  });

  test('a removed stream leaves no series', async () => {
    using metrics = createMetrics();
    for (const stream of ['door', 'gate']) {
      metrics.frames.inc({ stream }, 5);
      metrics.gaps.inc({ stream, cause: 'disk' });
      metrics.recordingLagSeconds.set({ stream }, 0.1);
    }
    metrics.forgetStream('door');
    const printed = await metrics.print();
    assert.doesNotMatch(printed, /"door"/);
    assert.equal(printed.match(/"gate"/g)?.length, 3);
  });

  test('the process reports its CPU time, memory and lag', async () => {
    using metrics = createMetrics();
    const printed = await metrics.print();
    assert.match(printed, /^oxbow_cpu_seconds_total \d+\.\d+$/m);
    assert.match(printed, /^oxbow_resident_memory_bytes \d{7,}$/m);
    for (const what of ['heap', 'external', 'array_buffer'])
      assert.match(printed, new RegExp(`^oxbow_${what}_bytes\\{thread="main"\\} \\d+$`, 'm'));
    assert.match(printed, /^oxbow_event_loop_lag_seconds\{thread="main",quantile="0.99"\} /m);
  });
});

suite('health', () => {
  test('of several processes is the worst of each check, in one list', () => {
    const check = (name: string, status: 'ok' | 'degraded' | 'failing', detail: string) => ({
      name,
      status,
      detail,
      tookMs: 1,
    });
    const report = worstReport([
      { status: 'degraded', checks: [check('disk', 'ok', 'a'), check('buckets', 'degraded', 'a')] },
      {
        status: 'failing',
        checks: [check('disk', 'failing', 'b'), check('buckets', 'ok', 'b'), check('own', 'ok', '')],
      },
      { status: 'ok', checks: [check('disk', 'ok', 'c'), check('buckets', 'degraded', 'c')] },
    ]);
    assert.equal(report.status, 'failing');
    const shown = report.checks.map(({ name, status, detail }) => `${name} ${status} ${detail}`.trim());
    assert.deepEqual(shown, ['disk failing b', 'buckets degraded a', 'own ok']);
  });

  test('without checks the result is ok', async () => {
    assert.deepEqual(await createHealth().checkHealth(), { status: 'ok', checks: [] });
  });

  test('one failing check is enough, whether it throws, rejects or takes too long', async () => {
    const broken = () => {
      throw new Error('broken');
    };
    for (const [check, detail, endMs] of [
      [broken, 'broken', 0],
      [async () => broken(), 'broken', 0],
      [() => new Promise<undefined>(() => {}), 'no answer within 2000 ms', 2000],
    ] as const) {
      using time = openVirtualTime();
      const health = createHealth();
      health.register('good', () => undefined);
      health.register('bad', check);
      const { status, checks } = await time.settled('the result', health.checkReady());
      assert.equal(time.nowMs, endMs);
      assert.equal(status, 'failing');
      assert.deepEqual(
        checks.map((one) => [one.name, one.status]),
        [
          ['good', 'ok'],
          ['bad', 'failing'],
        ],
      );
      assert.equal(checks[1]!.detail, detail);
    }
  });

  test('a check that degrades makes the result degraded, unless another one fails', async () => {
    const health = createHealth();
    health.register('disk', () => Promise.reject(new Error('full')), { degrades: true });
    assert.equal((await health.checkReady()).status, 'degraded');
    health.register('database', () => Promise.reject(new Error('closed')));
    assert.equal((await health.checkReady()).status, 'failing');
  });

  test('a check that takes too long is aborted', async () => {
    const health = createHealth();
    using time = openVirtualTime();
    let abortedAtMs: number | undefined;
    const abort = () => {
      abortedAtMs = time.nowMs;
    };
    health.register('slow', ({ signal }) => new Promise(() => signal.addEventListener('abort', abort)));
    await time.settled('the result', health.checkHealth());
    assert.equal(abortedAtMs, 2000);
  });

  test('concurrent callers share a run, and unregistered checks do not run', async () => {
    const health = createHealth();
    let runs = 0;
    const unregister = health.register('counted', () => `${++runs}`);
    await Promise.all([health.checkReady(), health.checkReady()]);
    assert.equal(runs, 1);
    await health.checkReady();
    assert.equal(runs, 2);
    unregister();
    assert.deepEqual((await health.checkReady()).checks, []);
  });
});

suite('trace ids (W3C Trace Context 3.2)', () => {
  const id = '0af7651916cd43dd8448eb211c80319c';

  test('a valid traceparent gives its trace id, also of a future version', () => {
    assert.equal(traceIdOf(`00-${id}-b7ad6b7169203331-01`), id);
    assert.equal(traceIdOf(`01-${id}-b7ad6b7169203331-01-more`), id);
  });

  for (const header of [
    undefined,
    ['a', 'b'],
    '',
    `00-${id}-b7ad6b7169203331-01-more`,
    `ff-${id}-b7ad6b7169203331-01`,
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    `00-${id}-${'0'.repeat(16)}-01`,
    `00-${id.toUpperCase()}-b7ad6b7169203331-01`,
    `01-${id}-b7ad6b7169203331-01-${'x'.repeat(600)}`,
  ]) {
    test(`${String(header).slice(0, 70)} starts a new trace`, () => {
      const traceId = traceIdOf(header);
      assert.match(traceId, /^[0-9a-f]{32}$/);
      assert.notEqual(traceId, id);
      assert.notEqual(traceId, traceIdOf(header));
    });
  }

  test('for any input the parser returns 32 digits or undefined', () => {
    const next = seeded(7);
    const valid = `00-${id}-b7ad6b7169203331-01`;
    for (let round = 0; round < 2000; round++) {
      const characters = [...valid];
      for (let n = next(4); n >= 0; n--) characters[next(characters.length)] = String.fromCharCode(next(128));
      const traceId = parseTraceparent(characters.slice(0, 1 + next(60)).join(''));
      assert.ok(traceId === undefined || /^[0-9a-f]{32}$/.test(traceId));
    }
  });
});
