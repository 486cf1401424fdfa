/**
 * `npm test`: installs the programs that the suites need where it may, runs the checks, then the first tier
 * of the tests. `npm run test:all`: both tiers, with coverage. In: the tree; globs as arguments narrow the
 * run; `--record` measures the cost of each file.
 * Out: the report, last; exit code 1 when anything failed. A failed check ends it before the suites.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pathOf } from '../test/fixtures/need.ts';
import { secondTier } from '../test/tiers.ts';
import { runChecks } from './check.ts';
import { installEngines, runTests } from './run-tests.ts';
import { root } from './source-files.ts';
import { runWithCoverage } from './tests/coverage.ts';
import { isGood } from './tests/report.ts';
import { allTests, commitNumber, eighthOf, firstTier, listTests } from './tests/tiers.ts';
import { readWeights } from './tests/weights.ts';

/** Programs that suites use, and the Debian packages that bring them. */
const programs: Readonly<Record<string, readonly string[]>> = {
  curl: ['curl'],
  faketime: ['faketime'],
  ffmpeg: ['ffmpeg'],
  ffprobe: ['ffmpeg'],
  chromium: ['chromium'],
  'chromium-headless-shell': ['chromium-headless-shell'],
  'firefox-esr': ['firefox-esr'],
  nginx: ['nginx', 'libnginx-mod-rtmp'],
  haproxy: ['haproxy'],
  caddy: ['caddy'],
  varnishd: ['varnish'],
  apache2: ['apache2'],
  python3: ['python3'],
  mpv: ['mpv'],
  cvlc: ['vlc-bin', 'vlc-plugin-base'],
  openssl: ['openssl'],
  prlimit: ['util-linux'],
  'yt-dlp': ['yt-dlp'],
  promtool: ['prometheus'],
  rsyslogd: ['rsyslog'],
  'prometheus-alertmanager': ['prometheus-alertmanager'],
  'srt-live-transmit': ['srt-tools'],
  turnserver: ['coturn'],
  'swift-proxy-server': ['swift-proxy', 'swift-account', 'swift-container', 'swift-object'],
  'rabbitmq-server': ['rabbitmq-server'],
  'redis-server': ['redis-server'],
  'nats-server': ['nats-server'],
  mosquitto: ['mosquitto'],
  pgbouncer: ['pgbouncer'],
  'redis-sentinel': ['redis-sentinel'],
  'gst-launch-1.0': [
    'gstreamer1.0-tools',
    'gstreamer1.0-plugins-base',
    'gstreamer1.0-plugins-good',
    'gstreamer1.0-plugins-bad',
  ],
};

/**
 * Files that suites read of packages without a program, as a pattern of paths, and the Debian packages that
 * bring it.
 */
const files: Readonly<Record<string, readonly string[]>> = {
  '/usr/lib/*/girepository-1.0/GstRtspServer-1.0.typelib': [
    'gir1.2-gst-rtsp-server-1.0',
    'python3-gi',
    'glib-networking',
  ],
  '/usr/lib/*/gstreamer-1.0/libgstrtspclientsink.so': ['gstreamer1.0-rtsp'],
  '/usr/lib/postgresql/*/bin/postgres': ['postgresql'],
};

/** Further needs of single files of the second tier: too much to install for runs that do not have them. */
const furtherPrograms: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'test/container/container.test.ts': {
    buildah: ['buildah'],
    podman: ['podman', 'catatonit', 'containernetworking-plugins', 'iptables'],
    'podman-compose': ['podman-compose'],
    crun: ['crun'],
    mmdebstrap: ['mmdebstrap'],
  },
  'test/e2e/clients.test.ts': { go: ['golang-go'] },
  'test/cluster/regions.test.ts': { ip: ['iproute2'] },
  'test/windows/wine.test.ts': { wine: ['wine', 'wine64'] },
  'test/benches/serving.test.ts': { wrk: ['wrk'], cc: ['gcc', 'libc6-dev'], ss: ['iproute2'] },
};

/**
 * Installs what is missing in CI, or where this user may; elsewhere the suites that need it are skipped and
 * say so.
 */
