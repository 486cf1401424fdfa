/**
 * Finds out once how this system can keep child processes apart: without a network, with a separate count of
 * processes.
 * In: the programs of util-linux. Out: arguments that start a program so, or why it is not possible.
 */
import { execFile } from 'node:child_process';
import { existsSync, readlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '../errors.ts';
import { isLinux, ownUid } from '../platform.ts';

/**
 * Whether children that need no network are without one: `auto` where the system allows it, `required`: none
 * starts otherwise.
 */
export type NetworkPolicy = 'auto' | 'required' | 'off';

/** The isolation that this system allows. */
export interface Isolation {
  /**
   * Command that starts a program in a separate network, which has no interface that is up; undefined if
   * not possible.
   */
  readonly withoutNetwork: readonly string[] | undefined;
  /**
   * Command that starts a program with a separate count of processes, and the network of oxbow; undefined
   * if not possible.
   */
  readonly ownCount: readonly string[] | undefined;
  /** Why there is no `withoutNetwork`; empty if there is one. */
  readonly reason: string;
  /** Duration of the trial, ms. */
  readonly tookMs: number;
}

const TRY_MS = 5000;
const OWN_NETWORK = '/proc/self/ns/net';
/**
 * Processes of a trial at the same time: fewer than this user has, so that it fails where all of them count.
 */
const TRIAL_TASKS = 4;

const programOf = (name: string): string | undefined =>
  ['/usr/bin', '/bin'].map((folder) => `${folder}/${name}`).find((path) => isLinux && existsSync(path));

/** Programs of util-linux that start other programs; undefined if missing. */
interface LimitPrograms {
  /** Starts a program with hard limits. */
  readonly prlimit: string | undefined;
  /** Starts a program that ends with its parent. */
  readonly setpriv: string | undefined;
  /** Starts a program in separate namespaces. */
  readonly unshare: string | undefined;
}

/**
 * Paths of the settings `children`, relative to the current folder; empty: the program in `/usr/bin` or
 * `/bin`.
 */
export type LimitPaths = { readonly [program in keyof LimitPrograms]: string };

let programs: LimitPrograms | undefined;

/** The programs that this process uses. */
export function limitPrograms(): LimitPrograms {
  programs ??= findPrograms({ prlimit: '', setpriv: '', unshare: '' });
  return programs;
}

/** Sets the programs of all further children, and tries the isolation again when it is next needed. */
export function setLimitPrograms(paths: LimitPaths): void {
  programs = findPrograms(paths);
  tried = undefined;
}

function findPrograms(paths: LimitPaths): LimitPrograms {
  // Children start in another folder.
  const find = (name: keyof LimitPaths) => (isLinux && paths[name] !== '' ? resolve(paths[name]) : programOf(name));
  return { prlimit: find('prlimit'), setpriv: find('setpriv'), unshare: find('unshare') };
}

let tried: Promise<Isolation> | undefined;

/** The isolation that this system allows; tried once, at the first call. Never rejects. */
export function findIsolation(): Promise<Isolation> {
  tried ??= tryIsolation({ unshare: limitPrograms().unshare, isRoot: ownUid === 0 });
  return tried;
}

/**
 * Tries it.
 *
 * @param host.unshare path of util-linux's unshare, or of a program that replaces it in a test
 * @param host.isRoot whether this process may create networks without a user namespace, in which root could
 *   not read files of others
 */
export async function tryIsolation(host: {
  readonly unshare: string | undefined;
  readonly isRoot: boolean;
}): Promise<Isolation> {
  const startedAt = performance.now();
  const tookMs = () => performance.now() - startedAt;
  const { unshare } = host;
  const without = (reason: string): Isolation => ({
    withoutNetwork: undefined,
    ownCount: undefined,
    reason,
    tookMs: tookMs(),
  });
  if (!isLinux) return without('only Linux has networks for single processes');
  if (unshare === undefined) return without('unshare of util-linux is not installed');
  const user = [unshare, '--user', '--map-current-user'];
  // Root is exempt from counts of processes.
  const forms = [
    ...(host.isRoot ? [{ command: [unshare, '--net'], counts: false }] : []),
    { command: [...user, '--net'], counts: !host.isRoot && limitPrograms().prlimit !== undefined },
    { command: [...user, '--net'], counts: false },
  ];
  let reason = '';
  for (const { command, counts } of forms) {
    const failure = await tryCommand([...command, '--'], counts);
    if (failure !== undefined) reason = failure;
    else {
      const ownCount = counts ? [...user, '--'] : undefined;
      return { withoutNetwork: [...command, '--'], ownCount, reason: '', tookMs: tookMs() };
    }
  }
  return without(reason);
}

/** Returns why it does not work; undefined if it does. */
async function tryCommand(command: readonly string[], counts: boolean): Promise<string | undefined> {
  const limit = counts ? [limitPrograms().prlimit!, `--nproc=${TRIAL_TASKS}`, '--'] : [];
  // The program and its files must be readable there, and a process must be able to start another one.
  const script = 'test -x "$0" && test -r "$1" && (readlink "$2") && :';
  const shell = ['/bin/sh', '-c', script, process.execPath, import.meta.filename, OWN_NETWORK];
  const [program, ...args] = [...command, ...limit, ...shell];
  try {
    const { stdout } = await promisify(execFile)(program!, args, { timeout: TRY_MS, env: {}, encoding: 'utf8' });
    return stdout.trim() === readlinkSync(OWN_NETWORK) ? 'the network stays the same' : undefined;
  } catch (error) {
    const { stderr = '' } = error as { readonly stderr?: string };
    return stderr.trim().split('\n').at(-1) || messageOf(error);
  }
}
