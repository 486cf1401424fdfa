/**
 * The layers of src: which folder may import which, and their purposes. Below all are the packages.
 * In: nothing. Out: the table that check-layers.ts enforces and that docs/architecture.md shows. Pure.
 */

/** A folder of src, one inside it with another level, or a file. */
interface Layer {
  /** It imports only from lower levels, never from others of its level; type-only imports count. */
  readonly level: number;
  /** Its purpose: a phrase in Markdown, with links as docs/architecture.md writes them. */
  readonly duty: string;
}

const layer = (level: number, duty: string): Layer => ({ level, duty });

/** Every layer, the highest first. */
export const layers: Readonly<Record<string, Layer>> = {
  'main.ts': layer(14, 'runs the command line'),
  cli: layer(13, 'one file per verb'),
  app: layer(12, 'the composition root: the only folder that knows which implementation is used; one opener per part'),
  'cluster/gateway': layer(
    11,
    'the gateway of a node: it passes on what other nodes own ([decision 55](decisions/0055-nodes.md))',
  ),
  features: layer(
    11,
    'one folder per feature, which exports one value, `feature.ts`; none imports another ([decision 86](decisions/0086-features-are-modules.md))',
  ),
  edge: layer(
    10,
    "`oxbow edge`: copies of another server's media ([decision 51](decisions/0051-an-edge-keeps-responses.md))",
  ),
  http: layer(10, 'the API, pages, events and uploads over HTTP'),
  serve: layer(
    9,
    'requests to bytes: connections, TLS, serving threads, who the client is, media; `serve/hot` first ([decision 12](decisions/0012-the-hot-responder.md))',
  ),
  streams: layer(8, 'stream lifecycle: where a stream is configured, started, fed, stopped'),
  delivery: layer(
    7,
    'presentations as HLS (fragmented MP4, MPEG-TS on demand, DVR playlists) and DASH; clips, exports and stills. `delivery/format` has one writer per format, which imports no adapter',
  ),
  library: layer(7, 'assets: their records, search, quotas and trash; uploads; what happens after an upload'),
  recording: layer(6, 'recorder, timeline, retention, recovery'),
  ingest: layer(6, 'sources and publishing protocols to frames; publisher sessions'),
  transcode: layer(6, 'frames to other frames: stages, ladders, imports'),
  'cluster/requests': layer(
    5,
    'signed requests to other nodes, their files, the frames of their live streams, and copies of media in their memory',
  ),
  'cluster/placement': layer(4, 'the nodes of a cluster, and which of them owns what'),
  packager: layer(4, 'one cut list; parts, segments and live playlists'),
  archive: layer(4, 'chunk files, their index, folders and object stores'),
  jobs: layer(4, 'the job queue, workers, and their transport'),
  accounts: layer(4, 'access control: users, sessions, tokens, keys, identity providers, mail'),
  webhooks: layer(4, 'outgoing events'),
  settings: layer(4, 'settings that an administrator changes while oxbow runs'),
  ffmpeg: layer(4, 'the only interface to FFmpeg, in child processes'),
  live: layer(3, 'the stream hub'),
  store: layer(3, 'metadata in SQLite or PostgreSQL'),
  net: layer(3, 'outgoing requests, and a guarded proxy for child processes that make requests'),
  config: layer(2, 'settings: their table, and the files, variables and flags they come from'),
  observe: layer(2, 'logs, metrics, traces'),
  cluster: layer(2, 'the event bus and leases, each in this process, over several processes, and in Redis or NATS'),
  // Above lib: words (gap causes, shapes) that formats, recordings and pages share.
  api: layer(1, 'JSON types, events, addresses, times and gap causes, shared with `web/`; imports only `lib`'),
  client: layer(1, 'the typed client, partly generated; imports nothing'),
  lib: layer(0, 'errors, clock, durations, abort, files'),
};

/**
 * Files of a feature that add rows to a table of the core, and the layer of that table, which imports them:
 * so types know every row. They import what that layer may.
 */
const additions: Readonly<Record<string, string>> = {
  'refusals.ts': 'lib',
  'settings.ts': 'config',
  'metrics.ts': 'observe',
  'tables.ts': 'store',
};

/** The feature of a path below src; undefined: it is in none. */
export function featureOf(path: string): string | undefined {
  return /^features\/([^/]+)\//.exec(path)?.[1];
}

/** The layer of a path below src: `cluster/gateway/gateway.ts` is in `cluster/gateway`, not in `cluster`. */
export function layerOf(path: string): string {
  const [first = '', second, third = ''] = path.split('/');
  if (featureOf(path) !== undefined && third in additions) return additions[third]!;
  const inner = `${first}/${second}`;
  return inner in layers ? inner : first;
}

const BEGIN = '<!-- made by `npm run generate` from scripts/layers.ts -->';
const END = '<!-- end of the layers -->';

/** The page of the architecture with its table of layers replaced. */
export function withLayers(page: string): string {
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`the page has no place between ${BEGIN} and ${END}`);
  const rows = Object.entries(layers).map(([folder, { level, duty }]) => `| ${level} | \`${folder}\` | ${duty} |`);
  return [
    `${before}${BEGIN}`,
    '',
    '| layer | folder | what it is for |',
    '| --- | --- | --- |',
    ...rows,
    '',
    `${END}${after}`,
  ].join('\n');
}
