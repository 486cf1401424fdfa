/**
 * Every setting of oxbow, said once. From this table come the type, the check, the file key (`hls.partDuration`), the flag
 * (`--hls-part-duration`), the variable (`OXBOW_HLS_PART_DURATION`), `--help`, the JSON Schema and docs/7-reference/configuration.md.
 * Values: durations are milliseconds, sizes bytes, bitrates bits per second.
 */
import { invalidStreamName, isStreamName } from '../api/stream-name.ts';
import { FormatError } from '../lib/errors.ts';
import { endpoint, listenAddress, offOnly } from './address.ts';
import {
  bitrate,
  choice,
  derivedSize,
  duration,
  flag,
  headers,
  hostNames,
  httpUrl,
  integer,
  type NamedSections,
  networks,
  optionalDuration,
  optionalSize,
  optionalUrl,
  secret,
  section,
  text,
  type Values,
} from './option.ts';
import { pagePatterns } from './page-pattern.ts';
import { lookBack, quality, userAgent } from './source-option.ts';

/** Who may watch a stream. */
export type Visibility = 'public' | 'unlisted' | 'signed' | 'private';

/** A source that oxbow fetches. Fields that are absent have their defaults: definitions written by earlier versions lack them. */
export interface PullSourceConfig {
  readonly type: 'pull';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** `best` (default), `worst`, a height as `720p`, or a bitrate as `2M`. */
  readonly quality?: string;
  /** How far before the live edge recording begins where the source still offers it, ms; 0 is the edge. */
  readonly fromMs?: number;
  /** Sent as User-Agent; the words of a preset stand for it. */
  readonly userAgent?: string;
}

/** Where a configured stream's media comes from. */
export type SourceConfig = PullSourceConfig | { readonly type: 'test' };

/** Where a stream that the API cannot change is set. */
export type StreamOrigin = 'command-line' | 'configuration' | 'sample';

/** One stream of the configuration. */
export interface StreamConfig {
  readonly source: SourceConfig;
  readonly record: boolean;
  /** Milliseconds; undefined means `record.keep`. */
  readonly keep: number | undefined;
  readonly visibility: Visibility;
  /** The settings name it; else it is the default. */
  readonly visibilityIsSet: boolean;
  readonly origin: StreamOrigin;
}

const stream = section({
  source: section({
    type: choice(
      ['pull', 'test'],
      'pull',
      'Where the media comes from: `pull` fetches `url`, `test` is the test picture.',
    ),
    url: text('', 'Address of a live HLS playlist (type `pull`).', { placeholder: 'URL' }),
    headers: headers('Header fields sent with every request to the source (type `pull`).'),
    quality: quality('', '`pull.quality` of this source.'),
    from: lookBack('`pull.from` of this source.'),
    userAgent: userAgent('`pull.userAgent` of this source.'),
  }),
  record: flag(true, 'Whether the stream is recorded.'),
  keep: optionalDuration('How long this stream is kept; `record.keep` where it says nothing.'),
  visibility: choice(
    ['default', 'public', 'unlisted', 'signed', 'private'],
    'default',
    'Who may watch: `signed` whoever has a link that was made for them, `private` administrators. The default is `public` while only this computer reaches oxbow, else `unlisted`: where it listens elsewhere, or `publicUrl` names another host.',
  ),
});

/** A configured stream before the default visibility and the origin are known. */
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
    const { source, ...rest } = values as Values<typeof stream>;
    if (source.type === 'test') {
      if (source.url !== '') throw new FormatError('a test source has no url', 0);
      return { ...rest, source: { type: 'test' } };
    }
    if (source.url === '') throw new FormatError('a pull source needs a url', 0);
    return {
      ...rest,
      source: {
        type: 'pull',
        url: httpUrl(source.url),
        headers: source.headers,
        ...(source.quality !== '' && { quality: source.quality }),
        ...(source.from !== undefined && { fromMs: source.from }),
        ...(source.userAgent !== '' && { userAgent: source.userAgent }),
      },
    };
  },
};

