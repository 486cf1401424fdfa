import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { nextOf } from './schedule.ts';

const file = (name: string, wallS: number, cpuS: number) => ({ name, weight: { wallS, cpuS } });
const CORES = 2;

suite('the next file of tests', () => {
  test('is the longest of those that fit under the cores', () => {
    const waiting = [file('short', 1, 0.5), file('long', 30, 9), file('busy', 60, 60)];
    assert.equal(nextOf(waiting, [file('other', 10, 15)], CORES)?.name, 'long', 'it may use 0.42 of a core');
    assert.equal(nextOf(waiting, [file('other', 10, 10)], CORES)?.name, 'busy');
  });

  test('does not start while none fits, and one that fits never runs alone', () => {
    const busy = file('busy', 10, 25);
    assert.equal(nextOf([busy], [file('other', 10, 1)], CORES), undefined);
    assert.equal(nextOf([busy], [], CORES)?.name, 'busy');
  });

  test('also starts in cores that were measured to be idle, whatever the shares of those that run', () => {
    const running = [file('other', 10, 15)];
    const more = [...running, file('idle', 10, 0), file('idle too', 10, 0)];
    assert.equal(nextOf([file('half', 10, 4)], more, CORES, 0.5), undefined, 'it may use 0.56 of a core');
    assert.equal(nextOf([file('half', 10, 4)], more, CORES, 0.6)?.name, 'half');
    assert.equal(nextOf([file('all', 10, 20)], more, CORES, 1.9), undefined);
  });

  test('is one more than the cores, whatever its share, once 0.4 of a core is left over', () => {
    const running = [file('one', 10, 10), file('two', 10, 10)];
    const waiting = [file('computes', 10, 10)];
    assert.equal(nextOf(waiting, running, CORES, 0.3), undefined);
    assert.equal(nextOf(waiting, running, CORES, 0.4)?.name, 'computes');
    assert.equal(nextOf(waiting, [...running, file('three', 10, 10)], CORES, 0.6), undefined);
  });

  test('waits while eight run, however little they use', () => {
    const idle = Array.from({ length: 8 }, (_, i) => file(`idle ${i}`, 100, 1));
    assert.equal(nextOf([file('next', 1, 0)], idle, CORES), undefined);
    assert.equal(nextOf([file('next', 1, 0)], idle.slice(1), CORES)?.name, 'next');
  });

  test('has no browser while another one makes network interfaces, which comes first', () => {
    const browser = Object.assign(file('browser', 60, 6), { network: 'browses' as const });
    const podman = Object.assign(file('podman', 30, 3), { network: 'changes' as const });
    const other = file('other', 10, 1);
    assert.equal(nextOf([other, browser, podman], [], CORES)?.name, 'podman');
    assert.equal(nextOf([other, browser], [podman], CORES)?.name, 'other');
    assert.equal(nextOf([other, podman], [browser], CORES)?.name, 'other');
    assert.equal(nextOf([browser], [podman], CORES, 2), undefined);
    assert.equal(nextOf([browser, other], [browser], CORES)?.name, 'browser');
  });

  test('keeps both cores busy: 60 s of waiting files and 20 s of CPU take no longer than a minute and its tail', () => {
    const waiting = new Set([
      ...Array.from({ length: 8 }, (_, i) => file(`waits ${i}`, 30, 3)),
      ...Array.from({ length: 12 }, (_, i) => file(`computes ${i}`, 2, 2)),
    ]);
    const running = new Map<ReturnType<typeof file>, number>();
    let nowS = 0;
    while (waiting.size > 0 || running.size > 0) {
      const next = nextOf(waiting, running.keys(), CORES);
      if (next) {
        waiting.delete(next);
        running.set(next, nowS + next.weight.wallS);
        continue;
      }
      const [first] = [...running].sort(([, a], [, b]) => a - b);
      nowS = first![1];
      running.delete(first![0]);
    }
    assert.ok(nowS <= 44, `${nowS} s`);
  });
});
