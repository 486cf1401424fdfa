/**
 * API calls of media servers.
 * In: the browser's session. Out: the shapes of src/api/room. Each call throws ApiError and aborts with
 * `signal`.
 */
import type { MediaServerEntry, MediaServerKind, MediaServerView } from '../../../src/api/room/media-server-shapes.ts';
import type { MediaServerPatch, NewMediaServer } from '../../../src/client/client.ts';
import { askServer } from './client.ts';

export type { MediaServerEntry, MediaServerKind, MediaServerView };

/** A page of a folder. */
export interface EntryPage {
  readonly items: readonly MediaServerEntry[];
  /** For the next page; null: this is the last one. */
  readonly nextCursor: string | null;
}

/** Those that the user has connected, oldest first. */
export async function listMediaServers(signal: AbortSignal): Promise<readonly MediaServerView[]> {
  const { items } = await askServer(signal, (client, options) => client.listMediaServers(options));
  return items;
}

/** Signs in at a server and keeps it. */
export function connectMediaServer(body: NewMediaServer, signal: AbortSignal): Promise<MediaServerView> {
  return askServer(signal, (client, options) => client.createMediaServer({ body }, options));
}

/** Renames a server, or signs in there again. */
export function updateMediaServer(id: string, body: MediaServerPatch, signal: AbortSignal): Promise<MediaServerView> {
  return askServer(signal, (client, options) => client.updateMediaServer({ id, body }, options));
}

/** Forgets a server. */
export function removeMediaServer(id: string, signal: AbortSignal): Promise<void> {
  return askServer(signal, (client, options) => client.deleteMediaServer({ id }, options));
}

/** A page of a folder. @param folder empty: the top @param cursor null: the first page */
export function listMediaServerEntries(
  id: string,
  folder: string,
  cursor: string | null,
  signal: AbortSignal,
): Promise<EntryPage> {
  const query = { id, ...(folder !== '' && { folder }), ...(cursor !== null && { cursor }) };
  return askServer(signal, (client, options) => client.listMediaServerEntries(query, options));
}
