/**
 * Links pasted as text, one on a line, with an optional name: `Name | https://…`, `https://… Name` or an M3U list.
 * In: pasted text. Out: entries for the playlist, lines that are not links. Pure.
 */

/** Most links of one paste. */
export const MAX_LINKS = 200;

/** A link of pasted text. */
export interface PastedLink {
  readonly url: string;
  /** Empty: the server names it. */
  readonly name: string;
}

/** What a pasted text has. */
export interface PastedLinks {
  readonly links: readonly PastedLink[];
  /** Lines without a link. */
  readonly wrong: readonly string[];
}

/** Parses pasted text. */
export function parseLinks(text: string): PastedLinks {
  const links: PastedLink[] = [];
  const wrong: string[] = [];
  let title = '';
  for (const line of text.split('\n').map((one) => one.trim())) {
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
