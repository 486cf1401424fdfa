/**
 * The settings of a source: from the API, and with the defaults of `pull`.
 * In: a source of the API, settings. Out: a checked source; a source with defaults.
 */
import type { StreamSource } from '../../api/shapes.ts';
import { headers } from '../../config/option.ts';
import type { Config, PullSourceConfig, SourceConfig } from '../../config/schema.ts';
import { sourceUrl } from '../../config/source-address.ts';
import {
  readAudioOffset,
  readLatency,
  readLookBack,
  readQuality,
  readUserAgent,
  srtOf,
} from '../../config/source-option.ts';

const headerFields = headers('');

/**
 * Checks a source of the API.
 *
 * @throws FormatError for an invalid URL, quality, duration, User-Agent or header
 */
export function sourceOf(source: StreamSource): SourceConfig {
  if (source.type === 'test') return { type: 'test' };
  const audioOffsetMs = readAudioOffset(source.audioOffset ?? '0');
  const moved = audioOffsetMs !== 0 && { audioOffsetMs };
  if (source.type === 'push') {
    const { onSecondPublisher = 'refuse', latency, passphrase = '' } = source;
    return {
      type: 'push',
      onSecondPublisher,
      ...srtOf(latency === undefined ? undefined : readLatency(latency), passphrase),
      ...moved,
    };
  }
  const { url, backup, quality, from, userAgent } = source;
  const fromMs = from === undefined ? undefined : readLookBack(from);
  return {
    type: 'pull',
    url: sourceUrl(url),
    ...(backup !== undefined && backup !== '' && { backup: sourceUrl(backup) }),
    headers: headerFields.parse(source.headers ?? ''),
    ...(quality !== undefined && { quality: readQuality(quality) }),
    ...(fromMs !== undefined && { fromMs }),
    ...(userAgent !== undefined && { userAgent: readUserAgent(userAgent) }),
    ...moved,
  };
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
