/**
 * The errors of rooms, a part of the table of all errors.
 * In: nothing. Out: rows for lib/errors.ts.
 */

/** Keys are the stable codes. */
export const roomRefusals = {
  'room-unknown': { status: 404, title: 'Unknown room', hint: 'Check the link. Rooms without visitors are deleted.' },
  'room-moved': {
    status: 503,
    title: 'The room is on another node',
    hint: 'Send the request again: nothing of it was stored.',
  },
  'member-unknown': {
    status: 404,
    title: 'Unknown member',
    hint: 'GET /api/v1/rooms/{id}/members lists them.',
  },
  'item-unknown': {
    status: 404,
    title: 'Unknown entry of the playlist',
    hint: 'GET /api/v1/rooms/{id}/items lists them.',
  },
  'media-server-unknown': {
    status: 404,
    title: 'Unknown media server',
    hint: 'GET /api/v1/media-servers lists yours.',
  },
  'media-server-refused': {
    status: 422,
    title: 'The media server refused the sign-in',
    hint: 'Check the name and the password, and connect the server again.',
  },
  'room-full': { status: 409, title: 'The room is full', hint: 'Wait until someone leaves.' },
  'room-banned': { status: 403, title: 'You are banned from this room', hint: 'Ask a moderator of the room.' },
  'room-kicked': { status: 403, title: 'You were sent out of this room', hint: 'You can come back.' },
  'room-password': {
    status: 403,
    title: 'The room has a password',
    hint: 'Send the right one: POST /api/v1/rooms/{id}/join.',
  },
  'room-pending': {
    status: 403,
    title: 'A moderator has to let you in',
    hint: 'Wait: the room opens as soon as a moderator agrees.',
  },
  'room-guests-off': {
    status: 403,
    title: 'This room is for people with an account',
    hint: 'Sign in, or ask the owner of the room to let guests in.',
  },
  'room-forbidden': {
    status: 403,
    title: 'You may not do this here',
    hint: 'Ask the owner or a moderator of the room for the permission.',
  },
  'room-owner': {
    status: 409,
    title: 'The owner cannot leave the room',
    hint: 'Hand the room over first (PATCH the member with the role `owner`), or delete it.',
  },
  'room-muted': { status: 403, title: 'You are muted in this room', hint: 'Wait until the time has passed.' },
  'call-off': {
    status: 403,
    title: 'There are no calls on this server',
    hint: 'An administrator turns them on with `rooms.calls`.',
  },
  'call-unknown': { status: 404, title: 'Not in the call', hint: 'Join the call of the room first: `call-join`.' },
  'call-full': { status: 409, title: 'The call is full', hint: 'Wait until someone leaves the call.' },
  'call-pictures': {
    status: 409,
    title: 'Too many cameras and screens in the call',
    hint: 'Wait until someone turns a camera off. You can talk without one.',
  },
  'call-record': {
    status: 403,
    title: 'You may not record this call',
    hint: 'Ask an administrator: who may create streams may record a call as one.',
  },
  'call-direct': {
    status: 409,
    title: 'The call needs no connection to the server',
    hint: 'Connect to the other participants: `call-signal`. From the fifth one on, the server forwards.',
  },
  'at-live-edge': {
    status: 409,
    title: 'The speed cannot be changed at the live edge',
    hint: 'Go back first, then raise the speed. A live link has only its own speed.',
  },
  'state-stale': {
    status: 409,
    title: 'The room has changed',
    hint: 'Someone else was faster. Send the command again with the `rev` of the present state.',
  },
} as const;

/** Those of the chat. */
export const chatRefusals = {
  'message-unknown': {
    status: 404,
    title: 'Unknown message',
    hint: 'It was deleted, or deleted with its media.',
  },
  'poll-unknown': {
    status: 404,
    title: 'Unknown poll',
    hint: 'GET /api/v1/rooms/{id}/polls lists them.',
  },
  'poll-closed': { status: 409, title: 'The poll is closed', hint: 'Votes are final.' },
  muted: { status: 403, title: 'Muted', hint: 'A moderator of the room can end it.' },
  'slow-mode': { status: 429, title: 'Slow mode', hint: 'Wait before the next message.' },
} as const;

/** Those of the proxy of media from elsewhere. */
export const proxyRefusals = {
  'proxy-refused': {
    status: 403,
    title: 'The address of the media proxy is not valid',
    hint: 'Load the room again: it has the current addresses of its playlist.',
  },
} as const;
