/**
 * Markers and pins over the API: what people set on a stream's timeline.
 * In: instants in any form that oxbow reads, texts. Out: MarkerView, PinView.
 */
import { MarkerView, PinView } from '../../api/shapes.ts';
import { Type } from '../../api/type.ts';
import { OxbowError } from '../../lib/errors.ts';
import { endForms, instantForms, readEnd, readInstant } from './instant-field.ts';
import { defineRoute, type Route } from './route.ts';
import { findStream, NameParams } from './streams.ts';

/** The last instant that a time can name, ms since 1970. */
const END_OF_TIME_MS = 8.64e15;

const Instant = Type.String({ maxLength: 64, description: instantForms });
const End = Type.String({ maxLength: 64, description: endForms });
const Text = Type.Optional(Type.String({ maxLength: 500, description: 'what it is about; may be empty' }));
const NewMarker = Type.Object({ at: Instant, text: Text }, { $id: 'NewMarker', additionalProperties: false });
const NewPin = Type.Object({ from: Instant, to: End, text: Text }, { $id: 'NewPin', additionalProperties: false });
const MarkParams = Type.Object({ ...NameParams.properties, id: Type.String({ maxLength: 80 }) });
const MarkerQuery = Type.Object(
  {
    from: Type.Optional(Type.String({ maxLength: 64, description: `${instantForms} All of them unless given.` })),
    to: Type.Optional(End),
    cursor: Type.Optional(Type.String({ maxLength: 80, description: '`nextCursor` of the answer before this one' })),
  },
  { additionalProperties: false },
);
const MarkerList = Type.Object(
  { items: Type.Array(MarkerView), nextCursor: Type.Union([Type.String(), Type.Null()]) },
  { $id: 'MarkerList' },
);
const PinList = Type.Object({ items: Type.Array(PinView), nextCursor: Type.Null() }, { $id: 'PinList' });

/** The rows. */
export const markRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/markers',
    tag: 'timeline',
    access: 'viewer',
    anyPage: true,
    sentence: 'The markers of a stream, oldest first, a thousand at a time.',
    params: NameParams,
    query: MarkerQuery,
    replies: { 200: MarkerList },
    async answer({ params: { name }, query, sees }, deps) {
      await findStream(name, sees, deps);
      const givenMs = query.from === undefined ? undefined : readInstant('from', query.from);
      const toMs = query.to === undefined ? END_OF_TIME_MS : readEnd('to', query.to, givenMs);
      const fromMs = givenMs ?? 0;
      if (fromMs >= toMs) throw new OxbowError('bad-time', '`from` must be before `to`.');
      return { body: await deps.streams.markers(name, { fromMs, toMs, cursor: query.cursor }) };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/streams/:name/markers',
    tag: 'timeline',
    access: 'admin',
    sentence: 'Marks an instant.',
    params: NameParams,
    body: NewMarker,
    replies: { 201: MarkerView },
    repeatable: true,
    async answer({ params: { name }, body: { at, text = '' } }, { streams }) {
      const marker = await streams.addMarker(name, { atMs: readInstant('at', at), text });
      return { status: 201, headers: { location: `/api/v1/streams/${name}/markers/${marker.id}` }, body: marker };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/streams/:name/markers/:id',
    tag: 'timeline',
    access: 'admin',
    sentence: 'Deletes a marker.',
    params: MarkParams,
    replies: { 204: undefined },
    async answer({ params: { name, id } }, { streams }) {
      await streams.removeMarker(name, id);
      return { status: 204 };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/pins',
    tag: 'timeline',
    access: 'viewer',
    anyPage: true,
    sentence: 'The pins of a stream, oldest first.',
    params: NameParams,
    replies: { 200: PinList },
    async answer({ params: { name }, sees }, deps) {
      await findStream(name, sees, deps);
      return { body: { items: await deps.streams.pins(name), nextCursor: null } };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/streams/:name/pins',
    tag: 'timeline',
    access: 'admin',
    sentence: 'Pins a stretch: retention leaves every ten-minute window that it touches alone.',
    params: NameParams,
    body: NewPin,
    replies: { 201: PinView },
    repeatable: true,
    async answer({ params: { name }, body: { from, to, text = '' } }, { streams }) {
      const fromMs = readInstant('from', from);
      const stretch = { fromMs, toMs: readEnd('to', to, fromMs), text };
      const pin = await streams.addPin(name, stretch);
      return { status: 201, headers: { location: `/api/v1/streams/${name}/pins/${pin.id}` }, body: pin };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/streams/:name/pins/:id',
    tag: 'timeline',
    access: 'admin',
    sentence: 'Deletes a pin; what is older than it should be goes at the next pass of retention.',
    params: MarkParams,
    replies: { 204: undefined },
    async answer({ params: { name, id } }, { streams }) {
      await streams.removePin(name, id);
      return { status: 204 };
    },
  }),
];
