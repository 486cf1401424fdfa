/**
 * Who listens to events, what of, and whether they still may: rights end while a line is open.
 * In: a request with the right to watch that stood in front of its path, what it wants. Out: EventSubscriber, or a refusal. docs/media.md 32.
 */
import type { Access } from '../../accounts/access.ts';
import { parseSignedPath } from '../../api/signed-path.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Authenticator, AuthRequest } from '../api/authenticate.ts';
import { bucketOwner } from '../api/rate-limit.ts';
import { checkVerdict } from '../media/watch-token-policy.ts';
import type { EventFilter, EventSubscriber } from './event-filter.ts';

/** Where events are. */
export const EVENTS_PATH = '/api/v1/events';

/** A request's path and query without the right to watch that stands in front, where it is one for events. */
export function eventsTarget(
  target: string,
): { readonly path: string; readonly token: string | undefined } | undefined {
  const signed = parseSignedPath(target);
  const path = signed?.path ?? target;
  return path.split('?', 1)[0] === EVENTS_PATH ? { path, token: signed?.token } : undefined;
}

/**
 * Who listens. A right to watch is asked for its one stream alone: a token does not tell which that is, and what is about no stream is
 * not for guests. Whoever may see everything needs none, and is not held to one.
 *
 * @param token that stood in front of the path; undefined: none did
 * @throws OxbowError `cross-site`; of a token `bad-request` where no stream is named, `watch-refused`, `watch-expired`
 */
export function subscriberOf(
  {
    access,
    clock,
    authenticator,
  }: { readonly access: Access; readonly clock: Clock; readonly authenticator: Authenticator },
  request: AuthRequest,
  token: string | undefined,
  { stream }: EventFilter,
): EventSubscriber {
  const { isAdmin, seesAll } = authenticator.authenticate(request);
  const owner = bucketOwner(authenticator.clientOf(request));
  if (seesAll || token === undefined) {
    const ended = () => {
      if (!seesAll) return undefined;
      const now = authenticator.principalOf(request);
      return now.seesAll && now.isAdmin === isAdmin ? undefined : 'unauthorized';
    };
    return { isAdmin, owner, sees: () => seesAll, ended };
  }
  if (stream === undefined) {
    throw new OxbowError('bad-request', 'A right to watch is for one stream, and this request names none.', {
      extra: { hint: 'Add `stream=` and its name to the query.' },
    });
  }
  const verdict = () => access.watch.verify(token, stream, 'playlist', clock.nowMs());
  checkVerdict(verdict());
  const ended = () => {
    const now = verdict();
    return now === 'ok' ? undefined : (`watch-${now}` as const);
  };
  return { isAdmin: false, owner, sees: (name) => name === stream, ended };
}
