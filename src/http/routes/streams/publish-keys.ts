/**
 * Routes of stream keys: administrators create, list, rotate and revoke them; and the addresses to publish
 * to.
 * In: names, labels, expiries, ranges of addresses. Out: PublishKeyView, secrets of new keys,
 * PublishAddresses.
 */

import { FormatError } from '@oxbow/media/errors';
import { printPublishAddresses } from '../../../api/publish/publish-address.ts';
import type { KeyRotation, KeyWithSecret, NewKey } from '../../../api/publish/publish-keys-api.ts';
import { CreatedPublishKey, PublishAddresses, PublishKeyView } from '../../../api/publish/publish-shapes.ts';
import { Type } from '../../../api/type.ts';
import { parseDuration } from '../../../lib/duration.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { RequestClient } from '../../../serve/client/authenticate.ts';
import type { HttpDeps } from '../../deps.ts';
import { expiresForms, readExpiry } from '../../route/expiry-field.ts';
import { IdParams } from '../../route/page-query.ts';
import { defineRoute, type Route, type RouteAnswer } from '../../route/route.ts';
import { NameParams } from './streams.ts';

/** Longest overlap of two keys, ms. */
const LONGEST_OVERLAP_MS = 30 * 24 * 3_600_000;
/** Overlap of two keys if none is given, ms. */
const USUAL_OVERLAP_MS = 10 * 60_000;

const Expires = Type.Optional(Type.String({ maxLength: 64, description: `${expiresForms} Default: never.` }));
const keyFields = {
  label: Type.Optional(Type.String({ maxLength: 100, description: 'purpose of the key' })),
  expires: Expires,
  allow: Type.Optional(
    Type.Array(Type.String({ maxLength: 60 }), {
      maxItems: 50,
      description: 'addresses and ranges that may use it, as `203.0.113.7` or `10.0.0.0/8`. Default: all.',
    }),
  ),
};
const NewPublishKey = Type.Object(keyFields, { $id: 'NewPublishKey', additionalProperties: false });
const NewPrefixKey = Type.Object(
  {
    prefix: Type.String({
      pattern: '^([a-z0-9][a-z0-9_-]{0,62})?$',
      description: 'how the names of its streams begin, as `cam-`; empty: all names',
    }),
    maxStreams: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 10_000,
        description:
          'the key creates no stream while there are so many with its prefix. Default: `publish.maxStreams`.',
      }),
    ),
    ...keyFields,
  },
  { $id: 'NewPrefixKey', additionalProperties: false },
);
const RotateKey = Type.Object(
  {
    overlap: Type.Optional(
      Type.String({ maxLength: 20, description: 'how long the old key stays valid, at most 30 days. Default: `10m`.' }),
    ),
    expires: Type.Optional(
      Type.String({ maxLength: 64, description: `${expiresForms} Default: the expiry of the old key.` }),
    ),
  },
  { $id: 'RotateKey', additionalProperties: false },
);
const KeyList = Type.Object({ items: Type.Array(PublishKeyView), nextCursor: Type.Null() }, { $id: 'PublishKeyList' });
const NameAndId = Type.Object({ ...NameParams.properties, ...IdParams.properties });

type KeyBody = { readonly label?: string; readonly expires?: string; readonly allow?: readonly string[] };

function readKey({ label = '', expires, allow = [] }: KeyBody, nowMs: number): NewKey {
  return { label: label.trim(), allow, expiresMs: expires === undefined ? undefined : readExpiry(expires, nowMs) };
}

function readRotation(body: { readonly overlap?: string; readonly expires?: string }, nowMs: number): KeyRotation {
  return {
    overlapMs: body.overlap === undefined ? USUAL_OVERLAP_MS : readOverlap(body.overlap),
    expiresMs: body.expires === undefined ? undefined : readExpiry(body.expires, nowMs),
  };
}

function readOverlap(text: string): number {
  try {
    const overlapMs = parseDuration(text);
    if (overlapMs <= LONGEST_OVERLAP_MS) return overlapMs;
    throw new FormatError(`${text} is longer than 30 days`, 0);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new OxbowError('bad-duration', `\`overlap\`: ${error.message}.`, { cause: error });
  }
}

function addressesFor(
  stream: string,
  key: string,
  client: RequestClient,
  { publishPorts, streams }: HttpDeps,
): PublishAddresses {
  const { origin } = client;
  const host = new URL(origin ?? 'http://localhost').hostname;
  // A key with a prefix has an example of a name, which may be no stream yet.
  const settings = streams.revision(stream) === undefined ? undefined : streams.sourceSettings(stream);
  const ports = {
    ...publishPorts,
    ...(settings && settings.latency !== null && { srtLatencyMs: parseDuration(settings.latency) }),
    ...(settings?.hasPassphrase && { srtEncrypted: true }),
  };
  return printPublishAddresses({ host, origin, ports, stream, key });
}

