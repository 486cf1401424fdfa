/**
 * `oxbow edge --origin URL`: a caching edge in front of a server, until a signal ends it.
 * In: flags, variables OXBOW_EDGE_…. Out: a server; one line when it is ready. docs/9-run/edge.md.
 */
import { isIP } from 'node:net';
import { type Command, Option } from 'commander';
import { parseEndpoint } from '../../config/address.ts';
import { watchRulesSection } from '../../config/sections/watch-rules-section.ts';
import type { EdgeSettings } from '../../edge/edge.ts';
import { sleep } from '../../lib/abort.ts';
import { parseDuration } from '../../lib/duration.ts';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import { letHeapGrow } from '../../lib/memory/heap.ts';
import { returnUnusedPages } from '../../lib/memory/unused-pages.ts';
import { parseSize } from '../../lib/size.ts';
import type { LogLevel } from '../../observe/log.ts';
import { parseServer } from '../running-server.ts';
import { secretOf } from '../secret-file.ts';
import { onStopSignal } from '../stop-signals.ts';
import { type ExitCode, say, sayJson } from '../terminal.ts';

/** Characters of a secret. */
const MIN_SECRET = 16;
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const satisfies readonly LogLevel[];

interface Options {
  readonly origin: string;
  readonly http: string;
  readonly memory: string;
  readonly cache?: string;
  readonly disk: string;
  readonly watchSecret?: string;
  readonly token?: string;
  readonly stale: string;
  readonly recheck: string;
  readonly prefetch: string;
  readonly onlyMedia?: true;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly trustedProxies?: string;
  readonly countryHeader?: string;
  readonly hosts?: string;
  readonly pathway?: string;
  readonly drain: string;
  readonly telemetryOtlp?: string;
  readonly telemetrySample: string;
  readonly logLevel: LogLevel;
  readonly json?: true;
}

/** Adds the verb. */
export function addEdge(program: Command, exit: (code: ExitCode) => void): void {
  const command = program
    .command('edge')
    .summary('a caching edge in front of a server')
    .description(
      'Serves the media of an oxbow server from copies: one request to the origin for all viewers, held reloads included. Each option is also a variable, for example OXBOW_EDGE_ORIGIN; secrets may be in files, such as that of OXBOW_EDGE_TOKEN_FILE.',
    );
  const add = (flags: string, sentence: string, byDefault?: string): void => {
    const option = new Option(flags, sentence);
    if (byDefault !== undefined) option.default(byDefault);
    command.addOption(option.env(`OXBOW_EDGE_${option.name().replaceAll('-', '_').toUpperCase()}`));
  };
  add('--origin <URL>', 'Address of the origin: a server, or another edge.');
  add('--http <[ADDR:]PORT>', 'Where the edge listens.', '127.0.0.1:8081');
  add('--memory <SIZE>', 'Most memory for copies.', '256M');
  add(
    '--cache <DIR>',
    'Folder for copies of segments, which survive a restart; none without it. One edge for each folder.',
  );
  add('--disk <SIZE>', 'Most bytes in that folder.', '10G');
  add('--watch-secret <SECRET>', '`watchSecret` of the origin: playback tokens are checked here too.');
  add('--token <TOKEN>', 'Token of the management API; without it there is none.');
  add('--stale <DURATION>', 'How long expired copies are served while the origin does not answer.', '10m');
  add('--recheck <DURATION>', 'How long an answer of the origin about a playback token holds.', '30s');
  add('--prefetch <on|off>', 'Ask for announced parts and the next segment before viewers do.', 'on');
  add('--only-media', 'Refuse pages and the API, instead of passing them to the origin.');
  add('--tls-cert <FILE>', 'Certificate for HTTPS, PEM.');
  add('--tls-key <FILE>', 'Its private key, PEM.');
  add('--trusted-proxies <NETWORK,…>', 'Proxies in front of the edge whose X-Forwarded-For counts.');
  add(
    '--country-header <NAME>',
    'Header field in which they report the country of a client, as `watchRules.countryHeader` of the origin.',
  );
  add('--hosts <NAME,…>', 'Host names that the edge answers to when it listens on a loopback address.');
  add(
    '--pathway <NAME>',
    'Its name in `steering.pathways` of the origin, which gets reports of its load. Needs --token.',
  );
  add('--drain <DURATION>', 'How long a stopped edge still serves, while its viewers are sent to others.', '0s');
  add('--telemetry-otlp <URL>', 'Collector for traces of passed requests (OTLP over HTTP); none without it.');
  add('--telemetry-sample <PERCENT>', 'Share of traces that begin at the edge and are sampled.', '10');
  add('--log-level <LEVEL>', `Lowest level of the log: ${LEVELS.join(', ')}.`, 'info');
  command.option('--json', 'Print one line of JSON when ready.');
  command.action(async (options: Options) => exit(await runVerb(options)));
}

