/**
 * The error codes of channels, a part of the table of all errors.
 * In: nothing. Out: rows for lib/errors.ts.
 */

/** Keys are the stable codes. */
export const channelRefusals = {
  'not-a-channel': {
    status: 409,
    title: 'The stream is no channel',
    hint: 'Create a stream with `source` `{"type":"channel"}`.',
  },
  'channel-item-unknown': {
    status: 404,
    title: 'Unknown item of a channel',
    hint: 'GET /api/v1/streams/{name}/channel lists the items.',
  },
  'channel-overlap': {
    status: 409,
    title: 'Another item is at that time',
    hint: 'Move or shorten one of them. An item that happens once may be in the place of a weekly one.',
  },
  'channel-source': {
    status: 422,
    title: 'The item cannot be scheduled',
    hint: 'Choose an asset of the library, a clip, or a stream of this server.',
  },
  'channel-room': {
    status: 422,
    title: 'The channel cannot follow the room',
    hint: 'GET /api/v1/rooms lists rooms. A channel that all may watch follows only rooms that all may enter.',
  },
} as const;
