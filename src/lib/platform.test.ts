import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { isLinux } from './platform.ts';

/** The field `nice` of proc(5). */
const niceOf = (stat: string) => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);

test('a thread lowers its own priority and no other', { skip: !isLinux }, async () => {
  const before = getPriority();
  const script = `
    import { readFileSync } from 'node:fs';
    import { parentPort } from 'node:worker_threads';
    import { lowerThreadPriority } from ${JSON.stringify(new URL('./platform.ts', import.meta.url).href)};
    lowerThreadPriority(${before + 5});
    parentPort.postMessage(readFileSync('/proc/thread-self/stat', 'utf8'));`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`));
  const [stat] = (await once(worker, 'message')) as [string];
  assert.equal(niceOf(stat), before + 5);
  assert.equal(niceOf(readFileSync('/proc/self/stat', 'utf8')), before);
});
