/**
 * A value that may change while oxbow runs. Settings that can be reloaded are passed this way only: a
 * parameter `settings` is read at each use; a parameter `config` or a plain value is as of the start. Types
 * only.
 */

/** Reads the current value; callers do not store the result. */
export interface Current<T> {
  readonly now: T;
}
