/**
 * The settings of a cluster, of Redis and of NATS, a part of the table of all settings.
 * In: the types of settings. Out: the sections `redis`, `nats` and `cluster` for schema.ts.
 */
import { FormatError } from '@oxbow/media/errors';
import {
  checkRtmpServer,
  createOption,
  duration,
  flag,
  integer,
  listKind,
  type Option,
  type OptionExtras,
  optionalUrl,
  secret,
  section,
  size,
  text,
  type Values,
} from '../option.ts';
import { hostPorts, namePrefix, natsUrl, redisUrl } from './server-option.ts';

/** The roles of a node of a cluster. */
export const nodeRoles = ['ingest', 'serve', 'worker', 'rooms'] as const;

export type NodeRole = (typeof nodeRoles)[number];

/** Roles: a list, or text with commas. */
function roles(sentence: string, extras: OptionExtras): Option<readonly NodeRole[]> {
  const check = (item: string) => {
    if (item === 'all' || nodeRoles.some((role) => role === item)) return;
    throw new FormatError(`"${item.slice(0, 40)}" is no role; roles are all, ${nodeRoles.join(', ')}`, 0);
  };
  const kind = listKind('ROLE,…', 'a role', check);
  const read = (value: unknown): readonly NodeRole[] => {
    const roleSet = new Set(kind.read(value));
    return nodeRoles.filter((role) => roleSet.size === 0 || roleSet.has('all') || roleSet.has(role));
  };
  const print = (value: readonly NodeRole[]) => (value.length === nodeRoles.length ? 'all' : value.join(','));
  return createOption<readonly NodeRole[]>(
    { placeholder: kind.placeholder, json: kind.json, read, print },
    'all',
    sentence,
    extras,
  );
}

/**
 * An address of a node: without a path, because requests are signed with theirs.
 */
function nodeUrl(sentence: string): Option<string | undefined> {
  const url = optionalUrl(sentence);
  const parse = (value: unknown): string | undefined => {
    const address = url.parse(value);
    if (address === undefined || new URL(address).href === `${new URL(address).origin}/`) return address;
    throw new FormatError('the address of a node is a protocol, a host and a port, and nothing more', 0);
  };
  return { ...url, parse };
}

/** Addresses of RTMP servers: a list, or text with commas. */
function publishUrls(sentence: string): Option<readonly string[]> {
  return createOption(listKind('URL,…', 'an address', checkRtmpServer), '', sentence);
}

/** Nodes as `NAME=URL`: a list, or text with commas. */
function peers(sentence: string): Option<readonly string[]> {
  const check = (item: string) => {
    const [, url] = PEER.exec(item) ?? [];
    if (url !== undefined && URL.canParse(url) && new URL(url).href === `${new URL(url).origin}/`) return;
    throw new FormatError(`"${item.slice(0, 80)}" is no node; write it as name=http://10.1.0.5:8080`, 0);
  };
  return createOption(listKind('NAME=URL,…', 'a node', check), '', sentence);
}

const PEER = /^[a-z0-9][a-z0-9_-]{0,30}=(https?:\/\/.+)$/;

/** Name of a process of a server that runs as several. @param number 1 for the first */
export function processName(number: number): string {
  return `process-${number}`;
}

/** Whether a node is a process of a server: the processes share one data folder, other nodes have theirs. */
export function isProcessName(node: string): boolean {
  return /^process-\d+$/.test(node);
}

/** The name of a node of a cluster. */
function nodeNameOption(sentence: string): Option<string> {
  const name = namePrefix('node', sentence);
  const parse = (value: unknown): string => {
    const node = name.parse(value);
    if (!isProcessName(node)) return node;
    throw new FormatError(`"${node}" is the name of a process of a server, see processes; choose another one`, 0);
  };
  return { ...name, parse };
}

