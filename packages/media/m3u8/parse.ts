/**
 * Reads playlists.
 * In: the text of an M3U8 file, from anywhere. Out: values of playlist.ts, or a FormatError. Pure.
 * RFC 8216bis 4.
 */
import { FormatError } from '../errors.ts';
import { type Line, splitLines } from './lines.ts';
import { MediaParser, parseMediaLines } from './parse-media.ts';
import { parseMultivariantLines } from './parse-multivariant.ts';
import type { MediaPlaylist, MultivariantPlaylist } from './playlist.ts';
import type { VariableSources } from './variables.ts';

/** A playlist of either kind. */
export type ParsedPlaylist =
  | { readonly kind: 'media'; readonly playlist: MediaPlaylist }
  | { readonly kind: 'multivariant'; readonly playlist: MultivariantPlaylist };

const multivariantTags: ReadonlySet<string> = new Set([
  '#EXT-X-STREAM-INF',
  '#EXT-X-I-FRAME-STREAM-INF',
  '#EXT-X-MEDIA',
  '#EXT-X-SESSION-DATA',
  '#EXT-X-SESSION-KEY',
  '#EXT-X-CONTENT-STEERING',
]);
const mediaTags: ReadonlySet<string> = new Set([
  '#EXTINF',
  '#EXT-X-TARGETDURATION',
  '#EXT-X-MEDIA-SEQUENCE',
  '#EXT-X-PART',
  '#EXT-X-PART-INF',
  '#EXT-X-ENDLIST',
]);

function kindOf(lines: readonly Line[], before?: ParsedPlaylist['kind']): ParsedPlaylist['kind'] {
  let kind = before;
  for (const { tag, offset } of lines) {
    if (tag === '') continue;
    const tagKind = multivariantTags.has(tag) ? 'multivariant' : mediaTags.has(tag) ? 'media' : undefined;
    if (tagKind && kind && tagKind !== kind) {
      throw new FormatError('the playlist has tags of a Media and of a Multivariant Playlist', offset);
    }
    kind ??= tagKind;
  }
  if (!kind) throw new FormatError('the playlist names no segment and no Variant Stream', 0);
  return kind;
}

/**
 * Reads a Media or Multivariant Playlist. CRLF and a byte order mark are accepted, unknown tags are skipped,
 * URIs stay as they are.
 *
 * @param text at most 8 MiB, 200,000 lines, 16 KiB a line
 * @param sources of variables for EXT-X-DEFINE
 * @throws FormatError with the character offset of the malformed line
 */
export function parsePlaylist(text: string, sources: VariableSources = {}): ParsedPlaylist {
  const lines = splitLines(text);
  return kindOf(lines) === 'media'
    ? { kind: 'media', playlist: parseMediaLines(lines, sources) }
    : { kind: 'multivariant', playlist: parseMultivariantLines(lines, sources) };
}

/**
 * Reads the reloads of one playlist. Of one that only grew, as EVENT playlists do, it reads what was
 * appended: a day of segments would otherwise be read again every few seconds. A returned value is never
 * changed afterwards.
 */
export class PlaylistReader {
  #text = '';
  #parsed: ParsedPlaylist | undefined;
  #parser: MediaParser | undefined;

  /** As `parsePlaylist`. */
  read(text: string, sources: VariableSources = {}): ParsedPlaylist {
    const parser = this.#parser;
    const before = this.#text;
    const previous = this.#parsed;
    this.#parser = undefined;
    this.#parsed = undefined;
    this.#text = text;
    // Values of variables may change with the URL.
    if (previous?.kind === 'media' && parser && !parser.hasVariables && text.startsWith(before)) {
      const lines = splitLines(copyOf(text.slice(before.length)), { characters: before.length, lines: parser.lines });
      kindOf(lines, 'media');
      for (const line of lines) parser.line(line);
      this.#parsed = lines.length === 0 ? previous : { kind: 'media', playlist: parser.end() };
      if (text.endsWith('\n')) this.#parser = parser;
      return this.#parsed;
    }
    const lines = splitLines(text);
    if (kindOf(lines) === 'multivariant') {
      return { kind: 'multivariant', playlist: parseMultivariantLines(lines, sources) };
    }
    const fresh = new MediaParser(sources);
    for (const line of lines) fresh.line(line);
    this.#parsed = { kind: 'media', playlist: fresh.end() };
    // A last line without an end may continue in the next reload.
    if (text.endsWith('\n')) this.#parser = fresh;
    return this.#parsed;
  }
}

/** The same text by itself: a part of a string holds all of it in memory. */
function copyOf(text: string): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(new TextEncoder().encode(text));
}
