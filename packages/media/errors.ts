/**
 * Errors of readers, writers and protocols: malformed input, and refusals with a code for programs.
 * In: a message. Out: typed errors, and the text of any thrown value. Pure.
 */

/** Malformed input: thrown by parsers, caught once by the owner of the connection or file. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
  /** Byte (or character) offset of the first invalid input. */
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/**
 * Something that oxbow rejects or cannot fulfil. Contains what a user needs to act. Formats throw it with the
 * code `unsupported-media`; `src/lib/errors.ts` has all codes.
 */
export class OxbowError<Code extends string = string> extends Error {
  override readonly name = 'OxbowError';
  readonly code: Code;
  /** Further members of the problem document, e.g. `retryAfterSeconds`. */
  readonly extra: Readonly<Record<string, unknown>>;

  /**
   * @param code stable; programs decide by it
   * @param detail what happened, with the offending value, for users; no secrets
   */
  constructor(code: Code, detail: string, options: { cause?: unknown; extra?: Record<string, unknown> } = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.extra = options.extra ?? {};
  }
}

/**
 * The message of any thrown value.
 *
 * @param error the caught value
 */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
