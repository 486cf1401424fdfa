/**
 * Every setting of oxbow, defined once. This table is the source of the type, the validation, the file key
 * (`hls.partDuration`), the flag (`--hls-part-duration`), the variable (`OXBOW_HLS_PART_DURATION`), `--help`,
 * the JSON Schema and docs/reference/configuration.md. Values: durations are milliseconds, sizes bytes,
 * bitrates bits per second.
 */
import { alarmsSection } from '../features/alarms/settings.ts';
import { anglesSection } from '../features/angles/settings.ts';
import { camerasSection } from '../features/cameras/settings.ts';
import { casesSection } from '../features/cases/settings.ts';
import { edgesSection } from '../features/erase/settings.ts';
import { evidenceSection } from '../features/evidence/settings.ts';
import { healSection } from '../features/healing/settings.ts';
import { insightSection } from '../features/insight/settings.ts';
import { mqttSection } from '../features/mqtt/settings.ts';
import { peersSection } from '../features/peers/settings.ts';
import { pushSection } from '../features/push/settings.ts';
import { reportsSection } from '../features/reports/settings.ts';
import { roomsSection } from '../features/rooms/settings.ts';
import { steeringSection } from '../features/steering/settings.ts';
import { vaultSection } from '../features/vault/settings.ts';
import { verifySettings } from '../features/verify/settings.ts';
import { endpoint, ipAddresses, listenAddress, optionalEndpoint } from './address.ts';
import { iceServers, turnPassword, turnUser } from './ice-servers.ts';
import {
  bitrate,
  choice,
  coreCount,
  derivedSize,
  duration,
  flag,
  hostNames,
  integer,
  networks,
  optionalSize,
  optionalUrl,
  rtmpServerUrl,
  secret,
  section,
  size,
  text,
  type Values,
} from './option.ts';
import { pagePatterns } from './page-pattern.ts';
import { accountsSection } from './sections/accounts-section.ts';
import { altSvc } from './sections/alt-svc-option.ts';
import { childrenSection } from './sections/children-section.ts';
import { clusterSection, natsSection, redisSection } from './sections/cluster-section.ts';
import { encryptionSection } from './sections/encryption-section.ts';
import { errorsSection } from './sections/errors-section.ts';
import { eventsSection } from './sections/events-section.ts';
import { identitySection, mailSection, playbackJwtSection } from './sections/identity-section.ts';
import { jobsSection } from './sections/jobs-section.ts';
import { librarySection } from './sections/library-section.ts';
import { storageSection } from './sections/storage-section.ts';
import { storeSection } from './sections/store-section.ts';
import { transcodeSection } from './sections/transcode-section.ts';
import { watchRulesSection } from './sections/watch-rules-section.ts';
import { contentCheckSection } from './sections/watching-section.ts';
import { lookBack, quality, srtPassphrase, userAgent } from './source-option.ts';
import { type StreamConfig, streamsSection } from './stream-section.ts';

export type {
  AudioMode,
  ClientSourceConfig,
  PullSourceConfig,
  PushSourceConfig,
  SecondPublisher,
  SourceConfig,
  WhileAway,
} from './source-config.ts';
export type { StreamConfig, StreamDraft, StreamEncryption, StreamOrigin, Visibility } from './stream-section.ts';