function installPrograms(selected: readonly string[]): void {
  const needed = Object.assign({}, programs, ...selected.map((file) => furtherPrograms[file]));
  const missing = [
    ...Object.entries<readonly string[]>(needed).flatMap(([program, packages]) =>
      pathOf(program) === undefined ? [packages] : [],
    ),
    ...Object.entries(files).flatMap(([pattern, packages]) => (globSync(pattern).length === 0 ? [packages] : [])),
  ];
  const mayInstall = process.platform === 'linux' && (process.env.CI !== undefined || process.getuid?.() === 0);
  if (missing.length === 0 || !mayInstall) return;
  const packages = [...new Set(missing.flat())];
  console.log(`installing ${packages.join(', ')}`);
  aptGet('update', '-qq');
  // A package that this release of Debian does not have must not cost the others.
  if (!install(packages)) for (const each of packages) install([each]);
}

function install(packages: readonly string[]): boolean {
  return aptGet('install', '-y', '-qq', '--no-install-recommends', ...packages);
}

/** Runs apt-get as root; says what failed. */
function aptGet(...args: readonly string[]): boolean {
  const [command, ...rest] = [...(process.getuid?.() === 0 ? [] : ['sudo', '-n']), 'apt-get', ...args] as [
    string,
    ...string[],
  ];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status } = spawnSync(command, rest, { stdio: ['ignore', 'ignore', 'inherit'], env });
  if (status !== 0) console.log(`      ${command} ${rest.join(' ')} failed; the suites will say what they miss`);
  return status === 0;
}

/** The command line of `npm test` and `npm run test:all`. */
interface Command {
  /** Both tiers, with coverage, and a page with the result. */
  readonly all: boolean;
  /** Writes test/weights.json. */
  readonly record: boolean;
  /** Globs; empty: the first tier. */
  readonly patterns: readonly string[];
}

function parseCommand(args: readonly string[]): Command {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { all: { type: 'boolean', default: false }, record: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  return { ...values, patterns: positionals };
}

/** Files of a command; those of the second tier that it runs in full. */
interface Selection {
  readonly files: readonly string[];
  readonly full: readonly string[];
}

function select({ all, patterns }: Command): Selection {
  const files = patterns.length > 0 ? listTests(patterns) : all ? allTests() : firstTier();
  if (all) return { files, full: files.filter((file) => secondTier[file] !== undefined) };
  if (patterns.length > 0 || process.env.CI === undefined) return { files, full: [] };
  const number = commitNumber();
  const eighth = eighthOf(number, readWeights());
  console.log(`commit ${number}: the first tier, and of the second ${eighth.join(', ') || 'nothing'}`);
  return { files: [...new Set([...files, ...eighth])], full: eighth };
}

/** Runs the checks; meanwhile the servers of objects are installed. Ends the process if a check fails. */
async function prepare(): Promise<void> {
  const [failed] = await Promise.all([runChecks(), installEngines()]);
  if (failed > 0) {
    console.log(`${failed} of the checks failed; the suites were not run`);
    process.exit(1);
  }
}

/** Builds the program for the tests: it starts in half of the CPU time of the sources, some hundred times. */
function buildProgram(): void {
  execFileSync(process.execPath, [join(root, 'scripts', 'build-tested.mjs')], { stdio: 'inherit' });
  process.env.TESTS_PROGRAM = join(root, 'dist', 'src', 'main.js');
}

if (import.meta.main) {
  const command = parseCommand(process.argv.slice(2));
  const isComplete = command.patterns.length === 0;
  const { files: selected, full } = select(command);
  installPrograms(selected);
  if (isComplete) await prepare();
  if (isComplete || command.record) buildProgram();
  const options = { shared: isComplete, record: command.record, full };
  // Coverage runs all files with one environment.
  if (command.all) process.env.TESTS_FULL = '1';
  const result = command.all && isComplete ? await runWithCoverage(selected) : await runTests(selected, options);
  process.exit(isGood(result) ? 0 : 1);
}
