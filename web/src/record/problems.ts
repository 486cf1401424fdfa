/**
 * What a failure of the record page means for its user.
 * In: the code of the failure. Out: the field that shows it; whether the stream can be recorded in spite of
 * it. Pure.
 */

/** Whether the stream may still be created: the source may be available later, or only to the server. */
export function mayRecordAnyway(code: string): boolean {
  return ['source-failed', 'page-failed', 'address-refused', 'busy', 'not-ready'].includes(code);
}

/** The field that a failure belongs to; undefined: none. */
export function fieldOf(code: string): 'url' | 'name' | undefined {
  switch (code) {
    case 'bad-source':
      return 'url';
    case 'stream-exists':
    case 'managed-elsewhere':
    case 'bad-name':
      return 'name';
    default:
      return undefined;
  }
}
