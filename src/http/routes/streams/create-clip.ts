/**
 * Creates a clip for the caller of a route: access to the stream, the broadcaster's rules for the past, the
 * line of the audit log.
 * In: a request, its caller. Out: the clip, refusals.
 */
import type { ClipView } from '../../../api/clips/clip-shapes.ts';
import type { ChangedClip, ClipRequest } from '../../../api/clips/clips-api.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { HttpDeps } from '../../deps.ts';
import type { RouteCall } from '../../route/route.ts';
import { assertMakesClips, visibleRange } from '../../route/visible-past.ts';
import { findStream } from './streams.ts';

/**
 * Creates it, if the caller may.
 *
 * @param create creates what was checked
 * @throws OxbowError `stream-unknown`, `clips-off`, `not-started`, `past-limited`; what `create` throws
 */
export async function createClip(
  request: ClipRequest,
  call: Pick<RouteCall, 'principal' | 'token' | 'sees' | 'client' | 'traceId'>,
  deps: HttpDeps,
  create: (request: ClipRequest) => Promise<ChangedClip>,
): Promise<ClipView> {
  const { stream, fromMs, toMs } = request;
  await findStream(stream, call.sees, deps);
  assertMakesClips(stream, call, deps);
  if (visibleRange(stream, { fromMs, toMs }, call, deps).fromMs > fromMs) throw clipLimited(stream);
  const made = await create(request);
  auditOpenedClip(made, call, deps);
  return made.view;
}

/** A separate line of the audit log: the request does not show what the clip was opened to. */
export function auditOpenedClip(
  { view, openedFrom }: ChangedClip,
  { principal, client, traceId }: Pick<RouteCall, 'principal' | 'client' | 'traceId'>,
  { access, log }: HttpDeps,
): void {
  if (openedFrom === undefined) return;
  const request = `clip ${view.id} of ${openedFrom} stream ${view.stream}: ${view.visibility}`;
  const { name, owner } = principal;
  access.audit.record({
    userId: owner.replace(/^user:/, ''),
    name,
    address: client.address,
    action: 'openClip',
    request,
    status: null,
    traceId,
  });
  log.info(
    { user: name, stream: view.stream, clip: view.id, visibility: view.visibility },
    'a clip is more open than its stream',
  );
}

/** The refusal of a clip of times that viewers do not see now. */
export function clipLimited(stream: string): OxbowError {
  return new OxbowError('past-limited', `The broadcaster does not show these times of ${stream} to viewers now.`);
}
