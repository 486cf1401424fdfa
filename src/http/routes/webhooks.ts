/**
 * Routes of webhooks: list, create, replace, remove, test, replay; and their deliveries.
 * In: requests of administrators. Out: WebhookView, DeliveryView.
 */
import { Type } from '../../api/type.ts';
import {
  DeliveryView,
  NewWebhookView,
  ReplaySettings,
  ReplayView,
  WebhookSettings,
  WebhookTestView,
  WebhookView,
} from '../../api/webhook-shapes.ts';
import { IdParams, NextCursor, PageQuery, pageOf } from '../route/page-query.ts';
import { defineRoute, type Route } from '../route/route.ts';

const WebhookList = Type.Object({ items: Type.Array(WebhookView), nextCursor: NextCursor }, { $id: 'WebhookList' });
const DeliveryList = Type.Object({ items: Type.Array(DeliveryView), nextCursor: Type.Null() }, { $id: 'DeliveryList' });

/** The rows. */
export const webhookRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/webhooks',
    tag: 'webhooks',
    access: 'admin',
    sentence: 'Lists the webhooks, oldest first.',
    query: PageQuery,
    replies: { 200: WebhookList },
    answer: ({ query }, { webhooks }) => ({ body: pageOf(webhooks.list(), query, ({ id }) => id) }),
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/webhooks',
    tag: 'webhooks',
    access: 'admin',
    sentence: 'Creates a webhook. Only this answer shows its secret.',
    body: WebhookSettings,
    replies: { 201: NewWebhookView },
    repeatable: true,
    async answer({ body }, { webhooks }) {
      const made = await webhooks.create(body);
      return { status: 201, headers: { location: `/api/v1/webhooks/${made.id}` }, body: made };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/webhooks/:id',
    tag: 'webhooks',
    access: 'admin',
    sentence: 'Returns a webhook.',
    params: IdParams,
    replies: { 200: WebhookView },
    answer: ({ params: { id } }, { webhooks }) => ({ body: webhooks.get(id) }),
  }),
  defineRoute({
    method: 'PUT',
    path: '/api/v1/webhooks/:id',
    tag: 'webhooks',
    access: 'admin',
    sentence: 'Replaces the settings of a webhook and enables it. Its secret is kept unless the body has another.',
    params: IdParams,
    body: WebhookSettings,
    replies: { 200: WebhookView },
    answer: async ({ params: { id }, body }, { webhooks }) => ({ body: await webhooks.replace(id, body) }),
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/webhooks/:id',
    tag: 'webhooks',
    access: 'admin',
    sentence: 'Removes a webhook and its waiting deliveries.',
    params: IdParams,
    replies: { 204: undefined },
    async answer({ params: { id } }, { webhooks }) {
      await webhooks.remove(id);
      return { status: 204 };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/webhooks/:id/deliveries',
    tag: 'webhooks',
    access: 'admin',
    sentence: 'Lists the newest 50 deliveries, newest first, with their results.',
    params: IdParams,
    replies: { 200: DeliveryList },
    answer: async ({ params: { id } }, { webhooks }) => ({
      body: { items: await webhooks.deliveries(id), nextCursor: null },
    }),
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/webhooks/:id/test',
    tag: 'webhooks',
    access: 'admin',
    sentence: 'Sends an event `webhook.test` at once and returns the result.',
    params: IdParams,
    replies: { 200: WebhookTestView },
    answer: async ({ params: { id }, signal, traceparent }, { webhooks }) => ({
      body: await webhooks.test(id, { signal, traceparent }),
    }),
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/webhooks/:id/replay',
    tag: 'webhooks',
    access: 'admin',
    sentence: 'Sends past events again, up to now, in their order; replaces a replay that is in progress.',
    params: IdParams,
    body: ReplaySettings,
    replies: { 202: ReplayView },
    answer: async ({ params: { id }, body }, { webhooks }) => ({
      status: 202,
      body: await webhooks.replay(id, body.since),
    }),
  }),
];
