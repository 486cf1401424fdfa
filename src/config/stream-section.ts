/**
 * The settings of one stream, a part of the table of all settings.
 * In: the types of settings. Out: the section `streams` for schema.ts, and the types of a configured stream.
 */

import { FormatError } from '@oxbow/media/errors';
import type { WatchRuleLists } from '../api/access/watch-rules-shapes.ts';
import type { PastRules } from '../api/past/past-rules.ts';
import { invalidStreamName, isStreamName } from '../api/stream/stream-name.ts';
import { MAX_DESCRIPTION, MAX_TITLE } from '../api/stream/stream-texts.ts';
import { healFrom } from './heal-from.ts';
import {
  choice,
  flag,
  headers,
  type NamedSections,
  optionalDuration,
  publishKeys,
  relayTargets,
  section,
  text,
  type Values,
} from './option.ts';
import { pastRulesOfSection, pastSection } from './sections/past-section.ts';
import { listsOf, streamRulesSection } from './sections/watch-rules-section.ts';
import { alarmRules } from './sections/watching-option.ts';
import { sourceUrl } from './source-address.ts';
import type { SourceConfig } from './source-config.ts';
import {
  audioOffset,
  awayLimit,
  awayOf,
  liveLadder,
  lookBack,
  quality,
  qualitySet,
  srtLatency,
  srtOf,
  srtPassphrase,
  userAgent,
} from './source-option.ts';

/** Playback access of a stream. */
export type Visibility = 'public' | 'unlisted' | 'signed' | 'private';

/** How the segments of a stream are encrypted. */
export type StreamEncryption = 'none' | 'aes-128' | 'cbcs';

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
  /** The qualities that are encoded of the live stream, as `parseLadder` reads them; absent: none. */
  readonly ladder?: string | undefined;
  /** When their encoder runs; absent: while there are viewers. */
  readonly ladderStart?: 'always' | undefined;
  /** Whether the further qualities are recorded too; absent: no. */
  readonly recordQualities?: true | undefined;
  /** Object store of its recordings, or `local`; absent: `storage.target`. */
  readonly storage?: string | undefined;
  /** Changes of the rules of alarms, see api/alarms; absent: none. */
  readonly alarms?: string | undefined;
  /** Whether viewers see which parts of its past were watched most; absent: no. */
  readonly showRewound?: true | undefined;
  /** Whether viewers may give its segments to each other; absent: no. */
  readonly peerDelivery?: true | undefined;
  /** Where gaps of its recording are filled from, besides its source; absent: nowhere else. */
  readonly healFrom?: readonly string[] | undefined;
  /** Who may watch by network and country; absent: `watchRules`. */
  readonly watchRules?: WatchRuleLists | undefined;
  /** The broadcaster's rules for the past; absent: none. */
  readonly past?: PastRules | undefined;
  /** How its segments are encrypted; absent: `encryption.streams`. */
  readonly encryption?: StreamEncryption | undefined;
}

