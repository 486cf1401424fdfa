/**
 * The address of the WebSocket that introduces the viewers of a stream.
 * In: a path, or a name. Out: the name of the stream, or the path. Pure.
 */
import { isStreamName } from '../../api/stream/stream-name.ts';

const PATH = /^\/api\/v1\/streams\/([a-z0-9_-]{1,64})\/peers\/socket$/;

/** The stream of a request for the WebSocket; undefined for any other request. */
export function peerTarget(path: string): string | undefined {
  const name = PATH.exec(path.split('?', 1)[0]!)?.[1];
  return name !== undefined && isStreamName(name) ? name : undefined;
}

/** The path of the WebSocket of a stream. */
export const peerSocketPath = (stream: string) => `/api/v1/streams/${stream}/peers/socket`;