/** The table. The order is that of `--help` and of the reference page. */
export const schema = section({
  data: text('./oxbow-data', 'Folder of recordings and database.', { placeholder: 'DIR' }),
  listen: listenAddress('127.0.0.1', 'Address of every port that names none; 0.0.0.0 opens oxbow to the network.'),
  http: endpoint('8080', 'Port of pages, playlists and API; 0 picks a free one.'),
  tls: section({
    cert: text(
      '',
      'Certificate in PEM, its intermediates behind it: the port then speaks HTTPS, by HTTP/1.1 and HTTP/2.',
      {
        placeholder: 'FILE',
      },
    ),
    key: text('', 'Private key of the certificate, in PEM. Both are read again when they change.', {
      placeholder: 'FILE',
    }),
  }),
  trustedProxies: networks(
    'Proxies whose word (Forwarded, X-Forwarded-For, -Host, -Proto) on client, host and scheme is believed; those on this computer always are.',
  ),
  hosts: hostNames(
    'Names that oxbow answers to on a loopback address, beside localhost and the host of `publicUrl`; requests for others get 421.',
  ),
  defaultStream: text('', 'Stream behind addresses that name none, as /live/stream.m3u8; unset: the first one.', {
    placeholder: 'NAME',
    reload: 'live',
  }),
  publicUrl: optionalUrl('How others reach this server, where it stands behind a proxy.'),
  adminToken: secret('Token that may do everything over the API, 16 characters or more.'),
  localSignIn: choice(
    ['auto', 'on', 'off'],
    'auto',
    'Whether a browser on this computer signs in with one press, while only this computer reaches oxbow. `auto`: where the connection is known to be of the user who runs oxbow (Linux); `on`: also where that cannot be checked; `off`: never.',
  ),
  watchSecret: secret(
    'Signs rights to watch, 16 characters or more; several oxbows that share it take each other’s. Unset: made once in the data folder.',
  ),
  logLevel: choice(['debug', 'info', 'warn', 'error', 'fatal'], 'info', 'How much is logged.', { reload: 'live' }),
  logFormat: choice(['auto', 'text', 'json'], 'auto', 'Form of log lines; auto is text on a terminal, else json.'),
  telemetry: section({
    otlp: optionalUrl(
      'Collector that traces are sent to by OTLP over HTTP, as http://127.0.0.1:4318; unset: none are made.',
    ),
    sample: integer(
      '10',
      { min: 0, max: 100, why: 'it is a share' },
      'Traces that are kept, percent; a caller that keeps its trace keeps ours.',
    ),
    slowQuery: duration('50ms', 'Answers of the database that took longer are traced.'),
  }),
  threads: integer(
    '1',
    { min: 1, max: 16, why: 'more would only take memory' },
    'Threads that serve viewers, on Linux. 1: the main thread, which makes the media, serves too. From 2 on they have all connections, and it makes media alone.',
  ),
  record: section({
    keep: duration('24h', 'How long recordings are kept.', { min: '1m', flag: 'keep', reload: 'live' }),
    sync: choice(['segment', 'chunk', 'off'], 'segment', 'When recorded bytes are forced to disk.'),
    maxDisk: optionalSize(
      '',
      'Most that all recordings may take; beyond it the oldest ten minutes of any stream go, whatever `keep` says.',
      {
        flag: 'max-disk',
        reload: 'live',
      },
    ),
    minFree: derivedSize(
      '1G or 2 % of the disk, the smaller',
      'Least that stays free on the disk; below it nothing is recorded. Unset: 1 GiB or 2 % of the disk, whichever is less.',
      { flag: 'min-free', reload: 'live' },
    ),
  }),
  hls: section({
    partDuration: duration('200ms', 'Longest Partial Segment (PART-TARGET). Shorter: less delay, more requests.', {
      min: '20ms',
    }),
    segmentDuration: duration('2s', 'Wished Media Segment length; cuts fall on the next key frame.', {
      min: '250ms',
    }),
    window: duration('5m', 'How much the live playlist shows.', { min: '10s' }),
  }),
  live: section({
    linger: section({
      push: duration('30s', 'How long a live list stays open after its publisher left.', { reload: 'live' }),
      pull: duration('2m', 'How long a live list stays open while its source is down.', { reload: 'live' }),
    }),
  }),
  jobs: section({
    parallel: integer('1', { min: 1, max: 16 }, 'Jobs (exports) that run at the same time.'),
    queue: integer('100', { min: 1, max: 10_000 }, 'Jobs that may wait.'),
    keep: duration('24h', 'How long a job that ended, and its file, can be asked for.', { min: '1m', reload: 'live' }),
    maxDisk: optionalSize('50G', 'Most that the files of jobs may take; beyond it the oldest go first.', {
      reload: 'live',
    }),
  }),
  net: section({
    allow: networks('Private addresses that playlists and redirects may lead to.'),
  }),
  pages: section({
    ytDlp: text('yt-dlp', 'Program that finds the video of a page; looked up in PATH where it is no path.', {
      placeholder: 'PROGRAM',
      reload: 'live',
    }),
    timeout: duration('60s', 'Longest it may take to find the video of a page.', {
      min: '1s',
      max: '10m',
      reload: 'live',
    }),
    format: text('', 'Only formats that this expression of yt-dlp (`-f`) selects are taken; unset: oxbow chooses.', {
      placeholder: 'EXPRESSION',
      reload: 'live',
    }),
    patterns: pagePatterns(
      'What addresses are: `hls`, `mp4` or `page`, by regular expressions that are tried before the built-in ones.',
      { reload: 'live' },
    ),
  }),
  probe: section({
    depth: duration('6s', 'How much media of a source is looked at to tell what it is.', {
      min: '1s',
      max: '60s',
      reload: 'live',
    }),
    timeout: duration('30s', 'Longest that looking at a source may take.', { min: '1s', max: '5m', reload: 'live' }),
  }),
  pull: section({
    quality: quality(
      'best',
      'Which quality is pulled of a source that offers several: `best`, `worst`, a height as `720p`, or a bitrate as `2M`; else the next below it.',
      { flag: 'quality', reload: 'live' },
    ),
    from: lookBack('How far before its live edge a source is begun, where it offers that much.', {
      flag: 'from',
      reload: 'live',
    }),
    userAgent: userAgent('What oxbow calls itself to sources (User-Agent).', { flag: 'user-agent', reload: 'live' }),
  }),
  testPicture: section({
    width: integer('640', { min: 160, max: 3840, even: true }, 'Width of the test picture, pixels.'),
    height: integer('360', { min: 90, max: 2160, even: true }, 'Height of the test picture, pixels.'),
    fps: integer('25', { min: 1, max: 120 }, 'Frames per second of the test picture.'),
    keyInterval: duration('1s', 'Distance of key frames in the test picture, whole seconds.', {
      min: '1s',
      max: '10s',
    }),
    videoBitrate: bitrate('800k', 'Video bits per second of the test picture.'),
  }),
  rtmp: offOnly('RTMP'),
  srt: offOnly('SRT'),
  rtp: offOnly('RTP'),
  webrtc: offOnly('WebRTC'),
  streams,
});

/** All settings with their values, after defaults that depend on others were filled in. */
export type Config = Omit<Values<typeof schema>, 'streams'> & {
  readonly streams: Readonly<Record<string, StreamConfig>>;
};
