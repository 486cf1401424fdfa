/**
 * The routes of Web Push: what a browser subscribes to, and which streams a person follows.
 * In: the push service. Out: PushView, PushSubscriptionView.
 */
import {
  NewPushSubscription,
  PushSubscriptionList,
  PushSubscriptionView,
  PushView,
} from '../../api/push/push-shapes.ts';
import { Type } from '../../api/type.ts';
import { findStream, NameParams } from '../../http/routes/streams/streams.ts';
import { rowsFor } from '../feature.ts';
import type { PushService } from './push-service.ts';

const defineRoute = rowsFor<PushService>();
const IdParams = Type.Object({ id: Type.String({ minLength: 1, maxLength: 40 }) });

/** The rows. */
export const pushRoutes = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/push',
    tag: 'accounts',
    access: 'user',
    sentence:
      'Returns what a browser needs to subscribe to messages about streams (Web Push), and which streams the caller follows.',
    replies: { 200: PushView },
    answer: async ({ principal }, push) => ({ body: await push.view(principal) }),
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/push/subscriptions',
    tag: 'accounts',
    access: 'user',
    sentence: 'Lists the browsers of the caller that get messages.',
    replies: { 200: PushSubscriptionList },
    answer: async ({ principal }, push) => ({ body: { items: await push.list(principal) } }),
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/push/subscriptions',
    tag: 'accounts',
    access: 'user',
    limit: 'pushes',
    sentence:
      'Subscribes the browser of the caller to messages, or changes what it subscribed to: a browser is known by its `endpoint`. Messages end with the session of the browser.',
    body: NewPushSubscription,
    replies: { 201: PushSubscriptionView },
    async answer({ body, principal, client, header }, push) {
      const from = { origin: client.origin ?? '', program: header('user-agent') ?? '' };
      return { status: 201, body: await push.subscribe(principal, body, from) };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/push/subscriptions/:id',
    tag: 'accounts',
    access: 'user',
    sentence: 'Ends the messages for a browser of the caller.',
    params: IdParams,
    replies: { 204: undefined },
    async answer({ params: { id }, principal }, push) {
      await push.unsubscribe(principal, id);
      return { status: 204 };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/push/subscriptions/:id/test',
    tag: 'accounts',
    access: 'user',
    limit: 'pushes',
    sentence: 'Sends a message to a browser of the caller, to try it.',
    params: IdParams,
    replies: { 202: undefined },
    async answer({ params: { id }, principal }, push) {
      await push.test(principal, id);
      return { status: 202 };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/push/rotate',
    tag: 'accounts',
    access: 'admin',
    sentence:
      'Replaces the key that identifies this server to push services. All subscriptions end; a browser subscribes again when its person opens a page.',
    replies: { 204: undefined },
    async answer(_, push) {
      await push.rotate();
      return { status: 204 };
    },
  }),
  defineRoute({
    method: 'PUT',
    path: '/api/v1/streams/:name/follow',
    tag: 'streams',
    access: 'user',
    sentence: 'The caller follows the stream: browsers that subscribed to the streams they follow get its messages.',
    params: NameParams,
    replies: { 204: undefined },
    async answer({ params: { name }, principal, sees }, push, deps) {
      await findStream(name, sees, deps);
      await push.follow(principal, name, true);
      return { status: 204 };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/streams/:name/follow',
    tag: 'streams',
    access: 'user',
    sentence: 'The caller does not follow the stream any more.',
    params: NameParams,
    replies: { 204: undefined },
    async answer({ params: { name }, principal, sees }, push, deps) {
      // One that became private can be left, too; of others the caller hears nothing.
      if (!(await push.isFollowed(principal, name))) await findStream(name, sees, deps);
      await push.follow(principal, name, false);
      return { status: 204 };
    },
  }),
];
