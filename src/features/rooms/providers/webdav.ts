/**
 * WebDAV: Nextcloud, Apache, a NAS. Entries are paths below the address that the user enters.
 * In: PROPFIND answers. Out: entries, media by range. RFC 4918; RFC 7617.
 */
import { OxbowError } from '../../../lib/errors.ts';
import type { Provider, ProviderEntry, ServerSession } from './provider.ts';
import type { ProviderClient } from './provider-client.ts';

const PROPFIND = `<?xml version="1.0" encoding="utf-8"?>
<propfind xmlns="DAV:"><prop><displayname/><resourcetype/><getcontentlength/><getcontenttype/></prop></propfind>`;
const MEDIA = /\.(?:mp4|m4v|mov|webm|mkv|mp3|m4a|ogg|oga|flac|wav|m3u8|mpd)$/i;
const SUBTITLES = /\.(?:srt|vtt|ass|ssa)$/i;
const YEAR_MS = 365 * 24 * 3_600_000;
const MAX_ENTRIES = 2000;

/** The provider. */
export const webdav: Provider = {
  async connect({ url, username, password }, client) {
    const pair = Buffer.from(`${username}:${password}`).toString('base64');
    const session = {
      url: url.replace(/\/+$/, ''),
      headers: username === '' ? {} : { authorization: `Basic ${pair}` },
    };
    await find(session, '', '0', client);
    return session;
  },

  async list(session, folder, _, client) {
    const entries = await find(session, folder, '1', client);
    const shown = entries.filter(({ id, name, isFolder }) => id !== folder && (isFolder || MEDIA.test(name)));
    return { entries: sorted(shown).slice(0, MAX_ENTRIES), next: undefined };
  },

  async open(session, entry, client) {
    const folder = entry.slice(0, entry.lastIndexOf('/') + 1);
    const name = entry.slice(folder.length).replace(/\.[^.]+$/, '');
    const siblings = await find(session, folder, '1', client);
    const subtitles = siblings.filter(
      (file) => SUBTITLES.test(file.name) && file.id.slice(folder.length).startsWith(`${name}.`),
    );
    return {
      url: addressOf(session, entry),
      type: /\.m3u8$/i.test(entry) ? 'hls' : /\.mpd$/i.test(entry) ? 'dash' : 'file',
      headers: session.headers,
      subtitles: subtitles.map((file) => ({ name: file.name, url: addressOf(session, file.id) })),
      validMs: YEAR_MS,
    };
  },
};

/**
 * The entry at a path, and with depth 1 its content. Ids are paths, encoded as in addresses, relative to the
 * session's.
 */
async function find(
  session: ServerSession,
  path: string,
  depth: '0' | '1',
  client: ProviderClient,
): Promise<ProviderEntry[]> {
  const url = addressOf(session, path);
  const headers = { ...session.headers, depth, 'content-type': 'application/xml' };
  const text = await client.text(url, { method: 'PROPFIND', text: PROPFIND, headers });
  const top = new URL(`${session.url}/`);
  const { parseMultistatus } = await import('./multistatus.ts'); // the parser is loaded for the first server
  return parseMultistatus(text).flatMap(({ href, name, isFolder, size }) => {
    const at = URL.parse(href, url);
    if (at?.origin !== top.origin || !at.pathname.startsWith(top.pathname)) return [];
    const id = at.pathname.slice(top.pathname.length);
    return [
      {
        id,
        name: name || decoded(id.replace(/\/$/, '').split('/').at(-1)!),
        isFolder,
        ...(size !== undefined && { size }),
      },
    ];
  });
}

/** The address of a path. Throws `bad-request` for one that leaves the server's folder. */
function addressOf({ url }: ServerSession, path: string): string {
  const top = `${url}/`;
  const address = URL.parse(path, top);
  if (!address?.href.startsWith(new URL(top).href))
    throw new OxbowError('bad-request', 'The path is outside the shared folder.');
  return address.href;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Folders first, then by name. */
function sorted(entries: readonly ProviderEntry[]): ProviderEntry[] {
  const { compare } = new Intl.Collator(undefined, { numeric: true });
  return [...entries].sort((a, b) => Number(b.isFolder) - Number(a.isFolder) || compare(a.name, b.name));
}
