/**
 * Values that may be set only once: ports, folders, object stores, keys of streams, engines of one contract.
 * In: parsed settings, with the origin of each. Out: problems; each names both places.
 */
import { createHash } from 'node:crypto';
import { resolve, sep } from 'node:path';
import type { Endpoint } from './address.ts';
import type { FolderConfig, TargetConfig } from './sections/storage-section.ts';
import type { StreamDraft } from './stream-section.ts';
import { isUdpUrl, parseUdpUrl } from './udp-url.ts';
import type { SettingProblem } from './yaml-file.ts';

interface ComparedSettings {
  /** By path. */
  readonly values: ReadonlyMap<string, unknown>;
  /** By path. */
  readonly origins: ReadonlyMap<string, string>;
  readonly streams: ReadonlyMap<string, { readonly draft: StreamDraft }>;
  /** Paths of the settings that are secrets. */
  readonly secrets: readonly string[];
}

/** A value at a path of the settings. */
interface Use<Value> {
  readonly path: string;
  readonly value: Value;
}

const TCP = ['http', 'rtmp', 'rtmps', 'rtsp'];
const UDP = ['srt', 'srtla', 'webrtc'];

/** Finds values that are set twice. */
export function conflictsOf(settings: ComparedSettings): readonly SettingProblem[] {
  const { values, origins, streams } = settings;
  const listen = String(values.get('listen'));
  const portsOf = (paths: readonly string[]): Use<Endpoint>[] =>
    paths.flatMap((path) => {
      const value = values.get(path) as Endpoint | 'off' | undefined;
      if (value === undefined || value === 'off' || value.port === 0) return [];
      return [{ path, value: { port: value.port, address: value.address || listen } }];
    });
  const problems: SettingProblem[] = [];
  const compare = <Value>(
    uses: readonly Use<Value>[],
    areSame: (a: Value, b: Value) => boolean,
    describe: (value: Value, place: string) => string,
  ) => {
    for (const [i, { path, value }] of uses.entries()) {
      const first = uses.slice(0, i).find((before) => areSame(before.value, value));
      if (!first) continue;
      const origin = (of: string) => origins.get(of) ?? of;
      const message = `${path}: ${describe(value, `${first.path} (${origin(first.path)})`)}`;
      problems.push({ origin: origin(path), message });
    }
  };
  const describePort = ({ port }: Endpoint, place: string) => `port ${port} is that of ${place}; choose another one`;
  compare(portsOf(TCP), isSamePort, describePort);
  compare([...portsOf(UDP), ...udpSources(streams)], isSamePort, describePort);
  compare(
    foldersOf(settings),
    isNested,
    (folder, place) => `${folder} is the folder of ${place}, inside it or around it; choose another one`,
  );
  compare(
    storesOf(values),
    (a, b) => a === b,
    (_, place) => `it is the same place as that of ${place}; choose another bucket or prefix`,
  );
  compare(
    secretsOf(settings),
    (a, b) => a.digest === b.digest && (a.isKey || b.isKey),
    (_, place) => `it is the same secret as that of ${place}; choose another one for one of them`,
  );
  problems.push(...processConflicts(settings), ...engineConflicts(settings), ...shardConflicts(settings));
  problems.push(...bondedConflicts(settings));
  return problems;
}

/** Several processes are nodes of this machine, and have no serving threads. */
function processConflicts({ values, origins }: ComparedSettings): readonly SettingProblem[] {
  const count = Number(values.get('processes'));
  if (count <= 1) return [];
  const origin = origins.get('processes') ?? 'processes';
  const problem = (message: string) => ({ origin, message: `processes: ${message}` });
  return [
    ...(values.get('cluster.enabled') === true
      ? [problem('a node of a cluster is one process; start further nodes on this machine, or turn the cluster off')]
      : []),
    ...(Number(values.get('threads')) > 1 ? [problem('each process has one thread; set `threads` to 1')] : []),
  ];
}

/** What bonded senders send is SRT. */
function bondedConflicts({ values, origins }: ComparedSettings): readonly SettingProblem[] {
  if ((values.get('srtla') ?? 'off') === 'off' || values.get('srt') !== 'off') return [];
  const message = 'srtla: it passes what it receives to SRT, and `srt` is off; set `srt` to a port, or `srtla` to off';
  return [{ origin: origins.get('srtla') ?? 'srtla', message }];
}

/** NATS does what Redis and RabbitMQ do: only one of them can be in charge. */
function engineConflicts({ values, origins }: ComparedSettings): readonly SettingProblem[] {
  if (values.get('nats.url') === undefined) return [];
  const origin = origins.get('nats.url') ?? 'nats.url';
  const others = [
    ['redis.url', 'events'],
    ['jobs.amqp.url', 'the news that a job waits'],
  ] as const;
  return others
    .filter(([path]) => values.get(path) !== undefined)
    .map(([path, what]) => {
      const place = `${path} (${origins.get(path) ?? path})`;
      return { origin, message: `nats.url: one engine carries ${what}, and ${place} is another; remove one` };
    });
}

