/**
 * Routes of playback tokens: administrators create and revoke them; clients send them in the path.
 * In: a stream's name, an expiry. Out: WatchToken. docs/media.md 32.
 */
import { WatchToken } from '../../../api/account/access-shapes.ts';
import { printRfc3339 } from '../../../api/instant.ts';
import { printMediaAddress } from '../../../api/media-address.ts';
import { printSignedPath } from '../../../api/signed-path.ts';
import { Type } from '../../../api/type.ts';
import { OxbowError } from '../../../lib/errors.ts';
import { expiresForms, readExpiry } from '../../route/expiry-field.ts';
import { defineRoute, type Route } from '../../route/route.ts';
import { findStream, NameParams } from './streams.ts';

const DAY_MS = 24 * 3_600_000;
/** Longest validity. A private stream is for administrators, whose pages create a token for a day. */
const LONGEST_MS = { private: DAY_MS, others: 366 * DAY_MS } as const;

const NewWatchToken = Type.Object(
  {
    expires: Type.Optional(Type.String({ maxLength: 64, description: `${expiresForms} Default: a day.` })),
    exempt: Type.Optional(
      Type.Boolean({
        description:
          "the broadcaster's rules for the past do not concern the holder of the link; only for those with a right on the stream. Default: false.",
      }),
    ),
  },
  { $id: 'NewWatchToken', additionalProperties: false },
);

/** The rows. */
export const watchTokenRoutes: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: '/api/v1/streams/:name/watch-tokens',
    tag: 'access',
    access: 'watcher',
    sentence:
      'Creates a link with a playback token for a stream that the caller may watch without one: valid for 366 days at most, for a private stream and for users 24 h.',
    params: NameParams,
    body: NewWatchToken,
    replies: { 201: WatchToken },
    async answer({ params: { name }, body, client, sees, principal }, deps) {
      const { visibility } = await findStream(name, sees, deps);
      const nowMs = deps.clock.nowMs();
      const expiresMs = body.expires === undefined ? nowMs + DAY_MS : readExpiry(body.expires, nowMs);
      if (expiresMs - nowMs > LONGEST_MS[visibility === 'private' || !principal.isAdmin ? 'private' : 'others']) {
        throw new OxbowError('bad-time', `\`expires\` (${body.expires}) is too far in the future.`, {
          extra: { hint: 'Use at most 366 days, for a private stream and as a user 24 h.' },
        });
      }
      if (body.exempt && !principal.seesAll) {
        throw new OxbowError('forbidden', '`exempt` (true) is only for users with a right on the stream.');
      }
      const token = deps.access.watch.sign(name, expiresMs, principal.account, body.exempt);
      const origin = client.origin ?? '';
      return {
        status: 201,
        body: {
          token,
          url: `${origin}/watch/${name}?token=${token}`,
          hls: `${origin}${printSignedPath(token, printMediaAddress({ kind: 'index', stream: name }))}`,
          expiresAt: printRfc3339(Math.ceil(expiresMs / 1000) * 1000),
        },
      };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/streams/:name/watch-tokens/revoke',
    tag: 'access',
    access: 'admin',
    sentence: 'Revokes all playback tokens of a stream at once.',
    params: NameParams,
    replies: { 204: undefined },
    async answer({ params: { name }, sees }, deps) {
      await findStream(name, sees, deps);
      await deps.access.watch.revoke(name);
      return { status: 204 };
    },
  }),
];
