/**
 * Playback tokens in the addresses of edges: a playlist is the same for all clients, so it has a place where
 * the token of each client belongs. The token is put in when the playlist is sent, by this server or by an
 * edge, and at the origins of the settings only.
 * In: replies with places. Out: the reply for one client, which no cache keeps. docs/9-run/steering.md.
 */
import { printSignedPath, unsignedPath } from '../api/signed-path.ts';
import type { Steering } from './format/pathways.ts';
import type { Reply } from './reply.ts';
import { caching, playlistReply } from './text-reply.ts';

/**
 * Field of requests of edges and nodes: they put tokens in themselves. In the answer it has the origins at
 * which they do, with spaces between them.
 */
export const SIGN_FIELD = 'oxbow-sign-at';

/** Longest field that is read, characters, and most origins in it. */
const MAX_FIELD_LENGTH = 16_384;
const MAX_ORIGINS = 32;

/**
 * The playlist of a stream that is steered. Where addresses of edges need a token, clients without one get a
 * playlist that names no edge: another credential is not valid there.
 *
 * @param print prints the playlist with some edges, or without
 */
export function steeredReply(steering: Steering | undefined, print: (steering: Steering | undefined) => Reply): Reply {
  if (!steering?.needsToken) return print(steering);
  const { pathways, server } = steering;
  const signsAt = new Set(pathways.map(({ url }) => url));
  if (server !== undefined) signsAt.add(server);
  return Object.create(print(undefined), {
    signsAt: { value: [...signsAt], enumerable: true },
    unsigned: { value: print(steering), enumerable: true },
  }) as Reply;
}

/** What a client gets of a reply. */
interface SentReply {
  readonly reply: Reply;
  /** Further fields of the answer. */
  readonly fields: Readonly<Record<string, string>>;
}

/**
 * The reply for a client.
 *
 * @param token of the client; undefined: it gets the addresses next to the playlist
 * @param signsItself it is an edge or a node, and has sent SIGN_FIELD
 */
export function replyFor(reply: Reply, token: string | undefined, signsItself: boolean): SentReply {
  const { signsAt, unsigned = reply } = reply;
  if (signsAt === undefined || token === undefined) return { reply, fields: {} };
  if (signsItself) return { reply: unsigned, fields: { [SIGN_FIELD]: signsAt.join(' ') } };
  return { reply: signedReply(unsigned, signsAt, token), fields: {} };
}

/** The addresses of servers in the field of an answer; undefined: there are no places. */
export function signsAtIn(field: string | readonly string[] | undefined): readonly string[] | undefined {
  if (typeof field !== 'string' || field.length > MAX_FIELD_LENGTH) return undefined;
  const servers = field.split(' ').filter((server) => /^https?:\/\/[^/]/.test(server) && URL.canParse(server));
  return servers.length === 0 ? undefined : servers.slice(0, MAX_ORIGINS);
}

/** Puts the token in. An address is at the beginning of a line, of a quoted value, or of an element. */
function signedReply({ body, contentType }: Reply, servers: readonly string[], token: string): Reply {
  const place = unsignedPath('/');
  const places = servers.map((server) => `${server}${place}`.replace(/[^A-Za-z0-9]/g, '\\$&')).join('|');
  const text = Buffer.concat(body as readonly Uint8Array[]).toString('utf8');
  const signed = text.replace(
    new RegExp(`(?<=^|[">])(?:${places})`, 'gm'),
    (found) => `${found.slice(0, -place.length)}${printSignedPath(token, '/')}`,
  );
  return playlistReply(signed, caching.none, contentType);
}
