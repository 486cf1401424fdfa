/**
 * `oxbow doctor`: what keeps oxbow from working here, and what to type. `--rebuild` makes the index of recordings again, `--bundle` a file
 * for whoever helps.
 * In: settings. Out: findings; exit 1 when one failed.
 */
import { accessSync, constants, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { LoadedConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { messageOf, OxbowError } from '../lib/errors.ts';
import { askUrl, localUrl } from './doctor/ask-server.ts';
import { makeBundle } from './doctor/bundle.ts';
import { type Finding, failed, ok, warning } from './doctor/finding.ts';
import {
  checkDataFolder,
  checkDiskSpeed,
  checkNode,
  checkPort,
  measureDisk,
  measureUdpBuffer,
} from './doctor/host-checks.ts';
import { thisMachine } from './doctor/machine.ts';
import { checkClock, checkHardware, checkKernel, checkUdpBuffer } from './doctor/machine-checks.ts';
import { askYtDlp, checkEngine, checkPublicUrl, checkYtDlp, versionOf } from './doctor/program-checks.ts';
import { compareIndex, rebuild } from './recording-index.ts';
import { addSettingFlags, readSettings } from './setting-flags.ts';
import { onStopSignal } from './stop-signals.ts';
import { type ExitCode, note, say, sayJson, sentencesOf } from './terminal.ts';

interface DoctorOptions {
  readonly json?: true;
  readonly rebuild?: true;
  readonly bundle?: string;
  readonly log?: string;
}

/** Adds the verb. */
export function addDoctor(program: Command, exit: (code: ExitCode) => void): void {
  const command = program
    .command('doctor')
    .summary('what is wrong here, and what to type')
    .description(
      'Looks at Node, clock, disk, ports, network, media engine, programs and limits, and at the index of recordings against the files.',
    )
    .option('--rebuild', 'Make the index again from the recorded files.')
    .option('--bundle <FILE>', 'Write all that helps to help, without secrets, into this .tar.gz.')
    .option('--log <FILE>', 'Put the end of this log into the bundle.')
    .option('--json', 'Print JSON.');
  addSettingFlags(command);
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
  try {
    const loaded = await look(command, options, add, controller.signal);
    if (options.bundle !== undefined)
      await writeBundle(options.bundle, options.log, findings, loaded, controller.signal);
  } catch (error) {
    if (controller.signal.aborted) return 130;
    throw error;
  }
  const isWell = findings.every(({ state }) => state !== 'failed');
  if (options.json) sayJson({ ok: isWell, checks: findings });
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
  add(await checkUdpBuffer(measureUdpBuffer, process.platform));
  add(await checkEngine(() => askEngine(signal)));
  add(checkHardware(thisMachine, mayUse));
  signal.throwIfAborted();
  if (!loaded) return undefined;
  const { config } = loaded;
  add(await checkYtDlp(() => askYtDlp(config.pages.ytDlp, { signal }), Date.now()));
  await networkFindings(config, add, signal);
  signal.throwIfAborted();
  const folder = checkDataFolder(config.data);
  add(folder);
  if (folder.state !== 'failed') add(await checkDiskSpeed(() => measureDisk(config.data)));
  if (options.rebuild) add(ok('rebuild', await rebuild(config.data, { signal })));
  else if (existsSync(join(config.data, 'recordings'))) add(await indexFinding(config.data, signal));
  return loaded;
}

async function networkFindings(config: Config, add: (finding: Finding) => void, signal: AbortSignal): Promise<void> {
  let running: string | undefined;
  const whoHas = async () => {
    // Silence, or a certificate that is not for this address: not known to be ours.
    const answer = await askUrl(`${localUrl(config)}/version`, { signal }).catch(() => undefined);
    running = answer && versionOf(answer.text);
    return running;
  };
  add(await checkPort('http', config.http, whoHas));
  const { publicUrl } = config;
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
  const ask = async (address: string) => {
    if (!loaded) throw new OxbowError('bad-setting', 'the settings are wrong');
    const { config } = loaded;
    const { status, text } = await askUrl(`${localUrl(config)}${address}`, { signal, token: config.adminToken });
    if (status >= 400 && status !== 503) throw new OxbowError('source-failed', `the server answers ${status}`);
    return text;
  };
  const bundle = await makeBundle({ findings, loaded, ask, logFile, nowMs: Date.now() });
  try {
    writeFileSync(path, bundle, { mode: 0o600 });
  } catch (error) {
    throw new OxbowError('folder-unwritable', messageOf(error), {
      extra: { hint: 'Name another file: --bundle FILE' },
    });
  }
  note(`The bundle is in ${path}. Look at it before you send it: tar xzf ${path}`);
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
    return false; // that is the answer
  }
}

async function settingsFinding(command: Command, add: (finding: Finding) => void): Promise<LoadedConfig | undefined> {
  try {
    const loaded = await readSettings(command);
    const { warnings } = loaded;
    add(
      warnings.length === 0
        ? ok('settings', 'right')
        : warning('settings', warnings.join('; '), 'oxbow config print  # and see docs/7-reference/configuration.md'),
    );
    return loaded;
  } catch (error) {
    if (!(error instanceof OxbowError) || error.code !== 'bad-setting') throw error;
    add(failed('settings', sentencesOf(error).join('; '), error.refusal.hint));
    return undefined;
  }
}

async function indexFinding(folder: string, signal: AbortSignal): Promise<Finding> {
  const name = 'index of recordings';
  try {
    const problems = await compareIndex(folder, { signal });
    if (problems.length === 0) return ok(name, 'agrees with the files');
    return failed(name, problems.join('; '), 'Stop oxbow and run: oxbow doctor --rebuild');
  } catch (error) {
    if (!(error instanceof OxbowError) || error.code !== 'data-in-use') throw error;
    // A server that runs compares them itself, at each start.
    return ok(name, 'not looked at: a server runs on this folder');
  }
}

function sayFinding({ name, state, text, hint }: Finding): void {
  const mark = { ok: 'ok     ', warning: 'warning', failed: 'FAILED ' }[state];
  say(`${mark}  ${name}: ${text}`);
  if (hint !== '') say(`         ${hint}`);
}