async function runVerb(options: Options): Promise<ExitCode> {
  const settings = settingsOf(options);
  const { startEdge } = await import('../../edge/edge.ts');
  const { createLog } = await import('../../observe/log.ts');
  const { noTelemetry, openTelemetry, resourceOf } = await import('../../observe/traces/telemetry.ts');
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  const drainMs = drainMsOf(options);
  // Closing has its own limit after a drain.
  using _signals = onStopSignal(() => stop(), drainMs > 0 ? { late() {} } : {});
  using _growth = letHeapGrow();
  using _pages = returnUnusedPages();
  const log = createLog({ level: options.logLevel, fd: 2 });
  const { telemetryOtlp: endpoint, telemetrySample } = options;
  await using telemetry =
    endpoint === undefined
      ? noTelemetry
      : await openTelemetry({
          endpoint,
          sample: percentOf(telemetrySample),
          nowMs: Date.now,
          resource: resourceOf(undefined, 'oxbow-edge'),
        });
  const edge = await startEdge(settings, { log, telemetry });
  if (options.json) sayJson({ event: 'ready', http: edge.url });
  else {
    say(`oxbow edge of ${settings.origin.host}`);
    say(`  Serves      ${edge.url}`);
    if (settings.folder !== undefined) say(`  Copies      ${edge.kept} in ${settings.folder}`);
    if (settings.watchSecret === undefined) say('  Tokens      checked by the origin only (--watch-secret)');
  }
  await stopped;
  if (drainMs > 0) {
    edge.drain();
    await sleep(drainMs, new AbortController()); // a second signal ends the process
  }
  await edge[Symbol.asyncDispose]();
  return 0;
}

/** Checks the options. @throws OxbowError `bad-setting` */
export function settingsOf(options: Options): EdgeSettings {
  const { origin, cache, tlsCert, tlsKey } = options;
  const watchSecret = secretOf(options.watchSecret, 'OXBOW_EDGE_WATCH_SECRET');
  const token = secretOf(options.token, 'OXBOW_EDGE_TOKEN');
  if (origin === undefined) refuse('The edge needs an origin.', 'Name it: oxbow edge --origin https://tv.example');
  if ((tlsCert === undefined) !== (tlsKey === undefined)) refuse('HTTPS needs both --tls-cert and --tls-key.', '');
  for (const [flag, secret] of [
    ['--watch-secret', watchSecret],
    ['--token', token],
  ] as const) {
    if (secret !== undefined && secret.length < MIN_SECRET)
      refuse(`${flag} has fewer than ${MIN_SECRET} characters.`, 'Generate one with `openssl rand -base64 32`.');
  }
  if (!LEVELS.includes(options.logLevel)) refuse(`--log-level is "${options.logLevel}".`, `Use ${LEVELS.join(', ')}.`);
  if (options.prefetch !== 'on' && options.prefetch !== 'off')
    refuse(`--prefetch is "${options.prefetch}", not on or off.`, '');
  const { pathway } = options;
  if (pathway !== undefined && token === undefined)
    refuse('--pathway needs --token.', 'Set it to `edges.token` of the origin.');
  drainMsOf(options);
  const listen = read('--http', options.http, parseEndpoint);
  return {
    origin: new URL(parseServer(origin)),
    listen: { ...listen, address: listen.address === '' ? '127.0.0.1' : listen.address },
    memoryBytes: Math.max(MIN_MEMORY, read('--memory', options.memory, parseSize)),
    folder: cache,
    diskBytes: read('--disk', options.disk, parseSize),
    watchSecret,
    token,
    staleMs: read('--stale', options.stale, parseDuration),
    recheckMs: read('--recheck', options.recheck, parseDuration),
    prefetches: options.prefetch === 'on',
    onlyMedia: options.onlyMedia === true,
    tls: tlsCert === undefined ? undefined : { cert: tlsCert, key: tlsKey! },
    trustedProxies: listOf(options.trustedProxies).map((network) => {
      if (isIP(network.split('/')[0]!) === 0)
        refuse(`--trusted-proxies has "${network}", which is not a network.`, 'Use 10.0.0.0/8 or 192.0.2.7.');
      return network;
    }),
    countryHeader: read(
      '--country-header',
      options.countryHeader ?? '',
      watchRulesSection.children.countryHeader.parse,
    ),
    hosts: listOf(options.hosts),
    pathway,
  };
}

/** How long the edge drains before it ends, ms. @throws OxbowError `bad-setting` */
function drainMsOf({ drain }: Pick<Options, 'drain'>): number {
  return read('--drain', drain, parseDuration);
}

/** @throws OxbowError `bad-setting` */
function percentOf(text: string): number {
  const percent = Number(text);
  if (text.trim() === '' || !(percent >= 0 && percent <= 100))
    refuse(`"${text}" is not a percentage.`, 'Use 0 to 100.');
  return percent / 100;
}

/** Below this a cache holds no segment, bytes. */
const MIN_MEMORY = 8 * 1024 * 1024;

function listOf(text: string | undefined): readonly string[] {
  return (text ?? '').split(',').flatMap((item) => item.trim() || []);
}

function read<T>(flag: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (error) {
    throw new OxbowError('bad-setting', `${flag}: ${sentenceOf(error)}`, {
      cause: error,
      extra: { hint: 'See oxbow edge --help.' },
    });
  }
}

function refuse(detail: string, hint: string): never {
  throw new OxbowError('bad-setting', detail, { extra: { hint: hint || 'See oxbow edge --help.' } });
}