/** The table. The order is that of `--help` and of the reference page. */
export const schema = section({
  data: text('./oxbow-data', 'Folder for recordings and the database.', { placeholder: 'DIR' }),
  temporaryFolder: text(
    '',
    'Folder for temporary files: of the media engine, yt-dlp and the worker of the server. It must exist. Default: that of the system (`TMPDIR`).',
    { placeholder: 'DIR', maxLength: 1000 },
  ),
  listen: listenAddress(
    '127.0.0.1',
    'Address of each port that does not set its own. 0.0.0.0 opens oxbow to the network.',
  ),
  http: endpoint('8080', 'Port of the web interface, playlists and API; 0 picks a free port.'),
  tls: section({
    cert: text('', 'Certificate file (PEM), followed by its intermediates. Enables HTTPS with HTTP/1.1 and HTTP/2.', {
      placeholder: 'FILE',
    }),
    key: text('', 'Private key file of the certificate (PEM). Both files are reloaded when they change.', {
      placeholder: 'FILE',
    }),
  }),
  trustedProxies: networks(
    'Trusted proxies: their Forwarded, X-Forwarded-For, X-Forwarded-Host and X-Forwarded-Proto headers are honored. Proxies on this computer are always trusted.',
  ),
  hosts: hostNames(
    'Host names that are accepted on a loopback address, in addition to localhost and the host of `publicUrl`. Requests for other names are answered with 421.',
  ),
  defaultStream: text(
    '',
    'Stream for addresses without a stream name, such as /live/stream.m3u8. Default: the first stream.',
    {
      placeholder: 'NAME',
      reload: 'live',
    },
  ),
  publicUrl: optionalUrl('Address of this server for its users, if it is behind a proxy.'),
  staticUrl: optionalUrl(
    'Where browsers get the scripts, styles and pictures of pages (`/ui/…`): a CDN in front of this server, or a bucket with what `oxbow cdn files` copied. Default: this server.',
  ),
  altSvc: altSvc(
    'Field `Alt-Svc` of every answer, such as `h3=":443"; ma=86400`: where browsers reach this server over HTTP/3, if the proxy that speaks it does not announce it. `clear` makes browsers forget an earlier one. Default: none.',
  ),
  drain: duration(
    '0s',
    'How long requests are still answered after SIGTERM, while `/ready` is 503 already: as long as a load balancer takes to notice.',
    { max: '10m' },
  ),
  adminToken: secret(
    'Token with full access to the API, at least 16 characters. `--admin-token-file FILE` keeps it out of the list of processes, as it does for every secret.',
  ),
  localSignIn: choice(
    ['auto', 'on', 'off'],
    'auto',
    'Whether a browser on this computer can sign in with one press, while oxbow can be reached from this computer only. `auto`: if the connection belongs to the user who runs oxbow (Linux); `on`: also where this cannot be checked; `off`: never.',
  ),
  watchRules: watchRulesSection,
  encryption: encryptionSection,
  watchSecret: secret(
    'Secret that signs playback tokens, at least 16 characters. Servers that share it accept each other’s tokens. Default: generated once and stored in the data folder.',
  ),
  logLevel: choice(['debug', 'info', 'warn', 'error', 'fatal'], 'info', 'Lowest level that is logged.', {
    reload: 'live',
  }),
  logFormat: choice(
    ['auto', 'text', 'json'],
    'auto',
    'Format of log lines. `auto`: text on a terminal, otherwise JSON.',
  ),
  telemetry: section({
    otlp: optionalUrl('Collector for traces (OTLP over HTTP), for example http://127.0.0.1:4318. Default: no traces.'),
    sample: integer(
      '10',
      { min: 0, max: 100, why: 'it is a percentage' },
      'Percentage of traces that are sampled. A request whose caller samples its trace is always sampled.',
    ),
    callers: choice(
      ['any', 'proxies', 'nodes'],
      'any',
      'Callers whose `traceparent` is continued, and whose decision about sampling counts. `proxies`: nodes of the cluster and `trustedProxies`, such as edges. `nodes`: only nodes, by their signature.',
    ),
    logs: flag(
      false,
      'Whether log lines are sent to the collector too, as log records. Bugs and crashes are sent in any case.',
    ),
    slowQuery: duration('50ms', 'Database queries that take longer are traced.'),
  }),
  processes: coreCount(
    '1',
    { max: 64 },
    'Processes that share streams, rooms and viewers on this machine (Linux), `auto` for one on each core. They share the data folder, the database and the ports.',
  ),
  threads: integer(
    '1',
    { min: 1, max: 16, why: 'more threads only use more memory' },
    'Threads that serve viewers (Linux). With 1, the main thread does everything. With 2 or more, these threads accept all connections and the main thread only processes media.',
  ),
  store: storeSection,
  record: section({
    keep: duration('24h', 'How long recordings are kept.', { min: '1m', flag: 'keep', reload: 'live' }),
    sync: choice(['segment', 'chunk', 'off'], 'segment', 'When recorded bytes are flushed to the disk (fdatasync).'),
    maxDisk: optionalSize(
      '',
      'Most disk space for all recordings. Beyond it the oldest ten minutes of any stream are deleted, regardless of `keep`.',
      {
        flag: 'max-disk',
        reload: 'live',
      },
    ),
    storyboard: flag(
      true,
      'Whether small pictures of the recordings are stored, one in ten seconds to two minutes by their processor time, for moving over the timeline: at most 25 MB a day and stream.',
      { reload: 'live' },
    ),
    minFree: derivedSize(
      '1G or 2 % of the disk, the smaller',
      'Least free disk space. Below it recording pauses. Default: 1 GiB or 2 % of the disk, whichever is smaller.',
      { flag: 'min-free', reload: 'live' },
    ),
    ...verifySettings,
  }),
  storage: storageSection,
  edges: edgesSection,
  steering: steeringSection,
  peers: peersSection,
  heal: healSection,
  hls: section({
    partDuration: duration('200ms', 'Longest Partial Segment (PART-TARGET). Shorter: lower latency, more requests.', {
      min: '20ms',
    }),
    segmentDuration: duration('2s', 'Target Media Segment duration. Segments end at the next key frame.', {
      min: '250ms',
    }),
    window: duration('5m', 'Duration of the live playlist.', { min: '10s' }),
  }),
  live: section({
    assemblyDeadline: duration(
      '200ms',
      'How long a frame of MPEG-TS over SRT, UDP and RTP waits for further bytes before it is published without waiting for the next frame.',
      { min: '100ms', max: '10s' },
    ),
    linger: section({
      push: duration('30s', 'How long a live playlist stays open after its publisher left.', { reload: 'live' }),
      pull: duration('2m', 'How long a live playlist stays open while its source is down.', { reload: 'live' }),
    }),
    gopBuffer: section({
      duration: duration(
        '5s',
        'Most media of the newest GOPs that a stream keeps for sinks that attach later, and that a standby publisher keeps for a takeover, which keeps at least 10 s. The GOP in progress is kept in any case.',
      ),
      gops: integer('15', { min: 1, max: 1000 }, 'Most GOPs that are kept for sinks that attach later.'),
      size: size('8MiB', 'Most bytes of GOPs that are kept.'),
      openDuration: duration(
        '10s',
        'Longest GOP in progress. Of a longer one nothing is kept: sinks that attach then wait for the next key frame.',
        { min: '1s' },
      ),
      openSize: size('64MiB', 'Largest GOP in progress.'),
    }),
    memory: section({
      stream: size(
        '128MiB',
        'Most bytes of frames that wait in the sinks and GOP buffers of one stream. Beyond it, sinks drop GOPs.',
      ),
      total: size('1GiB', 'Most bytes of frames that wait in the sinks and GOP buffers of all streams.'),
    }),
  }),
  auth: section({
    url: optionalUrl(
      'Authorization server: oxbow asks it by an HTTP POST whether a client may publish, or watch a signed or private stream. Without an answer the client is refused.',
    ),
    secret: secret('Sent to `auth.url` as bearer token, so that it can recognize oxbow.'),
    sendKey: flag(false, 'Whether `auth.url` gets the keys and tokens of clients, besides their SHA-256 digests.'),
    timeout: duration('2s', 'Time limit for an answer of `auth.url`.', { min: '100ms', max: '30s' }),
  }),
  mail: mailSection,
  contentCheck: contentCheckSection,
  alarms: alarmsSection,
  evidence: evidenceSection,
  insight: insightSection,
  angles: anglesSection,
  cases: casesSection,
  reports: reportsSection,
  mqtt: mqttSection,
  push: pushSection,
  cameras: camerasSection,
  vault: vaultSection,
  identity: identitySection,
  playbackJwt: playbackJwtSection,
  publish: section({
    create: choice(
      ['keys', 'auth', 'off'],
      'keys',
      'Whether the first publish to an unknown name creates a stream. `keys`: with a key for names with a prefix; `auth`: also if `auth.url` allows it.',
      { reload: 'live' },
    ),
    maxStreams: integer(
      '100',
      { min: 1, max: 10_000 },
      'A key for names with a prefix creates no stream while there are so many with that prefix, unless the key has its own limit. `auth.url` creates none while there are so many in total.',
      { reload: 'live' },
    ),
  }),
  errors: errorsSection,
  events: eventsSection,
  jobs: jobsSection,
  transcode: transcodeSection,
  redis: redisSection,
  nats: natsSection,
  cluster: clusterSection,
  library: librarySection,
  rooms: roomsSection,
  accounts: accountsSection,
  net: section({
    allow: networks('Private networks that playlists and redirects may refer to.'),
  }),
  children: childrenSection,
  pages: section({
    ytDlp: text('yt-dlp', 'Program that finds the video of a page: a path, or a name that is looked up in PATH.', {
      placeholder: 'PROGRAM',
      reload: 'live',
    }),
    timeout: duration('60s', 'Time limit for finding the video of a page.', {
      min: '1s',
      max: '10m',
      reload: 'live',
    }),
    format: text('', 'Format expression for yt-dlp (`-f`). Default: oxbow chooses.', {
      placeholder: 'EXPRESSION',
      reload: 'live',
    }),
    patterns: pagePatterns(
      'Regular expressions that decide whether an address is `hls`, `mp4` or `page`; tried before the built-in ones.',
      { reload: 'live' },
    ),
  }),
  probe: section({
    depth: duration('6s', 'How much media of a source is analyzed by a probe.', {
      min: '1s',
      max: '60s',
      reload: 'live',
    }),
    timeout: duration('30s', 'Time limit of a probe.', { min: '1s', max: '5m', reload: 'live' }),
  }),
  pull: section({
    quality: quality(
      'best',
      'Quality to pull if a source offers several: `best`, `worst`, a height such as `720p`, or a bitrate such as `2M`. If it is not offered, the next lower one is used.',
      { flag: 'quality', reload: 'live' },
    ),
    from: lookBack('How far before the live edge a source is started, as far as it offers that.', {
      flag: 'from',
      reload: 'live',
    }),
    userAgent: userAgent('User-Agent that is sent to sources.', { flag: 'user-agent', reload: 'live' }),
  }),
  testPicture: section({
    width: integer('640', { min: 160, max: 3840, even: true }, 'Width of the test picture, pixels.'),
    height: integer('360', { min: 90, max: 2160, even: true }, 'Height of the test picture, pixels.'),
    fps: integer('25', { min: 1, max: 120 }, 'Frames per second of the test picture.'),
    keyInterval: duration('1s', 'Key frame interval of the test picture, whole seconds.', {
      min: '1s',
      max: '10s',
    }),
    videoBitrate: bitrate('800k', 'Video bitrate of the test picture, bits per second.'),
  }),
  rtmp: optionalEndpoint('1935', 'Port on which encoders publish over RTMP; 0 picks a free port.'),
  rtmps: optionalEndpoint(
    'off',
    'Port on which encoders publish over RTMPS, with the certificate of `tls`; usually 443.',
  ),
  rtmpSuccessor: rtmpServerUrl(
    'Where publishers over RTMP that can connect again are led when oxbow stops, such as `rtmp://other.example/live`. Default: to the address that they have, which the next process has.',
    { reload: 'live' },
  ),
  rtmpPlay: flag(
    false,
    'Whether players may play live streams over RTMP and RTMPS, with the access rules of watching.',
  ),
  rtmpLimits: section({
    connections: integer('1000', { min: 1, max: 100_000 }, 'Most connections over RTMP and RTMPS.'),
    perAddress: integer(
      '200',
      { min: 1, max: 100_000 },
      'Most connections of one IP address (of one /64 network with IPv6) over RTMP and RTMPS.',
    ),
    idle: duration('30s', 'A publisher that sends nothing for this long is disconnected.', { min: '5s', max: '1h' }),
  }),
  srt: optionalEndpoint(
    '8890',
    'UDP port on which encoders publish, and players request streams, over SRT; 0 picks a free port.',
  ),
  srtLatency: duration('120ms', 'Latency of SRT: how long a lost packet may take to be repaired.', {
    min: '20ms',
    max: '60s',
  }),
  srtPassphrase: srtPassphrase(
    'Passphrase of SRT connections, 10 to 79 bytes. With one, connections without encryption are rejected.',
  ),
  srtMaxCallers: integer(
    '25',
    { min: 1, max: 1000 },
    'Most SRT connections, publishers and players together; a quarter is for publishers alone.',
  ),
  srtla: optionalEndpoint(
    'off',
    'UDP port on which bonded senders (BELABOX, Moblin, IRL Pro) publish over SRTLA; usually 5000; 0 picks a free port. It needs `srt`.',
  ),
  rtp: optionalEndpoint(
    '5004',
    'First UDP port of RTP sessions that are opened over the API; each takes the next free ports, up to 400 in total. 0 picks free ports.',
  ),
  rtsp: optionalEndpoint(
    'off',
    'Port on which encoders publish over RTSP (ANNOUNCE and RECORD); usually 8554; 0 picks a free port.',
  ),
  webrtc: optionalEndpoint('8189', 'UDP port of WebRTC: browsers and encoders publish over WHIP; 0 picks a free port.'),
  webrtcAddresses: ipAddresses(
    'IP addresses on which WebRTC clients reach this server, for example its public address behind NAT. Default: the addresses of this computer.',
  ),
  webrtcMaxSessions: integer(
    '200',
    { min: 1, max: 10_000 },
    'Most WebRTC sessions; a quarter is for publishers alone.',
  ),
  webrtcIceServers: iceServers(
    'STUN and TURN servers that WebRTC clients may use, for example `turn:turn.example:3478?transport=tcp` for networks that block UDP.',
    { reload: 'live' },
  ),
  webrtcTurnSecret: secret(
    'Secret shared with the TURN servers (`static-auth-secret` of coturn): clients get credentials that expire.',
    { reload: 'live' },
  ),
  webrtcTurnUser: turnUser('User name of the TURN servers, if they have no shared secret.', { reload: 'live' }),
  webrtcTurnPassword: turnPassword('Password of `webrtcTurnUser`. Clients get it.', { reload: 'live' }),
  streams: streamsSection,
});

/** All settings with their values, after defaults that depend on others were filled in. */
export type Config = Omit<Values<typeof schema>, 'streams'> & {
  readonly streams: Readonly<Record<string, StreamConfig>>;
};
