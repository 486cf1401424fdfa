/**
 * What a server says of itself: its metrics, its load, its recordings and its log. Those of several processes
 * are those of one server.
 * In: the views of this process, the others. Out: the same views, of all. docs/decisions/0093.
 */
import type { FolderView, MirrorView, ObjectStoreView, SystemHistory } from '../../api/admin-shapes.ts';
import type { SystemView } from '../../api/shapes.ts';
import type { NodeView } from '../../cluster/placement/placement.ts';
import { internalTarget } from '../../cluster/requests/internal-requests.ts';
import type { AppContext, Nodes } from '../../features/core.ts';
import type { GrowingRecording } from '../../observe/disk-forecast.ts';
import { type HealthReport, worstReport } from '../../observe/health.ts';
import { type LogLine, type LogWish, selectLines } from '../../observe/log-ring.ts';
import { acrossProcesses, mergeMetrics } from '../../observe/merge-metrics.ts';

/** What a process said last counts after this time, ms; Prometheus waits for ten seconds. */
const WITHIN_MS = 4000;
/** A process that has not said whether it works after this time does not, ms. */
const HEALTH_MS = 1000;
const MAX_BYTES = 64 * 1024 * 1024;
/** Most lines of the log in one answer. */
const MOST_LINES = 2000;

/** A description without what only the whole server has. */
type OwnSystem = Omit<SystemView, 'waitingForRestart'>;

/** What a process, or all of them, say. */
export interface ServerViews {
  /** Prometheus text. */
  metrics(): Promise<string>;
  system(): Promise<OwnSystem>;
  history(): Promise<SystemHistory>;
  logs(wish: LogWish): Promise<readonly LogLine[]>;
  storage(): Promise<StoredView>;
  health(): Promise<HealthReport>;
}

/** The recordings of the streams of a process, and where they are besides the data folder. */
export interface StoredView {
  readonly bytes: number;
  readonly growing: readonly GrowingRecording[];
  readonly folders: readonly FolderView[];
  readonly objectStores: readonly ObjectStoreView[];
}

/** Those of several processes are added up. */
export function viewsOfServer(
  { process: part, shutdown, failed }: Pick<AppContext, 'process' | 'shutdown' | 'failed'>,
  nodes: Nodes | undefined,
  own: ServerViews,
): ServerViews {
  if (!part || !nodes) return own;
  const { placement, client } = nodes;
  const report = failed('reading the state of another process');
  const last = new Map<string, unknown>();
  const asked = new Map<string, Promise<unknown>>();
  const { signal } = shutdown;
  const ask = async (node: NodeView, target: string, deadlineMs: number): Promise<unknown> => {
    try {
      using response = await client.send(node, { method: 'GET', target, maxBytes: MAX_BYTES, deadlineMs, signal });
      return response.status === 200 ? JSON.parse(Buffer.from(await response.body()).toString()) : undefined;
    } catch (error) {
      report(error);
      return undefined;
    }
  };
  /** One request to a process answers all that come meanwhile. Undefined: it does not answer in time. */
  const askOnce = (node: NodeView, name: keyof ServerViews, deadlineMs: number): Promise<unknown> => {
    const key = `${node.name} ${name}`;
    const asking = asked.get(key) ?? ask(node, internalTarget.view(name), deadlineMs).finally(() => asked.delete(key));
    asked.set(key, asking);
    return asking;
  };
  const living = () => placement.others.filter(({ isAlive }) => isAlive);
  /** The own value first, then those of the others; of one that does not answer, what it said last. */
  const gather = async <T>(name: keyof ServerViews, value: Promise<T>): Promise<[T, ...T[]]> => {
    const values = await Promise.all(
      living().map(async (node) => {
        const key = `${node.name} ${name}`;
        const answer = (await askOnce(node, name, WITHIN_MS)) ?? last.get(key); // counters must not go back
        last.set(key, answer);
        return answer;
      }),
    );
    return [await value, ...values.filter((each) => each !== undefined).map((each) => each as T)];
  };
  return {
    metrics: async () => mergeMetrics(await gather('metrics', own.metrics()), acrossProcesses),
    system: async () => sumSystems(await gather('system', own.system())),
    history: async () => sumHistories(await gather('history', own.history())),
    async logs(wish) {
      const lines = (await gather('logs', own.logs({}))).flat();
      return selectLines(
        lines.sort((a, b) => a.id - b.id),
        wish,
      ).slice(-MOST_LINES);
    },
    storage: async () => sumStorage(await gather('storage', own.storage())),
    async health() {
      const reports = await Promise.all(
        living().map(async (node) => ((await askOnce(node, 'health', HEALTH_MS)) as HealthReport) ?? absent(node.name)),
      );
      return worstReport([await own.health(), ...reports]);
    },
  };
}

