/**
 * The routes of televisions: a code that a television shows, and a person who allows it on another device.
 * In: pairings. Out: PairingView, and a session that watches only.
 */

import { printRfc3339 } from '../../api/instant.ts';
import {
  PAIRING_INTERVAL_S,
  PairingApproval,
  PairingClaim,
  PairingState,
  PairingView,
} from '../../api/television/television-shapes.ts';
import { OxbowError } from '../../lib/errors.ts';
import { rowsFor } from '../feature.ts';
import type { Pairings } from './pairings.ts';

const defineRoute = rowsFor<Pairings>();

/** The rows. */
export const televisionRoutes = [
  defineRoute({
    method: 'POST',
    path: '/api/v1/televisions',
    tag: 'access',
    access: 'anyone',
    limit: 'guests',
    isRoutine: true,
    sentence:
      'Creates the code that a television shows. A signed-in person enters it on another device; then the television redeems its secret.',
    replies: { 201: PairingView },
    async answer({ client }, pairings) {
      const { code, secret, expiresMs } = await pairings.make();
      const url = `${client.origin ?? ''}/tv/link#${code}`;
      return {
        status: 201,
        body: { code, secret, url, expiresAt: printRfc3339(expiresMs), intervalS: PAIRING_INTERVAL_S },
      };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/televisions/sessions',
    tag: 'access',
    access: 'anyone',
    limit: 'televisions',
    isRoutine: true,
    sentence:
      'Returns whether a person has allowed the television. If so, the answer sets the session cookie, once: a session that watches and joins rooms as that person, and changes nothing else.',
    body: PairingClaim,
    replies: { 200: PairingState },
    async answer({ body: { secret }, client, header }, pairings, { access }) {
      const allowed = await pairings.redeem(secret);
      if (!allowed) return { body: { paired: false, opens: null } };
      const { userId, opens, sessionId } = allowed;
      // A changed password, or a browser that is signed out, ends what was allowed there a moment before.
      if (!(await access.sessions.read(sessionId))) {
        throw new OxbowError('television-gone', 'The person who allowed this television has signed out since then.');
      }
      if (userId !== undefined && access.users.find(userId)?.state !== 'active') {
        throw new OxbowError('television-gone', 'The account that allowed this television is not active any more.');
      }
      const from = { address: client.address, program: header('user-agent') ?? '', userId, isTelevision: true };
      const made = await access.sessions.make(from);
      return { headers: { 'set-cookie': client.cookie(made.secret) }, body: { paired: true, opens } };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/televisions/approvals',
    tag: 'access',
    access: 'self',
    limit: 'passwords',
    sentence:
      'Allows the television that shows a code: it watches what the caller may watch, until its session is ended in the list of sessions.',
    body: PairingApproval,
    replies: { 204: undefined },
    async answer({ body: { code, opens = '/tv' }, principal }, pairings) {
      const { session } = principal;
      if (!session || session.isTelevision) {
        throw new OxbowError('forbidden', 'Only a person who is signed in in a browser can allow a television.');
      }
      await pairings.allow(code, { userId: session.userId, opens, sessionId: session.id });
      return { status: 204 };
    },
  }),
];
