import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { OxbowError } from '../../lib/errors.ts';
import { type EpochPlace, EpochWatch } from './epoch-watch.ts';

const { signal } = new AbortController();

/** A place whose epoch is set by a test. */
class Place implements EpochPlace {
  readonly name: string;
  epoch: number | undefined;
  reads = 0;
  problem: Error | undefined;

  constructor(name: string, epoch?: number) {
    this.name = name;
    this.epoch = epoch;
  }

  async read(): Promise<number | undefined> {
    this.reads++;
    if (this.problem) throw this.problem;
    return this.epoch;
  }

  async raise(number: number): Promise<void> {
    this.epoch = number;
  }
}

function openWatch(number: number, ...places: readonly Place[]) {
  const clock = { nowMs: 0, monotonicMs: () => clock.nowMs };
  const seen: OxbowError[] = [];
  const failures: string[] = [];
  const marked: number[] = [];
  const watch = new EpochWatch({
    number,
    places: () => places,
    clock,
    superseded: (error) => void seen.push(error),
    mark: async (epoch) => marked.push(epoch),
    failed: (place) => void failures.push(place),
  });
  return { watch, clock, seen, failures, marked };
}

suite('the watch for a higher epoch', () => {
  test('gives its epoch to places with a lower one, and leaves out those that do not answer', async () => {
    const [bucket, silent] = [new Place('the bucket', 1), new Place('the node b')];
    silent.problem = new Error('does not answer');
    const { watch, failures } = openWatch(2, bucket, silent);
    await watch.look({ signal });
    assert.equal(bucket.epoch, 2);
    assert.deepEqual(failures, ['the node b']);
  });

  test('writes nothing where nothing was ever promoted', async () => {
    const bucket = new Place('the bucket');
    await openWatch(0, bucket).watch.look({ signal });
    assert.equal(bucket.epoch, undefined);
  });

  test('refuses a start, and keeps the higher epoch where it is', async () => {
    const bucket = new Place('the bucket archive', 3);
    const { watch, seen } = openWatch(2, bucket);
    await assert.rejects(watch.look({ signal }), {
      code: 'database-superseded',
      message: /epoch 2.*the bucket archive has epoch 3/,
    });
    assert.equal(bucket.epoch, 3);
    assert.deepEqual(seen, [], 'a start is refused by the error alone');
  });

  test('ends a running process once, whatever notices it first', async () => {
    const bucket = new Place('the bucket', 2);
    const { watch, seen, marked } = openWatch(2, bucket);
    const ending = new AbortController();
    const running = watch.run(ending);
    watch.hear(2, 'the node b');
    watch.hear(1, 'the node c');
    assert.deepEqual(seen, []);
    watch.hear(4, 'the node b');
    bucket.epoch = 4;
    await assert.rejects(watch.check(bucket, { signal }), { code: 'database-superseded' });
    assert.deepEqual([seen.length, marked], [1, [4]]);
    ending.abort();
    await running;
  });

  test('looks again before a change of objects after a second, and refuses it while the bucket does not answer', async () => {
    const bucket = new Place('the bucket', 1);
    const { watch, clock } = openWatch(1, bucket);
    await watch.check(bucket, { signal });
    clock.nowMs = 1000;
    await watch.check(bucket, { signal });
    assert.equal(bucket.reads, 1);
    clock.nowMs = 1001;
    await watch.check(bucket, { signal });
    assert.equal(bucket.reads, 2);
    clock.nowMs = 3000;
    bucket.problem = new Error('no answer');
    await assert.rejects(watch.check(bucket, { signal }), /no answer/);
    bucket.problem = undefined;
    bucket.epoch = 2;
    await assert.rejects(watch.check(bucket, { signal }), { code: 'database-superseded' });
  });
});
