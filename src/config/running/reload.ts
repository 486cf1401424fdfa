/**
 * Decides which changed settings a running server applies and which wait for the next start.
 * In: the effective settings and the reloaded ones. Out: the next effective settings and the differences.
 * Pure.
 */
import { isDeepStrictEqual } from 'node:util';
import { valueAt } from '../describe.ts';
import { finishStream, type LoadedConfig } from '../load.ts';
import { listSettings } from '../names.ts';
import { type Config, type StreamConfig, schema } from '../schema.ts';
import { copySections, putValue } from './with-values.ts';

/** The outcome of reading the settings again. */
interface ReloadPlan {
  /** The next effective settings: new values where they can be applied, otherwise the old ones. */
  readonly config: Config;
  /** Changed paths that are applied, e.g. `record.keep`, `streams.door`. */
  readonly taken: readonly string[];
  /** Changed paths that wait for the next start. */
  readonly waiting: readonly string[];
}

/**
 * Compares settings.
 *
 * @param running the effective settings
 * @param read the reloaded settings
 */
export function planReload(running: Config, read: Pick<LoadedConfig, 'config' | 'drafts' | 'origins'>): ReloadPlan {
  const taken: string[] = [];
  const waiting: string[] = [];
  const config = copySections(running);
  for (const { path, option } of listSettings(schema)) {
    const value = valueAt(read.config, path);
    if (isDeepStrictEqual(valueAt(running, path), value)) continue;
    if (option.reload === 'live') {
      taken.push(path);
      putValue(config, path, value);
    } else {
      waiting.push(path);
    }
  }
  const streams = streamsFor(running, read);
  const { identity } = read.config;
  taken.push(...changedNames('streams', running.streams, streams));
  taken.push(...changedNames('identity.providers', running.identity.providers, identity.providers));
  const { targets, folders } = running.storage;
  waiting.push(...changedNames('storage.targets', targets, read.config.storage.targets));
  waiting.push(...changedNames('storage.folders', folders, read.config.storage.folders));
  return { config: { ...(config as unknown as Config), streams, identity }, taken, waiting };
}

/** Added, changed and removed paths under a path whose names the user chooses. */
function changedNames(path: string, before: object, after: object): readonly string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  const changed = [...names].filter((name) => !isDeepStrictEqual(Reflect.get(before, name), Reflect.get(after, name)));
  return changed.map((name) => `${path}.${name}`);
}

/**
 * The default visibility depends on the exposure of the running server, not on changed settings that wait for
 * a restart.
 */
function streamsFor(
  running: Config,
  { drafts, origins }: Pick<LoadedConfig, 'drafts' | 'origins'>,
): Record<string, StreamConfig> {
  const streams: Record<string, StreamConfig> = {};
  for (const [name, { draft, origin }] of drafts) streams[name] = finishStream(draft, origin, running);
  // The sample stream is in no file: it remains until a file has `streams`, even if that is empty.
  if (drafts.size > 0 || origins.has('streams')) return streams;
  return Object.fromEntries(Object.entries(running.streams).filter(([, { origin }]) => origin === 'sample'));
}
