/**
 * Values in public responses: times, and sentences without addresses of sources.
 * In: times and sentences of streams. Out: text.
 */
import { printRfc3339 } from '../api/instant.ts';
import type { SourceConfig } from '../config/schema.ts';

/** µs since 1970 as RFC 3339, rounded to the nearest ms. */
export function timeOf(us: number): string {
  return printRfc3339(Math.round(us / 1000));
}

/**
 * Removes addresses from an error text: of a URL only the last segment of its path remains; the host of the
 * source is replaced.
 *
 * @param source the source that the text is about
 */
export function withoutAddresses(text: string, source: SourceConfig): string {
  const named = text.replaceAll(/[a-z][a-z0-9+.-]*:\/\/[^\s"'<>,;)]*[^\s"'<>,;):.]/gi, (address) => {
    const path = URL.parse(address)?.pathname ?? '';
    return path.slice(path.lastIndexOf('/') + 1) || 'the source';
  });
  if (source.type !== 'pull') return named;
  return [source.url, source.backup ?? ''].reduce((shown, url) => {
    const { host = '', hostname = '' } = URL.parse(url) ?? {};
    return host === '' ? shown : shown.replaceAll(host, 'the source').replaceAll(hostname, 'the source');
  }, named);
}
