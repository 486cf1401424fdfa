/**
 * Routes of streams: list, create, replace, remove, start and stop.
 * In: requests below /api/v1/streams. Out: calls of `deps.streams`; StreamView.
 */
import { may } from '../../../accounts/permissions.ts';
import { SourceSettings, StreamPatch, StreamSettings, StreamView } from '../../../api/shapes.ts';
import { StreamName } from '../../../api/stream/stream-name.ts';
import { streamUnknown } from '../../../api/stream/stream-refusals.ts';
import type { Precondition } from '../../../api/streams-api.ts';
import { Type } from '../../../api/type.ts';
import { checkMatch } from '../../../serve/exchange/conditions.ts';
import type { HttpDeps } from '../../deps.ts';
import { mergePages, missingFields } from '../../route/merge-lists.ts';
import { MOST, NextCursor, PageQuery, pageOf } from '../../route/page-query.ts';
import { purgeField } from '../../route/purge-field.ts';
import { defineRoute, type Route, type RouteCall } from '../../route/route.ts';
import { seenView } from '../../route/visible-past.ts';

/** The parameter of every path that names a stream. */
export const NameParams = Type.Object({ name: StreamName });

const StreamList = Type.Object({ items: Type.Array(StreamView), nextCursor: NextCursor }, { $id: 'StreamList' });
const NewStream = Type.Object(
  { name: StreamName, ...StreamSettings.properties },
  { $id: 'NewStream', additionalProperties: false },
);
const RemoveQuery = Type.Object(
  { recordings: Type.Optional(Type.Union([Type.Literal('keep'), Type.Literal('delete')], { default: 'keep' })) },
  { additionalProperties: false },
);

/** Whether seeing the stream needs a playback token or credentials. */
function isRestricted({ visibility }: StreamView): boolean {
  return visibility === 'signed' || visibility === 'private';
}

/**
 * The stream, if the caller may see it.
 *
 * @throws OxbowError `stream-unknown` if it does not exist or the caller may not see it; `watch-refused`,
 *   `watch-expired`
 */
export async function findStream(name: string, sees: RouteCall['sees'], { streams }: HttpDeps): Promise<StreamView> {
  const view = await streams.get(name);
  // Also checked for unknown names: a wrong playback token gets the same refusal and reveals no names.
  const isVisible = (view && !isRestricted(view)) || sees(name);
  if (!view || !isVisible) throw streamUnknown(name);
  return view;
}

/** ETag of the stream's settings, for administrators. The stream's state is not part of it. */
function etagOf(name: string, isAdmin: boolean, { streams }: HttpDeps): Record<string, string> {
  const revision = isAdmin ? streams.revision(name) : undefined;
  return revision === undefined ? {} : { etag: `"${revision}"` };
}

function conditionOf({ header }: Pick<RouteCall, 'header'>): Precondition {
  return (revision) => checkMatch(header('if-match'), header('if-none-match'), revision);
}

function order(verb: 'start' | 'stop' | 'restart' | 'pause' | 'resume', sentence: string): Route {
  return defineRoute({
    method: 'POST',
    path: `/api/v1/streams/:name/${verb}`,
    tag: 'streams',
    access: 'admin',
    sentence,
    params: NameParams,
    replies: { 202: undefined },
    async answer({ params: { name } }, { streams }) {
      await streams[verb](name);
      return { status: 202 };
    },
  });
}

