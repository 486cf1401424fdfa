/**
 * Routes of relays: administrators send a stream to other servers.
 * In: addresses of targets. Out: RelayView, without secrets.
 */
import { type RelaysApi, RelayView } from '../../api/relay/relay-shapes.ts';
import { Type } from '../../api/type.ts';
import { IdParams } from '../../http/route/page-query.ts';
import { NameParams } from '../../http/routes/streams/streams.ts';
import { rowsFor } from '../feature.ts';

const NewRelay = Type.Object(
  {
    url: Type.String({
      maxLength: 2048,
      description:
        '`rtmp://HOST/APP/KEY`, `rtmps://HOST/APP/KEY`, `srt://HOST:PORT?streamid=…&passphrase=…&latency=MS` or `whip+https://HOST/PATH?key=KEY`. It is not shown again.',
    }),
    label: Type.Optional(Type.String({ maxLength: 100, description: 'name for people' })),
    enabled: Type.Optional(Type.Boolean({ description: 'Default: true.' })),
  },
  { $id: 'NewRelay', additionalProperties: false },
);
const RelayPatch = Type.Object(
  { label: Type.Optional(Type.String({ maxLength: 100 })), enabled: Type.Optional(Type.Boolean()) },
  { $id: 'RelayPatch', additionalProperties: false },
);
const RelayList = Type.Object({ items: Type.Array(RelayView), nextCursor: Type.Null() }, { $id: 'RelayList' });
const NameAndId = Type.Object({ ...NameParams.properties, ...IdParams.properties });

const defineRoute = rowsFor<RelaysApi>();

/** The rows. */
export const relayRoutes = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/relays',
    tag: 'publish',
    access: 'admin',
    sentence:
      'Lists the relays of a stream with their states: those of the configuration, then the others, oldest first.',
    params: NameParams,
    replies: { 200: RelayList },
    answer: ({ params: { name } }, relays) => ({ body: { items: [...relays.list(name)], nextCursor: null } }),
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/streams/:name/relays',
    tag: 'publish',
    access: 'admin',
    sentence: 'Adds a relay: the stream is sent to the target whenever it is live.',
    params: NameParams,
    body: NewRelay,
    replies: { 201: RelayView },
    async answer({ params: { name }, body: { url, label = '', enabled = true } }, relays) {
      const view = await relays.create(name, { url, label: label.trim(), enabled });
      return { status: 201, headers: { location: `/api/v1/streams/${name}/relays/${view.id}` }, body: view };
    },
  }),
  defineRoute({
    method: 'PATCH',
    path: '/api/v1/streams/:name/relays/:id',
    tag: 'publish',
    access: 'admin',
    sentence: 'Enables or disables a relay, or changes its label.',
    params: NameAndId,
    body: RelayPatch,
    replies: { 200: RelayView },
    answer: async ({ params: { name, id }, body }, relays) => ({
      body: await relays.change(name, id, { label: body.label?.trim(), enabled: body.enabled }),
    }),
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/streams/:name/relays/:id',
    tag: 'publish',
    access: 'admin',
    sentence: 'Deletes a relay; it disconnects at once.',
    params: NameAndId,
    replies: { 204: undefined },
    async answer({ params: { name, id } }, relays) {
      await relays.remove(name, id);
      return { status: 204 };
    },
  }),
];
