/**
 * Every setting of oxbow, defined once. This table is the source of the type, the validation, the file key (`hls.partDuration`), the flag
 * (`--hls-part-duration`), the variable (`OXBOW_HLS_PART_DURATION`), `--help`, the JSON Schema and docs/7-reference/configuration.md.
 * Values: durations are milliseconds, sizes bytes, bitrates bits per second.
 */
import { invalidStreamName, isStreamName } from '../api/stream-name.ts';
import { MAX_DESCRIPTION, MAX_TITLE } from '../api/stream-texts.ts';
import { FormatError } from '../lib/errors.ts';
import { endpoint, listenAddress, offOnly, optionalEndpoint } from './address.ts';
import {
  bitrate,
  choice,
  derivedSize,
  duration,
  flag,
  headers,
  hostNames,
  integer,
  type NamedSections,
  networks,
  optionalDuration,
  optionalSize,
  optionalUrl,
  publishKeys,
  relayTargets,
  secret,
  section,
  size,
  text,
  type Values,
} from './option.ts';
import { pagePatterns } from './page-pattern.ts';
import { sourceUrl } from './source-address.ts';
import type { SourceConfig } from './source-config.ts';
import {
  audioOffset,
  awayLimit,
  awayOf,
  lookBack,
  quality,
  srtLatency,
  srtOf,
  srtPassphrase,
  userAgent,
} from './source-option.ts';

export type {
  AudioMode,
  ClientSourceConfig,
  PullSourceConfig,
  PushSourceConfig,
  SecondPublisher,
  SourceConfig,
  WhileAway,
} from './source-config.ts';

/** Playback access of a stream. */
export type Visibility = 'public' | 'unlisted' | 'signed' | 'private';

/** Where a stream that the API cannot change is defined. */
export type StreamOrigin = 'command-line' | 'configuration' | 'sample';

/** One stream of the configuration. */
export interface StreamConfig {
  readonly source: SourceConfig;
  readonly record: boolean;
  /** Milliseconds; undefined means `record.keep`. */
  readonly keep: number | undefined;
  readonly visibility: Visibility;
  /** SHA-256 digests of stream keys, in base64url. */
  readonly keys?: readonly string[] | undefined;
  /** Addresses of relay targets, with their secrets. */
  readonly relays?: readonly string[] | undefined;
  /** What viewers see instead of the name; empty: the name. */
  readonly title: string;
  /** A few sentences for viewers; may be empty. */
  readonly description: string;
  /** True if it is configured, false if it is the default. */
  readonly visibilityIsSet: boolean;
  readonly origin: StreamOrigin;
}

const stream = section({
  source: section({
    type: choice(
      ['pull', 'push', 'test'],
      'pull',
      'Where the media comes from: `pull` fetches `url`, `push` waits for a publisher, `test` is the test picture.',
    ),
    url: text(
      '',
      'Address of the source (type `pull`): a live HLS playlist, an MP4 file or a page (`http`, `https`), or MPEG-TS over UDP (`udp://@239.1.1.1:5000`).',
      { placeholder: 'URL' },
    ),
    backup: text(
      '',
      'Second address of the source (type `pull`): it is read while `url` has delivered no media for 5 s, and takes over with its first key frame.',
      { placeholder: 'URL' },
    ),
    headers: headers('Header fields sent with every request to the source (type `pull`).'),
    quality: quality('', '`pull.quality` of this source.'),
    from: lookBack('`pull.from` of this source.'),
    userAgent: userAgent('`pull.userAgent` of this source.'),
    audioOffset: audioOffset(
      'By how much audio is presented later than its timestamps say (type `pull`, `push`), at most 2 s; negative: earlier. Applies from the next connection on.',
    ),
    audio: choice(
      ['auto', 'aac', 'keep'],
      'auto',
      'Which audio is converted to AAC (type `pull`, `push`): `auto` MP2, which no browser plays; `aac` also MP3, AC-3 and E-AC-3, as stereo; `keep` none. Applies from the next connection on.',
    ),
    onSecondPublisher: choice(
      ['refuse', 'replace', 'standby'],
      'refuse',
      'What happens to a second publisher (type `push`): it is refused, replaces the first one, or waits as a standby that takes over when the first one leaves or stalls.',
    ),
    whileAway: choice(
      ['nothing', 'last-picture', 'slate'],
      'nothing',
      'What viewers see when the connection of the publisher is lost (type `push`): `last-picture` is its last picture; `slate` the picture of the stream or, without one, its title. Without sound, and not recorded.',
    ),
    awayLimit: awayLimit('How long the picture of `whileAway` is shown (type `push`), at most 24 hours.'),
    latency: srtLatency('`srtLatency` of this stream (type `push`).'),
    passphrase: srtPassphrase('`srtPassphrase` of this stream (type `push`).'),
  }),
  title: text('', 'Title that viewers see instead of the name.', { maxLength: MAX_TITLE }),
  description: text('', 'A few sentences about the stream, for viewers.', { maxLength: MAX_DESCRIPTION }),
  record: flag(true, 'Whether the stream is recorded.'),
  keep: optionalDuration('How long recordings of this stream are kept. Default: `record.keep`.'),
  keys: publishKeys('Stream keys of this stream, besides those that are created over the API (source type `push`).'),
  relays: relayTargets(
    'Servers that the stream is sent to while it is live: `rtmp://HOST/APP/KEY`, `rtmps://…`, `srt://HOST:PORT?streamid=…`.',
  ),
  visibility: choice(
    ['default', 'public', 'unlisted', 'signed', 'private'],
    'default',
    'Playback access: `public`; `unlisted` (not listed, anyone with the address); `signed` (only with a playback link); `private` (administrators). The default is `public` while oxbow can be reached from this computer only, otherwise `unlisted`.',
  ),
});

