/**
 * What the routes of Web Push do: subscriptions of the caller, what they follow, the key of the server.
 * In: principals of requests. Out: rows, messages to try. docs/4-watch/phone.md.
 */

import { createPublicKey } from 'node:crypto';
import type { Principal } from '../../accounts/principal.ts';
import type { Session } from '../../accounts/sessions.ts';
import { printRfc3339 } from '../../api/instant.ts';
import {
  type NewPushSubscription,
  type PushKind,
  type PushSubscriptionView,
  type PushView,
  pushKinds,
} from '../../api/push/push-shapes.ts';
import { streamUnknown } from '../../api/stream/stream-refusals.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { PushSender } from './push-sender.ts';
import type { ServerKey } from './server-key.ts';
import type { StoredSubscription, SubscriptionTable } from './subscription-table.ts';

/** A message to try is kept for a browser that is away, seconds. */
const TEST_TTL_S = 60;

/** Dependencies. */
export interface PushServiceParts {
  readonly table: SubscriptionTable;
  readonly key: ServerKey;
  readonly sender: Pick<PushSender, 'add'>;
  readonly isOn: () => boolean;
  /** Internal id of a stream of this process. */
  readonly idOf: (name: string) => string | undefined;
  readonly clock: Pick<Clock, 'nowMs'>;
}

export class PushService {
  readonly #parts: PushServiceParts;

  constructor(parts: PushServiceParts) {
    this.#parts = parts;
  }

  /** What a browser of the caller needs to subscribe. The key is made at the first request. */
  async view(principal: Principal): Promise<PushView> {
    const { table, key, isOn } = this.#parts;
    const enabled = isOn();
    const follows = await table.follows(userOf(principal));
    const publicKey = enabled ? (await key.get()).publicKey : null;
    return { enabled, publicKey, kinds: kindsOf(principal), follows: [...follows] };
  }

  /**
   * Subscribes the browser of the caller, or changes what it subscribed to.
   *
   * @param from.origin of the page, for push services that want to reach the operator
   * @throws OxbowError `push-off`; `forbidden` without a session of a browser; `bad-request`; `limit-reached`
   */
  async subscribe(
    principal: Principal,
    { endpoint, keys, kinds, streams }: NewPushSubscription,
    from: { readonly origin: string; readonly program: string },
  ): Promise<PushSubscriptionView> {
    if (!this.#parts.isOn()) throw new OxbowError('push-off', 'This server sends no messages: push.enabled is off.');
    const session = sessionOf(principal);
    const subscription = await this.#parts.table.put({
      sessionId: session.id,
      userId: userOf(principal),
      target: { endpoint: checkedEndpoint(endpoint), p256dh: checkedKey(keys.p256dh), auth: keys.auth },
      kinds: kinds.filter((kind) => kindsOf(principal).includes(kind)),
      allStreams: streams === 'all',
      ...from,
    });
    return viewOf(subscription, session);
  }

  /** The browsers of the caller. */
  async list(principal: Principal): Promise<readonly PushSubscriptionView[]> {
    const rows = await this.#parts.table.of(userOf(principal));
    return rows.map((row) => viewOf(row, principal.session));
  }

  /** Ends a subscription of the caller. @throws OxbowError `push-unknown` */
  async unsubscribe(principal: Principal, id: string): Promise<void> {
    await this.#find(principal, id);
    await this.#parts.table.remove(id);
  }

  /** Sends a message to try. @throws OxbowError `push-off`, `push-unknown` */
  async test(principal: Principal, id: string): Promise<void> {
    const { isOn, sender, clock } = this.#parts;
    if (!isOn()) throw new OxbowError('push-off', 'This server sends no messages: push.enabled is off.');
    const to = await this.#find(principal, id);
    const words = { stream: '', title: '', alarm: '', url: '/me', tag: 'test' };
    sender.add({
      to,
      message: Object.assign(words, { kind: 'test' as const, atMs: clock.nowMs() }),
      handling: { ttlS: TEST_TTL_S, urgency: 'high', topic: 'test' },
    });
  }

  /** The caller follows a stream, or stops. @throws OxbowError `stream-unknown`, `limit-reached` */
  async follow(principal: Principal, name: string, isFollowed: boolean): Promise<void> {
    const { table, idOf } = this.#parts;
    const streamId = idOf(name);
    if (streamId === undefined) throw streamUnknown(name);
    if (isFollowed) await table.follow(userOf(principal), streamId);
    else await table.unfollow(userOf(principal), streamId);
  }

  /** Whether the caller follows a stream, also one that they may not see any more. */
  async isFollowed(principal: Principal, name: string): Promise<boolean> {
    const streamId = this.#parts.idOf(name);
    return streamId !== undefined && (await this.#parts.table.isFollowed(userOf(principal), streamId));
  }

  /** Replaces the key of the server; every browser has to subscribe again. */
  async rotate(): Promise<void> {
    await this.#parts.key.rotate();
  }

  async #find(principal: Principal, id: string): Promise<StoredSubscription> {
    const subscription = await this.#parts.table.find(id, userOf(principal));
    if (!subscription) throw new OxbowError('push-unknown', `You have no subscription "${id.slice(0, 40)}".`);
    return subscription;
  }
}

/** What a person may be notified of. */
function kindsOf({ isAdmin }: Principal): PushKind[] {
  return pushKinds.filter((kind) => kind !== 'alarms' || isAdmin);
}

/** The session of the caller: messages end with it. */
function sessionOf({ session }: Principal): Session {
  if (session && !session.isTelevision) return session;
  throw new OxbowError('forbidden', 'Only a person who is signed in in a browser gets messages there.');
}

/** Id of the caller, who is no television: those change nothing. @throws OxbowError `forbidden` */
function userOf({ user, session }: Principal): string {
  if (session?.isTelevision) throw new OxbowError('forbidden', 'A television gets no messages and follows nothing.');
  const id = session ? (session.userId ?? 'admin') : user?.id;
  if (id === undefined) throw new OxbowError('forbidden', 'This token acts for no person.');
  return id;
}

/** An https address without a login. @throws OxbowError `bad-request` */
function checkedEndpoint(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol === 'https:' && url.username === '' && url.password === '') return url.href;
  throw new OxbowError('bad-request', '`endpoint` must be an https address of a push service, without a login.');
}

/** An uncompressed point of P-256. @throws OxbowError `bad-request` */
function checkedKey(text: string): string {
  const bytes = Buffer.from(text, 'base64url');
  const [x, y] = [bytes.subarray(1, 33), bytes.subarray(33)].map((half) => half.toString('base64url'));
  try {
    if (bytes.length === 65 && bytes[0] === 4) {
      createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: x!, y: y! }, format: 'jwk' });
      return text;
    }
  } catch {
    // Reported below.
  }
  throw new OxbowError('bad-request', '`keys.p256dh` is not a public key: 65 bytes, a point of P-256.');
}

function viewOf(row: StoredSubscription, session: Session | undefined): PushSubscriptionView {
  return {
    id: row.id,
    program: row.program,
    current: row.sessionId === session?.id,
    kinds: [...row.kinds],
    streams: row.allStreams ? 'all' : 'followed',
    createdAt: printRfc3339(row.createdMs),
    sentAt: row.sentMs === undefined ? null : printRfc3339(row.sentMs),
    failing: row.failingMs !== undefined,
  };
}
