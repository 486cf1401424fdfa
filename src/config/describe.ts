/**
 * The settings in force as rows for people and programs: what, which value, where from, whether it may change while oxbow runs.
 * In: loaded settings. Out: rows that hold no secret, so that they may be printed, shown and sent.
 */
import { printDuration } from '../lib/duration.ts';
import { reloadOf } from './json-schema.ts';
import type { LoadedConfig } from './load.ts';
import { listSettings } from './names.ts';
import type { Node, Section } from './option.ts';
import { type StreamConfig, schema } from './schema.ts';

/** One setting in force. */
export interface SettingRow {
  /** As in a file: `record.keep`, `streams.door`. */
  readonly path: string;
  /** As one would write it; a secret is `***`, nothing is the empty text. */
  readonly value: string;
  /** `default`, `oxbow.yaml:3`, `OXBOW_KEEP`, `--keep`, `argument`. */
  readonly origin: string;
  /** `live`: a running server takes a changed value over; `restart`: the next start does. */
  readonly reload: 'live' | 'restart';
}

/**
 * Every setting in the order of the table, then every stream.
 *
 * @param loaded the settings with their origins
 */
export function describeSettings({ config, origins }: Pick<LoadedConfig, 'config' | 'origins'>): readonly SettingRow[] {
  const settings = listSettings(schema as Section<Readonly<Record<string, Node>>>).map(({ path, option }) => {
    const value = option.print(valueAt(config, path));
    const shown = value.split(',').map(withoutSecrets).join(',');
    return { path, value: shown, origin: origins.get(path) ?? 'default', reload: reloadOf(option) };
  });
  const streams = Object.entries(config.streams).map(([name, stream]) => {
    const path = `streams.${name}`;
    return { path, value: describeStream(stream), origin: origins.get(path) ?? stream.origin, reload: 'live' as const };
  });
  return [...settings, ...streams];
}

/**
 * The value that a path leads to.
 *
 * @param path as in a file, e.g. `record.keep`
 */
export function valueAt(config: object, path: string): unknown {
  return path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], config);
}

/**
 * A URL without what may be secret in it: user and password, the query, the fragment. Other text stays as it is.
 */
export function withoutSecrets(text: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return text;
  return text.replace(/:\/\/[^/?#]*@/, '://***@').replace(/[?#].*$/s, '?***');
}

function describeStream({ source, record, keep, visibility }: StreamConfig): string {
  const headers = source.type === 'pull' ? Object.keys(source.headers) : [];
  const sent = headers.length === 0 ? '' : ` with ${headers.map((name) => `${name}: ***`).join(', ')}`;
  const from = source.type === 'pull' ? `pull ${withoutSecrets(source.url)}${sent}` : source.type;
  const kept = !record ? 'not recorded' : keep === undefined ? 'recorded' : `recorded, kept ${printDuration(keep)}`;
  return `${from}, ${kept}, ${visibility}`;
}
