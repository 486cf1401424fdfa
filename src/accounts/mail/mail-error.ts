/**
 * The failure of a message.
 * In: the words of a mail server. Out: errors that say whether a later attempt may help.
 */

/** A message that was not delivered. */
export class MailError extends Error {
  override readonly name = 'MailError';
  /** The server may accept it later. */
  readonly isTemporary: boolean;

  constructor(message: string, isTemporary: boolean, cause: unknown) {
    super(message, { cause });
    this.isTemporary = isTemporary;
  }
}
