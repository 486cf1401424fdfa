/**
 * The clusters of `bench cluster`: three nodes with PostgreSQL and Redis on this machine, without proxies
 * between them.
 * In: arguments of nodes. Out: running nodes; their CPU and memory, and those of the engines.
 */
import { openCluster, type TestCluster, type TestNode } from '../../test/cluster/cluster.fixture.ts';
import { ProcessTree } from '../process-tree.ts';

/** Names of the nodes. */
export const NAMES = ['a', 'b', 'c'] as const;

/**
 * Arguments of a test picture whose encoder takes little of the cores that it shares with measured ones.
 */
export const TINY_PICTURE: readonly string[] = [
  ...['--test-picture-width', '160', '--test-picture-height', '90', '--test-picture-fps', '15'],
];

/** A running cluster. */
export interface BenchCluster {
  readonly cluster: TestCluster;
  readonly nodes: Map<string, TestNode>;
  node(name: string): TestNode;
}

/** Starts it. @param args of each node; `more` those of one only */
export async function openNodes(
  opened: AsyncDisposableStack,
  { args, more = {}, takeoverMs }: { args: readonly string[]; more?: Record<string, string[]>; takeoverMs?: number },
): Promise<BenchCluster> {
  const cluster = opened.use(await openCluster({ isProxied: false, takeoverMs }));
  const nodes = new Map<string, TestNode>();
  const start = async (name: string) => {
    const nodeArgs = ['--log-level', 'info', ...args, ...(more[name] ?? [])];
    nodes.set(name, await cluster.start(name, { args: nodeArgs, sample: false }));
  };
  await start(NAMES[0]); // it creates the tables
  await Promise.all(NAMES.slice(1).map(start));
  return { cluster, nodes, node: (name) => nodes.get(name)! };
}

/** A point of time of a measurement: CPU seconds since an arbitrary start. */
interface CpuPoint {
  readonly atS: number;
  readonly nodes: readonly number[];
  readonly engines: number;
  readonly bench: number;
}

/** Watches the CPU of the nodes, the engines and the load generators. */
export class ClusterCpu {
  readonly #nodes: readonly ProcessTree[];
  readonly #engines: ProcessTree;
  readonly #bench: ProcessTree;

  constructor({ cluster, nodes }: BenchCluster, generators: readonly number[]) {
    this.#nodes = NAMES.map((name) => new ProcessTree([nodes.get(name)!.server.pid]));
    this.#engines = new ProcessTree(cluster.enginePids);
    this.#bench = new ProcessTree(generators);
  }

  now(): CpuPoint {
    return {
      atS: performance.now() / 1000,
      nodes: this.#nodes.map((tree) => tree.cpuS()),
      engines: this.#engines.cpuS(),
      bench: this.#bench.cpuS(),
    };
  }

  /** PSS of the nodes, bytes. */
  pss(): readonly number[] {
    return this.#nodes.map((tree) => tree.memory().pss);
  }
}

/** CPU between two points, in cores. */
export function coresBetween(from: CpuPoint, to: CpuPoint) {
  const s = to.atS - from.atS;
  const nodes = to.nodes.map((value, i) => (value - from.nodes[i]!) / s);
  return {
    nodes,
    engines: (to.engines - from.engines) / s,
    bench: (to.bench - from.bench) / s,
    all: nodes.reduce((sum, cores) => sum + cores, 0) + (to.engines - from.engines) / s,
  };
}
