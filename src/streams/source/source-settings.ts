/**
 * The settings of a source: from the API, and with the defaults of `pull`.
 * In: a source of the API, settings. Out: a checked source; a source with defaults.
 */

import { FormatError } from '@oxbow/media/errors';
import type { PushSourcePatch, SourceSettings, StreamSource } from '../../api/shapes.ts';
import { headers } from '../../config/option.ts';
import type { AudioMode, Config, PullSourceConfig, SourceConfig } from '../../config/schema.ts';
import { sourceUrl } from '../../config/source-address.ts';
import {
  AWAY_LIMIT_MS,
  awayOf,
  printAudioOffset,
  readAudioOffset,
  readAwayLimit,
  readLatency,
  readLookBack,
  readQuality,
  readQualitySet,
  readUserAgent,
  srtOf,
} from '../../config/source-option.ts';
import { printDuration } from '../../lib/duration.ts';

const headerFields = headers('');

/**
 * Checks a source of the API.
 *
 * @throws FormatError for an invalid URL, quality, duration, User-Agent or header
 */
export function sourceOf(source: StreamSource): SourceConfig {
  if (source.type === 'test' || source.type === 'channel') return { type: source.type };
  const audioOffsetMs = readAudioOffset(source.audioOffset ?? '0');
  const { audio = 'auto' } = source;
  const sound = { ...(audioOffsetMs !== 0 && { audioOffsetMs }), ...(audio !== 'auto' && { audio }) };
  if (source.type === 'push') {
    const { onSecondPublisher = 'refuse', latency, passphrase = '', whileAway = 'nothing', awayLimit } = source;
    const { quality, qualities } = source;
    return {
      type: 'push',
      onSecondPublisher,
      ...picturesOf(quality, qualities),
      ...srtOf(latency === undefined ? undefined : readLatency(latency), passphrase),
      ...sound,
      ...awayOf(whileAway, limitOf(awayLimit)),
    };
  }
  const { url, backup, quality, qualities = 'best', from, userAgent } = source;
  const fromMs = from === undefined ? undefined : readLookBack(from);
  return {
    type: 'pull',
    url: sourceUrl(url),
    ...(backup !== undefined && backup !== '' && { backup: sourceUrl(backup) }),
    headers: headerFields.parse(source.headers ?? ''),
    ...(quality !== undefined && { quality: readQuality(quality) }),
    ...(qualities !== 'best' && { qualities: readQualitySet(qualities) }),
    ...(fromMs !== undefined && { fromMs }),
    ...(userAgent !== undefined && { userAgent: readUserAgent(userAgent) }),
    ...sound,
  };
}

/**
 * A push source with the changes of a patch.
 *
 * @throws FormatError for another type of source, and for an invalid duration or passphrase
 */
export function patchSource(source: SourceConfig, patch: PushSourcePatch): SourceConfig {
  if (source.type !== 'push')
    throw new FormatError('`source` can be changed for streams of source type `push` only', 0);
  const { audio: current = 'auto', audioOffsetMs, latencyMs, passphrase, whileAway, awayLimitMs, ...others } = source;
  const { quality, qualities, ...rest } = others;
  const audio = patch.audio === undefined ? current : (patch.audio ?? 'auto');
  const offsetMs = patch.audioOffset === undefined ? audioOffsetMs : readAudioOffset(patch.audioOffset ?? '0');
  const changedMs = patch.latency === undefined ? latencyMs : readLatency(patch.latency ?? '');
  const secret = patch.passphrase === undefined ? passphrase : (patch.passphrase ?? undefined);
  return {
    ...rest,
    ...picturesOf(
      patch.quality === undefined ? quality : patch.quality,
      patch.qualities === undefined ? qualities : patch.qualities,
    ),
    ...(patch.onSecondPublisher !== undefined && { onSecondPublisher: patch.onSecondPublisher ?? 'refuse' }),
    ...awayOf(
      patch.whileAway === undefined ? (whileAway ?? 'nothing') : (patch.whileAway ?? 'nothing'),
      patch.awayLimit === undefined ? (awayLimitMs ?? AWAY_LIMIT_MS) : limitOf(patch.awayLimit),
    ),
    ...srtOf(changedMs, secret ?? ''),
    ...(offsetMs !== undefined && offsetMs !== 0 && { audioOffsetMs: offsetMs }),
    ...(audio !== 'auto' && { audio }),
  };
}

function limitOf(awayLimit: string | null | undefined): number {
  return awayLimit === undefined || awayLimit === null ? AWAY_LIMIT_MS : readAwayLimit(awayLimit);
}

/** Which of several pictures is that of the stream, and which are qualities; none for the defaults. */
function picturesOf(quality: string | null | undefined, qualities: string | null | undefined) {
  return {
    ...(quality && { quality: readQuality(quality) }),
    ...(qualities && { qualities: readQualitySet(qualities) }),
  };
}

/** The settings of a source for administrators. */
export function sourceSettingsOf(source: SourceConfig): SourceSettings {
  const push = source.type === 'push' ? source : undefined;
  return {
    type: source.type,
    audioOffset: printAudioOffset('audioOffsetMs' in source ? (source.audioOffsetMs ?? 0) : 0),
    audio: audioModeOf(source),
    onSecondPublisher: push?.onSecondPublisher ?? null,
    quality: push?.quality ?? null,
    qualities: push?.qualities ?? null,
    whileAway: push ? (push.whileAway ?? 'nothing') : null,
    awayLimit: push ? printDuration(push.awayLimitMs ?? AWAY_LIMIT_MS) : null,
    latency: push?.latencyMs === undefined ? null : printDuration(push.latencyMs),
    hasPassphrase: push?.passphrase !== undefined,
  };
}

/** Which audio of a source is converted to AAC. */
export function audioModeOf(source: SourceConfig): AudioMode {
  if (source.type === 'test' || source.type === 'channel') return 'keep';
  return source.audio ?? 'auto';
}

/** A pulled source with the defaults of the settings. */
export function withDefaults(source: PullSourceConfig, { pull }: Pick<Config, 'pull'>): PullSourceConfig {
  return {
    quality: pull.quality,
    userAgent: pull.userAgent,
    ...(pull.from !== undefined && { fromMs: pull.from }),
    ...source,
  };
}
