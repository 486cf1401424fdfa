/**
 * Checks of the media engine, yt-dlp, and the server at its public address.
 * In: functions that request their versions. Out: findings.
 */
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import { findPathProblems } from '../../config/running/machine-paths.ts';
import type { Config } from '../../config/schema.ts';
import type { NetworkState } from '../../lib/confine/confine.ts';
import { limitPrograms, type NetworkPolicy } from '../../lib/confine/isolation.ts';
import { messageOf, refusals, sentenceOf } from '../../lib/errors.ts';
import { tryTemporaryFolder } from '../../lib/files/temporary-folder.ts';
import { isLinux } from '../../lib/platform.ts';
import { type Finding, failed, ok, warning } from './finding.ts';

/**
 * Checks that the media engine loads.
 *
 * @param version reads the version of the engine, which runs in a child process
 */
export async function checkEngine(version: () => Promise<string>): Promise<Finding> {
  try {
    return ok('media engine', await version());
  } catch (error) {
    const hint = 'npm ci  # without the engine there are no test picture and no stills';
    return failed('media engine', messageOf(error), hint);
  }
}

/**
 * Reports whether processes that read foreign media are without a network.
 *
 * @param find tries it, see lib/confine
 */
export async function checkChildren(find: () => Promise<NetworkState>, policy: NetworkPolicy): Promise<Finding> {
  const name = 'child processes';
  const { state, text } = await find();
  if (state !== 'unavailable') return ok(name, text);
  const hint =
    'Install util-linux and allow user namespaces: sysctl kernel.apparmor_restrict_unprivileged_userns=0 or kernel.unprivileged_userns_clone=1; in a container its security profile.';
  return policy === 'required' ? failed(name, text, hint) : warning(name, text, hint);
}

/**
 * Reports the folder of temporary files and the programs that limit child processes. What is set must be
 * there: a start would end with the same sentence.
 */
export async function checkPaths(
  config: Pick<Config, 'temporaryFolder' | 'children' | 'pages'>,
): Promise<readonly Finding[]> {
  const problems = await findPathProblems(config);
  const hint = 'Correct the setting, or leave it out; see docs/reference/configuration.md.';
  const isFolder = ({ path }: { readonly path: string }) => path === 'temporaryFolder';
  const failure = (name: string, { path, message }: { readonly path: string; readonly message: string }) =>
    failed(name, sentenceOf(`${path}: ${message}`), hint);
  const folder = problems.find(isFolder);
  const programs = problems.filter((problem) => !isFolder(problem));
  return [
    folder ? failure('temporary folder', folder) : await folderFinding(config.temporaryFolder),
    ...(programs.length > 0 ? programs.map((problem) => failure('programs', problem)) : [limitFinding()]),
  ];
}

/** Without the setting, oxbow starts also where the folder of the system is not writable. */
async function folderFinding(folder: string): Promise<Finding> {
  const name = 'temporary folder';
  try {
    return ok(name, await tryTemporaryFolder(folder));
  } catch (error) {
    const hint = 'Free some space, or name another folder: --temporary-folder DIR';
    return warning(name, `${tmpdir()} is not writable: ${messageOf(error)}`, hint);
  }
}

/** The programs of util-linux that are found in the folders of the system, or are set. */
function limitFinding(): Finding {
  const name = 'programs';
  if (!isLinux) return ok(name, 'child processes have limits on Linux only');
  const paths = Object.entries(limitPrograms());
  const missing = paths.flatMap(([program, path]) => (path === undefined ? [program] : []));
  if (missing.length === 0) return ok(name, paths.map(([, path]) => path).join(', '));
  return warning(
    name,
    `${missing.join(', ')} not found in /usr/bin and /bin`,
    'Install util-linux, or set children.prlimit, children.setpriv and children.unshare.',
  );
}

/**
 * Reports the hardware encoders that work, and those that fail although their device is there.
 *
 * @param find tries them, see ffmpeg/hardware-encoders
 */
export async function checkEncoders(
  find: () => Promise<readonly { readonly name: string; readonly works: boolean; readonly reason: string }[]>,
): Promise<Finding> {
  const name = 'hardware encoders';
  const tried = await find();
  const working = tried.filter(({ works }) => works).map((encoder) => encoder.name);
  if (working.length > 0) return ok(name, working.join(', '));
  if (tried.length === 0) return ok(name, 'none found; videos are encoded by the processor');
  const [first] = tried;
  return warning(
    name,
    `${first!.name} does not work: ${first!.reason}`,
    'Install the driver of the device, or give this user access to it.',
  );
}

/** Sites change: an older yt-dlp does not work with many of them, ms. */
const OLD_MS = 180 * 86_400_000;
const ASK_MS = 10_000;

/** The version of yt-dlp, e.g. `2026.08.12`. */
export async function runYtDlp(program: string, { signal }: { signal: AbortSignal }): Promise<string> {
  const { stdout } = await promisify(execFile)(program, ['--version'], { timeout: ASK_MS, signal });
  return stdout.trim().slice(0, 100);
}

/**
 * Checks the program for pages with a video.
 *
 * @param version see runYtDlp
 * @param nowMs since 1970
 */
export async function checkYtDlp(version: () => Promise<string>, nowMs: number): Promise<Finding> {
  const name = 'yt-dlp';
  try {
    const text = await version();
    const date = /^(\d{4})\.(\d{2})\.(\d{2})/.exec(text);
    const isOld = date && nowMs - Date.UTC(Number(date[1]), Number(date[2]) - 1, Number(date[3])) > OLD_MS;
    if (!isOld) return ok(name, text);
    return warning(name, `${text} is old; it does not support sites that changed since`, 'pipx upgrade yt-dlp');
  } catch (error) {
    const { code } = error as { code?: unknown };
    const text = code === 'ENOENT' ? 'not found; only pages with a video need it' : messageOf(error);
    return warning(name, text, refusals['page-tool-missing'].hint);
  }
}

/**
 * Checks that `publicUrl` leads to this server.
 *
 * @param ask gets `/version` there; rejects when nothing answers
 * @param isRunning whether a server runs here at all
 */
export async function checkPublicUrl(
  publicUrl: string,
  ask: (url: string) => Promise<{ readonly status: number; readonly text: string }>,
  isRunning: boolean,
): Promise<Finding> {
  const name = 'public URL';
  try {
    const { status, text } = await ask(`${publicUrl}/version`);
    const theirs = versionOf(text);
    if (status === 200 && theirs !== undefined) return ok(name, `${publicUrl} answers, oxbow ${theirs}`);
    if (status === refusals['host-refused'].status) {
      const wants =
        'Let the proxy send Host: localhost and the public name in X-Forwarded-Host, or name it with --hosts.';
      return warning(
        name,
        `${publicUrl} answers ${status}: the proxy sends a host name that oxbow does not accept`,
        wants,
      );
    }
    const hint = 'Let the proxy forward every path unchanged; see docs/9-run/https-and-proxies.md.';
    return warning(name, `${publicUrl} answers ${status}, but not as oxbow`, hint);
  } catch (error) {
    const hint = isRunning
      ? 'Check the name, the proxy and the firewall, or change --public-url.'
      : 'Start oxbow and run this check again.';
    return warning(name, `${publicUrl} cannot be reached: ${messageOf(error)}`, hint);
  }
}

/** The version in a response of `/version`, undefined if it is not from oxbow. */
export function versionOf(text: string): string | undefined {
  try {
    const { name, version } = JSON.parse(text) as { name?: unknown; version?: unknown };
    return name === 'oxbow' && typeof version === 'string' ? version : undefined;
  } catch {
    return undefined;
  }
}
