/**
 * Responses of the origin that are no media: errors, which are passed on as they are.
 * In: a response. Out: an error that responders send unchanged.
 */
import type { IncomingHttpHeaders } from 'node:http';

/** Fields of an error that clients get. */
const PASSED = ['content-type', 'cache-control', 'retry-after', 'www-authenticate', 'allow', 'vary'] as const;

export class OriginRefusal extends Error {
  override readonly name = 'OriginRefusal';
  readonly status: number;
  readonly fields: Readonly<Record<string, string>>;
  readonly body: Uint8Array;

  constructor(status: number, headers: IncomingHttpHeaders, body: Uint8Array) {
    super(`the origin answered ${status}`);
    this.status = status;
    this.body = body;
    this.fields = Object.fromEntries(
      PASSED.flatMap((name) => (typeof headers[name] === 'string' ? [[name, headers[name]]] : [])),
    );
  }

  /** Code of the problem document; undefined for another body. RFC 9457. */
  get code(): string | undefined {
    if (!this.fields['content-type']?.startsWith('application/problem+json')) return undefined;
    try {
      const { code } = JSON.parse(Buffer.from(this.body).toString()) as { code?: unknown };
      return typeof code === 'string' ? code : undefined;
    } catch {
      return undefined;
    }
  }
}

/** The origin must answer this request itself: the object is too large to keep, or of unknown length. */
export class PassOn extends Error {
  override readonly name = 'PassOn';
}

/**
 * The request must be looked up again: the answer was to another client's token, which the origin refused.
 */
export class AskAgain extends Error {
  override readonly name = 'AskAgain';
}

/** Whether an error is one of this file: another answer of the origin than media. */
export function isOfOrigin(error: unknown): boolean {
  return error instanceof OriginRefusal || error instanceof PassOn || error instanceof AskAgain;
}

/** Whether an error is an answer, not a bug. */
export function isRefusal(error: unknown): boolean {
  return isOfOrigin(error) || (error as { name?: unknown } | null)?.name === 'OxbowError';
}
