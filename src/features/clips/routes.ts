/**
 * Routes of clips: list, create, get, change, delete.
 * In: requests below /api/v1/clips. Out: ClipView; an audit line for a clip that is more open than its
 * stream.
 */
import { ClipList, ClipListQuery, ClipPatch, ClipView, clipsPerPage, NewClip } from '../../api/clips/clip-shapes.ts';
import type { ClipClient, ClipsApi } from '../../api/clips/clips-api.ts';
import type { HttpDeps } from '../../http/deps.ts';
import { readEnd, readInstant } from '../../http/route/instant-field.ts';
import { mergePages, missingFields } from '../../http/route/merge-lists.ts';
import { IdParams } from '../../http/route/page-query.ts';
import { purgeField } from '../../http/route/purge-field.ts';
import type { RouteCall } from '../../http/route/route.ts';
import { isShown, visibleTo } from '../../http/route/visible-past.ts';
import { auditOpenedClip, clipLimited, createClip } from '../../http/routes/streams/create-clip.ts';
import { checkClipToken } from '../../serve/media/watch-token-policy.ts';
import { rowsFor } from '../feature.ts';

/** The client of a call about one clip. */
function clientOf(
  id: string,
  { principal, token }: Pick<RouteCall, 'principal' | 'token'>,
  clips: ClipsApi,
  { access, clock }: HttpDeps,
): ClipClient {
  if (token !== undefined) {
    const nowMs = clock.nowMs();
    checkClipToken(token, id, clips.facts(id)?.stream, (watchToken, name) =>
      access.watch.verify(watchToken, name, 'playlist', nowMs),
    );
  }
  return { ...principal, token };
}

function pageLimit({ limit }: ClipListQuery): number {
  return Math.min(clipsPerPage.most, Number(limit ?? clipsPerPage.usual));
}

/** As clips-api.ts prints it. */
function clipCursorOf({ createdAt, id }: ClipView): string {
  return `${Date.parse(createdAt) * 1000}.${id}`;
}

/** Whether the caller sees what the clip shows, by the rules for the past of its stream. */
function isSeen(clip: ClipView, call: Pick<RouteCall, 'principal' | 'token'>, deps: HttpDeps): boolean {
  const times = { fromMs: Date.parse(clip.from), toMs: Date.parse(clip.to) };
  return isShown(visibleTo(clip.stream, call, deps), times);
}

const defineRoute = rowsFor<ClipsApi>();

/** The rows. */
export const clipRoutes = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/clips',
    tag: 'clips',
    access: 'viewer',
    sentence:
      'Lists clips, newest first: for everyone the public ones, for an owner its own too, for administrators all.',
    query: ClipListQuery,
    replies: { 200: ClipList },
    async answer({ query, principal, token, elsewhere }, clips, deps) {
      const { otherNodes } = deps;
      const [page, others] = await Promise.all([clips.list(query, principal), elsewhere()]);
      const localPage = { ...page, items: page.items.filter((clip) => isSeen(clip, { principal, token }, deps)) };
      const body = mergePages(localPage, others, {
        keyOf: ({ id }) => id,
        cursorOf: clipCursorOf,
        limit: pageLimit(query),
        ownerOf: ({ stream }) => otherNodes?.ownerOf('stream', stream),
        compare: (a, b) => (a.createdAt === b.createdAt ? (a.id < b.id ? 1 : -1) : a.createdAt < b.createdAt ? 1 : -1),
      });
      return { headers: missingFields(others), body };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/clips',
    tag: 'clips',
    access: 'uploader',
    sentence:
      'Creates a clip of at most an hour of a stream that the caller may watch. Retention keeps its media while it exists.',
    body: NewClip,
    replies: { 201: ClipView },
    repeatable: true,
    async answer({ body: { from, to, title = '', visibility, confirm = false, stream }, ...call }, clips, deps) {
      const fromMs = readInstant('from', from);
      const toMs = readEnd('to', to, fromMs);
      const request = { stream, fromMs, toMs, title, visibility, confirm };
      const view = await createClip(request, call, deps, (checked) => clips.create(checked, call.principal));
      return { status: 201, headers: { location: `/api/v1/clips/${view.id}` }, body: view };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/clips/:id',
    tag: 'clips',
    access: 'viewer',
    sentence: 'Returns a clip with the addresses of its media.',
    params: IdParams,
    replies: { 200: ClipView },
    async answer({ params: { id }, ...call }, clips, deps) {
      const body = await clips.get(id, clientOf(id, call, clips, deps));
      if (!isSeen(body, call, deps)) throw clipLimited(body.stream);
      return { body };
    },
  }),
  defineRoute({
    method: 'PATCH',
    path: '/api/v1/clips/:id',
    tag: 'clips',
    access: 'viewer',
    sentence: 'Changes title or visibility of a clip, for its owner and administrators.',
    params: IdParams,
    body: ClipPatch,
    replies: { 200: ClipView },
    async answer({ params: { id }, body, ...call }, clips, deps) {
      const changed = await clips.update(id, body, call.principal);
      auditOpenedClip(changed, call, deps);
      return { headers: await purgeField(deps, 'clip', id), body: changed.view };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/clips/:id',
    tag: 'clips',
    access: 'viewer',
    sentence: 'Deletes a clip, for its owner and administrators. Retention then deletes what only the clip kept.',
    params: IdParams,
    replies: { 204: undefined },
    async answer({ params: { id }, principal }, clips, deps) {
      await clips.remove(id, principal);
      return { status: 204, headers: await purgeField(deps, 'clip', id) };
    },
  }),
];
