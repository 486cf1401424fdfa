/**
 * Starts programs that handle foreign bytes: with limits, few variables, their own folder, and without a
 * network where possible.
 * In: a program and its limits. Out: a child process. The process that starts is the program itself, so
 * signals reach it.
 */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { OxbowError } from '../errors.ts';
import { isWindows } from '../platform.ts';
import {
  findIsolation,
  type Isolation,
  type LimitPaths,
  limitPrograms,
  type NetworkPolicy,
  setLimitPrograms,
} from './isolation.ts';

/**
 * Encoders and decoders have threads for each processor; enough for several of them, and an end for a program
 * that multiplies.
 */
const MAX_TASKS = 128 + 32 * availableParallelism();

/** Limits of a program; the system enforces them if util-linux is installed. */
interface ChildLimits {
  /**
   * Most private writable memory, bytes: V8 and FFmpeg reserve far more addresses than they use, so these are
   * not limited.
   */
  readonly maxDataBytes: number;
  /** Largest file that it may write, bytes. */
  readonly maxFileBytes: number;
  readonly maxOpenFiles: number;
  /**
   * Most processor time of a process, seconds, all of its threads together; left out where it lives as long
   * as a stream.
   */
  readonly maxCpuS?: number;
}

/** A program to start. */
interface ConfinedProgram {
  /** Program and arguments. */
  readonly command: readonly string[];
  readonly limits: ChildLimits;
  /** Folder in which it starts; nothing else is in it. */
  readonly folder: string;
  /** All of its variables. */
  readonly env: NodeJS.ProcessEnv;
  readonly stdio: StdioOptions;
  /** It makes requests itself. */
  readonly needsNetwork?: boolean;
  /** It starts other programs: they form a group that can be killed together, and end only by that. */
  readonly isGroup?: boolean;
}

let policy: NetworkPolicy = 'auto';

/** Sets the network policy of all further children of this process. */
export function setNetworkPolicy(next: NetworkPolicy): void {
  policy = next;
}

/** The settings `children`. */
export interface ChildSettings extends LimitPaths {
  readonly network: NetworkPolicy;
}

/** Applies the settings to all further children of this process. */
export function applyChildSettings({ network, prlimit, setpriv, unshare }: ChildSettings): void {
  setNetworkPolicy(network);
  setLimitPrograms({ prlimit, setpriv, unshare });
}

/** How children that need no network are kept from it now. */
export interface NetworkState {
  /** `off`: the settings say so. */
  readonly state: 'isolated' | 'unavailable' | 'off';
  /** A sentence. */
  readonly text: string;
}

/** How children that need no network are kept from it now; tries it if nothing has yet. */
export async function networkState(): Promise<NetworkState> {
  if (policy === 'off')
    return { state: 'off', text: 'child processes have the network of oxbow: children.network is off' };
  const { withoutNetwork, reason, tookMs } = await findIsolation();
  return withoutNetwork
    ? { state: 'isolated', text: `child processes have no network (tried in ${Math.ceil(tookMs)} ms)` }
    : { state: 'unavailable', text: `child processes cannot be kept from the network: ${reason}` };
}

/**
 * Starts a program.
 *
 * @param isolation of the system, for tests
 * @returns a process that may still fail to start, see its event `error`
 * @throws OxbowError `engine-failed` if it must be without a network and cannot
 */
export async function spawnConfined(program: ConfinedProgram, isolation?: Isolation): Promise<ChildProcess> {
  const { folder, env, stdio, isGroup = false } = program;
  const [file, ...args] = commandOf(program, isolation ?? (await findIsolation()));
  return spawn(file!, args, { cwd: folder, env, stdio, detached: isGroup, windowsHide: true });
}

function commandOf(
  { command, limits, needsNetwork = false, isGroup = false }: ConfinedProgram,
  { withoutNetwork, ownCount, reason }: Isolation,
): string[] {
  if (policy === 'required' && !needsNetwork && !withoutNetwork) {
    throw new OxbowError('engine-failed', `A child process cannot be started without a network: ${reason}.`, {
      extra: { hint: 'Allow user namespaces, or set children.network to auto.' },
    });
  }
  const apart = needsNetwork || policy === 'off' ? ownCount : withoutNetwork;
  const { maxDataBytes, maxFileBytes, maxOpenFiles, maxCpuS } = limits;
  const { prlimit, setpriv } = limitPrograms();
  const limited = [
    ...['--core=0', `--data=${maxDataBytes}`, `--nofile=${maxOpenFiles}`, `--fsize=${maxFileBytes}`],
    ...(maxCpuS === undefined ? [] : [`--cpu=${Math.ceil(maxCpuS)}`]),
    ...(apart && ownCount ? [`--nproc=${MAX_TASKS}`] : []),
  ];
  return [
    ...(apart ?? []),
    ...(prlimit ? [prlimit, ...limited, '--'] : []),
    // A program that hangs in native code notices no closed pipe.
    ...(setpriv && !isGroup ? [setpriv, '--pdeathsig', 'KILL', '--'] : []),
    ...command,
  ];
}

/**
 * Variables of a confined Node: without `SystemRoot` no program starts on Windows. It reads what Node has
 * compiled, and starts in half the time, but only where its limits let it write no file: oxbow runs that
 * code.
 */
export function nodeVariables({ maxFileBytes }: Pick<ChildLimits, 'maxFileBytes'>): NodeJS.ProcessEnv {
  const { NODE_COMPILE_CACHE, SystemRoot } = process.env;
  const writesNothing = maxFileBytes === 0 && limitPrograms().prlimit !== undefined;
  return {
    ...(isWindows && SystemRoot ? { SystemRoot } : {}),
    ...(NODE_COMPILE_CACHE && writesNothing ? { NODE_COMPILE_CACHE } : {}),
  };
}