export const redisSection = section({
  url: redisUrl(
    'Redis server that the nodes of a cluster share: `redis://USER:PASSWORD@HOST:PORT/DATABASE`, or `rediss://` for TLS. Used only with `cluster.enabled`.',
  ),
  sentinels: hostPorts('Sentinels, which name the master. Host and port of `redis.url` are then not used.'),
  sentinelName: namePrefix('oxbow', 'Name of the master that the sentinels watch.'),
  replicas: integer(
    '0',
    { min: 0, max: 10 },
    'Number of replicas of Redis that must have a lease before it counts as confirmed: after a failover it is still known.',
  ),
  prefix: namePrefix('oxbow', 'First part of the keys in Redis: the same on all nodes of a cluster.'),
});

export const natsSection = section({
  url: natsUrl(
    'NATS server in place of Redis and RabbitMQ: `nats://USER:PASSWORD@HOST:PORT`, or `tls://` for TLS. It carries events of a cluster (`cluster.enabled`; needs JetStream) and the news that a job waits.',
  ),
  servers: hostPorts('Further servers of the same NATS, which are tried when that of `nats.url` does not answer.'),
  token: secret('Token for NATS, 16 characters or more, in place of a user and a password in `nats.url`.'),
  credentials: text('', 'File with the credentials for NATS: a JWT and its key, as `nsc` writes it (`.creds`).', {
    placeholder: 'FILE',
  }),
  prefix: namePrefix('oxbow', 'First part of subjects and of the stream in NATS: the same on all nodes of a cluster.'),
  maxAge: duration('24h', 'How long the stream in NATS keeps events.', { min: '2m', max: '365d' }),
  maxBytes: size('64M', 'Most bytes of events that the stream in NATS keeps. Beyond it the oldest are deleted.'),
  replicas: integer('1', { min: 1, max: 5 }, 'Number of servers of NATS that store the stream of events.'),
});

/** Settings that the nodes of a cluster share. */
export const clusterSection = section({
  enabled: flag(false, 'Whether this server is a node of a cluster. Needs `redis.url` or `nats.url`.'),
  node: nodeNameOption('Name of this node: another one for each node, the same after a restart.'),
  url: nodeUrl(
    'Where the other nodes reach this one, for example `http://10.0.0.5:8080`. With it the nodes share streams and rooms: needs `store.url` and `cluster.secret`.',
  ),
  secret: secret(
    'Secret of the cluster, 32 characters or more: the same on all nodes. It signs their requests to each other.',
  ),
  roles: roles(
    'What this node does, of `ingest` (it runs streams and takes publishers), `serve` (viewers and pages), `worker` (jobs) and `rooms`; `all` is all of them.',
    { flag: 'roles' },
  ),
  peers: peers(
    'Nodes that may run on another database after a promotion, where there is no bucket that both see: each as `NAME=URL`. This node asks them for their epoch.',
  ),
  publishUrl: publishUrls(
    'Where publishers reach this node over RTMP, such as `rtmp://b.example/live`, also a second address for RTMPS. Nodes that stop lead encoders there which can connect again. Default: they connect to the address that they have.',
  ),
  takeover: duration(
    '4s',
    'A node that has not renewed its lease for this long is dead: its streams and rooms are taken over.',
    { min: '2s', max: '5m' },
  ),
  cache: size('256M', 'Most memory for copies of media that other nodes of the cluster own.'),
  redis: section({
    enabled: flag(true, 'In a cluster with `redis.url`: whether the leases on publishers are in Redis.'),
  }),
  pubsub: section({
    enabled: flag(true, 'In a cluster: whether events of all nodes are delivered, through Redis or NATS.'),
  }),
  shadow: flag(
    false,
    'In a cluster: Redis or NATS does all of this beside the server itself, without being in charge, and differences are counted (`oxbow_cluster_shadow_total`).',
  ),
});

/** The nodes of `cluster.peers`. */
export function readPeers(list: readonly string[]): readonly { readonly name: string; readonly url: URL }[] {
  return list.map((item) => {
    const at = item.indexOf('=');
    return { name: item.slice(0, at), url: new URL(item.slice(at + 1)) };
  });
}

/** The name of this node; undefined: it shares no streams with others. */
export function nodeName({ cluster }: { readonly cluster: Values<typeof clusterSection> }): string | undefined {
  return cluster.enabled && cluster.url !== undefined ? cluster.node : undefined;
}
