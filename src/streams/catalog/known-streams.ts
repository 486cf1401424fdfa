/**
 * The streams that a start opens: those of the database and of the settings that this node runs.
 * In: rows, settings, owners. Out: definitions; the removed streams.
 */
import type { StreamDefinition } from '../definition.ts';
import type { StreamDeps } from '../stream-deps.ts';
import { configuredStream } from '../stream-settings.ts';
import { readDefinitions, readRemoved } from '../stream-table.ts';
import { isOwn } from './owned-streams.ts';

/** Each process of a server opens the streams of the same settings. */
const ANYWHERE = { anywhere: true };

/**
 * Reads them, those of the settings last. A stream without an owner becomes this node's.
 *
 * @param removed gets the removed streams whose recordings are kept
 */
export async function readKnownStreams(
  { settings, store, placement, clock, log }: StreamDeps,
  removed: Map<string, StreamDefinition>,
): Promise<readonly StreamDefinition[]> {
  const { streams: configured } = settings.now;
  const definitions = await readDefinitions(store.db, log);
  for (const definition of await readRemoved(store.db, log)) {
    if (await isOwn(placement, definition.name, ANYWHERE)) removed.set(definition.name, definition);
  }
  const ownDefinitions: StreamDefinition[] = [];
  for (const definition of definitions) {
    if (definition.name in configured || !(await isOwn(placement, definition.name, ANYWHERE))) continue;
    // A stream that is no longer configured belongs to the API: its recording can be played, and it can be
    // removed.
    const isApis = definition.origin === 'api';
    ownDefinitions.push(isApis ? definition : { ...definition, origin: 'api', stopped: true });
  }
  for (const [name, stream] of Object.entries(configured)) {
    if (!(await isOwn(placement, name, ANYWHERE))) continue;
    const before = definitions.find((stored) => stored.name === name) ?? removed.get(name);
    const definition = configuredStream(name, stream, before, clock.nowMs());
    if (definition.stopped) log.info({ stream: name }, 'stream not started: it was stopped');
    ownDefinitions.push(definition);
  }
  return ownDefinitions;
}
