/**
 * `npm run bench -- regress`: the figures that matter, of this tree and of an earlier commit in turn, so that
 * a change that makes a stream dearer is seen before it lands.
 * In: a revision. Out: a table of the least values and their ratios, because other programs only add; what is
 * dearer than the limit is marked. The earlier commit is installed in a temporary work tree.
 */
import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openFolder } from '../../test/fixtures/server.ts';
import { describeMachine } from '../process-tree.ts';
import { launcher } from '../recorders.ts';
import { printTable, say } from '../report.ts';
import { tinyArgs } from '../tiny.ts';

/** A measured figure; less is better. */
export interface Figure {
  readonly name: string;
  readonly unit: '%' | 'MiB' | 'ms' | 'µs';
  readonly value: number;
}

const GROUPS = ['pull', 'rtmp', 'srt', 'serve', 'rooms', 'rest'] as const;
/** A figure that is worse by more than this is marked: measure its group again, with more rounds. */
const LIMIT = 1.05;
const root = join(import.meta.dirname, '..', '..');

/** The options of `bench regress`. */
interface RegressOptions {
  /** A revision of git with which this tree is compared. */
  readonly against: string;
  /** Each measures both trees once. */
  readonly rounds: number;
  /** Names of groups; all if empty. */
  readonly only: readonly string[];
}

/** Measures and returns the report. */
export async function benchRegress({ against, rounds, only }: RegressOptions): Promise<string> {
  await using folder = await openFolder('bench-regress-tree');
  const earlier = join(folder.path, 'tree');
  const commit = execFileSync('git', ['rev-parse', '--short', `${against}^{commit}`], { cwd: root, encoding: 'utf8' });
  say(`installing ${commit.trim()}`);
  await using opened = new AsyncDisposableStack();
  execFileSync('git', ['worktree', 'add', '--detach', '--quiet', earlier, commit.trim()], { cwd: root });
  opened.defer(() => void execFileSync('git', ['worktree', 'remove', '--force', earlier], { cwd: root }));
  execFileSync('npm', ['ci', '--silent'], { cwd: earlier, stdio: ['ignore', 'ignore', 'inherit'] });
  const trees = { earlier: join(earlier, 'bin', 'oxbow'), now: launcher };
  // The first start fills the cache of compiled code.
  for (const tree of [trees.earlier, trees.now]) await measureGroup('rest', tree, ['--tiny']);
  const values = new Map<string, { unit: string; earlier: number[]; now: number[] }>();
  const groups = GROUPS.filter((group) => only.length === 0 || only.includes(group));
  for (let round = 0; round < rounds; round++) {
    for (const group of groups) {
      // Each tree is first in turn: the second finds a warmer machine.
      const order = round % 2 === 0 ? (['earlier', 'now'] as const) : (['now', 'earlier'] as const);
      for (const tree of order) {
        say(`${group}, ${tree}, round ${round + 1} of ${rounds}`);
        for (const { name, unit, value } of await measureIfPossible(group, trees[tree])) {
          const both = values.get(name) ?? { unit, earlier: [], now: [] };
          both[tree].push(value);
          values.set(name, both);
        }
      }
    }
  }
  const both = [...values].filter(([, { earlier, now }]) => earlier.length > 0 && now.length > 0);
  const rows = both.map(([name, { unit, earlier, now }]) => {
    const ratio = Math.min(...now) / Math.min(...earlier);
    const shown = [earlier, now].map((each) => `${Number(Math.min(...each).toPrecision(3))} ${unit}`);
    return [name, ...shown, ratio.toFixed(2), ratio > LIMIT ? 'dearer' : ''];
  });
  const about = `${describeMachine()}; the least of ${rounds} rounds; less is better, dearer is more than ${LIMIT}`;
  return `${about}\n\n${printTable(['figure', commit.trim(), 'this tree', 'ratio', ''], rows)}`;
}

/** Without a program of another group, e.g. wrk, the others are measured. */
async function measureIfPossible(group: string, program: string): Promise<readonly Figure[]> {
  try {
    return await measureGroup(group, program);
  } catch (error) {
    const [reason = String(error)] =
      String(error)
        .match(/^Error: .*$/gm)
        ?.slice(-1) ?? [];
    say(`${group} was not measured: ${reason}`);
    return [];
  }
}

async function measureGroup(group: string, program: string, options = tinyArgs): Promise<readonly Figure[]> {
  const args = [join(root, 'bin', 'oxbow-node'), join(import.meta.dirname, 'figures.ts'), group, ...options];
  const env = { ...process.env, BENCH_PROGRAM: program };
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, env });
  return JSON.parse(stdout) as readonly Figure[];
}
