/**
 * The addresses of a room.
 * In: a request target. Out: the id of the room. Pure.
 */

const PATH = /^\/api\/v1\/rooms\/([A-Za-z0-9_-]{1,64})\/socket$/;

/** The room of a request for a WebSocket of a room; undefined for any other request. */
export function roomTarget(target: string): string | undefined {
  return PATH.exec(target.split('?', 1)[0]!)?.[1];
}
