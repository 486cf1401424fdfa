/**
 * The error of readers of formats. Apart from lib/errors.ts, so that pages which read times and playlists do
 * not load the table of all refusals.
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
