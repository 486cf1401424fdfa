/**
 * `npm run check`: every check, one line each, then the tests next to the code. `npm test` runs the checks
 * first, and then every suite.
 * In: the tree. Out: a list of steps, exit code 1 when one fails. Nothing is changed.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { checkCitations } from './check-citations.ts';
import { checkClasses } from './check-classes.ts';
import { checkComments } from './check-comments.ts';
import { checkConnections } from './check-connections.ts';
import { checkErrors } from './check-errors.ts';
import { checkLayers } from './check-layers.ts';
import { checkLicences } from './check-licences.ts';
import { checkLinks } from './check-links.ts';
import { checkPortable } from './check-portable.ts';
import { checkTexts } from './check-texts.ts';
import { checkTree } from './check-tree.ts';
import { checkWaits } from './check-waits.ts';
import { checkWords } from './check-words.ts';
import { checkWrites } from './check-writes.ts';
import { checkPages } from './generate.ts';
import { runTests } from './run-tests.ts';
import { root } from './source-files.ts';
import { isGood } from './tests/report.ts';
import { checkTiers, listTests } from './tests/tiers.ts';

/** The result of a step: problems, or why it could not look. */
interface StepResult {
  readonly problems: readonly string[];
  readonly skipped?: string;
}

interface Step {
  readonly name: string;
  run(): StepResult | Promise<StepResult>;
}

const isWindows = process.platform === 'win32';

/** The output of a program, and why it failed. */
interface Printed {
  readonly stdout: string;
  readonly stderr: string;
  readonly message?: string;
}

/** Runs a program of node_modules/.bin or the path. */
function execute(command: string, args: readonly string[], timeout = 0): Promise<Printed> {
  const options = { cwd: root, encoding: 'utf8', shell: isWindows, maxBuffer: 64 * 1024 * 1024, timeout } as const;
  return promisify(execFile)(command, args, options).catch((error: Printed) => error);
}

/** Runs a program; its output is the problem when it fails. */
async function program(command: string, args: readonly string[]): Promise<StepResult> {
  const { stdout, stderr, message } = await execute(command, args);
  return { problems: message === undefined ? [] : [`${stdout ?? ''}${stderr ?? ''}`.trim() || message] };
}

/**
 * Ten times as fast as TypeScript 6, which is the package `typescript`: svelte-check reads components with
 * that one, and finds this one by its name.
 */
const nativeTypescript = join(root, 'node_modules', '@typescript', 'native', 'bin', 'tsc');
const local = (name: string): string => join(root, 'node_modules', '.bin', name);
const listed = async (problems: readonly string[] | Promise<readonly string[]>): Promise<StepResult> => ({
  problems: await problems,
});

/** A registry that does not answer costs no longer than this. */
const AUDIT_WITHIN_MS = 30_000;

/**
 * Known vulnerabilities of dependencies; advisories of severity high and above fail, an unreachable registry
 * is reported.
 */
async function audit(): Promise<StepResult> {
  const args = ['audit', '--omit=dev', '--json', '--fetch-retries=0', `--fetch-timeout=${AUDIT_WITHIN_MS / 2}`];
  const { stdout } = await execute('npm', args, AUDIT_WITHIN_MS);
  let report: {
    metadata?: { vulnerabilities?: Record<string, number> };
    vulnerabilities?: Record<string, { severity: string }>;
  };
  try {
    report = JSON.parse(stdout);
  } catch {
    return { problems: [], skipped: 'npm audit gave no answer' };
  }
  if (!report.metadata) return { problems: [], skipped: 'the registry does not answer audits' };
  const grave = Object.entries(report.vulnerabilities ?? {}).filter(
    ([, { severity }]) => severity === 'high' || severity === 'critical',
  );
  return { problems: grave.map(([name, { severity }]) => `${name}: advisory of severity ${severity}; see npm audit`) };
}

const steps: readonly Step[] = [
  { name: 'advisories', run: audit },
  {
    name: 'types',
    // Each checker works out the types that files share for itself; the other programs of this list use the
    // other cores.
    run: () => program(process.execPath, [nativeTypescript, '-p', 'tsconfig.json', '--checkers', '1']),
  },
  {
    name: 'types of the interface',
    run: () => program(local('svelte-check'), ['--workspace', 'web', '--tsgo', '--no-color', '--fail-on-warnings']),
  },
  {
    name: 'lint and format',
    run: () => program(local('biome'), ['ci', '--error-on-warnings', '--colors=off', '--max-diagnostics=30']),
  },
  { name: 'layers', run: () => listed(checkLayers()) },
  { name: 'comments', run: () => listed(checkComments()) },
  { name: 'classes', run: () => listed(checkClasses()) },
  { name: 'systems', run: () => listed(checkPortable()) },
  { name: 'writes', run: () => listed(checkWrites()) },
  { name: 'waits of tests', run: () => listed(checkWaits()) },
  { name: 'tiers', run: () => listed(checkTiers()) },
  { name: 'connections', run: () => listed(checkConnections()) },
  { name: 'texts of further languages', run: () => listed(checkTexts()) },
  { name: 'names and lengths of files', run: () => listed(checkTree()) },
  { name: 'links of the documentation', run: () => listed(checkLinks()) },
  { name: 'citations', run: () => listed(checkCitations()) },
  { name: 'words', run: () => listed(checkWords()) },
  { name: 'messages of errors', run: () => listed(checkErrors()) },
  { name: 'generated pages', run: () => listed(checkPages()) },
  { name: 'licences', run: () => listed(checkLicences()) },
];

/** Runs every step, programs side by side, and prints a line for each. @returns how many failed */
export async function runChecks(): Promise<number> {
  let failed = 0;
  const begun = steps.map(async ({ name, run }) => {
    const since = performance.now();
    const result = await run();
    return { name, ...result, seconds: ((performance.now() - since) / 1000).toFixed(1) };
  });
  for (const { name, problems, skipped, seconds } of await Promise.all(begun)) {
    if (problems.length > 0) failed++;
    console.log(
      `${problems.length > 0 ? 'FAIL' : skipped ? 'skip' : 'ok  '}  ${name} (${seconds} s)${skipped ? `: ${skipped}` : ''}`,
    );
    for (const problem of problems) console.log(`      ${problem.replaceAll('\n', '\n      ')}`);
  }
  return failed;
}

if (import.meta.main) {
  const failed = await runChecks();
  const status =
    failed > 0
      ? 1
      : isGood(
            await runTests(
              listTests([
                'packages/**/*.test.ts',
                'src/**/*.test.ts',
                'web/src/**/*.test.ts',
                'test/checks/**/*.test.ts',
              ]),
              {
                shared: true,
              },
            ),
          )
        ? 0
        : 1;
  process.exit(status);
}
