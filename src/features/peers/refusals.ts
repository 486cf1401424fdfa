/**
 * The error code of delivery between viewers, a part of the table of all errors.
 * In: nothing. Out: rows for lib/errors.ts.
 */

/** Keys are the stable codes. */
export const peerRefusals = {
  'peers-off': {
    status: 409,
    title: 'Viewers of this stream do not give each other segments',
    hint: 'Play the segments of the server. An administrator sets `peers.enabled` and `peerDelivery` of the stream, which must be open to everyone and not encrypted.',
  },
} as const;
