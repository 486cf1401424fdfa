/**
 * The streams of other nodes of a cluster, for rooms of this one.
 * In: the context, store, nodes. Out: definitions and timelines; nothing without a cluster.
 */
import { internalTarget } from '../../../cluster/requests/internal-requests.ts';
import { dropOldest } from '../../../lib/drop-oldest.ts';
import { OxbowError } from '../../../lib/errors.ts';
import { OncePer } from '../../../lib/once-per.ts';
import type { StreamDefinition } from '../../../streams/definition.ts';
import { readDefinition } from '../../../streams/stream-table.ts';
import type { StreamTimeline } from '../../../streams/timeline/stream-timeline.ts';
import type { AppContext } from '../../core.ts';
import type { CoreParts } from '../../feature.ts';
import { type RemoteEdge, RemoteTimelines } from './remote-timelines.ts';

/** Longest wait for the owner of a stream, ms. */
const ANSWER_MS = 2000;
const MAX_BYTES = 1024;
const LOG_EVERY_MS = 60_000;
/** Most streams whose id is remembered. */
const MAX_IDS = 10_000;

/** The streams of other nodes. */
export interface StreamsElsewhere {
  /** A stream of another node, as it is stored; undefined: there is none of this name. */
  find(name: string): Promise<StreamDefinition | undefined>;
  /** Its id, once it was found. */
  idOf(name: string): string | undefined;
  timeline(name: string): StreamTimeline;
  /** Resolves when the live edge is known, or its node does not answer. */
  refresh(name: string): Promise<void>;
}

/** Opens them; undefined without a cluster. */
export function openStreamsElsewhere(
  { clock, log, shutdown }: AppContext,
  { store, nodes }: CoreParts,
): StreamsElsewhere | undefined {
  if (!nodes) return undefined;
  const { client, placement } = nodes;
  const ids = new Map<string, string>();
  const failures = new OncePer(LOG_EVERY_MS, () => clock.monotonicMs());

  async function ask<T>(stream: string, target: string): Promise<T> {
    const owner = await placement.lookUp('stream', stream);
    if (owner === undefined || owner === 'own' || !owner.isAlive)
      throw new OxbowError('not-ready', `No other node runs the stream ${stream}.`);
    using response = await client.send(owner, {
      method: 'GET',
      target,
      maxBytes: MAX_BYTES,
      deadlineMs: ANSWER_MS,
      signal: shutdown.signal,
    });
    if (response.status !== 200)
      throw new OxbowError('not-ready', `The node ${owner.name} answered ${response.status} for ${stream}.`);
    return JSON.parse(Buffer.from(await response.body()).toString()) as T;
  }

  const timelines = new RemoteTimelines({
    monotonicMs: () => clock.monotonicMs(),
    edge: (stream) => ask<RemoteEdge>(stream, internalTarget.edge(stream)),
    span: (stream, positionMs) => ask(stream, internalTarget.span(stream, positionMs)),
    failed: (error) =>
      failures.call((leftOut) => log.warn({ err: error, leftOut }, 'a room cannot read the stream of another node')),
  });
  return {
    async find(name) {
      const { definition, isRemoved } = await readDefinition(store.db, name);
      if (!definition || isRemoved) return undefined;
      ids.set(name, definition.id);
      dropOldest(ids, MAX_IDS);
      return definition;
    },
    idOf: (name) => ids.get(name),
    timeline: (name) => timelines.of(name),
    refresh: (name) => timelines.refresh(name),
  };
}