/** Shards belong to a database server, and new streams need one that exists. */
function shardConflicts({ values, origins }: ComparedSettings): readonly SettingProblem[] {
  const shards = Object.keys((values.get('store.shards') as Readonly<Record<string, string>> | undefined) ?? {});
  const problem = (path: string, message: string) => ({
    origin: origins.get(path) ?? path,
    message: `${path}: ${message}`,
  });
  const reserved = shards.filter((name) => name === 'catalogue' || name === 'fewest');
  const newStreams = values.get('store.newStreams') as string | undefined;
  const namesOf = (path: string) => Object.keys((values.get(path) as object | undefined) ?? {});
  const unknown = [
    ...namesOf('store.shardReplicas').map((name) => ['store.shardReplicas', name, shards] as const),
    ...namesOf('store.weights').map((name) => ['store.weights', name, ['catalogue', ...shards]] as const),
  ].filter(([, name, names]) => !names.includes(name));
  const isKnown = newStreams === undefined || ['catalogue', 'fewest', ...shards].includes(newStreams);
  return [
    ...(shards.length > 0 && values.get('store.url') === undefined
      ? [problem('store.shards', 'shards need the database of the catalogue; set `store.url`')]
      : []),
    ...reserved.map((name) => problem('store.shards', `"${name}" is no name of a shard; choose another one`)),
    ...unknown.map(([path, name, names]) =>
      problem(path, `there is no shard "${name}"; use ${names.join(', ') || 'names of store.shards'}`),
    ),
    ...(isKnown
      ? []
      : [
          problem(
            'store.newStreams',
            `there is no shard "${newStreams}"; use catalogue, fewest or a name of store.shards`,
          ),
        ]),
  ];
}

function isSamePort(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && (a.address === b.address || isEverywhere(a.address) || isEverywhere(b.address));
}

function isEverywhere(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** Multicast groups are received by several streams, each a program of it. */
function udpSources(streams: ComparedSettings['streams']): Use<Endpoint>[] {
  return Array.from(streams).flatMap(([name, { draft }]) => {
    const { source } = draft;
    if (source.type !== 'pull' || !isUdpUrl(source.url)) return [];
    const { address, port, isMulticast } = parseUdpUrl(source.url);
    return isMulticast ? [] : [{ path: `streams.${name}`, value: { address, port } }];
  });
}

function foldersOf({ values, origins }: ComparedSettings): Use<string>[] {
  const folders = Object.entries((values.get('storage.folders') ?? {}) as Readonly<Record<string, FolderConfig>>);
  const targets = Object.entries((values.get('storage.targets') ?? {}) as Readonly<Record<string, TargetConfig>>);
  return [
    // A disk for recordings may be mounted below the data folder.
    ...(origins.has('data') ? [{ path: 'data', value: resolve(String(values.get('data')), 'recordings') }] : []),
    ...folders.map(([name, { path }]) => ({ path: `storage.folders.${name}`, value: resolve(path) })),
    ...targets
      .filter(([, { type }]) => type === 'folder')
      .map(([name, { path, prefix }]) => ({ path: `storage.targets.${name}`, value: resolve(path, prefix) })),
  ];
}

function isNested(a: string, b: string): boolean {
  const [inner, outer] = [`${a}${sep}`, `${b}${sep}`];
  return inner.startsWith(outer) || outer.startsWith(inner);
}

function storesOf(values: ComparedSettings['values']): Use<string>[] {
  const targets = Object.entries((values.get('storage.targets') ?? {}) as Readonly<Record<string, TargetConfig>>);
  return targets
    .filter(([, { type }]) => type !== 'folder')
    .map(([name, { type, endpoint, bucket, prefix, connectionString, connectionStringFile }]) => ({
      path: `storage.targets.${name}`,
      value: JSON.stringify([type, endpoint, bucket, prefix, connectionString, connectionStringFile]),
    }));
}

interface Secret {
  readonly digest: string;
  /** Of a stream. Other secrets may be the same: one operator, several services. */
  readonly isKey: boolean;
}

/** Secrets, and the keys of streams; of each stream a key once. */
function secretsOf({ values, streams, secrets }: ComparedSettings): Use<Secret>[] {
  const settings = secrets.flatMap((path) => {
    const value = values.get(path);
    if (typeof value !== 'string' || value === '') return [];
    const digest = createHash('sha256').update(value).digest('base64url');
    return [{ path, value: { digest, isKey: false } }];
  });
  const keys = Array.from(streams).flatMap(([name, { draft }]) =>
    Array.from(new Set(draft.keys), (digest) => ({ path: `streams.${name}`, value: { digest, isKey: true } })),
  );
  return [...settings, ...keys];
}
