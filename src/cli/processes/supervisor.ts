/**
 * `oxbow --processes N`: starts N processes that are one server, passes signals on to them, and starts one
 * again that has ended.
 * In: settings, signals. Out: processes; their addresses on stdout. docs/decisions/0093.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { OpenRelay } from '@oxbow/wire/srtla/open-relay';
import { printRfc3339 } from '../../api/instant.ts';
import { EventHub } from '../../cluster/processes/event-hub.ts';
import type {
  BondedCounts,
  FromProcess,
  ProcessStart,
  SharedPorts,
  ToProcess,
} from '../../cluster/processes/process-link.ts';
import type { Config } from '../../config/schema.ts';
import { processName } from '../../config/sections/cluster-section.ts';
import { backoffMs, sleep } from '../../lib/abort.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import { launcherPath } from '../../lib/program-files.ts';
import { createLog, type Log } from '../../observe/log.ts';
import type { ClaimedPort } from '../../serve/claimed-port.ts';
import { canSharePorts } from '../../serve/hot/listeners.ts';
import { openDataFolder } from '../../store/data-folder.ts';
import { lockDataFolder } from '../../store/lock.ts';
import { announceRunning, describeRunning } from '../../store/running.ts';
import { rememberSample } from '../sample.ts';
import { END_WITHIN_MS, onStopSignal, type StopReason } from '../stop-signals.ts';
import { type ExitCode, note } from '../terminal.ts';
import { onUpgradeSignal, openEarlyPort } from '../upgrade/succession.ts';
import { openBondedPort } from './bonded-port.ts';
import { Heartbeat } from './heartbeat.ts';
import { PassedClients } from './passed-clients.ts';
import { PROCESS, type ReadyProcess, sharedPortsOf } from './process.ts';
import { openSharedSockets } from './shared-sockets.ts';

/** A process that ends sooner after its start is started again after a pause, ms. */
const STEADY_MS = 10_000;
const MAX_PAUSE_MS = 30_000;
/**
 * The processes end themselves within `END_WITHIN_MS`, after the drain; those that cannot are killed this
 * much later, ms.
 */
const GRACE_MS = 1000;
/** The descriptor of the socket of SRT in a process: behind the standard ones and the channel. */
const SRT_FD = 4;

/**
 * Runs the processes until a signal ends them.
 *
 * @param shown called when all are ready
 * @throws OxbowError `data-in-use`, `folder-unwritable`; `bad-setting` where processes cannot share a port
 */
export async function supervise(config: Config, shown: (ready: ReadyProcess) => void): Promise<ExitCode> {
  assertCanShare();
  await using opened = new AsyncDisposableStack();
  const folder = await openDataFolder(config.data);
  const starting = new AbortController();
  const stopping = Promise.withResolvers<StopReason>();
  let processes: Processes | undefined;
  const stop = (reason: StopReason) => {
    starting.abort(new DOMException(`stopped by ${reason}`, 'AbortError'));
    processes?.stop(reason);
    stopping.resolve(reason);
  };
  const atOnce = () => processes?.kill();
  opened.use(onStopSignal(stop, { atOnce, reload: () => processes?.signal('SIGHUP'), late: () => undefined }));
  // Of a server that this one follows: it ends while connections wait here.
  const claimed = opened.use(await openEarlyPort(config, starting));
  opened.use(lockDataFolder(folder));
  rememberSample(config);
  const log = createLog({ level: config.logLevel, format: config.logFormat, fd: 2 });
  opened.defer(() => log.flush());
  const names = Array.from({ length: config.processes }, (_, index) => processName(index + 1));
  const srtFds = await openSrt(config, log, opened);
  const bonded = await openBondedPort({ config, names, folder, log, counted: (counts) => processes?.count(counts) });
  opened.defer(() => bonded?.close());
  processes = new Processes(names, { log, srtFds, bonded, httpPort: claimed?.port, drainMs: config.drain });
  const startedAt = printRfc3339(Date.now());
  const first = await processes.startFirst();
  if (typeof first === 'number') return first;
  opened.use(await announceRunning(folder, describeRunning(config, first.httpUrl, startedAt)));
  if (await processes.startOthers()) shown(first);
  if (claimed) void passOn(claimed, processes);
  opened.use(onUpgradeSignal(config, { log, signal: starting.signal }, () => stop('succeeded')));
  await stopping.promise;
  await processes.ended;
  return 0;
}

