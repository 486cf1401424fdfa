/**
 * The error codes of Web Push, a part of the table of all errors.
 * In: nothing. Out: rows for lib/errors.ts.
 */

/** Keys are the stable codes. */
export const pushRefusals = {
  'push-off': {
    status: 409,
    title: 'This server sends no messages to browsers',
    hint: 'An administrator switches it on with `push.enabled`.',
  },
  'push-unknown': {
    status: 404,
    title: 'No such subscription to messages',
    hint: 'GET /api/v1/push/subscriptions lists those of the caller.',
  },
} as const;
