/**
 * The JSON of deletions of recorded ranges and of legal holds. Times are RFC 3339 in UTC.
 * In: http/routes. Out: web/, OpenAPI.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

const Time = Type.String({ format: 'date-time' });

const Thing = Type.Object({ id: Type.String(), title: Type.String() });

/** A deletion, or with `state` `planned` what one would delete. */
export const DeletionView = Type.Object(
  {
    id: Type.Union([Type.String(), Type.Null()], { description: 'null: nothing was deleted' }),
    stream: Type.String({ description: 'its name then' }),
    state: Type.Union([
      Type.Literal('planned', { description: 'with `dryRun`' }),
      Type.Literal('running', { description: 'viewers have nothing of it any more; files are being written again' }),
      Type.Literal('waiting', { description: 'something was not reached; it is tried again until it is' }),
      Type.Literal('done'),
    ]),
    from: Type.String({ ...Time, description: 'start of the first segment' }),
    to: Type.String({ ...Time, description: 'end of the last one' }),
    segments: Type.Integer(),
    bytes: Type.Integer({ description: 'of media, with those of the qualities' }),
    windows: Type.Integer({ description: 'ten-minute windows of which some or all is deleted' }),
    files: Type.Integer({ description: 'files that are deleted, or written again without the segments' }),
    pictures: Type.Integer({ description: 'small pictures of the timeline; counted when they are deleted' }),
    clips: Type.Array(Thing, { description: 'that have some of it: they are gone as a whole' }),
    pins: Type.Array(Thing, { description: 'within it' }),
    assets: Type.Array(Thing, { description: 'made of some of it' }),
    exports: Type.Array(Thing, { description: 'files that have some of it' }),
    copies: Type.Integer({ description: 'objects in buckets and second folders' }),
    edges: Type.Array(Type.String(), { description: 'that are purged of the stream' }),
    left: Type.Array(
      Type.Object({
        kind: Type.Union([
          Type.Literal('file'),
          Type.Literal('copy', { description: 'an object in a bucket or a second folder' }),
          Type.Literal('edge'),
          Type.Literal('node', { description: 'a file of another node of the cluster' }),
          Type.Literal('memory', { description: 'copies in the memory of another node of the cluster' }),
          Type.Literal('pictures', { description: 'small pictures of the timeline' }),
        ]),
        name: Type.String({ description: 'location, key, address, name of the node' }),
        target: Type.Union([Type.String(), Type.Null()], { description: 'of a copy: its name in storage.targets' }),
        problem: Type.String({ description: 'why it was not reached; empty before the first try' }),
      }),
      { description: 'what is left to do' },
    ),
    unreachable: Type.Array(Type.String(), { description: 'copies that no server can reach, in words' }),
    author: Type.String({ description: 'as in the audit log: `admin`, the id of a user, `token:` with an id' }),
    createdAt: Type.Union([Time, Type.Null()]),
    doneAt: Type.Union([Time, Type.Null()]),
  },
  { $id: 'DeletionView' },
);
export type DeletionView = Static<typeof DeletionView>;

/** A legal hold. */
export const HoldView = Type.Object(
  {
    id: Type.String(),
    stream: Type.String(),
    from: Time,
    to: Type.Union([Time, Type.Null()], { description: 'null: until it is lifted, with what is recorded from now on' }),
    name: Type.String(),
    reason: Type.String(),
    author: Type.String({ description: 'who set it, as in the audit log' }),
    createdAt: Time,
  },
  { $id: 'HoldView' },
);
export type HoldView = Static<typeof HoldView>;
