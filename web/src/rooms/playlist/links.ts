/**
 * Links pasted as text, one on a line, with an optional name: `Name | https://…`, `https://… Name` or an M3U
 * list.
 * In: pasted text. Out: entries for the playlist, lines that are not links. Pure.
 */

/** Most links of one paste. */
export const MAX_LINKS = 200;

/** Most subtitles of a link. */
export const MAX_SUBTITLES = 32;

/** Protocols and files of encoders, and sites whose pages have videos. */
const FOR_STREAMS =
  /(?:rtmps?|rtsps?|srt):\/\/\S+|https?:\/\/(?:[\w-]+\.)*(?:youtube\.com|youtu\.be|twitch\.tv|vimeo\.com)\/\S*|https?:\/\/[^\s?#]+\.flv(?:[?#]\S*)?/i;

/**
 * The first address of a text that no browser plays, but a stream of this server can have as its source;
 * empty: none.
 */
export function streamAddress(text: string): string {
  return FOR_STREAMS.exec(text)?.[0] ?? '';
}

/** A link of pasted text. */
interface PastedLink {
  readonly url: string;
  /** Empty: the server names it. */
  readonly name: string;
}

/** What a pasted text has. */
interface PastedLinks {
  readonly links: readonly PastedLink[];
  /** Lines without a link. */
  readonly wrong: readonly string[];
}

/** Parses pasted text. */
export function parseLinks(text: string): PastedLinks {
  const links: PastedLink[] = [];
  const wrong: string[] = [];
  let title = '';
  for (const line of text.split('\n').map((row) => row.trim())) {
    if (line === '') continue;
    if (line.startsWith('#')) {
      title = /^#EXTINF:[^,]*,(.*)$/.exec(line)?.[1]?.trim() ?? title;
      continue;
    }
    const [url] = /https?:\/\/\S+/i.exec(line) ?? [];
    if (url === undefined || !URL.canParse(url)) wrong.push(line);
    else links.push({ url, name: nameAround(line, url) || title });
    title = '';
  }
  return { links, wrong };
}

function nameAround(line: string, url: string): string {
  return line
    .replace(url, ' ')
    .replace(/^[\s|,;:–-]+|[\s|,;:–-]+$/g, '')
    .slice(0, 200);
}
