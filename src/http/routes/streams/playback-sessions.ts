/**
 * Route of the playback sessions of a stream: who watches now, for administrators.
 * In: requests to /api/v1/streams/{name}/sessions. Out: PlaybackSession.
 */
import { printRfc3339 } from '../../../api/instant.ts';
import { PlaybackSession } from '../../../api/session-shapes.ts';
import { streamUnknown } from '../../../api/stream/stream-refusals.ts';
import { Type } from '../../../api/type.ts';
import type { Session } from '../../../delivery/viewers.ts';
import { NextCursor, PageQuery, pageOf } from '../../route/page-query.ts';
import { defineRoute, type Route } from '../../route/route.ts';
import { NameParams } from './streams.ts';

const PlaybackSessionList = Type.Object(
  { items: Type.Array(PlaybackSession), nextCursor: NextCursor },
  { $id: 'PlaybackSessionList' },
);

/** The rows. */
export const playbackSessionRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/sessions',
    tag: 'streams',
    access: 'admin',
    sentence:
      'Lists who watches a stream now: one session for each viewer that is counted, with what its player reports.',
    params: NameParams,
    query: PageQuery,
    replies: { 200: PlaybackSessionList },
    answer({ params: { name }, query }, { streams, viewers, clock }) {
      if (streams.revision(name) === undefined) throw streamUnknown(name);
      const views = viewers.sessions(name).map((session) => viewOf(session, clock.nowMs()));
      return { body: pageOf(views.sort(byKey), query, keyOf) };
    },
  }),
];

/** Oldest first; the cursor is the key of a session. */
const keyOf = ({ startedAt, id }: PlaybackSession) => `${startedAt} ${id}`;
const byKey = (a: PlaybackSession, b: PlaybackSession) => (keyOf(a) < keyOf(b) ? -1 : 1);

function viewOf({ id, startedAgoMs, seenAgoMs, report, reportedAgoMs }: Session, nowMs: number): PlaybackSession {
  const ago = (ms: number) => printRfc3339(Math.round(nowMs - ms));
  const { latencyMs, bufferMs, bitrateKbps } = report ?? {};
  return {
    id,
    startedAt: ago(startedAgoMs),
    seenAt: ago(seenAgoMs),
    reportedAt: report ? ago(reportedAgoMs) : null,
    state: report?.state ?? null,
    live: report?.isLive ?? null,
    at: latencyMs === undefined ? null : ago(reportedAgoMs + latencyMs),
    latency: latencyMs === undefined ? null : latencyMs / 1000,
    buffer: bufferMs === undefined ? null : bufferMs / 1000,
    rendition: report?.rendition ?? null,
    bitrate: bitrateKbps === undefined ? null : bitrateKbps * 1000,
  };
}
