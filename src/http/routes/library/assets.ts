/**
 * Routes of the library: list, get, change and delete assets; keep a range of a recording as one.
 * In: requests below /api/v1/assets. Out: calls of `deps.assets`; AssetView. Uploads create assets too.
 */
import {
  AssetList,
  AssetListQuery,
  AssetPatch,
  AssetView,
  NewRecordedAsset,
} from '../../../api/library/asset-shapes.ts';
import type { AssetCondition, VersionedAsset } from '../../../api/library/assets-api.ts';
import { Type } from '../../../api/type.ts';
import { checkMatch } from '../../../serve/exchange/conditions.ts';
import { IdParams } from '../../route/page-query.ts';
import { purgeField } from '../../route/purge-field.ts';
import { defineRoute, type Route, type RouteAnswer, type RouteCall } from '../../route/route.ts';

const RemoveQuery = Type.Object(
  {
    purge: Type.Optional(
      Type.Union([Type.Literal('true'), Type.Literal('false')], { description: 'delete it for good, at once' }),
    ),
  },
  { additionalProperties: false },
);

function conditionOf({ header }: Pick<RouteCall, 'header'>): AssetCondition {
  return (version) => checkMatch(header('if-match'), header('if-none-match'), version);
}

function answerWith({ view, version }: VersionedAsset, more: Omit<RouteAnswer, 'body'> = {}): RouteAnswer {
  return { ...more, headers: { ...more.headers, etag: `"${version}"` }, body: view };
}

/** The rows. */
export const assetRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/assets',
    tag: 'library',
    access: 'viewer',
    sentence:
      'Lists assets, newest first: for everyone the public ones, for an owner its own too, for administrators all.',
    query: AssetListQuery,
    replies: { 200: AssetList },
    answer: async ({ query, principal }, { assets }) => ({ body: await assets.list(query, principal) }),
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/assets',
    tag: 'library',
    access: 'admin',
    sentence:
      'Keeps a range of a recording as an asset, without copying its media: retention spares it while the asset exists.',
    body: NewRecordedAsset,
    replies: { 201: AssetView },
    repeatable: true,
    async answer({ body, principal }, { assets }) {
      const made = await assets.createRecorded(body, principal);
      return answerWith(made, { status: 201, headers: { location: `/api/v1/assets/${made.view.id}` } });
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/assets/:id',
    tag: 'library',
    access: 'viewer',
    sentence: 'Returns an asset with its renditions and the addresses of its media.',
    params: IdParams,
    replies: { 200: AssetView },
    answer: async ({ params: { id }, principal }, { assets }) => answerWith(await assets.get(id, principal)),
  }),
  defineRoute({
    method: 'PATCH',
    path: '/api/v1/assets/:id',
    tag: 'library',
    access: 'viewer',
    sentence:
      'Changes title, description, tags, visibility, rules by network and country, or poster of an asset, for its owner and administrators.',
    params: IdParams,
    body: AssetPatch,
    replies: { 200: AssetView },
    conditional: true,
    async answer({ params: { id }, body, principal, ...call }, deps) {
      const changed = await deps.assets.update(id, body, principal, conditionOf(call));
      return answerWith(changed, { headers: await purgeField(deps, 'asset', id) });
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/assets/:id',
    tag: 'library',
    access: 'viewer',
    sentence:
      'Moves an asset to the trash, for its owner and administrators. It can be restored until `library.trash` has passed.',
    params: IdParams,
    query: RemoveQuery,
    replies: { 204: undefined },
    conditional: true,
    async answer({ params: { id }, query, principal, ...call }, deps) {
      await deps.assets.remove(id, { purge: query.purge === 'true' }, principal, conditionOf(call));
      return { status: 204, headers: await purgeField(deps, 'asset', id) };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/assets/:id/restore',
    tag: 'library',
    access: 'viewer',
    sentence: 'Takes an asset out of the trash, for its owner and administrators.',
    params: IdParams,
    replies: { 200: AssetView },
    answer: async ({ params: { id }, principal }, { assets }) => answerWith(await assets.restore(id, principal)),
  }),
];
