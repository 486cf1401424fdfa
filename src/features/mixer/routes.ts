/**
 * Routes of mixers: administrators switch a stream between others.
 * In: names of streams. Out: MixerView.
 */
import { MixerConfig, MixerCut, type MixersApi, MixerView } from '../../api/mixer/mixer-shapes.ts';
import { Type } from '../../api/type.ts';
import { mergePages, missingFields } from '../../http/route/merge-lists.ts';
import { NameParams } from '../../http/routes/streams/streams.ts';
import { rowsFor } from '../feature.ts';

const MixerList = Type.Object({ items: Type.Array(MixerView), nextCursor: Type.Null() }, { $id: 'MixerList' });

const defineRoute = rowsFor<MixersApi>();

/** The rows. */
export const mixerRoutes = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/mixers',
    tag: 'publish',
    access: 'admin',
    sentence: 'Lists the mixers of this server by name.',
    replies: { 200: MixerList },
    async answer({ elsewhere }, mixers, { otherNodes }) {
      const others = await elsewhere();
      const { items } = mergePages<MixerView>({ items: mixers.list(), nextCursor: null }, others, {
        keyOf: ({ stream }) => stream,
        ownerOf: ({ stream }) => otherNodes?.ownerOf('stream', stream),
        compare: (a, b) => (a.stream < b.stream ? -1 : 1),
        cursorOf: ({ stream }) => stream,
        limit: Number.POSITIVE_INFINITY,
      });
      return { headers: missingFields(others), body: { items: [...items], nextCursor: null } };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/mixer',
    tag: 'publish',
    access: 'admin',
    sentence: 'Returns the mixer of a stream: its inputs, which one is on air and which one follows.',
    params: NameParams,
    replies: { 200: MixerView },
    answer: ({ params: { name } }, mixers) => ({ body: mixers.get(name) }),
  }),
  defineRoute({
    method: 'PUT',
    path: '/api/v1/streams/:name/mixer',
    tag: 'publish',
    access: 'admin',
    sentence: 'Makes a stream with a source of type push a mixer of other streams, or changes its inputs.',
    params: NameParams,
    body: MixerConfig,
    replies: { 200: MixerView },
    answer: async ({ params: { name }, body }, mixers) => ({ body: await mixers.set(name, body) }),
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/streams/:name/mixer/cut',
    tag: 'publish',
    access: 'admin',
    sentence: 'Cuts to another input at its next key frame. The answer does not wait for it: `next` names the input.',
    params: NameParams,
    body: MixerCut,
    replies: { 200: MixerView },
    answer: async ({ params: { name }, body, principal }, mixers) => ({
      body: await mixers.cut(name, body, principal.user?.name ?? principal.name),
    }),
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/streams/:name/mixer',
    tag: 'publish',
    access: 'admin',
    sentence: 'Makes a mixer an ordinary stream again; what it recorded stays.',
    params: NameParams,
    replies: { 204: undefined },
    async answer({ params: { name } }, mixers) {
      await mixers.remove(name);
      return { status: 204 };
    },
  }),
];
