/**
 * `oxbow doctor`: finds problems of this installation and how to fix them. `--rebuild` rebuilds the index of
 * recordings, `--bundle` writes diagnostics for a bug report, `--proxy` looks at a server from outside.
 * In: settings. Out: findings; exit 1 if one failed.
 */
import { accessSync, constants, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import type { LoadedConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { applyChildSettings, networkState } from '../lib/confine/confine.ts';
import { messageOf, OxbowError, refusalRow, sentenceOf } from '../lib/errors.ts';
import { useTemporaryFolder } from '../lib/files/temporary-folder.ts';
import { packageFile } from '../lib/program-files.ts';
import { findRunning } from '../store/running.ts';
import { askUrl, localUrl } from './doctor/ask-server.ts';
import { makeBundle } from './doctor/bundle.ts';
import { checkDirect } from './doctor/direct-checks.ts';
import { type Finding, failed, ok, warning } from './doctor/finding.ts';
import {
  checkDataFolder,
  checkDiskSpeed,
  checkHosts,
  checkNode,
  checkPort,
  measureDisk,
} from './doctor/host-checks.ts';
import { thisMachine } from './doctor/machine.ts';
import { checkClock, checkHardware, checkKernel } from './doctor/machine-checks.ts';
import { checkNats } from './doctor/nats-check.ts';
import {
  checkChildren,
  checkEncoders,
  checkEngine,
  checkPaths,
  checkPublicUrl,
  checkYtDlp,
  runYtDlp,
  versionOf,
} from './doctor/program-checks.ts';
import { checkProxy } from './doctor/proxy/check-proxy.ts';
import { repair } from './doctor/repair.ts';
import { checkClearCopies, checkSealed } from './doctor/sealed-check.ts';
import { checkStaticFiles } from './doctor/static-files-check.ts';
import { type VerifyOptions, verify } from './doctor/verify.ts';
import { compareIndex, compareSums, type IndexSettings, rebuild } from './recording-index.ts';
import { openServer, reachRunning } from './running-server.ts';
import { addSettingFlags, readSettings } from './setting-flags.ts';
import { onStopSignal } from './stop-signals.ts';
import { type ExitCode, note, say, sayJson, sentencesOf } from './terminal.ts';

interface DoctorOptions extends VerifyOptions {
  readonly verify?: true;
  readonly repair?: true;
  readonly dryRun?: true;
  readonly rebuild?: true;
  readonly bundle?: string;
  readonly log?: string;
  readonly proxy?: string;
}

/** Longest wait for the version of the running oxbow, ms. */
const VERSION_MS = 5000;
const SUMS = 'sums of recordings';
const REPAIR = 'oxbow doctor --repair --data ';
/** Flags that are also those of settings elsewhere. */
const OWN_FLAGS: ReadonlySet<string> = new Set(['from']);

/** Adds the verb. */
export function addDoctor(program: Command, exit: (code: ExitCode) => void): void {
  const command = program
    .command('doctor')
    .summary('finds problems and how to fix them')
    .description(
      'Checks Node, clock, disk, ports, network, media engine, programs and limits, and compares the index of recordings with the files.',
    )
    .option('--rebuild', 'Rebuild the index from the recorded files.')
    .option('--verify', 'Read all stored files and compare them with their checksums; also beside a running server.')
    .option('--repair', 'Repair the database, the index and damaged files; stop the server first.')
    .option('--dry-run', 'With --repair: print what it would do, and change nothing.')
    .option('--proxy <URL>', 'Look at a server at its public address, as browsers do; with --stream at that stream.')
    .option('--stream <NAME>', 'With --verify: only this stream.')
    .option('--from <TIME>', 'With --verify: only recordings from this time on.')
    .option('--to <TIME>', 'With --verify: only recordings before this time.')
    .option('--rate <SIZE>', 'With --verify: most bytes a second, e.g. 20MB, or off. Default: record.verifyRate.')
    .option('--restart', 'With --verify: begin again where an earlier one was interrupted.')
    .option('--bundle <FILE>', 'Write diagnostics for a bug report, without secrets, into this .tar.gz.')
    .option('--log <FILE>', 'Include the end of this log in the bundle.')
    .option('--json', 'Print JSON.');
  addSettingFlags(command, [
    ...[
      'data',
      'store.url',
      'listen',
      'http',
      'tls.cert',
      'tls.key',
      'hosts',
      'publicUrl',
      'adminToken',
      'record.minFree',
      'pages.ytDlp',
      'children.network',
      'children.prlimit',
      'children.setpriv',
      'children.unshare',
      'temporaryFolder',
      'insight.duckdb',
    ],
  ]);
  command.action(async () => exit(await doctor(command)));
}

async function doctor(command: Command): Promise<ExitCode> {
  const options = command.opts<DoctorOptions>();
  const controller = new AbortController();
  using _signals = onStopSignal(() => controller.abort());
  const findings: Finding[] = [];
  const add = (finding: Finding) => {
    findings.push(finding);
    if (!options.json) sayFinding(finding);
  };
  if (options.verify || options.repair) {
    const { config } = await readSettings(command, [], OWN_FLAGS);
    const { signal } = controller;
    // Awaited here: the signals are handled until the end of it.
    return options.verify ? await verify(config, options, { signal }) : await repair(config, options, { signal });
  }
  try {
    if (options.proxy !== undefined) {
      await checkProxy(options.proxy, { stream: options.stream, add, signal: controller.signal });
      return conclude(findings, options);
    }
    const loaded = await look(command, options, add, controller.signal);
    if (options.bundle !== undefined)
      await writeBundle(options.bundle, options.log, findings, loaded, controller.signal);
  } catch (error) {
    if (controller.signal.aborted) return 130;
    throw error;
  }
  return conclude(findings, options);
}

function conclude(findings: readonly Finding[], { json }: DoctorOptions): ExitCode {
  const isWell = findings.every(({ state }) => state !== 'failed');
  if (json) sayJson({ ok: isWell, checks: findings });
  return isWell ? 0 : 1;
}

async function look(
  command: Command,
  options: DoctorOptions,
  add: (finding: Finding) => void,
  signal: AbortSignal,
): Promise<LoadedConfig | undefined> {
  add(checkNode(process.versions.node));
  const loaded = await settingsFinding(command, add);
  add(checkClock(thisMachine, Date.now(), process.platform));
  for (const finding of checkKernel(thisMachine)) add(finding);
  if (loaded) {
    useTemporaryFolder(loaded.config.temporaryFolder);
    applyChildSettings(loaded.config.children);
    for (const finding of await checkPaths(loaded.config)) add(finding);
  }
  add(await checkChildren(networkState, loaded?.config.children.network ?? 'auto'));
  add(await checkEngine(() => askEngine(signal)));
  add(await checkEncoders(async () => (await import('../ffmpeg/hardware-encoders.ts')).findHardwareEncoders()));
  add(checkHardware(thisMachine, mayUse));
  signal.throwIfAborted();
  if (!loaded) return undefined;
  const { config } = loaded;
  add(await checkYtDlp(() => runYtDlp(config.pages.ytDlp, { signal }), Date.now()));
  await networkFindings(config, add, signal);
  for (const finding of await checkDirect(config, { signal })) add(finding);
  signal.throwIfAborted();
  const folder = checkDataFolder(config.data, config.record.minFree);
  add(folder);
  if (folder.state !== 'failed') add(await checkDiskSpeed(() => measureDisk(config.data)));
  if (options.rebuild) add(ok('rebuild', await rebuild(config, { signal })));
  else if (config.store.url !== undefined || existsSync(join(config.data, 'recordings')))
    for (const finding of await indexFindings(config, signal)) add(finding);
  return loaded;
}

async function networkFindings(config: Config, add: (finding: Finding) => void, signal: AbortSignal): Promise<void> {
  const instance = findRunning(config.data);
  const reach = instance && reachRunning(instance);
  const url = reach?.url ?? localUrl(config);
  const ask = async () => {
    if (!reach) return (await askUrl(`${url}/version`, { signal })).text;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(VERSION_MS)]);
    return (await reach.fetch(`${url}/version`, { signal: limit })).text();
  };
  let running: string | undefined;
  const whoHas = async () => {
    // No answer, or a certificate for another address: unknown whether it is oxbow.
    const answer = await ask().catch(() => undefined);
    running = answer === undefined ? undefined : versionOf(answer);
    return running;
  };
  const version = instance && (await whoHas());
  add(version ? ok('http port', `${url}: oxbow ${version} runs there`) : await checkPort('http', config.http, whoHas));
  add(checkHosts(config));
  const nats = await checkNats(config, { signal });
  if (nats) add(nats);
  const sealed = await checkSealed(config, { signal });
  if (sealed) add(sealed);
  const copies = await checkClearCopies(config);
  if (copies) add(copies);
  const { publicUrl, staticUrl } = config;
  if (staticUrl !== undefined) {
    const webRoot = fileURLToPath(packageFile('web/dist'));
    add(await checkStaticFiles(staticUrl, webRoot, (url) => askUrl(url, { signal })));
  }
  if (publicUrl !== undefined)
    add(await checkPublicUrl(publicUrl, (url) => askUrl(url, { signal }), running !== undefined));
}

