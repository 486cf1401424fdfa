/**
 * A server with fake dependencies, for the tests of this folder. It listens on real sockets.
 * In: the dependencies that a test replaces. Out: a running server, and the calls of the fakes.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach } from 'node:test';
import { type AccessOptions, openAccess } from '../accounts/access.ts';
import { memoryTables } from '../accounts/memory-tables.fixture.ts';
import { RateLimits } from '../accounts/rate-limit.ts';
import { TokenTries } from '../accounts/token-tries.ts';
import type { AccountSettings } from '../accounts/users/account-settings.ts';
import type { User } from '../accounts/users/user.ts';
import { noClips } from '../api/clips/clips-api.ts';
import { noEdgePurges } from '../api/deletions/edge-purge-shapes.ts';
import { printMediaAddress } from '../api/media-address.ts';
import { noPublishPorts } from '../api/publish/publish-address.ts';
import type { PublishKeysApi } from '../api/publish/publish-keys-api.ts';
import type { StreamView } from '../api/shapes.ts';
import type { StreamsApi } from '../api/streams-api.ts';
import { openLocalSegmentStore } from '../archive/local-segment-store.ts';
import { openRangeReader } from '../archive/range-reader.ts';
import { createLocalEventBus } from '../cluster/bus/local-event-bus.ts';
import type { Reply } from '../delivery/reply.ts';
import { Viewers } from '../delivery/viewers.ts';
import { createManualClock, type ManualClock } from '../lib/clock.ts';
import { OxbowError } from '../lib/errors.ts';
import { Emitter } from '../lib/events.ts';
import type { UploadCreation } from '../library/uploads/upload-creation.ts';
import type { Uploads } from '../library/uploads/uploads.ts';
import { createHealth } from '../observe/health.ts';
import { createLog } from '../observe/log.ts';
import { LogRing } from '../observe/log-ring.ts';
import { createMetrics } from '../observe/metrics.ts';
import { RefusalLog } from '../observe/refusal-log.ts';
import type { CertificateFiles } from '../serve/tls/tls-certificate.ts';
import type { HttpDeps } from './deps.ts';
import { fakeAssets, fakeJobs, fakeWebhooks, noWebRtc } from './empty-parts.fixture.ts';
import { routesWith } from './routes/table.ts';
import { type HttpOptions, startHttp } from './server.ts';

/** The admin token of the server under test. */
export const token = 'let-me-in-please';

/** The table without features: the same each time, so that its schemas are compiled once. */
const coreRoutes = routesWith([]);

/** Headers of an administrator. */
export const asAdmin = { authorization: `Bearer ${token}` } as const;

/** A running server under test. */
export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly folder: string;
  readonly deps: HttpDeps;
  readonly clock: ManualClock;
  /** Calls of `deps.streams`, as `name(arguments)`. */
  readonly calls: string[];
  /** Log lines as written. */
  readonly logged: string[];
  readonly close: () => Promise<void>;
}

/** A reply of text in memory. */
export function textReply(text: string, more: Partial<Reply> = {}): Reply {
  const bytes = Buffer.from(text);
  return {
    contentType: 'text/plain',
    cacheControl: 'public, max-age=1',
    length: bytes.length,
    body: [bytes],
    ...more,
  };
}

/** A stream as the API shows it. */
export function streamView(name: string, visibility: StreamView['visibility'] = 'public'): StreamView {
  return {
    name,
    state: 'live',
    problem: '',
    origin: 'api',
    source: { type: 'test' },
    publisher: null,
    title: '',
    description: '',
    picture: null,
    record: true,
    visibility,
    createdAt: '2026-11-19T08:00:00.000Z',
    liveSince: null,
    tracks: [{ id: 1, kind: 'video', codecs: 'avc1.64001f', language: 'und', width: 640, height: 360 }],
    facts: null,
    media: null,
    recorded: { from: null, to: null, seconds: 0, bytes: 0 },
    viewers: 0,
    hls: `/live/${name}/index.m3u8`,
    dash: `/live/${name}/index.mpd`,
  };
}

