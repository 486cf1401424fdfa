/**
 * The contract of media servers: sign in, list, open. One file each; docs/7-together/media-servers.md says
 * when each was last tried.
 * In: a user's input. Out: entries for playlists, and media for the proxy.
 */
import type { ProviderClient } from './provider-client.ts';

/** The input that connects a server. */
export interface ServerLogin {
  /** Address of the server; providers with one server ignore it. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
}

/** Stored result of a sign-in; secrets, encrypted. JSON. */
export interface ServerSession {
  /** Address of the server, without `/` at its end. */
  readonly url: string;
  /** The user's id there, where requests need it. */
  readonly user?: string;
  readonly token?: string;
  /** Headers of requests for media, with their secrets. */
  readonly headers: Readonly<Record<string, string>>;
}

/** An entry of a folder. */
export interface ProviderEntry {
  /** Argument of `list` and `open`, at most 2048 characters. */
  readonly id: string;
  readonly name: string;
  readonly isFolder: boolean;
  /** Seconds, where it is known. */
  readonly duration?: number;
  /** Bytes, where they are known. */
  readonly size?: number;
}

/** A page of a folder. */
export interface ProviderPage {
  readonly entries: readonly ProviderEntry[];
  /** For the next page; undefined: this is the last one. */
  readonly next: string | undefined;
}

/** Media of an entry, for the proxy. */
export interface ProviderMedia {
  readonly url: string;
  readonly type: 'hls' | 'dash' | 'file';
  readonly live?: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly subtitles: readonly { readonly name: string; readonly url: string }[];
  /** The address is valid for this long, ms. */
  readonly validMs: number;
}

/** A kind of media server. */
export interface Provider {
  /**
   * Signs in.
   *
   * @throws OxbowError `media-server-refused` for a wrong name or password; as the client
   */
  connect(login: ServerLogin, client: ProviderClient): Promise<ServerSession>;
  /**
   * Lists a folder.
   *
   * @param folder id of an entry; empty: the top
   * @param cursor `next` of the page before; undefined: the first page
   */
  list(
    session: ServerSession,
    folder: string,
    cursor: string | undefined,
    client: ProviderClient,
  ): Promise<ProviderPage>;
  /** The media of an entry. */
  open(session: ServerSession, entry: string, client: ProviderClient): Promise<ProviderMedia>;
}
