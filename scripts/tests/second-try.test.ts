import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { root } from '../source-files.ts';
import { isGood, printCounts, type RunResult } from './report.ts';

/** Runs files of tests with these sources, with second tries. Sources see the folder as `folder`. */
async function runSources(context: TestContext, sources: readonly string[]): Promise<RunResult> {
  const folder = mkdtempSync(join(tmpdir(), 'oxbow-second-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const head = `import assert from 'node:assert/strict'; import { existsSync, writeFileSync } from 'node:fs';
    import { before, suite, test } from 'node:test'; const folder = ${JSON.stringify(folder)};
    const isFirst = (name) => !existsSync(folder + '/' + name) && (writeFileSync(folder + '/' + name, ''), true);\n`;
  const files = sources.map((source, i) => {
    writeFileSync(join(folder, `${i}.test.mjs`), head + source);
    return relative(root, join(folder, `${i}.test.mjs`));
  });
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(import.meta.dirname, 'second-try.fixture.ts'), ...files],
    { env },
  );
  return JSON.parse(stdout) as RunResult;
}

suite('a file that failed runs once more', () => {
  test('and what passes then is flaky, by its name and first message, and the run is good', async (context) => {
    const result = await runSources(context, [
      `test('is slow', () => assert.ok(!isFirst('a'), 'too late')); test('passes', () => {});`,
      `suite('s', () => { before(() => assert.ok(!isFirst('b'), 'no port')); test('one', () => {}); test('two', () => {}); });`,
    ]);
    assert.equal(printCounts(result.counts), '4 passed, 0 failed, 0 skipped');
    assert.deepEqual(
      result.flaky.map(({ failures: [first] }) => first!.title),
      ['is slow', 'one'],
    );
    assert.equal(result.flaky[0]!.failures[0]!.message, 'too late');
    assert.ok(isGood(result));
  });

  test('and what fails again is a failure, as is a process that fails without a test', async (context) => {
    const result = await runSources(context, [
      `test('is wrong', () => assert.equal(1, 2)); test('passes', () => {}); test('later', { skip: true }, () => {});`,
      `test('passes', () => {}); process.exitCode = 3;`,
      `throw new Error('does not load');`,
    ]);
    assert.equal(result.failures.length, 3);
    assert.deepEqual(result.flaky, []);
    assert.equal(isGood(result), false);
    assert.equal(result.counts.skipped, 1);
  });

  test('but with more than three of them the run is not good', () => {
    const flaky = Array.from({ length: 4 }, (_, i) => ({ file: `${i}`, failures: [] }));
    assert.ok(isGood({ failures: [], flaky: flaky.slice(1) }));
    assert.equal(isGood({ failures: [], flaky }), false);
  });
});
