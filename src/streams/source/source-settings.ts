/**
 * How a source is pulled, from what its stream says and what is said for all.
 * In: the API's words, settings. Out: a checked definition; the same with everything it did not say itself.
 */
import type { StreamSource } from '../../api/shapes.ts';
import { headers, httpUrl } from '../../config/option.ts';
import type { Config, PullSourceConfig, SourceConfig } from '../../config/schema.ts';
import { readLookBack, readQuality, readUserAgent } from '../../config/source-option.ts';

const headerFields = headers('');

/**
 * What the API was given, checked.
 *
 * @throws FormatError for a URL, quality, duration, User-Agent or header that is none
 */
export function sourceOf(source: StreamSource): SourceConfig {
  if (source.type === 'test') return { type: 'test' };
  if (source.type === 'push') return { type: 'push', onSecondPublisher: source.onSecondPublisher ?? 'refuse' };
  const { url, quality, from, userAgent } = source;
  const fromMs = from === undefined ? undefined : readLookBack(from);
  return {
    type: 'pull',
    url: httpUrl(url),
    headers: headerFields.parse(source.headers ?? ''),
    ...(quality !== undefined && { quality: readQuality(quality) }),
    ...(fromMs !== undefined && { fromMs }),
    ...(userAgent !== undefined && { userAgent: readUserAgent(userAgent) }),
  };
}

/** A pulled source with what is said for all where it says nothing. */
export function withDefaults(source: PullSourceConfig, { pull }: Pick<Config, 'pull'>): PullSourceConfig {
  return {
    quality: pull.quality,
    userAgent: pull.userAgent,
    ...(pull.from !== undefined && { fromMs: pull.from }),
    ...source,
  };
}
