/**
 * The JSON of purges of edges: which of them have dropped deleted or closed media. Times are
 * RFC 3339 in UTC.
 * In: http/routes, features/erase. Out: web/, OpenAPI.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

const Time = Type.String({ format: 'date-time' });

/** The kind of purged media. */
export const PurgedKind = Type.Union([Type.Literal('stream'), Type.Literal('asset'), Type.Literal('clip')]);
export type PurgedKind = Static<typeof PurgedKind>;

/** A purge of the edges in `edges.urls`. */
export const EdgePurgeView = Type.Object(
  {
    id: Type.String(),
    kind: PurgedKind,
    name: Type.String({ description: 'of the stream; id of the asset or clip' }),
    state: Type.Union([
      Type.Literal('running', { description: 'not all have confirmed; the others are asked again' }),
      Type.Literal('done', { description: 'all edges have confirmed' }),
      Type.Literal('failed', { description: 'given up: purge by hand what has not confirmed' }),
    ]),
    startedAt: Time,
    givesUpAt: Type.String({
      ...Time,
      description: 'no edge is asked again after this time: two hours after the start',
    }),
    doneAt: Type.Union([Time, Type.Null()], { description: 'when it was done, or given up' }),
    edges: Type.Array(
      Type.Object({
        url: Type.String(),
        state: Type.Union([
          Type.Literal('waiting', { description: 'it may give out what it has' }),
          Type.Literal('purged', {
            description:
              'it has dropped its copies, and is asked again: one before it has not, and it may have taken a copy from there',
          }),
          Type.Literal('confirmed', { description: 'it has no copy, and can get none' }),
        ]),
        confirmedAt: Type.Union([Time, Type.Null()]),
        problem: Type.String({ description: 'why it has not confirmed; empty before the first try' }),
      }),
      { description: 'in the order of `edges.urls`' },
    ),
    nodes: Type.Array(Type.Object({ name: Type.String(), problem: Type.String() }), {
      description: 'nodes of the cluster that may have copies in memory; edges confirm after them',
    }),
  },
  { $id: 'EdgePurgeView' },
);
export type EdgePurgeView = Static<typeof EdgePurgeView>;

/** Purges of edges, as the HTTP API calls them. */
export interface EdgePurgesApi {
  /** Those of this process, newest first: all that run, and the last thousand that have ended. */
  list(): readonly EdgePurgeView[];
  /**
   * The newest one of a thing that a change has begun just now; undefined: none was necessary. Waits until
   * the change is known.
   */
  begunFor(kind: PurgedKind, name: string): Promise<EdgePurgeView | undefined>;
}

/** Without a feature that purges edges. */
export const noEdgePurges: Pick<EdgePurgesApi, 'begunFor'> = { begunFor: async () => undefined };