async function writeBundle(
  path: string,
  logFile: string | undefined,
  findings: readonly Finding[],
  loaded: LoadedConfig | undefined,
  signal: AbortSignal,
): Promise<void> {
  const config = loaded?.config;
  await using access = config && findRunning(config.data) ? await openServer(config, undefined) : undefined;
  const ask = async (address: string) => {
    if (!config) throw new OxbowError('bad-setting', 'The settings are invalid.');
    const headers = config.adminToken ? { authorization: `Bearer ${config.adminToken}` } : {};
    const { url } = access ?? { url: localUrl(config) };
    const { status, text } = await askUrl(`${url}${address}`, { signal, headers: access?.headers ?? headers });
    if (status >= 400 && status !== 503)
      throw new OxbowError('source-failed', `The server answered with HTTP ${status}.`);
    return text;
  };
  const bundle = await makeBundle({ findings, loaded, ask, logFile, nowMs: Date.now() });
  try {
    writeFileSync(path, bundle, { mode: 0o600 });
  } catch (error) {
    throw new OxbowError('folder-unwritable', sentenceOf(error), {
      extra: { hint: 'Name another file: --bundle FILE' },
    });
  }
  note(`The bundle is ${path}. Check it before you send it: tar xzf ${path}`);
}

async function askEngine(signal: AbortSignal): Promise<string> {
  const { closeEngine, engineVersion } = await import('../ffmpeg/engine.ts');
  try {
    return await engineVersion({ signal });
  } finally {
    await closeEngine();
  }
}