/** Answers another process. @returns undefined for an unknown view */
export function answerView(own: ServerViews, name: string): Promise<unknown> | undefined {
  switch (name) {
    case 'logs':
      return own.logs({});
    case 'metrics':
    case 'system':
    case 'history':
    case 'storage':
    case 'health':
      return own[name]();
    default:
      return undefined;
  }
}

function sumSystems(systems: readonly [OwnSystem, ...OwnSystem[]]): OwnSystem {
  const [first] = systems;
  const memoryOf = (name: keyof OwnSystem['memory']) => sum(systems, ({ memory }) => memory[name]);
  const [startedAt] = systems.map((each) => each.startedAt).sort();
  return {
    ...first,
    startedAt: startedAt!,
    cpu: { ...first.cpu, seconds: sum(systems, ({ cpu }) => cpu.seconds) },
    memory: {
      rss: memoryOf('rss'),
      heapUsed: memoryOf('heapUsed'),
      external: memoryOf('external'),
      arrayBuffers: memoryOf('arrayBuffers'),
      shared: memoryOf('shared'),
    },
    disk: { ...first.disk, recordings: sum(systems, ({ disk }) => disk.recordings) },
    streams: sum(systems, ({ streams }) => streams),
    children: { ...first.children, running: sum(systems, ({ children }) => children.running) },
  };
}

/** The report on a process that does not answer. */
function absent(process: string): HealthReport {
  const detail = `${process} does not answer.`;
  return { status: 'degraded', checks: [{ name: 'processes', status: 'degraded', detail, tookMs: HEALTH_MS }] };
}

/** A process notices that a disk or bucket fails when it needs it; the files of its streams wait with it. */
function sumStorage(all: readonly StoredView[]): StoredView {
  const problemOf = (of: readonly { readonly problem: string | null }[]) =>
    of.find(({ problem }) => problem !== null)?.problem ?? null;
  return {
    bytes: sum(all, ({ bytes }) => bytes),
    growing: all.flatMap(({ growing }) => growing),
    folders: byName(all.flatMap(({ folders }) => folders)).map((same) => ({
      ...same[0],
      problem: problemOf(same),
      hasRoom: same.every(({ hasRoom }) => hasRoom),
    })),
    objectStores: byName(all.flatMap(({ objectStores }) => objectStores)).map((same) => ({
      ...same[0],
      objects: Math.max(...same.map(({ objects }) => objects)),
      bytes: Math.max(...same.map(({ bytes }) => bytes)),
      waiting: sum(same, ({ waiting }) => waiting),
      waitingBytes: sum(same, ({ waitingBytes }) => waitingBytes),
      mirror: sumMirrors(same.flatMap(({ mirror }) => mirror ?? [])),
      problem: problemOf(same),
    })),
  };
}

function sumMirrors(mirrors: readonly MirrorView[]): MirrorView | null {
  if (mirrors.length === 0) return null;
  return {
    streams: sum(mirrors, ({ streams }) => streams),
    behindSeconds: Math.max(...mirrors.map(({ behindSeconds }) => behindSeconds)),
    behindBytes: sum(mirrors, ({ behindBytes }) => behindBytes),
    objects: sum(mirrors, ({ objects }) => objects),
    problem: mirrors.find(({ problem }) => problem !== null)?.problem ?? null,
  };
}

function byName<T extends { readonly name: string }>(items: readonly T[]): readonly [T, ...T[]][] {
  return [...Map.groupBy(items, ({ name }) => name).values()] as [T, ...T[]][];
}

function sumHistories(histories: readonly [SystemHistory, ...SystemHistory[]]): SystemHistory {
  const [first] = histories;
  const same = histories.filter(({ from }) => from === first.from);
  const cpu = first.cpu.map((_, at) => {
    const values = same.flatMap((each) => each.cpu[at] ?? []);
    return values.length === 0 ? null : sum(values, (value) => value);
  });
  return { ...first, cpu };
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
