/**
 * Routes of markers and pins on a stream's timeline.
 * In: instants in any accepted form, texts. Out: MarkerView, PinView.
 */
import type { MarksApi } from '../../api/marks/marks-api.ts';
import { MarkerView, PinView } from '../../api/shapes.ts';
import { Type } from '../../api/type.ts';
import { endForms, instantForms, readEnd, readInstant } from '../../http/route/instant-field.ts';
import { isShown, visibleRange, visibleTo } from '../../http/route/visible-past.ts';
import { findStream, NameParams } from '../../http/routes/streams/streams.ts';
import { OxbowError } from '../../lib/errors.ts';
import { rowsFor } from '../feature.ts';

/** The last instant of a JavaScript date, ms since 1970. */
const END_OF_TIME_MS = 8.64e15;

const Instant = Type.String({ maxLength: 64, description: instantForms });
const End = Type.String({ maxLength: 64, description: endForms });
const Text = Type.Optional(Type.String({ maxLength: 500, description: 'label; may be empty' }));
const NewMarker = Type.Object({ at: Instant, text: Text }, { $id: 'NewMarker', additionalProperties: false });
const NewPin = Type.Object({ from: Instant, to: End, text: Text }, { $id: 'NewPin', additionalProperties: false });
const MarkParams = Type.Object({ ...NameParams.properties, id: Type.String({ maxLength: 80 }) });
const MarkerQuery = Type.Object(
  {
    from: Type.Optional(Type.String({ maxLength: 64, description: `${instantForms} Default: all markers.` })),
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

const defineRoute = rowsFor<MarksApi>();

/** The rows. */
export const markRoutes = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/markers',
    tag: 'timeline',
    access: 'viewer',
    anyPage: true,
    sentence: 'Lists the markers of a stream, oldest first, 1000 per page.',
    params: NameParams,
    query: MarkerQuery,
    replies: { 200: MarkerList },
    async answer({ params: { name }, query, sees, ...caller }, marks, deps) {
      await findStream(name, sees, deps);
      const givenMs = query.from === undefined ? undefined : readInstant('from', query.from);
      const toMs = query.to === undefined ? END_OF_TIME_MS : readEnd('to', query.to, givenMs);
      const fromMs = givenMs ?? 0;
      if (fromMs >= toMs)
        throw new OxbowError(
          'bad-time',
          `\`from\` (${query.from ?? 0}) must be before \`to\` (${query.to ?? 'the end'}).`,
        );
      const range = visibleRange(name, { fromMs, toMs }, caller, deps);
      return { body: await marks.markers(name, { ...range, cursor: query.cursor }) };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/streams/:name/markers',
    tag: 'timeline',
    access: 'admin',
    sentence: 'Creates a marker at an instant.',
    params: NameParams,
    body: NewMarker,
    replies: { 201: MarkerView },
    repeatable: true,
    async answer({ params: { name }, body: { at, text = '' } }, marks) {
      const marker = await marks.addMarker(name, { atMs: readInstant('at', at), text });
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
    async answer({ params: { name, id } }, marks) {
      await marks.removeMarker(name, id);
      return { status: 204 };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/pins',
    tag: 'timeline',
    access: 'viewer',
    anyPage: true,
    sentence: 'Lists the pins of a stream, oldest first.',
    params: NameParams,
    replies: { 200: PinList },
    async answer({ params: { name }, sees, ...caller }, marks, deps) {
      await findStream(name, sees, deps);
      const visible = visibleTo(name, caller, deps);
      const pins = await marks.pins(name);
      const items = pins.filter(({ from, to }) => isShown(visible, { fromMs: Date.parse(from), toMs: Date.parse(to) }));
      return { body: { items, nextCursor: null } };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/streams/:name/pins',
    tag: 'timeline',
    access: 'admin',
    sentence: 'Pins a time range: retention keeps every ten-minute window that it overlaps.',
    params: NameParams,
    body: NewPin,
    replies: { 201: PinView },
    repeatable: true,
    async answer({ params: { name }, body: { from, to, text = '' } }, marks) {
      const fromMs = readInstant('from', from);
      const pin = await marks.addPin(name, { fromMs, toMs: readEnd('to', to, fromMs), text });
      return { status: 201, headers: { location: `/api/v1/streams/${name}/pins/${pin.id}` }, body: pin };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/streams/:name/pins/:id',
    tag: 'timeline',
    access: 'admin',
    sentence: 'Deletes a pin. The next retention pass deletes expired media that it kept.',
    params: MarkParams,
    replies: { 204: undefined },
    async answer({ params: { name, id } }, marks) {
      await marks.removePin(name, id);
      return { status: 204 };
    },
  }),
];
