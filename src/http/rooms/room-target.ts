/**
 * The addresses of a room.
 * In: a request target. Out: the id of the room. Pure.
 */

const PATH = /^\/api\/v1\/rooms\/([A-Za-z0-9_-]{1,64})\/socket$/;
const OF_ROOM = /^\/api\/v1\/rooms\/([A-Za-z0-9_-]{1,64})(?:\/|$)/;

/** The room of a request for a WebSocket of a room; undefined for any other request. */
export function roomTarget(target: string): string | undefined {
  return PATH.exec(target.split('?', 1)[0]!)?.[1];
}

/** The room of a request for anything of a room, in a cluster for its owner; undefined for lists and any other request. */
export function roomOfTarget(target: string): string | undefined {
  return OF_ROOM.exec(target.split('?', 1)[0]!)?.[1];
}