/** The connections that waited are distributed; from now on the processes accept them. */
async function passOn(claimed: ClaimedPort, processes: Processes): Promise<void> {
  const listeners = claimed.take((socket) => processes.pass(socket));
  claimed.begin();
  await listeners.close();
}

function assertCanShare(): void {
  if (!canSharePorts) {
    throw new OxbowError('bad-setting', '`processes` is more than 1, but this system does not let them share a port.', {
      extra: { hint: 'Linux does. Elsewhere one process serves.' },
    });
  }
  if (Number(process.env.LISTEN_PID) !== process.pid) return;
  throw new OxbowError('bad-setting', '`processes` is more than 1, but systemd has opened the HTTP port.', {
    extra: { hint: 'The processes open it themselves: run `systemctl disable --now oxbow.socket`, or set 1.' },
  });
}

/** The sockets of SRT; empty if it is off, or another program has the port: then each process says so. */
async function openSrt({ srt, processes }: Config, log: Log, opened: AsyncDisposableStack): Promise<readonly number[]> {
  if (srt === 'off') return [];
  try {
    return opened.use(await openSharedSockets(srt, processes)).fds;
  } catch (error) {
    log.debug({ error: messageOf(error) }, 'the port of SRT cannot be shared');
    return [];
  }
}

/** What all processes have in common. */
interface ProcessesOptions {
  readonly log: Log;
  readonly srtFds: readonly number[];
  /** The port of bonded senders, if it is open. */
  readonly bonded: OpenRelay | undefined;
  /** The port of HTTP, if it is open already. */
  readonly httpPort: number | undefined;
  /** How long the processes still serve after SIGTERM, ms. */
  readonly drainMs: number;
}

class Processes {
  readonly #options: ProcessesOptions;
  readonly #names: readonly string[];
  readonly #hub = new EventHub(Date.now());
  readonly #secret = randomBytes(32).toString('hex');
  readonly #children = new Map<string, ChildProcess>();
  readonly #passedClients = new PassedClients();
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>[] = [];
  #ports: Partial<SharedPorts>;
  #passed = 0;
  #counts: BondedCounts | undefined;

  constructor(names: readonly string[], options: ProcessesOptions) {
    this.#options = options;
    this.#ports = { http: options.httpPort };
    this.#names = names;
  }

  /** Passes on what the port of bonded senders has seen. */
  count(counts: BondedCounts): void {
    this.#counts = counts;
    this.#sendTo(this.#names[0]!, { t: 'bonded', counts });
  }

  /**
   * Starts the first process, which opens the ports and the database. Returns its exit code if it ends before
   * it is ready.
   */
  async startFirst(): Promise<ReadyProcess | ExitCode> {
    const name = this.#names[0]!;
    const { ready, ended } = this.#start(name, true);
    const first = await Promise.race([ready, ended]);
    if (typeof first === 'number') return this.#isStopping && first === 0 ? 0 : ((first || 1) as ExitCode);
    this.#ports = sharedPortsOf(first);
    this.#running.push(this.#keep(name, ended));
    return first;
  }

