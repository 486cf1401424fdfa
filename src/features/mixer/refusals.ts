/**
 * The error codes of mixers, a part of the table of all errors.
 * In: nothing. Out: rows for lib/errors.ts.
 */

/** Keys are the stable codes. */
export const mixerRefusals = {
  'mixer-unknown': {
    status: 404,
    title: 'The stream is not a mixer',
    hint: 'PUT /api/v1/streams/{name}/mixer makes it one.',
  },
  'mixer-source': {
    status: 409,
    title: 'The stream cannot be a mixer',
    hint: 'Create a stream with a source of type push for the mixer.',
  },
  'mixer-loop': {
    status: 409,
    title: 'The mixer would be an input of itself',
    hint: 'Choose inputs that do not show this stream.',
  },
  'mixer-input': {
    status: 404,
    title: 'The mixer has no such input',
    hint: 'GET /api/v1/streams/{name}/mixer lists its inputs.',
  },
  'mixer-input-offline': {
    status: 409,
    title: 'The input has no media',
    hint: 'Choose an input that is live, or wait until this one is.',
  },
} as const;