/** A configured stream before its default visibility and origin are resolved. */
export interface StreamDraft extends Omit<StreamConfig, 'visibility' | 'visibilityIsSet' | 'origin'> {
  readonly visibility: Visibility | 'default';
}

const streams: NamedSections<StreamDraft> = {
  node: 'named',
  sentence: 'Streams by name.',
  each: stream,
  checkName(name) {
    if (!isStreamName(name)) throw new FormatError(invalidStreamName(name), 0);
  },
  refine(values) {
    const { source, relays, keys, ...others } = values as Values<typeof stream>;
    const rest = { ...others, ...(relays.length > 0 && { relays }), ...(keys.length > 0 && { keys }) };
    const sound = {
      ...(source.audioOffset !== 0 && { audioOffsetMs: source.audioOffset }),
      ...(source.audio !== 'auto' && { audio: source.audio }),
    };
    if (source.type !== 'pull') {
      if (source.url !== '') throw new FormatError(`a ${source.type} source has no url`, 0);
      if (source.backup !== '') throw new FormatError(`a ${source.type} source has no backup`, 0);
      const { type, onSecondPublisher, latency, passphrase, whileAway, awayLimit } = source;
      const more = { ...srtOf(latency, passphrase ?? ''), ...awayOf(whileAway, awayLimit), ...sound };
      const push = { type: 'push', onSecondPublisher, ...more } as const;
      return { ...rest, source: type === 'test' ? { type } : push };
    }
    if (source.url === '') throw new FormatError('a pull source needs a url', 0);
    return {
      ...rest,
      source: {
        type: 'pull',
        url: sourceUrl(source.url),
        ...(source.backup !== '' && { backup: sourceUrl(source.backup) }),
        headers: source.headers,
        ...(source.quality !== '' && { quality: source.quality }),
        ...(source.from !== undefined && { fromMs: source.from }),
        ...(source.userAgent !== '' && { userAgent: source.userAgent }),
        ...sound,
      },
    };
  },
};

/** The table. The order is that of `--help` and of the reference page. */
export const schema = section({
  data: text('./oxbow-data', 'Folder for recordings and the database.', { placeholder: 'DIR' }),
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
  adminToken: secret('Token with full access to the API, at least 16 characters.'),
  localSignIn: choice(
    ['auto', 'on', 'off'],
    'auto',
    'Whether a browser on this computer can sign in with one press, while oxbow can be reached from this computer only. `auto`: if the connection belongs to the user who runs oxbow (Linux); `on`: also where this cannot be checked; `off`: never.',
  ),
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
    slowQuery: duration('50ms', 'Database queries that take longer are traced.'),
  }),
  threads: integer(
    '1',
    { min: 1, max: 16, why: 'more threads only use more memory' },
    'Threads that serve viewers (Linux). With 1, the main thread does everything. With 2 or more, these threads accept all connections and the main thread only processes media.',
  ),
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
    minFree: derivedSize(
      '1G or 2 % of the disk, the smaller',
      'Least free disk space. Below it recording pauses. Default: 1 GiB or 2 % of the disk, whichever is smaller.',
      { flag: 'min-free', reload: 'live' },
    ),
  }),
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
        'Most media of the newest GOPs that a stream keeps for sinks that attach later, and that a standby publisher keeps for a takeover. The GOP in progress is kept in any case.',
      ),
      gops: integer('15', { min: 1, max: 1000 }, 'Most GOPs that are kept.'),
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
  jobs: section({
    parallel: integer('1', { min: 1, max: 16 }, 'Number of jobs (such as exports) that run at the same time.'),
    queue: integer('100', { min: 1, max: 10_000 }, 'Number of jobs that can wait.'),
    keep: duration('24h', 'How long a finished job and its file are kept.', { min: '1m', reload: 'live' }),
    maxDisk: optionalSize('50G', 'Most disk space for files of jobs. Beyond it the oldest are deleted.', {
      reload: 'live',
    }),
  }),
  net: section({
    allow: networks('Private networks that playlists and redirects may refer to.'),
  }),
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
    idle: duration('30s', 'A publisher that sends nothing for so long is disconnected.', { min: '5s', max: '1h' }),
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
  srtMaxCallers: integer('25', { min: 1, max: 1000 }, 'Most SRT connections, publishers and players together.'),
  rtp: offOnly('RTP'),
  webrtc: offOnly('WebRTC'),
  streams,
});

/** All settings with their values, after defaults that depend on others were filled in. */
export type Config = Omit<Values<typeof schema>, 'streams'> & {
  readonly streams: Readonly<Record<string, StreamConfig>>;
};
