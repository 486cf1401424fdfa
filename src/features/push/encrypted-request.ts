/**
 * A message as the request that a push service takes: encrypted for one browser, signed with the key of the
 * server. The library is loaded at the first use.
 * In: a message, the keys of the browser and of the server. Out: header fields and a body. RFC 8030; RFC
 * 8291; RFC 8292.
 */

/** A P-256 key pair, base64url. */
export interface ServerKeys {
  /** 65 bytes. */
  readonly publicKey: string;
  /** 32 bytes. */
  readonly privateKey: string;
}

/** Where a browser gets messages, and the keys that only it has the private halves of. */
export interface PushTarget {
  readonly endpoint: string;
  /** 65 bytes, base64url. */
  readonly p256dh: string;
  /** 16 bytes, base64url. */
  readonly auth: string;
}

/** How the push service treats a message. RFC 8030 5.2 to 5.4. */
export interface Handling {
  /** How long it is kept for a browser that is away, seconds. */
  readonly ttlS: number;
  readonly urgency: 'normal' | 'high';
  /** A later message with the same topic replaces it; at most 32 characters of base64url. */
  readonly topic: string;
}

const load = async () => (await import('web-push')).default;

/** A new key pair. */
export async function makeKeys(): Promise<ServerKeys> {
  return (await load()).generateVAPIDKeys();
}

/**
 * The request of one message.
 *
 * @param text at most 3,900 bytes
 * @param from.contact `mailto:` or `https:`, of the operator
 * @throws Error if a key of the browser is no point of P-256
 */
export async function encryptedRequest(
  text: string,
  { endpoint, p256dh, auth }: PushTarget,
  { ttlS, urgency, topic }: Handling,
  from: { readonly keys: ServerKeys; readonly contact: string },
): Promise<{ readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array }> {
  const { generateRequestDetails } = await load();
  const { publicKey, privateKey } = from.keys;
  const { headers, body } = generateRequestDetails({ endpoint, keys: { p256dh, auth } }, text, {
    vapidDetails: { subject: from.contact, publicKey, privateKey },
    contentEncoding: 'aes128gcm',
    TTL: ttlS,
    urgency,
    topic,
  });
  const fields = Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'content-length');
  return {
    headers: Object.fromEntries(fields.map(([name, value]) => [name.toLowerCase(), String(value)])),
    body: body!,
  };
}
