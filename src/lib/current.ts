/**
 * A value that may change while oxbow runs. Settings that follow a reload are passed this way and in no other: a parameter `settings` is
 * read at each use, a parameter `config` or a plain value is as it was at the start. Types alone.
 */

/** Reads the value as it is now; nobody keeps what it returns. */
export interface Current<T> {
  readonly now: T;
}
