/**
 * Signs requests to webhooks, so that the receiver can verify the sender. Standard Webhooks 1.0,
 * "Signature scheme" (symmetric).
 * In: a secret, an id, a time, a body. Out: header fields.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { OxbowError } from '../lib/errors.ts';

const PREFIX = 'whsec_';
const MIN_BYTES = 24;
const MAX_BYTES = 64;

/** Creates a secret of 32 random bytes. */
export function makeSecret(): string {
  return PREFIX + randomBytes(32).toString('base64');
}

/**
 * Checks that a secret is valid.
 *
 * @throws OxbowError `bad-request`
 */
export function checkSecret(secret: string): void {
  const text = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : '';
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') === text && bytes.length >= MIN_BYTES && bytes.length <= MAX_BYTES) return;
  throw new OxbowError(
    'bad-request',
    `The secret is invalid. Use ${PREFIX} followed by ${MIN_BYTES} to ${MAX_BYTES} bytes in base64.`,
    {
      extra: {
        hint: `Omit it to get a generated one, or create one: printf '${PREFIX}%s' "$(openssl rand -base64 32)"`,
      },
    },
  );
}

/**
 * The header fields that sign a message.
 *
 * @param id the same for each attempt to send a message
 * @param nowMs ms since 1970
 */
export function sign(secret: string, id: string, nowMs: number, body: string): Record<string, string> {
  const timestamp = String(Math.floor(nowMs / 1000));
  const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}
