/**
 * Longest texts and messages of rooms.
 * In: nothing. Out: schemas of messages, the interface. Pure.
 */

/** Longest chat message, characters. */
export const MAX_CHAT = 2000;
/** Longest danmaku, characters. */
export const MAX_DANMAKU = 200;
/** Longest message of a client, bytes. */
export const MAX_CLIENT_MESSAGE = 16 * 1024;
/**
 * Most people in the list of a room, besides moderators. In a room with more, `present` of the room is
 * their number.
 */
export const MAX_LISTED = 200;
