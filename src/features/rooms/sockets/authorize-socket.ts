/**
 * Authorizes the WebSocket of a room: a user or a guest, by cookie or bearer token, and not a page of another
 * site.
 * In: a request to upgrade. Out: the client, or a refusal.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { HttpDeps } from '../../../http/deps.ts';
import { socketRequestOf } from '../../../http/upgrades.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { Authenticator } from '../../../serve/client/authenticate.ts';
import { type OwnHosts, refuseOtherHosts } from '../../../serve/client/host-check.ts';
import type { RoomClient } from './room-connection.ts';

/** The fields that credentials are read from: the others are not kept for the life of a connection. */
const KEPT = ['authorization', 'cookie', 'host', 'forwarded', 'x-forwarded-host', 'x-forwarded-proto'] as const;

/** The kept fields, as far as they were sent. */
export function keptFields(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  // A field that is there without a value would count as one of a proxy.
  return Object.fromEntries(KEPT.filter((name) => headers[name] !== undefined).map((name) => [name, headers[name]]));
}

/**
 * Authorizes the sender.
 *
 * @throws OxbowError `host-refused`, `too-many-requests`, `cross-site`, `unauthorized`
 */
export function authorizeRoomSocket(
  {
    limits,
    authenticator,
    ownHosts,
  }: Pick<HttpDeps, 'limits'> & {
    readonly authenticator: Authenticator;
    readonly ownHosts: OwnHosts;
  },
  message: IncomingMessage,
): RoomClient {
  const request = socketRequestOf(message);
  const { headers } = request;
  refuseOtherHosts(ownHosts, request);
  const client = authenticator.clientOf(request);
  limits.take('rooms', client);
  authenticator.tryToken(request);
  // A page of another site could use the cookie; one without it is refused just the same.
  authenticator.refuseForeign(request);
  const { user } = authenticator.authenticate(request);
  if (!user)
    throw new OxbowError('unauthorized', 'Rooms are for people with a name: sign in, or enter as a guest.', {
      extra: { hint: 'POST /api/v1/guests with a name gives a session.' },
    });
  const later = { ...request, headers: keptFields(headers) };
  return {
    user,
    from: { address: client.address, country: client.country },
    credentials() {
      const now = authenticator.principalOf(later).user;
      if (now?.id !== user.id) return 'ended';
      return now.role === user.role ? 'valid' : 'changed';
    },
  };
}
