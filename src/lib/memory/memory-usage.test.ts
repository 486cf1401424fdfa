import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { memoryUsage } from './memory-usage.ts';

const failWith = (context: TestContext, code: string) =>
  context.mock.method(process, 'memoryUsage', () => {
    throw Object.assign(new Error(`${code}: uv_resident_set_memory`), { code });
  });

test('without free descriptors the memory is that of the call before; other errors are thrown', (context) => {
  const before = memoryUsage();
  assert.ok(before.rss > 0);
  const failing = failWith(context, 'EMFILE');
  assert.equal(memoryUsage(), before);
  failing.mock.restore();
  failWith(context, 'EACCES');
  assert.throws(memoryUsage, { code: 'EACCES' });
});