const stream = section({
  source: section({
    type: choice(
      ['pull', 'push', 'test', 'channel'],
      'pull',
      'Where the media comes from: `pull` fetches `url`, `push` waits for a publisher, `test` is the test picture, `channel` plays a schedule.',
    ),
    url: text(
      '',
      'Address of the source (type `pull`): a live HLS playlist, an MP4 file or a page (`http`, `https`), a camera (`rtsp`), a WHEP server (`whep+https`), or MPEG-TS over UDP (`udp://@239.1.1.1:5000`).',
      { placeholder: 'URL' },
    ),
    backup: text(
      '',
      'Second address of the source (type `pull`): it is read while `url` has delivered no media for 5 s, and takes over with its first key frame.',
      { placeholder: 'URL' },
    ),
    headers: headers('Header fields sent with every request to the source (type `pull`).'),
    quality: quality(
      '',
      '`pull.quality` of this source; of a publisher with several pictures (type `push`), the one of the stream. Default there: the largest.',
    ),
    qualities: qualitySet(
      '',
      'Further variants of a playlist (type `pull`), or pictures of a publisher (type `push`), that become qualities of the stream: `best` none, `all`, or heights such as `720p, 480p`. Default: `best` for `pull`, `all` for `push`.',
    ),
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
    'Servers that the stream is sent to while it is live: `rtmp://HOST/APP/KEY`, `rtmps://…`, `srt://HOST:PORT?streamid=…`, `whip+https://HOST/PATH?key=KEY`.',
  ),
  ladder: liveLadder(
    'Qualities that oxbow encodes while the stream is live: heights with an optional bitrate, `audio` for the sound alone, and `fields` for a picture of each field of interlaced video, such as `360p, 720p:2M, audio`; at most 8. Default: none.',
  ),
  ladderStart: choice(
    ['viewer', 'always'],
    'viewer',
    'When the encoder of `ladder` runs: from the first viewer on until a minute after the last one, or always.',
  ),
  recordQualities: flag(false, 'Whether the further qualities of the live stream are recorded too.'),
  storage: text(
    '',
    'Object store of the recordings of this stream, by its name in `storage.targets`, or `local`: they stay in the data folder. Default: `storage.target`.',
    { placeholder: 'NAME', maxLength: 32 },
  ),
  alarms: alarmRules(
    'Changes of the rules of alarms for this stream, after `alarms.rules`, such as `freeze off, low-bitrate 1M`.',
  ),
  showRewound: flag(false, 'Whether viewers see on the timeline which parts of the past were watched most.'),
  peerDelivery: flag(
    false,
    'Whether viewers who consent give each other segments of this stream, if `peers.enabled` is set. Never of a stream that is private, signed or encrypted, or has watch rules or rules for the past.',
  ),
  healFrom: healFrom(
    'Further sources of the same programme, from which gaps of the recording are filled after the own source and its `backup`: addresses of HLS playlists with dates, such as a second encoder, or of the storage of a camera, `onvif://USER:PASSWORD@HOST` (ONVIF Profile G) or `rtsp://USER:PASSWORD@HOST/PATH` (replay by `Range: clock=`). `{from}` and `{to}` in an address are replaced by unix seconds, e.g. https://other.example/vod/door/{from}/{to}/index.m3u8. `off`: gaps of this stream are not filled.',
  ),
  watchRules: streamRulesSection,
  past: pastSection,
  encryption: choice(
    ['default', 'none', 'aes-128', 'cbcs'],
    'default',
    'How the segments of this stream are encrypted in HLS playlists: `none`, `aes-128` or `cbcs`. Default: `encryption.streams`.',
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

export const streamsSection: NamedSections<StreamDraft> = {
  node: 'named',
  sentence: 'Streams by name.',
  reload: 'live',
  each: stream,
  checkName(name) {
    if (!isStreamName(name)) throw new FormatError(invalidStreamName(name), 0);
  },
  refine(values) {
    const { source, relays, keys, ladder, ladderStart, recordQualities, storage, alarms, ...more } = values as Values<
      typeof stream
    >;
    const { watchRules, past, encryption, showRewound, peerDelivery, healFrom: further, ...others } = more;
    const rules = listsOf(watchRules.allow, watchRules.deny);
    const pastRules = pastRulesOfSection(past);
    const fields = {
      ...others,
      ...(relays.length > 0 && { relays }),
      ...(keys.length > 0 && { keys }),
      ...(ladder !== '' && { ladder }),
      ...(ladderStart === 'always' && { ladderStart }),
      ...(recordQualities && { recordQualities }),
      ...(storage !== '' && { storage }),
      ...(alarms !== '' && { alarms }),
      ...(showRewound && { showRewound }),
      ...(peerDelivery && { peerDelivery }),
      ...(further.length > 0 && { healFrom: further }),
      ...(rules && { watchRules: rules }),
      ...(pastRules && { past: pastRules }),
      ...(encryption !== 'default' && { encryption }),
    };
    const sound = {
      ...(source.audioOffset !== 0 && { audioOffsetMs: source.audioOffset }),
      ...(source.audio !== 'auto' && { audio: source.audio }),
    };
    if (source.type !== 'pull') {
      if (source.url !== '') throw new FormatError(`a ${source.type} source has no url`, 0);
      if (source.backup !== '') throw new FormatError(`a ${source.type} source has no backup`, 0);
      const { type, onSecondPublisher, latency, passphrase, whileAway, awayLimit } = source;
      const further = { ...srtOf(latency, passphrase ?? ''), ...awayOf(whileAway, awayLimit), ...sound };
      const { quality, qualities } = source;
      const pictures = { ...(quality !== '' && { quality }), ...(qualities !== '' && { qualities }) };
      const push = { type: 'push', onSecondPublisher, ...pictures, ...further } as const;
      return { ...fields, source: type === 'push' ? push : { type } };
    }
    if (source.url === '') throw new FormatError('a pull source needs a url', 0);
    return {
      ...fields,
      source: {
        type: 'pull',
        url: sourceUrl(source.url),
        ...(source.backup !== '' && { backup: sourceUrl(source.backup) }),
        headers: source.headers,
        ...(source.quality !== '' && { quality: source.quality }),
        ...(source.qualities !== '' && source.qualities !== 'best' && { qualities: source.qualities }),
        ...(source.from !== undefined && { fromMs: source.from }),
        ...(source.userAgent !== '' && { userAgent: source.userAgent }),
        ...sound,
      },
    };
  },
};