/** The rows. */
export const streamRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams',
    tag: 'streams',
    access: 'viewer',
    sentence: 'Lists the public streams by name; administrators see all, users those that they may watch.',
    query: PageQuery,
    replies: { 200: StreamList },
    async answer({ principal, token, query, elsewhere }, deps) {
      const { streams, otherNodes } = deps;
      const [views, others] = await Promise.all([streams.list(), elsewhere()]);
      const shown = views
        .filter(({ visibility }) => may(principal, 'list', { visibility }))
        .map((view) => seenView(view, { principal, token }, deps));
      const nameOf = ({ name }: StreamView) => name;
      const body = mergePages(pageOf(shown, query, nameOf), others, {
        keyOf: nameOf,
        cursorOf: nameOf,
        limit: Math.min(MOST, Number(query.limit ?? MOST)),
        ownerOf: ({ name }) => otherNodes?.ownerOf('stream', name),
        compare: (a, b) => (a.name < b.name ? -1 : 1),
      });
      return { headers: missingFields(others), body };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/streams',
    tag: 'streams',
    access: 'admin',
    sentence: 'Creates a stream.',
    body: NewStream,
    replies: { 201: StreamView },
    repeatable: true,
    async answer({ body: { name, ...settings } }, deps) {
      const view = await deps.streams.create(name, settings);
      const headers = { location: `/api/v1/streams/${name}`, ...etagOf(name, true, deps) };
      return { status: 201, headers, body: view };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name',
    tag: 'streams',
    access: 'viewer',
    anyPage: true,
    sentence: 'Returns the settings and state of a stream.',
    params: NameParams,
    replies: { 200: StreamView },
    async answer({ params: { name }, principal, token, sees }, deps) {
      const view = await findStream(name, sees, deps);
      const body = seenView(view, { principal, token }, deps);
      return { headers: etagOf(name, principal.isAdmin, deps), body };
    },
  }),
  defineRoute({
    method: 'PUT',
    path: '/api/v1/streams/:name',
    tag: 'streams',
    access: 'admin',
    sentence: 'Replaces the settings of a stream, or creates it.',
    params: NameParams,
    body: StreamSettings,
    replies: { 200: StreamView, 201: StreamView },
    conditional: true,
    async answer({ params: { name }, body, ...call }, deps) {
      const { view, created } = await deps.streams.replace(name, body, conditionOf(call));
      const etag = etagOf(name, true, deps);
      return created
        ? { status: 201, headers: { location: `/api/v1/streams/${name}`, ...etag }, body: view }
        : { status: 200, headers: { ...etag, ...(await purgeField(deps, 'stream', name)) }, body: view };
    },
  }),
  defineRoute({
    method: 'PATCH',
    path: '/api/v1/streams/:name',
    tag: 'streams',
    access: 'admin',
    sentence: 'Changes settings of a stream; its source continues, unless its address changes.',
    params: NameParams,
    body: StreamPatch,
    replies: { 200: StreamView },
    conditional: true,
    async answer({ params: { name }, body, ...call }, deps) {
      const view = await deps.streams.update(name, body, conditionOf(call));
      const headers = { ...etagOf(name, true, deps), ...(await purgeField(deps, 'stream', name)) };
      return { headers, body: view };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/source',
    tag: 'streams',
    access: 'admin',
    sentence: "Returns the settings of a stream's source, without its secrets.",
    params: NameParams,
    replies: { 200: SourceSettings },
    answer: ({ params: { name } }, { streams }) => ({ body: streams.sourceSettings(name) }),
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/streams/:name',
    tag: 'streams',
    access: 'admin',
    sentence: 'Removes a stream. Its recordings are kept unless `recordings=delete`.',
    params: NameParams,
    query: RemoveQuery,
    replies: { 204: undefined },
    conditional: true,
    async answer({ params: { name }, query, ...call }, deps) {
      const { streams, access, publishKeys } = deps;
      const revokeKeys = publishKeys.revokerOf(name);
      await streams.remove(name, { recordings: query.recordings ?? 'keep', check: conditionOf(call) });
      // Its tokens and keys must not be valid for a later stream of the same name.
      await access.watch.revoke(name);
      await revokeKeys();
      return { status: 204, headers: await purgeField(deps, 'stream', name) };
    },
  }),
  order('start', 'Starts a stopped stream.'),
  order('stop', 'Stops a stream until it is started again. The time until then counts as offline, not as a gap.'),
  order('restart', 'Reconnects a stream to its source.'),
  order(
    'pause',
    'Drops the media of a stream until it is resumed; its publisher stays connected. The time until then counts as offline, not as a gap.',
  ),
  order('resume', 'Lets the media of a paused stream pass again, from its next key frame on.'),
];
