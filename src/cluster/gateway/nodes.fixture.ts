/**
 * Nodes of a cluster in this process, with real connections and fake dependencies, for tests.
 * In: what each node is made of. Out: running servers, each with a gateway, and who owns what.
 */
import { mock } from 'node:test';
import { WatchTokens } from '../../accounts/watch-tokens.ts';
import { startRoomServer } from '../../features/rooms/room-server.fixture.ts';
import type { HttpDeps } from '../../http/deps.ts';
import { streamView, type TestServer } from '../../http/fixture.ts';
import { createSystemClock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import { createLog } from '../../observe/log.ts';
import { createMetrics } from '../../observe/metrics.ts';
import { everyAnswer } from '../../serve/exchange/media-answer.ts';
import type { CertificateFiles } from '../../serve/tls/tls-certificate.ts';
import { MemoryPlacements } from '../placement/memory-placement.fixture.ts';
import type { NodeView, Placement } from '../placement/placement.ts';
import { NodeSignature, type ReceivedRequest } from '../requests/node-signature.ts';
import { Gateway, type GatewayOptions } from './gateway.ts';
import { PassedMedia } from './media.ts';

/** The secret of the clusters of tests. */
export const clusterSecret = 'a-secret-of-the-cluster-that-is-long';

export interface TestNode {
  readonly name: string;
  readonly server: TestServer;
  readonly gateway: Gateway;
  /** What it may own can be changed. */
  readonly placement: Placement & { takes: Placement['takes'] };
  readonly metrics: GatewayOptions['metrics'];
  /** Requests that it received of other nodes, as `method target`. */
  readonly received: string[];
  /** Targets that its hot responder answered for other nodes. */
  readonly hot: string[];
  /** Lines of the gateway's log. */
  readonly logged: string[];
}

export interface TestNodes extends AsyncDisposable {
  readonly placements: MemoryPlacements;
  readonly nodes: readonly TestNode[];
  /** Changes what the others know of a node. */
  change(name: string, view: Partial<NodeView>): void;
}

/** A node as the others see it. */
export function nodeView(name: string, url: string, change: Partial<NodeView> = {}): NodeView {
  return { name, url: new URL(url), roles: ['serve'], version: '0.0.0-test', isAlive: true, ...change };
}

/** Streams that a node has: the names of its owner's list, and calls as `NODE verb name`. */
export function streamsOf(node: string, names: readonly string[], calls: string[]): Partial<HttpDeps> {
  const known = new Map(names.map((name) => [name, streamView(name)]));
  const streams = {
    list: async () => [...known.values()],
    get: async (name: string) => known.get(name),
    revision: (name: string) => (known.has(name) ? 'r1' : undefined),
    watchRulesOf: () => undefined,
    pastRulesOf: () => undefined,
    isPrivate: () => false,
    isMadePublic: () => true,
    visibilityOf: (name: string) => known.get(name)?.visibility,
    async create(name: string) {
      calls.push(`${node} create ${name}`);
      if (known.has(name)) throw new OxbowError('stream-exists', `${name} exists`);
      return streamView(name);
    },
    async replace(name: string) {
      calls.push(`${node} replace ${name}`);
      return { view: streamView(name), created: !known.has(name) };
    },
    async remove(name: string) {
      calls.push(`${node} remove ${name}`);
    },
  };
  return { streams: streams as unknown as HttpDeps['streams'] };
}

/** Starts nodes. @param depsOf replaces the dependencies of each @param tls of the first node */
export async function startNodes(
  names: readonly string[],
  depsOf: (name: string) => Partial<HttpDeps>,
  tls?: CertificateFiles,
): Promise<TestNodes> {
  await using opened = new AsyncDisposableStack();
  const placements = new MemoryPlacements();
  const clock = createSystemClock();
  const epochs = { all: async () => [], put: async () => {}, remove: async () => {} };
  const tokens = await WatchTokens.open({ secret: Buffer.from(clusterSecret), epochs });
  const nodes: TestNode[] = [];
  for (const name of names) {
    const metrics = opened.use(createMetrics());
    const logged: string[] = [];
    const received: string[] = [];
    const hot: string[] = [];
    const placement = placements.of(name);
    const gateway = new Gateway({
      placement,
      signature: new NodeSignature({ secret: clusterSecret, node: name, clock }),
      memoryBytes: 32 * 1024 * 1024,
      tokens,
      clock,
      metrics,
      trustedProxies: [],
      countryHeader: 'cf-ipcountry',
      socketWaitMs: name === 'patient' ? 60_000 : 100,
      isSecure: tls !== undefined && nodes.length === 0,
      head: everyAnswer,
      isGuarded: false,
      version: '0.0.0-test',
      log: createLog({ level: 'debug', format: 'json', write: (line) => logged.push(line) }),
      streamOfClip: async (id) => (id === 'clip-of-cam' ? 'cam' : undefined),
      defaultStream: () => 'cam',
      failed(error) {
        throw error;
      },
    });
    mock.method(gateway.hot, 'served', function (this: PassedMedia, ...served: Parameters<PassedMedia['served']>) {
      hot.push(served[2]);
      PassedMedia.prototype.served.apply(this, served);
    });
    mock.method(gateway, 'recognise', function (this: Gateway, request: ReceivedRequest) {
      const sender = Gateway.prototype.recognise.call(this, request);
      if (sender) received.push(`${request.method} ${request.target}`);
      return sender;
    });
    const server = await startRoomServer(
      {},
      { ...depsOf(name), otherNodes: gateway },
      nodes.length === 0 ? tls : undefined,
    );
    opened.defer(() => gateway[Symbol.asyncDispose]());
    opened.use(server);
    placements.nodes.set(name, nodeView(name, server.url));
    nodes.push({ name, server, gateway, placement, metrics, received, hot, logged });
  }
  const owned = opened.move();
  return {
    placements,
    nodes,
    change: (name, view) => placements.nodes.set(name, { ...placements.nodes.get(name)!, ...view }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
