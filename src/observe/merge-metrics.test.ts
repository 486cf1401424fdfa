import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { acrossProcesses, mergeMetrics } from './merge-metrics.ts';
import { createMetrics } from './metrics.ts';

const text = (streams: number, free: number, extra = '') => `# HELP oxbow_streams Streams.
# TYPE oxbow_streams gauge
oxbow_streams{state="live"} ${streams}

# HELP oxbow_disk_free_bytes Free.
# TYPE oxbow_disk_free_bytes gauge
oxbow_disk_free_bytes ${free}
${extra}`;

suite('the metrics of several processes', () => {
  test('are sums, and of what they share the largest or smallest value', () => {
    const start = (at: number) => `
# HELP oxbow_start_time_seconds Start.
# TYPE oxbow_start_time_seconds gauge
oxbow_start_time_seconds ${at}`;
    const merged = mergeMetrics([text(2, 100, start(50)), text(3, 101, start(40))], acrossProcesses);
    assert.match(merged, /^oxbow_streams\{state="live"\} 5$/m);
    assert.match(merged, /^oxbow_disk_free_bytes 101$/m);
    assert.match(merged, /^oxbow_start_time_seconds 40$/m);
    assert.equal(merged.match(/# TYPE oxbow_streams gauge/g)?.length, 1);
  });

  test('have the series that only one of them has, and values without an end', () => {
    const more = '\n# HELP oxbow_x X.\n# TYPE oxbow_x counter\noxbow_x{a="b c"} +Inf\noxbow_x{a="d"} Nan';
    const merged = mergeMetrics([text(1, 1), text(1, 1, more)], acrossProcesses);
    assert.match(merged, /^oxbow_x\{a="b c"\} \+Inf$/m);
    assert.match(merged, /^oxbow_x\{a="d"\} Nan$/m);
  });

  test('of one process are what it prints', async () => {
    using metrics = createMetrics();
    metrics.streams.set({ state: 'live' }, 3);
    metrics.databaseWaitSeconds.observe(0.004);
    const printed = await metrics.print();
    const lines = (all: string) => all.split('\n').filter((line) => line !== '');
    assert.deepEqual(lines(mergeMetrics([printed], acrossProcesses)), lines(printed));
    const twice = mergeMetrics([printed, printed], acrossProcesses);
    assert.match(twice, /^oxbow_streams\{state="live"\} 6$/m);
    assert.match(twice, /^oxbow_database_wait_seconds_count 2$/m);
  });
});
