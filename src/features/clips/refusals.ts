/**
 * The error codes of clips, a part of the table of all errors.
 * In: nothing. Out: rows for lib/errors.ts.
 */

/** Keys are the stable codes. */
export const clipRefusals = {
  'clip-unknown': { status: 404, title: 'Unknown clip', hint: 'GET /api/v1/clips lists them.' },
  'clip-too-long': { status: 400, title: 'The clip is too long', hint: 'A clip is at most an hour long.' },
  'clip-more-open': {
    status: 409,
    title: 'The clip would be open to more people than its stream',
    hint: 'Repeat the request with `"confirm": true`, or choose the visibility of the stream.',
  },
  'clip-lost': {
    status: 410,
    title: 'The media of the clip was deleted',
    hint: 'The disk was full and nothing else could be deleted, or an administrator deleted the range. For a full disk, increase `record.maxDisk` or keep recordings for a shorter time.',
  },
} as const;
