/**
 * Authorizes a subscriber to events, and notices when its permission ends during the connection.
 * In: a request, the playback token of its path, its filter. Out: EventSubscriber, or a refusal.
 * docs/media.md 32.
 */
import type { Access } from '../../accounts/access.ts';
import { bucketOwner } from '../../accounts/rate-limit.ts';
import { parseSignedPath } from '../../api/signed-path.ts';
import type { StreamsApi } from '../../api/streams-api.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Authenticator, AuthRequest } from '../../serve/client/authenticate.ts';
import { maySee } from '../../serve/client/may-see.ts';
import { checkVerdict } from '../../serve/media/watch-token-policy.ts';
import type { EventFilter, EventSubscriber } from './event-filter.ts';

/** Path of the event stream. */
export const EVENTS_PATH = '/api/v1/events';

/** Path, query and playback token of a request for events; undefined for any other request. */
export function eventsTarget(
  target: string,
): { readonly path: string; readonly token: string | undefined } | undefined {
  const signed = parseSignedPath(target);
  const path = signed?.path ?? target;
  return path.split('?', 1)[0] === EVENTS_PATH ? { path, token: signed?.token } : undefined;
}

/**
 * Authorizes a subscriber. A playback token gives the events of its one stream: the request names the stream,
 * since a token does not say which it is for. A principal that sees every stream needs no token, and one that
 * it sends is ignored.
 *
 * @param token in front of the path; undefined if there is none
 * @throws OxbowError `cross-site`; with a token also `bad-request` if no stream is named, `watch-refused`,
 *   `watch-expired`
 */
export function subscriberOf(
  {
    access,
    clock,
    authenticator,
    streams,
  }: {
    readonly access: Access;
    readonly clock: Clock;
    readonly authenticator: Authenticator;
    readonly streams: Pick<StreamsApi, 'visibilityOf'>;
  },
  request: AuthRequest,
  token: string | undefined,
  { stream }: EventFilter,
): EventSubscriber {
  const sender = authenticator.authenticate(request);
  const { isAdmin, seesAll, seesSigned, owner: principal, session } = sender;
  const owner = bucketOwner(authenticator.clientOf(request));
  if (seesAll || token === undefined) {
    const ended = () => {
      // A television has a session, but owns nothing.
      if (principal === '' && !session) return undefined;
      const now = authenticator.principalOf(request);
      const isSame =
        now.owner === principal &&
        now.session?.id === session?.id &&
        now.seesAll === seesAll &&
        now.isAdmin === isAdmin &&
        now.seesSigned === seesSigned;
      return isSame ? undefined : 'unauthorized';
    };
    return { isAdmin, principal, owner, sees: (name) => maySee(sender, name, streams), ended };
  }
  if (stream === undefined) {
    throw new OxbowError('bad-request', 'A playback token is for one stream, and this request names none.', {
      extra: { hint: 'Add `stream=` with the name of the stream to the query.' },
    });
  }
  const verdict = () => access.watch.verify(token, stream, 'playlist', clock.nowMs());
  checkVerdict(verdict());
  const ended = () => {
    const now = verdict();
    return now === 'ok' ? undefined : (`watch-${now}` as const);
  };
  return { isAdmin: false, principal: '', owner, sees: (name) => name === stream, ended };
}
