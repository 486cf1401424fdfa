/**
 * What of changed settings a running server takes over, and what waits for the next start.
 * In: the settings in force and those that were read again. Out: the settings to go on with, and what differs. Pure.
 */
import { isDeepStrictEqual } from 'node:util';
import { valueAt } from './describe.ts';
import { finishStream, type LoadedConfig } from './load.ts';
import { listSettings } from './names.ts';
import type { Node, Section } from './option.ts';
import { type Config, type StreamConfig, schema } from './schema.ts';

/** The outcome of reading the settings again. */
export interface ReloadPlan {
  /** What runs from now on: changed values where they may change, the old ones elsewhere. */
  readonly config: Config;
  /** Paths that changed and are taken over, e.g. `record.keep`, `streams.door`. */
  readonly taken: readonly string[];
  /** Paths whose change waits for the next start. */
  readonly waiting: readonly string[];
}

/**
 * Compares settings.
 *
 * @param running what the server was started or last reloaded with
 * @param read what files, variables and flags say now
 */
export function planReload(running: Config, read: Pick<LoadedConfig, 'config' | 'drafts' | 'origins'>): ReloadPlan {
  const taken: string[] = [];
  const waiting: string[] = [];
  const config = copyOf(running);
  for (const { path, option } of listSettings(schema as Section<Readonly<Record<string, Node>>>)) {
    const value = valueAt(read.config, path);
    if (isDeepStrictEqual(valueAt(running, path), value)) continue;
    if (option.reload === 'live') {
      taken.push(path);
      put(config, path, value);
    } else {
      waiting.push(path);
    }
  }
  const streams = streamsFor(running, read);
  for (const name of new Set([...Object.keys(running.streams), ...Object.keys(streams)])) {
    if (!isDeepStrictEqual(running.streams[name], streams[name])) taken.push(`streams.${name}`);
  }
  return { config: { ...(config as unknown as Config), streams }, taken, waiting };
}

/** Their default visibility follows from how others reach the running server, not from where the next one will. */
function streamsFor(
  running: Config,
  { drafts, origins }: Pick<LoadedConfig, 'drafts' | 'origins'>,
): Record<string, StreamConfig> {
  const streams: Record<string, StreamConfig> = {};
  for (const [name, { draft, origin }] of drafts) streams[name] = finishStream(draft, origin, running);
  // The sample is in no file: it stays until a file names the streams, be it none.
  if (drafts.size > 0 || origins.has('streams')) return streams;
  return Object.fromEntries(Object.entries(running.streams).filter(([, { origin }]) => origin === 'sample'));
}

type Tree = { [key: string]: unknown };

/** A copy whose sections may be written to; values stay the same objects. */
function copyOf(config: Config): Tree {
  const copy = (node: Section<Readonly<Record<string, Node>>>, from: Tree): Tree =>
    Object.fromEntries(
      Object.entries(node.children)
        .filter(([, child]) => child.node !== 'named')
        .map(([key, child]) => [key, child.node === 'section' ? copy(child, from[key] as Tree) : from[key]]),
    );
  return copy(schema as Section<Readonly<Record<string, Node>>>, config as unknown as Tree);
}

function put(config: Tree, path: string, value: unknown): void {
  const keys = path.split('.');
  const last = keys.pop()!;
  const section = keys.reduce((at, key) => at[key] as Tree, config);
  section[last] = value;
}
