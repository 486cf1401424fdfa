/**
 * Values in public responses: times, and sentences without addresses of sources.
 * In: times and sentences of streams. Out: text.
 */
import { printRfc3339 } from '../api/instant.ts';
import { KEPT, pathSecrets, publicPath } from '../config/public-address.ts';
import type { PullSourceConfig, SourceConfig } from '../config/schema.ts';

/** µs since 1970 as RFC 3339, rounded to the nearest ms. */
export function timeOf(us: number): string {
  return printRfc3339(Math.round(us / 1000));
}

/**
 * Removes addresses from an error text: of a URL only the last segment of its path remains, unless it may be
 * a key; the host of the source is replaced.
 *
 * @param source the source that the text is about
 */
export function withoutAddresses(text: string, source: SourceConfig): string {
  if (text === '') return text;
  const named = text.replaceAll(/[a-z][a-z0-9+.-]*:\/\/[^\s"'<>,;)]*[^\s"'<>,;):.]/gi, (address) => {
    const path = publicPath(URL.parse(address)?.pathname ?? '');
    const name = path.slice(path.lastIndexOf('/') + 1);
    return name === KEPT || name === '' ? 'the source' : name;
  });
  if (source.type !== 'pull') return named;
  return hiddenOf(source).reduce((shown, [hidden, instead]) => shown.replaceAll(hidden, instead), named);
}

const known = new WeakMap<PullSourceConfig, readonly (readonly [hidden: string, instead: string])[]>();

/** Parts of the addresses of a source that no viewer sees, and what is shown instead. */
function hiddenOf(source: PullSourceConfig): readonly (readonly [hidden: string, instead: string])[] {
  const before = known.get(source);
  if (before) return before;
  const hidden = [source.url, source.backup ?? ''].flatMap((url) => {
    const { host = '', hostname = '' } = URL.parse(url) ?? {};
    const hosts = [host, hostname].filter((text) => text !== '');
    // Names of segments may begin with the key of their playlist.
    const keys = pathSecrets(url).map((secret) => [secret, KEPT] as const);
    return [...keys, ...hosts.map((text) => [text, 'the source'] as const)];
  });
  known.set(source, hidden);
  return hidden;
}