function mayUse(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false; // not readable
  }
}

async function settingsFinding(command: Command, add: (finding: Finding) => void): Promise<LoadedConfig | undefined> {
  try {
    const loaded = await readSettings(command, [], OWN_FLAGS);
    const { warnings } = loaded;
    add(
      warnings.length === 0
        ? ok('settings', 'valid')
        : warning('settings', warnings.join('; '), 'oxbow config print  # and see docs/reference/configuration.md'),
    );
    return loaded;
  } catch (error) {
    if (!(error instanceof OxbowError) || error.code !== 'bad-setting') throw error;
    add(failed('settings', sentencesOf(error).join('; '), refusalRow(error).hint));
    return undefined;
  }
}

/** The index, and if it can be compared, what is summed up of it. */
async function indexFindings(settings: IndexSettings, signal: AbortSignal): Promise<readonly Finding[]> {
  const index = await indexFinding(settings, signal);
  try {
    const differing = await compareSums(settings);
    if (differing === undefined) return [index];
    const text = `those of ${differing} recordings or targets differ from the index`;
    return [
      index,
      differing === 0 ? ok(SUMS, 'agree with the index') : failed(SUMS, text, `${REPAIR}${settings.data}`),
    ];
  } catch (error) {
    // The finding of the index has the reason of a refusal.
    return error instanceof OxbowError ? [index] : [index, warning(SUMS, `not compared: ${messageOf(error)}`, '')];
  }
}

async function indexFinding(settings: IndexSettings, signal: AbortSignal): Promise<Finding> {
  const name = 'index of recordings';
  const rebuildHint = `oxbow doctor --rebuild --data ${settings.data}`;
  try {
    const { problems, isOld } = await compareIndex(settings, { signal });
    if (isOld) return ok(name, 'not compared: the database has an older schema, which the next start upgrades');
    if (problems.length === 0) return ok(name, 'agrees with the files');
    return failed(name, problems.join('; '), rebuildHint);
  } catch (error) {
    if (!(error instanceof OxbowError)) throw error;
    if (error.code !== 'data-in-use')
      return failed(name, error.message, error.code === 'data-newer' ? refusalRow(error).hint : rebuildHint);
    // A server compares them itself at each start.
    return ok(name, 'not checked: a server runs on this folder');
  }
}

function sayFinding({ name, state, text, hint }: Finding): void {
  const mark = { ok: 'ok     ', warning: 'warning', failed: 'FAILED ' }[state];
  say(`${mark}  ${name}: ${text}`);
  if (hint !== '') say(`         ${hint}`);
}
