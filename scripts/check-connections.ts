/**
 * The files that open connections to other machines, each with what keeps a failing one from hurting: a new
 * file must be added with its answer.
 * In: the sources of the program, without tests. Out: sentences about files that are not listed, and about
 * listed ones that connect no more.
 */
import { type ServiceName, serviceNames } from '../src/observe/services/service-names.ts';
import { listSources, readSource, withoutComments } from './source-files.ts';

/** What keeps a service that hangs or fails from hurting the rest. */
interface Guard {
  readonly to: string;
  /** A breaker that /health, `oxbow_breaker_state` and the events `service.*` show. */
  readonly breaker?: ServiceName;
  /** Why it has no such breaker, and what bounds it. */
  readonly instead?: string;
}

const command = 'a command: it fails with the reason';
const signIn = 'one request of a person who signs in, within a deadline';
const source = 'the source of a stream: its backoff, its problem and its gaps are per stream';
const guardedClient: Guard = {
  to: 'everything over HTTP',
  instead: 'the guarded client: deadlines, bounds, and who calls it is listed here',
};
/** Uploads have separate breakers, with `oxbow_storage_up` and the events `storage.*`. */
const objectStore: Guard = { to: 'object stores', breaker: 'storage:NAME' };
const receiver: Guard = {
  to: 'receivers of events and errors',
  instead: 'a queue per receiver, with growing pauses, bounded',
};

/** Files, in order; commands are a whole folder. */
export const connections: Readonly<Record<string, Guard>> = {
  'src/accounts/auth/auth-url.ts': { to: '`auth.url`', breaker: 'auth' },
  'src/accounts/identity/guarded-fetch.ts': { to: 'sign-in providers', instead: signIn },
  'src/accounts/identity/provider.ts': { to: 'sign-in providers', instead: signIn },
  'src/accounts/mail/transport.ts': { to: 'the mail server', breaker: 'mail' },
  'src/accounts/watch-jwt/jwk-set.ts': {
    to: 'keys of playback tokens',
    instead: 'the old set answers meanwhile; one request at a time, with a pause after a failure',
  },
  'src/app/files/direct.ts': {
    to: 'object stores, as viewers are redirected to them',
    instead: 'one probe at a time for each, within a deadline; oxbow sends the bytes while it fails',
  },
  'src/archive/objects/azure-client.ts': objectStore,
  'src/archive/objects/oxbow-client.ts': objectStore,
  'src/archive/objects/s3-client.ts': objectStore,
  'src/cli/': { to: 'a server that a person names', instead: command },
  'src/cluster/nats/nats-client.ts': { to: 'NATS', breaker: 'nats' },
  'src/cluster/nats/nats.ts': { to: 'NATS, with a client that is open', breaker: 'nats' },
  'src/cluster/redis/redis-client.ts': { to: 'Redis', breaker: 'redis' },
  'src/delivery/key-server/key-server.ts': {
    to: 'the key server of encrypted streams',
    instead: 'one request for each key, within a deadline; only lists that need a new key wait for it',
  },
  'src/edge/origin.ts': {
    to: 'the origin of an edge',
    instead: 'breakers of the edge, shown by its readiness and metrics; answers from its cache',
  },
  'src/serve/threads/upstream.ts': { to: 'the main thread of this process', instead: 'no other machine' },
  'src/ingest/client/local-pair.ts': { to: 'this process', instead: 'no other machine' },
  'src/ingest/page/detect-source.ts': { to: 'a page that a person names', instead: 'one request, within a deadline' },
  'src/ingest/onvif/find-cameras.ts': {
    to: 'the networks of this computer',
    instead: 'two datagrams to each, when an administrator requests it; three seconds for the answers',
  },
  'src/ingest/onvif/onvif-client.ts': {
    to: 'cameras',
    instead: 'one request at a time within a deadline; attempts to heal and to read events have growing pauses',
  },
  'src/ingest/pull/rendition/rendition.ts': { to: 'sources over HTTP', instead: source },
  'src/ingest/pull/source-access.ts': { to: 'sources over HTTP', instead: source },
  'src/ingest/udp/udp-socket.ts': { to: 'sources over UDP', instead: 'it only receives' },
  'src/jobs/transport/rabbit/rabbit-link.ts': { to: 'RabbitMQ', breaker: 'rabbitmq' },
  'src/jobs/worker/server-client.ts': {
    to: 'the server of a worker',
    instead: 'a worker waits for it, with growing pauses',
  },
  'src/net/net.ts': guardedClient,
  'src/net/proxy.ts': guardedClient,
  'src/net/traced.ts': guardedClient,
  'src/cluster/requests/node-client.ts': {
    to: 'other nodes of a cluster',
    instead: 'a node that does not renew is dead for the others; a deadline',
  },
  'src/observe/traces/': {
    to: 'the collector of spans and log records',
    instead: 'a bounded queue, lost ones are counted',
  },
  'src/features/live-workers/live-worker.ts': {
    to: 'the server of a worker',
    instead: 'a worker waits for it, with growing pauses; a connection that is silent ends',
  },
  'src/features/rooms/providers/provider-client.ts': {
    to: 'media servers',
    instead: 'one request of a member, within a deadline',
  },
  'src/features/rooms/proxy/media-proxy.ts': {
    to: 'media of rooms',
    instead: 'one request of a member, bounded and within a deadline',
  },
  'src/store/postgres/pool.ts': { to: 'PostgreSQL', breaker: 'postgresql' },
  'src/features/insight/sealed/clickhouse-place.ts': {
    to: 'ClickHouse',
    instead:
      'one statement at a time for rows that wait in the database, within a deadline; a question of an administrator',
  },
  'src/features/erase/edge-purges.ts': {
    to: 'edges',
    instead: 'what was not reached is listed, and tried again later',
  },
  'src/features/steering/edge-probes.ts': {
    to: 'edges',
    instead: 'one request at a time for each edge, within a deadline; players are sent to others',
  },
  'src/features/steering/passed-reports.ts': {
    to: 'the other nodes',
    instead:
      'a few requests at a time to each node, within a deadline; the next report replaces what was not passed on',
  },
  'src/edge/steering/edge-reporter.ts': {
    to: 'the origin of an edge',
    instead: 'one report at a time, within a deadline; the next one replaces it',
  },
  'src/streams/source/probe-picture.ts': {
    to: 'a source that a person looks at',
    instead: 'one request, within a deadline',
  },
  'src/webhooks/errors/error-webhook.ts': receiver,
  'src/webhooks/send-once.ts': receiver,
  'src/features/evidence/anchor-places.ts': {
    to: 'witnesses and timestamp authorities',
    instead: 'one request a minute to each, within a deadline; what fails waits in a bounded list',
  },
  'src/features/mqtt/broker.ts': {
    to: 'the MQTT server of `mqtt.url`',
    instead:
      'deadlines; nothing waits for it: without a connection events are dropped, and the next one gets the states',
  },
  'src/features/push/push-sender.ts': {
    to: 'push services of browsers',
    instead: 'a few people at a time, within a deadline; a bounded queue, lost ones are counted',
  },
  'src/net/tcp.ts': { to: 'sources and destinations over RTMP and RTSP', instead: source },
  'packages/wire/udp.ts': { to: 'sources and destinations over SRT', instead: source },
  'src/ingest/webrtc/client/signalling.ts': { to: 'sources over WHEP', instead: source },
};

