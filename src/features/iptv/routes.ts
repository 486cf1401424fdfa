/**
 * Routes of IPTV players: the channel list with the streams that the client may watch, and their programme
 * guide.
 * In: a playback token before the path, or credentials, or neither. Out: M3U and XMLTV. docs/4-watch/iptv.md;
 * docs/decisions/0067.
 */
import { gzipSync } from 'node:zlib';
import type { Static } from 'typebox';
import { may } from '../../accounts/permissions.ts';
import type { WatchVerdict } from '../../accounts/watch-tokens.ts';
import type { ChannelGuide } from '../../api/channel/channel-shapes.ts';
import { printMediaAddress } from '../../api/media-address.ts';
import type { StreamView, TimelineView } from '../../api/shapes.ts';
import { printSignedPath } from '../../api/signed-path.ts';
import { StreamName } from '../../api/stream/stream-name.ts';
import { streamUnknown } from '../../api/stream/stream-refusals.ts';
import { Type } from '../../api/type.ts';
import type { Reply } from '../../delivery/reply.ts';
import { playlistReply } from '../../delivery/text-reply.ts';
import type { HttpDeps } from '../../http/deps.ts';
import { mergePages } from '../../http/route/merge-lists.ts';
import { MOST } from '../../http/route/page-query.ts';
import type { RouteCall } from '../../http/route/route.ts';
import { seenView, visibleTo } from '../../http/route/visible-past.ts';
import { checkVerdict } from '../../serve/media/watch-token-policy.ts';
import { type FeatureRoute, rowsFor } from '../feature.ts';
import { catchUpModes, listFormats, printChannelList } from './channel-list.ts';
import type { Guides } from './guides.ts';
import { guideStart, programmesOf, type Scheduled } from './programmes.ts';
import { type GuideChannel, printXmltv } from './xmltv.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The guide reaches so far back. */
const MOST_DAYS = 14;
/** Programmes of one guide, about 300 bytes each; of many streams the older ones are left out. */
const MOST_PROGRAMMES = 20_000;
/** Shorter interruptions do not divide the timeline of a guide, seconds. */
const TIMELINE_RES_S = 60;

const oneOf = <const T extends string>(values: readonly T[], description: string) =>
  Type.Optional(Type.Unsafe<T>(Type.String({ enum: [...values], description })));

const only = Type.Optional(
  Type.Unsafe<string>({ ...StreamName, description: 'the only stream, also one that is unlisted' }),
);
/** Players may add more to an address. */
const GuideQuery = Type.Object({ stream: only });
const ListQuery = Type.Object({
  stream: only,
  format: oneOf(listFormats, 'MPEG-TS (default) or low-latency HLS with fragmented MP4'),
  catchup: oneOf(catchUpModes, 'how the player forms addresses of the past; default `append`'),
});
const ListText = Type.String({ description: 'an M3U playlist' });
const GuideText = Type.String({ description: 'an XMLTV document' });

type Caller = Pick<
  RouteCall<unknown, Static<typeof GuideQuery>>,
  'principal' | 'client' | 'token' | 'elsewhere' | 'signal' | 'query'
>;

/** A stream that the client may watch. */
interface Shown {
  readonly view: StreamView;
  /** Before every path of the stream. */
  readonly base: string;
}

/** The answer of the owner of a stream to a GET for the same client; undefined if it is refused. */
async function askOwner<T>(path: string, { token, elsewhere }: Caller): Promise<T | undefined> {
  const { lists } = await elsewhere(token === undefined ? path : printSignedPath(token, path));
  return lists[0]?.body as T | undefined;
}

const isElsewhere = (name: string, { otherNodes }: HttpDeps) => otherNodes?.ownerOf('stream', name) !== undefined;

/**
 * The streams of all nodes, or the only one that is requested: those of other nodes as far as the client may
 * find them.
 */
async function candidates(call: Caller, deps: HttpDeps): Promise<readonly StreamView[]> {
  const { query, elsewhere } = call;
  const { streams, otherNodes } = deps;
  if (query.stream !== undefined) {
    const path = `/api/v1/streams/${query.stream}`;
    const answer = isElsewhere(query.stream, deps) ? askOwner<StreamView>(path, call) : streams.get(query.stream);
    const view = await answer;
    return view ? [view] : [];
  }
  const [items, others] = await Promise.all([streams.list(), elsewhere('/api/v1/streams')]);
  const keyOf = ({ name }: StreamView) => name;
  return mergePages({ items, nextCursor: null }, others, {
    keyOf,
    cursorOf: keyOf,
    limit: Math.max(items.length, MOST),
    ownerOf: ({ name }) => otherNodes?.ownerOf('stream', name),
    compare: (a, b) => (a.name < b.name ? -1 : 1),
  }).items;
}

