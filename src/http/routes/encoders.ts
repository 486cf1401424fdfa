/**
 * The route of hardware encoders: those of this server and of its workers. docs/6-library/encoders.md.
 * In: requests of administrators. Out: the pool.
 */
import { Type } from '../../api/type.ts';
import { PoolEncoderView } from '../../api/workers/encoder-shapes.ts';
import { defineRoute, type Route } from '../route/route.ts';

const EncoderList = Type.Object(
  { items: Type.Array(PoolEncoderView), nextCursor: Type.Null() },
  { $id: 'EncoderList' },
);

/** The rows. */
export const encoderRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/encoders',
    tag: 'workers',
    access: 'admin',
    sentence:
      'Lists the hardware encoders of this server and of the workers that are registered at it, with their speed, sessions and state.',
    replies: { 200: EncoderList },
    async answer(_, { encoders, workers }) {
      const own = encoders.view().map((encoder): PoolEncoderView => ({ ...encoder, worker: null, workerName: '' }));
      const others = workers
        .list()
        .flatMap(({ id, name, encoders: theirs }) =>
          theirs.map((encoder): PoolEncoderView => ({ ...encoder, worker: id, workerName: name })),
        );
      return { body: { items: [...own, ...others], nextCursor: null } };
    },
  }),
];
