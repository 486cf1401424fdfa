/**
 * Defects put back, each found by `npm test`: those of the simulation are in
 * test/simulation/defects.test.ts.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { openFolder } from '../fixtures/server.ts';
import { type Change, withChanges } from './defect.ts';
import { buildInterface } from './interface-build.ts';
import { mutations } from './mutations.ts';

const root = join(import.meta.dirname, '..', '..');
/** Folders of `test/` that no mutation is for, and why. */
const others: Readonly<Record<string, string>> = {
  benches: 'benchmarks, without a promise of the program',
  container: 'npm run container',
  fixtures: 'what tests use',
  mutations: 'this',
  players: 'npm run kodi',
  simulation: 'test/simulation/defects.ts',
  windows: 'tests of src again, on another system',
};

/** A line of results.mjs. */
interface Result {
  readonly name: string;
  readonly result: 'passed' | 'failed' | 'skipped';
  /** A test that failed did so by an assertion, not by its hook or its time. */
  readonly isSeen: boolean;
  readonly problem: string;
}

/** Runs tests of a file from the sources, with changes of them. */
async function run(file: string, names: readonly string[], changes: readonly Change[]): Promise<readonly Result[]> {
  const { NODE_TEST_CONTEXT: _, NODE_V8_COVERAGE: __, ...env } = process.env;
  const reporter = pathToFileURL(join(import.meta.dirname, 'results.mjs')).href;
  const args = [
    '--disable-warning=ExperimentalWarning',
    '--test',
    '--test-timeout=300000',
    `--test-reporter=${reporter}`,
    ...names.map((name) => `--test-name-pattern=${exactly(name)}`),
  ];
  const ran = promisify(execFile)(process.execPath, [...args, file], { cwd: root, env: withChanges(changes, env) });
  const { stdout } = await ran.catch((error: { stdout: string }) => error);
  return stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Result] : []));
}

/** A pattern that only this name matches; Node compares it with the names of the suites around it too. */
const exactly = (name: string) => `(?:^|\\s)${name.replaceAll(/[^\w\s]/g, '\\$&')}$`;

test('each folder of tests has a defect that it must find', () => {
  const folders = readdirSync(join(root, 'test'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  assert.deepEqual(
    mutations.map(({ test: path }) => path.split('/')[1]!).sort(),
    folders
      .map(({ name }) => name)
      .filter((name) => !(name in others))
      .sort(),
  );
});

test('each defect is a change of one line', () => {
  for (const { name, file, find, replace } of mutations) {
    assert.equal(readFileSync(join(root, file), 'utf8').split(find).length, 2, name);
    assert.ok(!/\n/.test(find + replace) && find !== replace, name);
  }
});

suite('a defect that is put back is found, and the same test passes without it', () => {
  for (const { name, test: path, foundBy, continues = [], ...change } of mutations) {
    test(name, async (context) => {
      const names = [...continues, foundBy];
      const without = await run(path, names, []);
      // Of tests with this name, e.g. one over TCP and one over TLS, one is enough.
      const results = without.filter((each) => each.name === foundBy);
      assert.notEqual(results.length, 0, `${path} has no test «${foundBy}»`);
      if (results.some((each) => each.result === 'skipped')) return context.skip('its test is skipped on this machine');
      assert.deepEqual(
        without.filter((each) => each.result === 'failed'),
        [],
      );

      await using folder = await openFolder('mutation');
      const isOfInterface = change.file.startsWith('web/');
      const withIt = await run(path, names, [isOfInterface ? await buildInterface(change, folder.path) : change]);
      const found = withIt.find((each) => each.name === foundBy && each.result === 'failed' && each.isSeen);
      assert.ok(found, `not found: ${JSON.stringify(withIt, undefined, 2)}`);
      context.diagnostic(`${foundBy}: ${found.problem.split('\n')[0]}`);
    });
  }
});
