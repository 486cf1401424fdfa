import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { lateDatagrams } from './late-datagrams.ts';

suite('datagrams that were sent before the end of a session', () => {
  test('are waited for until a turn has none, also if the process was suspended meanwhile', async () => {
    const arrivals = [1, 2, 3, 3];
    let turns = 0;
    await lateDatagrams(() => {
      if (turns === 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600);
      return arrivals[turns++]!;
    });
    assert.equal(turns, arrivals.length);
  });

  test('are not waited for without end', async () => {
    let count = 0;
    await lateDatagrams(() => count++);
    assert.ok(count > 0);
  });
});
