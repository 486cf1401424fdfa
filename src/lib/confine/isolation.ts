/**
 * Finds out once how this system can keep child processes apart: without a network, with a separate count of
 * processes.
 * In: the programs of util-linux. Out: arguments that start a program so, or why it is not possible.
 */
import { execFile } from 'node:child_process';
import { existsSync, readlinkSync } from 'node:fs';
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

/** Path of util-linux's prlimit, which starts a program with hard limits; undefined if missing. */
export const prlimit: string | undefined = programOf('prlimit');

/** Path of util-linux's setpriv, which starts a program that ends with its parent; undefined if missing. */
export const setpriv: string | undefined = programOf('setpriv');

let tried: Promise<Isolation> | undefined;

/** The isolation that this system allows; tried once, at the first call. Never rejects. */
export function findIsolation(): Promise<Isolation> {
  tried ??= tryIsolation({ unshare: programOf('unshare'), isRoot: ownUid === 0 });
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
    { command: [...user, '--net'], counts: !host.isRoot && prlimit !== undefined },
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
  const limit = counts ? [prlimit!, `--nproc=${TRIAL_TASKS}`, '--'] : [];
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
