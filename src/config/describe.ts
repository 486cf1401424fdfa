/**
 * The effective settings as rows for the API and the command line: path, value, origin, and whether a running
 * server applies a change.
 * In: loaded settings. Out: rows without secrets.
 */
import { printDuration } from '../lib/duration.ts';
import { reloadOf } from './json-schema.ts';
import type { LoadedConfig } from './load.ts';
import { listSettings } from './names.ts';
import { publicAddress, publicPath } from './public-address.ts';
import { type StreamConfig, schema } from './schema.ts';

/** One effective setting. */
export interface SettingRow {
  /** Key in a configuration file: `record.keep`, `streams.door`. */
  readonly path: string;
  /** Its purpose; empty for streams, sign-in providers and object stores. */
  readonly description: string;
  /** As written in a configuration file; `***` for a secret, empty if not set. */
  readonly value: string;
  /** `default`, `oxbow.yaml:3`, `OXBOW_KEEP`, `--keep`, `argument`. */
  readonly origin: string;
  /** `live`: a running server applies a changed value; `restart`: the next start does. */
  readonly reload: 'live' | 'restart';
}

/**
 * Every setting in the order of the table, then every stream.
 *
 * @param loaded the settings with their origins
 */
export function describeSettings({ config, origins }: Pick<LoadedConfig, 'config' | 'origins'>): readonly SettingRow[] {
  const settings = listSettings(schema).map(({ path, option }) => {
    const value = option.print(valueAt(config, path));
    const shown = value.split(',').map(withoutSecrets).join(',');
    const description = option.sentence;
    return { path, description, value: shown, origin: origins.get(path) ?? 'default', reload: reloadOf(option) };
  });
  const streams = Object.entries(config.streams).map(([name, stream]) => {
    const path = `streams.${name}`;
    const origin = origins.get(path) ?? stream.origin;
    return { path, description: '', value: describeStream(stream), origin, reload: 'live' as const };
  });
  const providers = Object.entries(config.identity.providers).map(([name, { type, clientId }]) => {
    const path = `identity.providers.${name}`;
    const value = `${type}, ${clientId}`;
    return { path, description: '', value, origin: origins.get(path) ?? '', reload: 'live' as const };
  });
  const targets = Object.entries(config.storage.targets).map(([name, { type, bucket, prefix, endpoint }]) => {
    const path = `storage.targets.${name}`;
    const value = [type, withoutSecrets(endpoint), `${bucket}/${prefix}`].filter((part) => part !== '').join(', ');
    return { path, description: '', value, origin: origins.get(path) ?? '', reload: 'restart' as const };
  });
  const folders = Object.entries(config.storage.folders).map(([name, { path: value, streams }]) => {
    const path = `storage.folders.${name}`;
    const shown = streams.length === 0 ? value : `${value}, ${streams.join(',')}`;
    return { path, description: '', value: shown, origin: origins.get(path) ?? '', reload: 'restart' as const };
  });
  return [...settings, ...streams, ...providers, ...targets, ...folders];
}

/**
 * The value at a path.
 *
 * @param path as in a file, e.g. `record.keep`
 */
export function valueAt(config: object, path: string): unknown {
  return path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], config);
}

/**
 * Removes secrets from a URL: user and password, query, fragment. Other text is returned unchanged.
 */
function withoutSecrets(text: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return text;
  return text.replace(/:\/\/[^/?#]*@/, '://***@').replace(/[?#].*$/s, '?***');
}

/** The address of a source without secrets, also of its path. */
function withoutKeys(url: string): string {
  if (publicAddress(url) === url) return url;
  return withoutSecrets(url).replace(/^([^:]*:\/\/[^/?#]*)([^?#]*)/, (_, place, path) => `${place}${publicPath(path)}`);
}

function describeStream({ source, record, keep, visibility }: StreamConfig): string {
  const headers = source.type === 'pull' ? Object.keys(source.headers) : [];
  const sent = headers.length === 0 ? '' : ` with ${headers.map((name) => `${name}: ***`).join(', ')}`;
  const from = source.type === 'pull' ? `pull ${withoutKeys(source.url)}${sent}` : source.type;
  const kept = !record ? 'not recorded' : keep === undefined ? 'recorded' : `recorded, kept ${printDuration(keep)}`;
  return `${from}, ${kept}, ${visibility}`;
}
