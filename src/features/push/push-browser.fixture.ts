/**
 * A browser that subscribes to messages, as its push service and its user agent see them: it reads what only
 * it can read. Written from the standards, without the library that oxbow uses.
 * In: requests of a push service. Out: messages. RFC 8188; RFC 8291; RFC 8292.
 */
import assert from 'node:assert/strict';
import { createDecipheriv, createECDH, createPublicKey, hkdfSync, randomBytes, verify } from 'node:crypto';
import type { NewPushSubscription, PushMessage } from '../../api/push/push-shapes.ts';

/** What a push service receives. Header names are in lower case. */
export interface ReceivedPush {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Uint8Array;
}

/** A browser with its keys. */
export class PushBrowser {
  readonly #keys = createECDH('prime256v1');
  readonly #auth = randomBytes(16);
  readonly endpoint: string;

  /** @param endpoint an address at its push service */
  constructor(endpoint: string) {
    this.endpoint = endpoint;
    this.#keys.generateKeys();
  }

  /** The body of a request that subscribes it. */
  subscription(more: Partial<NewPushSubscription> = {}): NewPushSubscription {
    const keys = { p256dh: this.#keys.getPublicKey('base64url'), auth: this.#auth.toString('base64url') };
    return { endpoint: this.endpoint, keys, kinds: ['live', 'clips', 'alarms'], streams: 'all', ...more };
  }

  /** The text of a message. RFC 8291 3.4; one record of RFC 8188. Throws if it is for another browser. */
  read({ headers, body }: ReceivedPush): PushMessage {
    assert.equal(headers['content-encoding'], 'aes128gcm');
    const bytes = Buffer.from(body);
    const salt = bytes.subarray(0, 16);
    const idLength = bytes[20]!;
    const sender = bytes.subarray(21, 21 + idLength);
    const shared = this.#keys.computeSecret(sender);
    const info = Buffer.concat([Buffer.from('WebPush: info\0'), this.#keys.getPublicKey(), sender]);
    const input = Buffer.from(hkdfSync('sha256', shared, this.#auth, info, 32));
    const derive = (use: string, length: number) =>
      Buffer.from(hkdfSync('sha256', input, salt, `Content-Encoding: ${use}\0`, length));
    const decipher = createDecipheriv('aes-128-gcm', derive('aes128gcm', 16), derive('nonce', 12));
    decipher.setAuthTag(bytes.subarray(-16));
    const padded = Buffer.concat([decipher.update(bytes.subarray(21 + idLength, -16)), decipher.final()]);
    const end = padded.lastIndexOf(2); // the delimiter of the last record
    return JSON.parse(padded.subarray(0, end).toString()) as PushMessage;
  }
}

/** Checks the signature of the server, and returns its claims. RFC 8292 2 and 3. */
export function claimsOf(
  { headers }: ReceivedPush,
  publicKey: string,
): { readonly aud: string; readonly exp: number; readonly sub: string } {
  const [, jwt, key] = /^vapid t=([^,]+), ?k=(.+)$/.exec(String(headers.authorization)) ?? [];
  assert.equal(key, publicKey, 'signed with the key that the browser subscribed with');
  const [head, claims, signature] = jwt!.split('.');
  const point = Buffer.from(publicKey, 'base64url');
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((half) => half.toString('base64url'));
  const verifier = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: x!, y: y! }, format: 'jwk' });
  const isValid = verify(
    'sha256',
    Buffer.from(`${head}.${claims}`),
    { key: verifier, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature!, 'base64url'),
  );
  assert.ok(isValid, 'the signature is valid');
  return JSON.parse(Buffer.from(claims!, 'base64url').toString());
}
