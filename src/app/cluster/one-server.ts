/**
 * What a server says of itself: its metrics, its load, its recordings and its log. Those of several processes
 * are those of one server.
 * In: the views of this process, the others. Out: the same views, of all. docs/decisions/0093.
 */
import type { SystemHistory } from '../../api/admin-shapes.ts';
import type { SystemView } from '../../api/shapes.ts';
import type { NodeView } from '../../cluster/placement/placement.ts';
import { internalTarget } from '../../cluster/requests/internal-requests.ts';
import type { AppContext, Nodes } from '../../features/core.ts';
import type { GrowingRecording } from '../../observe/disk-forecast.ts';
import { type LogLine, type LogWish, selectLines } from '../../observe/log-ring.ts';
import { acrossProcesses, mergeMetrics } from '../../observe/merge-metrics.ts';

/** What a process said last counts after this time, ms; Prometheus waits for ten seconds. */
const WITHIN_MS = 4000;
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
  recordings(): Promise<RecordingsView>;
}

/** The recordings of the streams of a process. */
interface RecordingsView {
  readonly bytes: number;
  readonly growing: readonly GrowingRecording[];
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
  const ask = async (node: NodeView, target: string): Promise<unknown> => {
    const key = `${node.name} ${target}`;
    try {
      const request = { method: 'GET', target, maxBytes: MAX_BYTES, deadlineMs: WITHIN_MS, signal } as const;
      using response = await client.send(node, request);
      if (response.status === 200) last.set(key, JSON.parse(Buffer.from(await response.body()).toString()));
    } catch (error) {
      report(error); // counters must not go back, so what it said last counts
    }
    return last.get(key);
  };
  /** One request to a process answers all that come meanwhile. */
  const askOnce = (node: NodeView, target: string): Promise<unknown> => {
    const key = `${node.name} ${target}`;
    const asking = asked.get(key) ?? ask(node, target).finally(() => asked.delete(key));
    asked.set(key, asking);
    return asking;
  };
  /** The own value first, then those of the other processes. */
  const gather = async <T>(name: keyof ServerViews, value: Promise<T>): Promise<[T, ...T[]]> => {
    const living = placement.others.filter(({ isAlive }) => isAlive);
    const values = await Promise.all(living.map((node) => askOnce(node, internalTarget.view(name))));
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
    async recordings() {
      const all = await gather('recordings', own.recordings());
      return { bytes: sum(all, ({ bytes }) => bytes), growing: all.flatMap(({ growing }) => growing) };
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
    case 'recordings':
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