/**
 * The streams that the client may find, and those of its playback token. Streams that need a token have one
 * in their address: the client's, or for a client with credentials, which players do not send with media, a
 * new one.
 *
 * @throws OxbowError `watch-refused`, `watch-expired` for a token that is of none of them; `stream-unknown`
 *   for the only stream that is requested
 */
async function streamsFor(call: Caller, deps: HttpDeps): Promise<readonly Shown[]> {
  const { principal, client, token, query } = call;
  const { watch } = deps.access;
  const nowMs = deps.clock.nowMs();
  const origin = client.origin ?? '';
  let verdict: WatchVerdict = 'refused';
  const baseFor = ({ name, visibility }: StreamView): string | undefined => {
    if (token !== undefined) {
      const tokenVerdict = watch.verify(token, name, 'playlist', nowMs);
      if (tokenVerdict !== 'refused') verdict = verdict === 'ok' ? verdict : tokenVerdict;
      if (tokenVerdict === 'ok') return origin + printSignedPath(token, '');
    }
    if (!may(principal, query.stream === undefined ? 'list' : 'watch', { visibility })) return undefined;
    if (visibility === 'public' || visibility === 'unlisted') return origin;
    if (token !== undefined || !may(principal, 'watcher')) return undefined;
    // The same within an hour, so that the list is; and valid for a day, as the tokens that pages create.
    const expiresMs = Math.floor(nowMs / HOUR_MS) * HOUR_MS + DAY_MS;
    return origin + printSignedPath(watch.sign(name, expiresMs, principal.account), '');
  };
  const shown = (await candidates(call, deps)).flatMap((view) => {
    const base = baseFor(view);
    if (base === undefined) return [];
    // Other nodes have shown theirs to this client already.
    return [{ view: isElsewhere(view.name, deps) ? view : seenView(view, call, deps), base }];
  });
  if (token !== undefined) checkVerdict(verdict);
  if (query.stream !== undefined && shown.length === 0) throw streamUnknown(query.stream);
  return shown;
}

const hasVideo = ({ tracks }: StreamView): boolean => tracks.some(({ kind }) => kind === 'video');

/** Whole days of the recording; undefined where nothing is recorded. */
function daysOf({ record, recorded: { from } }: StreamView, nowMs: number): number | undefined {
  if (from === null) return record ? 1 : undefined;
  return Math.max(1, Math.ceil((nowMs - Date.parse(from)) / DAY_MS));
}

function stillOf({ view: { name }, base }: Shown, ms: number): string {
  return base + printMediaAddress({ kind: 'still', stream: name, at: String(Math.ceil(ms / 1000)) });
}

/** The picture of a stream, or one of its recording that is the same for an hour. */
function logoOf(shown: Shown): string | undefined {
  const { view, base } = shown;
  if (view.picture !== null) return base + view.picture;
  const { from, to } = view.recorded;
  if (from === null || to === null || !hasVideo(view)) return undefined;
  return stillOf(shown, Math.max(Date.parse(from), Math.floor(Date.parse(to) / HOUR_MS) * HOUR_MS));
}

async function channelList(
  call: Caller & { readonly query: Static<typeof ListQuery> },
  deps: HttpDeps,
): Promise<Reply> {
  const { query, client, token } = call;
  const shown = await streamsFor(call, deps);
  const nowMs = deps.clock.nowMs();
  const channels = shown.map((channel) => ({
    name: channel.view.name,
    title: channel.view.title || channel.view.name,
    base: channel.base,
    logo: logoOf(channel),
    isRadio: channel.view.tracks.length > 0 && !hasVideo(channel.view),
    days: daysOf(channel.view, nowMs),
    format: query.format ?? 'ts',
  }));
  const path = `/xmltv.xml${query.stream === undefined ? '' : `?stream=${query.stream}`}`;
  const guide = `${client.origin ?? ''}${token === undefined ? path : printSignedPath(token, path)}`;
  const text = printChannelList(channels, guide, query.catchup ?? 'append');
  return playlistReply(text, 'max-age=60', 'audio/x-mpegurl; charset=utf-8');
}

/** The timeline of a stream, on the node that has it. */
async function timelineOf(
  { view: { name } }: Shown,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  call: Caller,
  deps: HttpDeps,
): Promise<TimelineView | undefined> {
  if (!isElsewhere(name, deps)) {
    const visible = visibleTo(name, call, deps);
    if (visible && !visible.isStarted) return undefined;
    const [seenFromMs, seenToMs] = [Math.max(fromMs, visible?.fromMs ?? 0), Math.min(toMs, visible?.toMs ?? toMs)];
    if (seenFromMs >= seenToMs) return undefined;
    return deps.streams.timeline(name, Math.ceil(seenFromMs), Math.floor(seenToMs), TIMELINE_RES_S);
  }
  return askOwner(`/api/v1/streams/${name}/timeline?from=${fromMs}&to=${toMs}&res=${TIMELINE_RES_S}`, call);
}