/** Packages that connect by themselves. */
const CLIENTS =
  /(?:from|import\()\s*'(?:openid-client|nodemailer|pg|redis|@nats-io\/|amqplib|mqtt|undici|@aws-sdk\/|@azure\/|@opentelemetry\/exporter)[^']*'/;
const PATTERNS: readonly RegExp[] = [
  CLIENTS,
  /\bnet\.fetch\(|(?<![.#\w]|async )fetch\((?!\))/,
  /import[^;]*\bconnect\b[^;]*from 'node:(?:net|tls|http2)'/,
  /import[^;]*\bcreateSocket\b[^;]*from 'node:dgram'/,
  /\bhttps?\.(?:request|get)\b(?!\.)|\bhttps? : https?\)\.request\b/,
  /\b(?:net|tls)\.createConnection\(|import[^;]*\bcreateConnection\b[^;]*from 'node:(?:net|tls)'|\bnew WebSocket\(/,
];

/** Names each service, and what does not work without it. */
const SERVICES_PAGE = 'docs/9-run/health.md';

/**
 * Every file that connects and is not listed, every line of the list that no file needs, and problems
 * with the services.
 */
export function checkConnections(): readonly string[] {
  const sources = ['packages', 'src'].flatMap(listSources).filter((path) => opensConnections(readSource(path)));
  const places = Object.keys(connections);
  const unlisted = sources.filter((path) => !places.some((place) => path.startsWith(place)));
  const unused = places.filter((place) => !sources.some((path) => path.startsWith(place)));
  return [
    ...checkServices(),
    ...unlisted.map((path) => `${path} opens connections: say in scripts/check-connections.ts what bounds them`),
    ...unused.map((place) => `${place} opens no connection: remove it from scripts/check-connections.ts`),
  ];
}

/** Services without a breaker that the program opens, without a connection, or without a word in the docs. */
function checkServices(): readonly string[] {
  const program = listSources('src/app').map(readSource).join('\n');
  const docs = readSource(SERVICES_PAGE);
  const connected = new Set(Object.values(connections).flatMap(({ breaker }) => breaker ?? []));
  const isOpened = (name: ServiceName) =>
    ["service: '", "report('"].some((before) => program.includes(`${before}${name}'`)) ||
    program.includes(`service: \`${name.replace('NAME', '${')}`);
  return [...new Set<ServiceName>([...serviceNames, ...connected])].flatMap((name) => [
    ...(isOpened(name) ? [] : [`no breaker of ${name} is opened in src/app, as scripts/check-connections.ts says`]),
    ...(connected.has(name) ? [] : [`no file of scripts/check-connections.ts connects to ${name}`]),
    ...(docs.includes(`| \`${name}\` |`) ? [] : [`${SERVICES_PAGE} does not name ${name}`]),
  ]);
}

/** Whether the code of a file opens connections to other machines. */
export function opensConnections(text: string): boolean {
  const code = withoutComments(text).replace(/import type [^;]*;/g, '');
  return PATTERNS.some((pattern) => pattern.test(code));
}