function created(
  list: string,
  { view, secret, stream }: KeyWithSecret,
  client: RequestClient,
  deps: HttpDeps,
): RouteAnswer {
  const body: CreatedPublishKey = { ...view, key: secret, publish: addressesFor(stream, secret, client, deps) };
  return { status: 201, headers: { location: `${list}/${view.id}`, 'cache-control': 'no-store' }, body };
}

const listOf = (name: string) => `/api/v1/streams/${name}/keys`;
const PREFIX_KEYS = '/api/v1/publish-keys';

/** The rows. */
export const publishKeyRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/publish',
    tag: 'publish',
    access: 'admin',
    sentence: 'Returns the addresses to publish a stream to, with the word KEY in place of a key.',
    params: NameParams,
    replies: { 200: PublishAddresses },
    answer({ params: { name }, client }, deps) {
      deps.publishKeys.list(name); // refuses unknown streams
      return { body: addressesFor(name, 'KEY', client, deps) };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/keys',
    tag: 'publish',
    access: 'admin',
    sentence: 'Lists the keys of a stream, oldest first, without their secrets.',
    params: NameParams,
    replies: { 200: KeyList },
    answer: ({ params: { name } }, { publishKeys }) => ({
      body: { items: publishKeys.list(name), nextCursor: null },
    }),
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/streams/:name/keys',
    tag: 'publish',
    access: 'admin',
    sentence: 'Creates a key with which a publisher may publish to a stream, and returns the fields for its encoder.',
    params: NameParams,
    body: NewPublishKey,
    replies: { 201: CreatedPublishKey },
    async answer({ params: { name }, body, client }, deps) {
      const key = await deps.publishKeys.create(name, readKey(body, deps.clock.nowMs()));
      return created(listOf(name), key, client, deps);
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/streams/:name/keys/:id/rotate',
    tag: 'publish',
    access: 'admin',
    sentence: 'Creates a key with the settings of another one, which expires after the overlap.',
    params: NameAndId,
    body: RotateKey,
    replies: { 201: CreatedPublishKey },
    async answer({ params: { name, id }, body, client }, deps) {
      const key = await deps.publishKeys.rotate(name, id, readRotation(body, deps.clock.nowMs()));
      return created(listOf(name), key, client, deps);
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/streams/:name/keys/:id',
    tag: 'publish',
    access: 'admin',
    sentence: 'Revokes a key at once. A publisher that uses it is disconnected.',
    params: NameAndId,
    replies: { 204: undefined },
    async answer({ params: { name, id } }, { publishKeys }) {
      await publishKeys.remove(name, id);
      return { status: 204 };
    },
  }),
  defineRoute({
    method: 'GET',
    path: PREFIX_KEYS,
    tag: 'publish',
    access: 'admin',
    sentence: 'Lists the keys for names with a prefix, oldest first, without their secrets.',
    replies: { 200: KeyList },
    answer: (_, { publishKeys }) => ({ body: { items: publishKeys.list(null), nextCursor: null } }),
  }),
  defineRoute({
    method: 'POST',
    path: PREFIX_KEYS,
    tag: 'publish',
    access: 'admin',
    sentence:
      'Creates a key for all streams whose names begin with a prefix. The first publish to such a name creates the stream.',
    body: NewPrefixKey,
    replies: { 201: CreatedPublishKey },
    async answer({ body: { prefix, maxStreams, ...body }, client }, deps) {
      const settings = { ...readKey(body, deps.clock.nowMs()), maxStreams };
      return created(PREFIX_KEYS, await deps.publishKeys.createForPrefix(prefix, settings), client, deps);
    },
  }),
  defineRoute({
    method: 'POST',
    path: `${PREFIX_KEYS}/:id/rotate`,
    tag: 'publish',
    access: 'admin',
    sentence: 'Creates a key with the settings of another one for a prefix, which expires after the overlap.',
    params: IdParams,
    body: RotateKey,
    replies: { 201: CreatedPublishKey },
    async answer({ params: { id }, body, client }, deps) {
      const key = await deps.publishKeys.rotate(null, id, readRotation(body, deps.clock.nowMs()));
      return created(PREFIX_KEYS, key, client, deps);
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: `${PREFIX_KEYS}/:id`,
    tag: 'publish',
    access: 'admin',
    sentence: 'Revokes a key for a prefix at once. Publishers that use it are disconnected.',
    params: IdParams,
    replies: { 204: undefined },
    async answer({ params: { id } }, { publishKeys }) {
      await publishKeys.remove(null, id);
      return { status: 204 };
    },
  }),
];