/** What a channel has scheduled from an instant until a day after now; undefined: it is none. */
async function scheduledOf(
  { view: { name, source } }: Shown,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  { guides, call, deps }: { readonly guides: Guides; readonly call: Caller; readonly deps: HttpDeps },
): Promise<readonly Scheduled[] | undefined> {
  if (source.type !== 'channel') return undefined;
  if (!isElsewhere(name, deps)) return guides.scheduled(name, fromMs, toMs + DAY_MS);
  const path = `/api/v1/streams/${name}/channel/guide?from=${fromMs}&to=${toMs + DAY_MS}`;
  const answer = await askOwner<Static<typeof ChannelGuide>>(path, call);
  return answer?.items.map(({ title, from, to }) => ({ title, fromMs: Date.parse(from), toMs: Date.parse(to) }));
}

async function guideChannel(
  shown: Shown,
  most: number,
  { guides, call, deps }: { readonly guides: Guides; readonly call: Caller; readonly deps: HttpDeps },
): Promise<GuideChannel> {
  const { view } = shown;
  const nowMs = Math.floor(deps.clock.nowMs());
  const title = view.title || view.name;
  const fromMs = guideStart(nowMs, Math.min(MOST_DAYS, daysOf(view, nowMs) ?? 1));
  const timeline = await timelineOf(shown, { fromMs, toMs: nowMs }, call, deps);
  const isLive = view.state === 'live' || view.state === 'starting' || view.state === 'waiting';
  const scheduled = await scheduledOf(shown, { fromMs, toMs: nowMs }, { guides, call, deps });
  const { description } = view;
  const programmes = timeline && programmesOf({ title, description, isLive, timeline, scheduled }, nowMs);
  return {
    id: view.name,
    title,
    logo: logoOf(shown),
    programmes: programmes?.slice(-most) ?? [],
    stillAt: hasVideo(view) ? (ms) => stillOf(shown, ms) : undefined,
  };
}

async function guide(call: Caller, guides: Guides, deps: HttpDeps): Promise<Reply> {
  const shown = await streamsFor(call, deps);
  const most = Math.max(1, Math.floor(MOST_PROGRAMMES / Math.max(1, shown.length)));
  // Those with a right on a stream get another guide than viewers.
  const rulesFor = ({ past }: StreamView) => (past && !past.isExempt ? JSON.stringify(past) : '');
  const name = shown
    .map(({ view, base }) => `${base}/${view.name}${rulesFor(view)}${guides.roomTitle(view.name)}`)
    .join(' ');
  const print = async ({ signal }: { readonly signal: AbortSignal }) => {
    const channels: GuideChannel[] = [];
    // One after another: each is a query of the database.
    for (const channel of shown) {
      signal.throwIfAborted();
      channels.push(await guideChannel(channel, most, { guides, call, deps }));
    }
    return printXmltv(channels);
  };
  return guides.get(name, print, call);
}

const defineRoute = rowsFor<Guides>();

function listRoute(path: '/playlist.m3u' | '/playlist.m3u8'): FeatureRoute<Guides> {
  return defineRoute({
    method: 'GET',
    path,
    tag: 'players',
    access: 'viewer',
    sentence: 'Lists the streams that the client may watch as channels for IPTV players, with catch-up.',
    query: ListQuery,
    replies: { 200: ListText },
    fileTypes: ['audio/x-mpegurl'],
    limit: 'guides',
    answer: async (call, _, deps) => ({ file: await channelList(call, deps) }),
  });
}

/** The rows. */
export const iptvRoutes = [
  listRoute('/playlist.m3u'),
  listRoute('/playlist.m3u8'),
  defineRoute({
    method: 'GET',
    path: '/xmltv.xml',
    tag: 'players',
    access: 'viewer',
    query: GuideQuery,
    sentence:
      'Returns the programme guide of these channels: markers or the schedule of a channel, and hours of the recording.',
    replies: { 200: GuideText },
    fileTypes: ['application/xml'],
    limit: 'guides',
    answer: async (call, guides, deps) => ({ file: await guide(call, guides, deps) }),
  }),
  defineRoute({
    method: 'GET',
    path: '/xmltv.xml.gz',
    tag: 'players',
    access: 'viewer',
    query: GuideQuery,
    sentence: 'Returns the programme guide as a gzip file, for players that request no compressed answers.',
    replies: { 200: GuideText },
    fileTypes: ['application/gzip'],
    limit: 'guides',
    async answer(call, guides, deps) {
      const { body, cacheControl, etag, gzip } = await guide(call, guides, deps);
      const bytes = gzip?.() ?? gzipSync(body[0] as Uint8Array);
      const file = { contentType: 'application/gzip', cacheControl, length: bytes.length, body: [bytes] };
      return { file: { ...file, ...(etag !== undefined && { etag: `${etag}-file` }) } };
    },
  }),
];