/** The accounts of a test. */
interface AccessForTests {
  readonly accounts?: () => AccountSettings;
  readonly identity?: Pick<AccessOptions, 'openMail' | 'providers'>;
}

/** Starts a server on a free port of this computer; with a certificate it speaks HTTPS. */
export async function startTestServer(
  change: Partial<HttpDeps> = {},
  tls?: CertificateFiles,
  {
    port = 0,
    accounts,
    identity,
    routes = coreRoutes,
    additions,
    ...forTests
  }: HttpOptions['forTests'] &
    AccessForTests &
    Partial<Pick<HttpOptions, 'routes' | 'additions'>> & { readonly port?: number } = {},
): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-http-'));
  const clock = createManualClock(Date.UTC(2026, 10, 19, 8, 0, 0));
  const calls: string[] = [];
  const logged: string[] = [];
  const segments = openLocalSegmentStore({ folder });
  const reader = openRangeReader(segments);
  const metrics = createMetrics();
  const log = createLog({ level: 'debug', format: 'json', write: (line) => logged.push(line) });
  const limits = new RateLimits(() => clock.monotonicMs());
  const deps: HttpDeps = {
    streams: fakeStreams(calls),
    features: new Map(), // tests of features bring their own
    abilities: new Map([['createRooms', ({ role }) => role !== 'guest']]),
    ...fakeJobs(),
    uploads: {} as Uploads, // tests of uploads bring their own
    uploadCreation: {} as UploadCreation,
    webhooks: fakeWebhooks(),
    eventLog: undefined,
    assets: fakeAssets(),
    clips: noClips,
    edgePurges: noEdgePurges,
    publishKeys: fakePublishKeys(calls),
    rtp: {} as HttpDeps['rtp'], // test/e2e/rtp.test.ts has real ones
    publishPorts: noPublishPorts(),
    webrtc: noWebRtc(),
    events: createLocalEventBus({
      clock,
      failed(error) {
        throw error;
      },
    }),
    lookup: { list: () => undefined, isCurrent: () => false, find: () => undefined, findRecorded: () => undefined },
    answer: (address) => {
      throw new OxbowError('not-found', `no media at ${printMediaAddress(address)}`);
    },
    reader,
    system: () => ({
      version: '0.0.0-test',
      node: process.version,
      startedAt: '2026-11-19T08:00:00.000Z',
      now: '2026-11-19T08:00:00.000Z',
      cpu: { seconds: 1, cores: 2 },
      memory: { rss: 1, heapUsed: 1, external: 0, arrayBuffers: 0, shared: 0 },
      disk: { free: 1, total: 1, recordings: 0 },
      streams: 3,
      children: { running: 0, network: 'off', detail: '' },
      waitingForRestart: [],
    }),
    systemHistory: () => ({ from: '2026-11-18T08:00:00.000Z', res: 600, cpu: [null, 3], disk: [null, 1] }),
    storage: async () => ({
      free: 1,
      total: 1,
      recordings: 0,
      hasRoom: true,
      growth: 0,
      basisSeconds: 0,
      fullInSeconds: null,
      levelsAt: null,
      folders: [],
      objectStores: [],
    }),
    settings: { list: () => [], change: async () => {} },
    logs: new LogRing(),
    printMetrics: () => metrics.print(),
    async probe({ url }) {
      calls.push(`probe(${url})`);
      return { protocol: 'hls', container: 'mpegts', title: '', live: true, qualities: [], tracks: [], media: null };
    },
    viewers: new Viewers({ nowMs: () => clock.monotonicMs() }),
    access: await openAccess({
      tables: memoryTables(),
      dataFolder: folder,
      clock,
      adminToken: token,
      ...(accounts && { accounts }),
      ...identity,
    }),
    localSignIn: { isOffered: async () => false, command: () => 'oxbow token link' },
    limits,
    tokenTries: new TokenTries(limits, () => clock.monotonicMs()),
    health: createHealth(),
    metrics,
    clock,
    log,
    refusals: new RefusalLog({ log, clock }, 'requests were refused', (code) => metrics.refusals.inc({ code })),
    version: '0.0.0-test',
    webRoot: join(folder, 'web'),
    hosts: ['a', 'x', 'y', 'tv', 'tv.example', 'inner'],
    ...change,
  };
  const threads = {
    count: Number(process.env.OXBOW_THREADS ?? 1),
    find: () => undefined,
    cachedSegments: new Emitter<never>(),
    forgotten: new Emitter<never>(),
    mediaFolder: folder,
  };
  const listen = { address: '127.0.0.1', port };
  const server = await startHttp({ listen, deps, routes, additions, tls, threads, forTests });
  return {
    url: server.url,
    folder,
    deps,
    clock,
    calls,
    logged,
    close: () => server.close(),
    async [Symbol.asyncDispose]() {
      await server.close();
      reader[Symbol.dispose]();
      await segments[Symbol.asyncDispose]();
      metrics[Symbol.dispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Headers of a signed-in browser: of a new user or guest of that name, without a sign-in.
 *
 * @param role `admin` for an administrator with an account
 */
export async function signedInAs(
  { url, deps: { access } }: Pick<TestServer, 'url' | 'deps'>,
  role: 'guest' | 'user' | 'admin',
  name: string = role === 'admin' ? 'Chief' : role,
): Promise<{ readonly user: User; readonly headers: { readonly cookie: string; readonly 'sec-fetch-site': string } }> {
  const { users } = access;
  const user =
    role === 'guest'
      ? await users.makeGuest(name, { most: 10_000 })
      : await users.create({ name, role, state: 'active' });
  const { secret } = await access.sessions.make({ address: '', program: '', userId: user.id });
  const cookie = `oxbow-${new URL(url).port}=${secret}`;
  return { user, headers: { cookie, 'sec-fetch-site': 'same-origin' } };
}

/**
 * One server for all tests of a suite that do not change it; recorded calls and log lines are cleared before
 * each test.
 */
export function shareTestServer(
  change: () => Partial<HttpDeps> = () => ({}),
  options: AccessForTests & Partial<Pick<HttpOptions, 'routes' | 'additions'>> = {},
): () => TestServer {
  let server: TestServer | undefined;
  before(async () => {
    server = await startTestServer(change(), undefined, options);
  });
  beforeEach(() => {
    server!.calls.length = 0;
    server!.logged.length = 0;
  });
  after(() => server?.[Symbol.asyncDispose]());
  return () => server!;
}

/** Keys that are not stored. */
function fakePublishKeys(calls: string[]): PublishKeysApi {
  const view = {
    id: 'k1',
    label: '',
    scope: 'publish:door',
    maxStreams: null,
    allow: [],
    createdAt: '2026-11-19T08:00:00.000Z',
    expiresAt: null,
    usedAt: null,
  };
  const make = (name: string) => async (stream: string | null, key: unknown) => {
    calls.push(`${name}(${JSON.stringify(stream)}, ${JSON.stringify(key)})`);
    return { view, secret: 'ok_secret', stream: stream ?? 'cam-NAME' };
  };
  return {
    list: () => [],
    create: make('createKey'),
    createForPrefix: (prefix, key) => make('createKeyForPrefix')(null, { prefix, ...key }),
    rotate: (stream, id, rotation) => make(`rotateKey ${id}`)(stream, rotation),
    remove: async (_, id) => {
      throw new OxbowError('key-unknown', `no ${id}`);
    },
    revokerOf: () => async () => {},
  };
}

function fakeStreams(calls: string[]): StreamsApi {
  const views = new Map(
    (['public', 'unlisted', 'signed', 'private'] as const).map((visibility) => [
      visibility as string,
      streamView(visibility, visibility),
    ]),
  );
  const note = (name: string, ...values: unknown[]) =>
    calls.push(`${name}(${values.map((each) => JSON.stringify(each)).join(', ')})`);
  const order = (verb: string) => async (name: string) => {
    note(verb, name);
    if (!views.has(name)) throw new OxbowError('stream-unknown', `no ${name}`);
  };
  return {
    list: async () => [...views.values()],
    get: async (name) => views.get(name),
    async create(name, settings) {
      note('create', name, settings);
      if (views.has(name)) throw new OxbowError('stream-exists', `${name} exists`);
      // The content of the source's settings is never shown, so the router must drop it.
      return { ...streamView(name), source: { ...settings.source, type: settings.source.type } };
    },
    revision: (name) => (views.has(name) ? `rev-${name}` : undefined),
    sourceSettings(name) {
      if (!views.has(name)) throw new OxbowError('stream-unknown', `no ${name}`);
      return {
        type: 'push',
        audioOffset: '0ms',
        onSecondPublisher: 'refuse',
        quality: null,
        qualities: null,
        whileAway: 'nothing',
        awayLimit: '10m',
        audio: 'auto',
        latency: '400ms',
        address: null,
        backup: null,
        hasPassphrase: true,
      };
    },
    async update(name, patch, check) {
      note('update', name, patch);
      check?.(views.has(name) ? `rev-${name}` : undefined);
      const view = views.get(name);
      if (!view) throw new OxbowError('stream-unknown', `no ${name}`);
      return { ...view, title: patch.title ?? view.title };
    },
    async replace(name, settings, check) {
      note('replace', name, settings);
      check?.(views.has(name) ? `rev-${name}` : undefined);
      return { view: streamView(name), created: !views.has(name) };
    },
    async remove(name, { recordings, check }) {
      note('remove', name, { recordings });
      check?.(views.has(name) ? `rev-${name}` : undefined);
    },
    stats(name) {
      throw new OxbowError('stream-unknown', `no ${name}`);
    },
    statsHistory: order('statsHistory') as never,
    activity: order('activity') as never,
    start: order('start'),
    stop: order('stop'),
    restart: order('restart'),
    pause: order('pause'),
    resume: order('resume'),
    async timeline(name, fromMs, toMs, resS) {
      note('timeline', name, fromMs, toMs, ...(resS ? [resS] : []));
      const [from, to] = [new Date(fromMs).toISOString(), new Date(toMs).toISOString()];
      return {
        from,
        to,
        res: 0,
        spans: [{ from, to }],
        healed: [],
        gaps: [],
        offline: [],
        deleted: [],
        runs: [{ run: 3, firstMsn: 868_123_456, utcOffset: 1_795_160_000.021 }],
        windows: [],
        pins: [],
        markers: [],
      };
    },
    async days(name, { zone, names }) {
      note('days', name, zone, ...names);
      return { zone, from: names[0]!, to: names.at(-1)!, days: [] };
    },
    async gaps(name, fromMs, toMs) {
      note('gaps', name, fromMs, toMs);
      return [
        {
          from: new Date(fromMs).toISOString(),
          to: new Date(toMs).toISOString(),
          cause: 'source-down',
          detail: 'HTTP 404 seg81.ts',
        },
      ];
    },
    isMadePublic: (name) => name === 'public' || name === 'door',
    watchRulesOf: () => undefined,
    pastRulesOf: () => undefined,
    async setStartMark(name, atMs) {
      note('setStartMark', name, atMs);
      return streamView(name);
    },
    watchAccess(name) {
      if (!views.has(name)) throw new OxbowError('stream-unknown', `no ${name}`);
      return { origin: 'none', rules: { allow: [], deny: [] }, verdict: null };
    },
    isPrivate: (name) => ['signed', 'private'].includes(views.get(name)?.visibility ?? ''),
    visibilityOf: (name) => views.get(name)?.visibility,
  };
}
