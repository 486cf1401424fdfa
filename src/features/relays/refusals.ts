/**
 * The error codes of relays, a part of the table of all errors.
 * In: nothing. Out: rows for lib/errors.ts.
 */

/** Keys are the stable codes. */
export const relayRefusals = {
  'relay-unknown': {
    status: 404,
    title: 'Unknown relay',
    hint: 'GET /api/v1/streams/{name}/relays lists them.',
  },
  'relay-loop': {
    status: 409,
    title: 'The relay would feed the stream to itself',
    hint: 'Choose the address of another server, or another stream.',
  },
} as const;
