/**
 * The route to which players send their events: hls.js, dash.js, Shaka Player and others with CMCD version 2.
 * In: lines of CMCD in a body, or one in the query. Out: 204 for every page; no cookie is read or set.
 * CTA-5004-B, event mode.
 */
import type { Readable } from 'node:stream';
import { may } from '../../accounts/permissions.ts';
import type { InsightApi } from '../../api/insight/insight-api.ts';
import { tokenNameOf } from '../../api/library/assets-api.ts';
import { Type } from '../../api/type.ts';
import type { HttpDeps } from '../../http/deps.ts';
import type { RouteCall } from '../../http/route/route.ts';
import { OxbowError } from '../../lib/errors.ts';
import { isOptedOut } from '../../serve/client/cmcd.ts';
import { rowsFor } from '../feature.ts';
import type { Collector, ReportSender } from './collector.ts';
import type { Named } from './watched.ts';

/** Bytes of a body: players collect some tens of events. */
const MAX_BODY_BYTES = 64 * 1024;
const MAX_LINES = 500;

const CmcdQuery = Type.Object(
  {
    CMCD: Type.Optional(Type.String({ maxLength: 8192, description: 'one report, in place of a body' })),
    content: Type.Optional(
      Type.String({
        maxLength: 1024,
        description:
          'What is watched, if reports have no `cid`: the name of a stream, `asset:ID`, or the address of a playlist or manifest.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** What the routes of insight use. */
export interface Insight {
  readonly api: InsightApi;
  readonly collector: Collector;
}

/** The row. */
export const collectorRoute = rowsFor<Insight>()({
  method: 'POST',
  path: '/api/v1/cmcd',
  tag: 'insight',
  access: 'anyone',
  anyPage: true,
  sentence:
    'Takes reports of players: events of CMCD version 2, one on each line (`application/cmcd`), at most 64 KiB. `cid` names what is watched.',
  query: CmcdQuery,
  streams: true,
  isRoutine: true,
  limit: 'reports',
  replies: { 204: undefined },
  async answer(call, { collector }, deps) {
    const { CMCD: one, content } = call.query;
    const lines = one === undefined ? linesOf(await readBody(call.stream, call)) : [one];
    const readable = await collector.take(lines, senderOf(call, deps), 'event', content);
    if (readable === 0) {
      throw new OxbowError(
        'bad-request',
        'The body is no CMCD: send one report on each line, such as `cid="door",sid="…",sta=p`.',
      );
    }
    return { status: 204 };
  },
});

function linesOf(text: string): string[] {
  const lines = text.split('\n', MAX_LINES + 1).map((line) => line.trim());
  return lines.filter((line) => line !== '').slice(0, MAX_LINES);
}

/** @throws OxbowError `payload-too-large` */
async function readBody(stream: Readable, { header, signal }: Pick<RouteCall, 'header' | 'signal'>): Promise<string> {
  const tooLarge = () =>
    new OxbowError(
      'payload-too-large',
      `The body has more than ${MAX_BODY_BYTES} bytes. Send fewer reports at a time.`,
    );
  if (Number(header('content-length') ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of stream.iterator({ destroyOnReturn: false })) {
    signal.throwIfAborted();
    bytes += piece.length;
    if (bytes > MAX_BODY_BYTES) throw tooLarge();
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function senderOf(call: RouteCall, deps: HttpDeps): ReportSender {
  const { client, header } = call;
  const host = client.origin === undefined ? undefined : URL.parse(client.origin)?.host;
  const hosts = [host, header('host')?.toLowerCase(), header('x-forwarded-host')?.toLowerCase()];
  return {
    client,
    country: client.country,
    ownHosts: hosts.filter((each) => each !== undefined),
    isOptedOut: isOptedOut({ dnt: header('dnt'), 'sec-gpc': header('sec-gpc') }),
    mayWatch: (named) => mayWatch(call, named, deps),
  };
}

/** Reports about what the sender may not watch are not counted, and the answer does not say so. */
async function mayWatch(call: RouteCall, { kind, name }: Named, deps: HttpDeps): Promise<boolean> {
  try {
    if (kind === 'stream') return !deps.streams.isPrivate(name) || call.sees(name);
    const asset = await deps.assets.access(name);
    if (!asset) return false;
    if (may(call.principal, 'watchAsset', asset)) return true;
    const { token } = call;
    return (
      token !== undefined && deps.access.watch.verify(token, tokenNameOf(name), 'playlist', deps.clock.nowMs()) === 'ok'
    );
  } catch (error) {
    if (error instanceof OxbowError) return false; // an expired token
    throw error;
  }
}
