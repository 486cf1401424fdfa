/**
 * The mail server behind a circuit breaker: while it does not answer, messages wait for their next attempt at
 * once.
 * In: messages of the queue. Out: the transport; temporary MailErrors.
 */
import type { Breaker } from '../../lib/breaker/breaker.ts';
import { OxbowError } from '../../lib/errors.ts';
import { MailError } from './mail-error.ts';
import type { MailTransport } from './transport.ts';

/** Longest attempt to send a message, ms; the transport has shorter limits for each step. */
export const MAIL_TIMEOUT_MS = 60_000;

/**
 * Whether an error shows that the mail server does not work. Its own words, such as 451 (RFC 5321 4.2.1), are
 * an answer.
 */
export function isMailFailure(error: unknown): boolean {
  if (!(error instanceof MailError)) return true;
  const { responseCode } = (error.cause ?? {}) as { readonly responseCode?: number };
  return error.isTemporary && responseCode === undefined;
}

/**
 * The same transport behind a breaker.
 *
 * @param options.signal ends the waits
 */
export function guardTransport(
  transport: Pick<MailTransport, 'send'>,
  breaker: Pick<Breaker, 'call'>,
  { signal }: { readonly signal: AbortSignal },
): Pick<MailTransport, 'send'> {
  return {
    async send(to, content) {
      try {
        await breaker.call(() => transport.send(to, content), { signal });
      } catch (error) {
        if (error instanceof MailError) throw error;
        const reason = error instanceof OxbowError ? 'the mail server does not answer' : 'no answer in time';
        throw new MailError(reason, true, error);
      }
    },
  };
}
