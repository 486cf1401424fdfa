/**
 * Gathers what is known of a source while it is pulled.
 * In: its playlists and segments, as they come. Out: SourceFacts, each time they say something new.
 */
import type { LeftOutTrack } from '../../api/left-out.ts';
import type { SourceFacts } from '../../api/source-facts.ts';
import type { ParsedPlaylist } from '../../media/m3u8/parse.ts';
import { listedS } from './playlist/list-segments.ts';
import type { SourceLocations } from './playlist/source-resolver.ts';

/** A list grows and shrinks by a segment at each reload: only more than this part of it is news. */
const NEWS = 0.1;

/** What one pull knows of its source. */
export class FactsCollector {
  readonly #tell: (facts: SourceFacts) => void;
  #facts: SourceFacts = { protocol: 'hls', container: '', title: '', live: true, qualities: [] };
  #opened = false;
  #told = false;

  /** @param tell called once the first list of the chosen rendition is there, and again when something changed */
  constructor(tell: (facts: SourceFacts) => void) {
    this.#tell = tell;
  }

  /** The source was found, or found again. */
  found({ choice, title, only }: SourceLocations): void {
    const { qualities, chosen } = choice ?? { qualities: [], chosen: '' };
    const { chosen: _, ...rest } = this.#facts;
    this.#put({ ...rest, title, qualities: [...qualities], ...(chosen !== '' && { chosen }) });
    if (only) this.list({ kind: 'media', playlist: only });
  }

  /** A list of the chosen rendition was loaded. */
  list(parsed: ParsedPlaylist): void {
    // A delta update does not show how long the list is.
    if (parsed.kind !== 'media' || parsed.playlist.skippedSegments) return;
    const { playlist } = parsed;
    this.#opened = true;
    const { durationS, backS, ...rest } = this.#facts;
    const seconds = Math.round(listedS(playlist) * 1000) / 1000;
    const before = this.#facts.live ? backS : durationS;
    const isNews = this.#facts.live === playlist.endList || Math.abs(seconds - (before ?? -1e9)) > NEWS * seconds;
    const told = isNews ? seconds : before!;
    this.#put({ ...rest, live: !playlist.endList, ...(playlist.endList ? { durationS: told } : { backS: told }) });
  }

  /** A segment was read. */
  container(container: string): void {
    if (container !== this.#facts.container) this.#put({ ...this.#facts, container });
  }

  /** Tracks that cannot be taken: all of them. */
  leftOut(tracks: readonly LeftOutTrack[]): void {
    const { leftOut: _, ...rest } = this.#facts;
    this.#put({ ...rest, ...(tracks.length > 0 && { leftOut: [...tracks] }) });
  }

  #put(facts: SourceFacts): void {
    const isSame = JSON.stringify(facts) === JSON.stringify(this.#facts);
    this.#facts = facts;
    if (this.#opened && (!isSame || !this.#told)) {
      this.#told = true;
      this.#tell(facts);
    }
  }
}
