/**
 * The error codes of alarms, a part of the table of all errors.
 * In: nothing. Out: rows for lib/errors.ts.
 */

/** Keys are the stable codes. */
export const alarmRefusals = {
  'alarm-unknown': {
    status: 404,
    title: 'Unknown alarm',
    hint: 'GET /api/v1/alarms lists them. Cleared ones are deleted after `alarms.keep`.',
  },
} as const;