  /** Starts the others. Resolves when they are ready; false: the server is stopped before. */
  async startOthers(): Promise<boolean> {
    const ready = this.#names.slice(1).map((name) => {
      const started = this.#start(name, false);
      this.#running.push(this.#keep(name, started.ended));
      return Promise.race([started.ready, started.ended]);
    });
    await Promise.all(ready);
    return !this.#isStopping;
  }

  /** Passes a connection to the next process. */
  pass(socket: Socket): void {
    const children = [...this.#children.values()].filter(({ connected }) => connected);
    const child = children[this.#passed++ % children.length];
    if (!child) return void socket.destroy();
    child.send({ t: 'connection' } satisfies ToProcess, socket, (error) => {
      if (error) socket.destroy();
    });
  }

  /** Ends all in order. */
  stop(reason: StopReason): void {
    this.#stopping.abort();
    this.signal(reason === 'SIGINT' || reason === 'SIGHUP' ? reason : 'SIGTERM');
  }

  signal(signal: NodeJS.Signals): void {
    for (const child of this.#children.values()) child.kill(signal);
  }

  /** Ends all at once. */
  kill(): void {
    this.signal('SIGKILL');
  }

  /** Resolves when all have ended, after `stop`. */
  get ended(): Promise<void> {
    const late = setTimeout(() => this.kill(), this.#options.drainMs + END_WITHIN_MS + GRACE_MS);
    return Promise.all(this.#running).then(() => clearTimeout(late));
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** Starts a process again each time that it ends, until all are stopped. */
  async #keep(name: string, ended: Promise<number>): Promise<void> {
    let startedMs = performance.now();
    let failures = 0;
    for (let ending = ended; ; ) {
      const code = await ending;
      if (this.#isStopping) return;
      failures = performance.now() - startedMs < STEADY_MS ? failures + 1 : 0;
      const pauseMs = failures === 0 ? 0 : backoffMs(failures, 250, MAX_PAUSE_MS);
      this.#options.log.error({ process: name, code, pauseMs }, 'a process of the server has ended; starting it again');
      await sleep(pauseMs, this.#stopping).catch(() => undefined); // stopped
      if (this.#isStopping) return;
      startedMs = performance.now();
      ending = this.#start(name, false).ended;
    }
  }

  /** A process that has ended gets nothing. */
  #sendTo(name: string, message: ToProcess): void {
    const child = this.#children.get(name);
    if (child?.connected) child.send(message, () => undefined);
  }

  #takesBonded(name: string, port: number): void {
    this.#options.bonded?.attach(name, port);
    if (this.#counts) this.count(this.#counts);
  }

  #start(name: string, isFirst: boolean) {
    const { bonded } = this.#options;
    const srtFd = this.#options.srtFds[this.#names.indexOf(name)];
    const child = spawn(launcherPath, process.argv.slice(2), {
      env: { ...process.env, [PROCESS]: name },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...(srtFd === undefined ? [] : [srtFd])],
    });
    this.#children.set(name, child);
    const send = (message: ToProcess) => child.connected && child.send(message, () => undefined); // it has ended
    const { position, remove } = this.#hub.add((event) => send({ t: 'event', event }));
    const start: ProcessStart = {
      name,
      names: this.#names,
      isFirst,
      secret: this.#secret,
      ports: this.#ports,
      srtFd: srtFd === undefined ? undefined : SRT_FD,
      srtla: bonded && { port: bonded.port, relayPort: bonded.relayPort },
      events: position,
    };
    send({ t: 'start', start });
    const heartbeat = new Heartbeat({
      ping: () => send({ t: 'ping' }),
      silent: (silentMs) => {
        this.#options.log.error({ process: name, silentMs }, 'a process of the server does not answer; killing it');
        child.kill('SIGKILL');
      },
    });
    const ready = Promise.withResolvers<ReadyProcess>();
    child.on('message', (message: FromProcess<ReadyProcess>, handle: unknown) => {
      if (message.t === 'publish') return this.#hub.publish(name, message.event);
      if (message.t === 'pong') return heartbeat.answered();
      if (message.t === 'pass') return this.#passedClients.pass(this.#children.get(message.to), message.client, handle);
      if (message.t === 'caller') return this.#sendTo(message.to, { t: 'caller', caller: message.caller });
      if (message.t === 'bonded') return this.#takesBonded(name, message.port);
      if (message.t === 'move-bonded') return void bonded?.move(name, message.group, message.to);
      heartbeat.ready();
      ready.resolve(message.ready);
    });
    const ended = Promise.withResolvers<number>();
    const onEnd = (code: number) => {
      heartbeat[Symbol.dispose]();
      remove();
      bonded?.detach(name);
      this.#children.delete(name);
      ended.resolve(code);
    };
    child.once('error', (error) => {
      note(`oxbow: ${name} cannot be started: ${messageOf(error)}`);
      onEnd(1);
    });
    child.once('exit', (code) => onEnd(code ?? 1));
    return { ready: ready.promise, ended: ended.promise };
  }
}
