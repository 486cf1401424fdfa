/**
 * Routes of channels: the schedule, its items, what interrupts it, and the guide.
 * In: requests below /api/v1/streams/{name}/channel. Out: ChannelView with its ETag, ChannelGuide.
 */
import {
  ChannelGuide,
  ChannelItemPatch,
  ChannelLive,
  ChannelPatch,
  ChannelView,
  NewChannelItem,
} from '../../api/channel/channel-shapes.ts';
import { Type } from '../../api/type.ts';
import { endForms, instantForms, readEnd, readInstant } from '../../http/route/instant-field.ts';
import { IdParams } from '../../http/route/page-query.ts';
import type { RouteAnswer, RouteCall } from '../../http/route/route.ts';
import { visibleTo } from '../../http/route/visible-past.ts';
import { findStream, NameParams } from '../../http/routes/streams/streams.ts';
import { checkMatch } from '../../serve/exchange/conditions.ts';
import { rowsFor } from '../feature.ts';
import type { ChannelCondition, ChannelsApi, ShownChannel } from './channels-api.ts';

const DAY_MS = 24 * 3_600_000;
const NameAndId = Type.Object({ ...NameParams.properties, ...IdParams.properties });
const GuideQuery = Type.Object(
  {
    from: Type.Optional(Type.String({ maxLength: 64, description: `${instantForms} Default: now.` })),
    to: Type.Optional(Type.String({ maxLength: 64, description: `${endForms} Default: a day after \`from\`.` })),
  },
  { additionalProperties: false },
);

function conditionOf({ header }: Pick<RouteCall, 'header'>): ChannelCondition {
  return (revision) => checkMatch(header('if-match'), header('if-none-match'), revision);
}

function answerWith({ view, revision }: ShownChannel, status = 200): RouteAnswer {
  return { status, headers: { etag: `"${revision}"` }, body: view };
}

const defineRoute = rowsFor<ChannelsApi>();

/** The rows. */
export const channelRoutes = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/channel',
    tag: 'streams',
    access: 'admin',
    sentence: 'Returns the schedule of a channel, what is on the air, and what was skipped.',
    params: NameParams,
    replies: { 200: ChannelView },
    answer: async ({ params: { name } }, channels) => answerWith(await channels.get(name)),
  }),
  defineRoute({
    method: 'PATCH',
    path: '/api/v1/streams/:name/channel',
    tag: 'streams',
    access: 'admin',
    sentence: 'Changes the time zone of a channel, what fills its empty hours, or the room that it follows.',
    params: NameParams,
    body: ChannelPatch,
    replies: { 200: ChannelView },
    conditional: true,
    async answer({ params: { name }, body, ...call }, channels) {
      return answerWith(await channels.update(name, body, conditionOf(call)));
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/streams/:name/channel/items',
    tag: 'streams',
    access: 'admin',
    sentence: 'Adds an item to the schedule of a channel. The answer is the channel.',
    params: NameParams,
    body: NewChannelItem,
    replies: { 201: ChannelView },
    repeatable: true,
    conditional: true,
    async answer({ params: { name }, body, ...call }, channels) {
      return answerWith(await channels.addItem(name, body, conditionOf(call)), 201);
    },
  }),
  defineRoute({
    method: 'PATCH',
    path: '/api/v1/streams/:name/channel/items/:id',
    tag: 'streams',
    access: 'admin',
    sentence: 'Moves or changes an item of a channel. The answer is the channel.',
    params: NameAndId,
    body: ChannelItemPatch,
    replies: { 200: ChannelView },
    conditional: true,
    async answer({ params: { name, id }, body, ...call }, channels) {
      return answerWith(await channels.changeItem(name, id, body, conditionOf(call)));
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/streams/:name/channel/items/:id',
    tag: 'streams',
    access: 'admin',
    sentence: 'Removes an item from a channel; what is on the air ends at once.',
    params: NameAndId,
    replies: { 204: undefined },
    conditional: true,
    async answer({ params: { name, id }, ...call }, channels) {
      await channels.removeItem(name, id, conditionOf(call));
      return { status: 204 };
    },
  }),
  defineRoute({
    method: 'PUT',
    path: '/api/v1/streams/:name/channel/live',
    tag: 'streams',
    access: 'admin',
    sentence: 'Shows a live stream now, instead of the schedule, until it is taken back, or its time is over.',
    params: NameParams,
    body: ChannelLive,
    replies: { 200: ChannelView },
    answer: async ({ params: { name }, body }, channels) => answerWith(await channels.goLive(name, body)),
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/streams/:name/channel/live',
    tag: 'streams',
    access: 'admin',
    sentence: 'Returns to the schedule, at the second at which it is now.',
    params: NameParams,
    replies: { 204: undefined },
    async answer({ params: { name } }, channels) {
      await channels.endLive(name);
      return { status: 204 };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/channel/guide',
    tag: 'streams',
    access: 'viewer',
    sentence: 'Lists what a channel shows between two instants, by its schedule.',
    params: NameParams,
    query: GuideQuery,
    replies: { 200: ChannelGuide },
    async answer(call, channels, deps) {
      const { params, query, sees } = call;
      const { name } = params;
      await findStream(name, sees, deps);
      const nowMs = deps.clock.nowMs();
      const firstMs = query.from === undefined ? nowMs : readInstant('from', query.from);
      // Of the past a viewer reads what may be watched; what is to come is for everyone who finds the stream.
      const visible = visibleTo(name, call, deps);
      const leastMs = visible ? (visible.isStarted ? visible.fromMs : nowMs) : firstMs;
      const fromMs = Math.max(firstMs, leastMs);
      const toMs = query.to === undefined ? fromMs + DAY_MS : readEnd('to', query.to, fromMs);
      const isHidden = fromMs > firstMs && fromMs >= toMs;
      return { body: { items: isHidden ? [] : channels.guide(name, fromMs, toMs), nextCursor: null } };
    },
  }),
];
