/**
 * The layers of src: which folder may import which, and what each is for.
 * In: nothing. Out: the table that check-layers.ts enforces and that docs/architecture.md shows. Pure.
 */

/** A folder of src, or a file beside the folders. */
export interface Layer {
  /** It imports only from lower levels, never from its own; type-only imports count. */
  readonly level: number;
  /** What it is for: a phrase in Markdown, with links as docs/architecture.md writes them. */
  readonly duty: string;
}

const layer = (level: number, duty: string): Layer => ({ level, duty });

/** Every layer, the highest first. */
export const layers: Readonly<Record<string, Layer>> = {
  'main.ts': layer(10, 'runs the command line'),
  cli: layer(9, 'one file per verb'),
  app: layer(8, 'the composition root: the only folder that knows which implementation is used; one opener per part'),
  // Half a level below `app`, which opens the part of it that passes requests to other nodes.
  edge: layer(
    7.5,
    "`oxbow edge`: copies of another server's media, answered by `http/hot` ([decision 51](decisions/0051-an-edge-keeps-responses.md)). `edge/nodes` is the gateway of a node: it passes on what other nodes own ([decision 55](decisions/0055-nodes.md))",
  ),
  http: layer(
    7,
    'requests and replies: `http/hot` first ([decision 12](decisions/0012-the-hot-responder.md)), one route file per feature',
  ),
  streams: layer(6, 'stream lifecycle: where a stream is configured, started, fed, stopped'),
  delivery: layer(
    5,
    'presentations as HLS (fragmented MP4, MPEG-TS on demand, DVR playlists) and DASH; clips, exports and stills. `delivery/format` has one writer per format, which imports no adapter',
  ),
  rooms: layer(5, 'people watch together: members, permissions, playlist, playback state, chat'),
  library: layer(5, 'assets: their records, search, quotas and trash; uploads; what happens after an upload'),
  recording: layer(4, 'recorder, timeline, retention, recovery'),
  ingest: layer(4, 'sources and publishing protocols to frames; publisher sessions'),
  transcode: layer(4, 'frames to other frames: stages, ladders, imports'),
  relay: layer(4, 'frames to other servers'),
  // Between its neighbours: it signs requests with keys of `accounts`, and `ingest` may ask other nodes.
  nodes: layer(3.5, 'the other nodes of a cluster: where they are, signed requests to them, copies of their lists'),
  packager: layer(3, 'one cut list; parts, segments and live playlists'),
  archive: layer(3, 'chunk files, their index, folders and object stores'),
  jobs: layer(3, 'the job queue, workers, and their transport'),
  accounts: layer(3, 'access control: users, sessions, tokens, keys, identity providers, mail'),
  webhooks: layer(3, 'outgoing events'),
  settings: layer(3, 'settings that an administrator changes while oxbow runs'),
  ffmpeg: layer(3, 'the only interface to FFmpeg, in child processes'),
  wire: layer(3, 'protocols without knowledge of streams: RTMP, RTSP, SRT, WebRTC; bytes to messages and back'),
  live: layer(2, 'the stream hub'),
  store: layer(2, 'metadata in SQLite or PostgreSQL'),
  net: layer(2, 'outgoing requests, and a guarded proxy for child processes that make requests'),
  media: layer(1, 'formats; pure: no `node:` modules, no clock'),
  config: layer(1, 'settings: their table, and the files, variables and flags they come from'),
  observe: layer(1, 'logs, metrics, traces'),
  cluster: layer(1, 'the event bus and leases, each in this process and in Redis'),
  // Half a level below: words (gap causes, shapes) that formats, recordings and pages share.
  api: layer(0.5, 'JSON types, events, addresses, times and gap causes, shared with `web/`; imports only `lib`'),
  client: layer(0.5, 'the typed client, partly generated; imports nothing'),
  lib: layer(0, 'errors, bytes, clock, durations, abort'),
};

const BEGIN = '<!-- made by `npm run generate` from scripts/layers.ts -->';
const END = '<!-- end of the layers -->';

/** The page of the architecture with its table of layers replaced. */
export function withLayers(page: string): string {
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`the page has no place between ${BEGIN} and ${END}`);
  const rows = Object.entries(layers).map(
    ([folder, { level, duty }]) => `| ${String(level).replace(/^0?\.5|\.5/, '½')} | \`${folder}\` | ${duty} |`,
  );
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
