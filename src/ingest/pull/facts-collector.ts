/**
 * Collects the facts of a source while it is pulled.
 * In: its playlists and segments as they arrive. Out: SourceFacts, each time they change.
 */
import { distinctLeftOut, type LeftOutTrack } from '@oxbow/media/left-out';
import type { ParsedPlaylist } from '@oxbow/media/m3u8/parse';
import type { SourceFacts } from '../../api/source-facts.ts';
import { listedS } from './playlist/list-segments.ts';
import type { SourceLocations } from './rendition/source-resolver.ts';

/**
 * A playlist grows and shrinks by a segment at each reload: only a larger change of its duration is reported,
 * as a fraction.
 */
const REPORTED_CHANGE = 0.1;

/** The facts of one pull's source. */
export class FactsCollector {
  readonly #onFacts: (facts: SourceFacts) => void;
  #facts: SourceFacts = { protocol: 'hls', container: '', title: '', live: true, qualities: [] };
  readonly #leftOut = new Map<unknown, readonly LeftOutTrack[]>();
  #opened = false;
  #reported = false;

  /** @param onFacts called after the first playlist of the chosen rendition, then after each change */
  constructor(onFacts: (facts: SourceFacts) => void) {
    this.#onFacts = onFacts;
  }

  /** The source was located, for the first time or again. */
  found({ choice, title, only }: SourceLocations): void {
    const { qualities, chosen } = choice ?? { qualities: [], chosen: '' };
    const { chosen: _, captions: __, ...facts } = this.#facts;
    const captions = choice?.captions && { captions: [...choice.captions] };
    this.#put({ ...facts, title, qualities: [...qualities], ...captions, ...(chosen !== '' && { chosen }) });
    if (only) this.list({ kind: 'media', playlist: only });
  }

  /** A playlist of the chosen rendition was loaded. */
  list(parsed: ParsedPlaylist): void {
    // A delta update does not show the duration of the playlist.
    if (parsed.kind !== 'media' || parsed.playlist.skippedSegments) return;
    const { playlist } = parsed;
    this.#opened = true;
    const { durationS, backS, ...facts } = this.#facts;
    const seconds = Math.round(listedS(playlist) * 1000) / 1000;
    const before = this.#facts.live ? backS : durationS;
    const hasChanged =
      this.#facts.live === playlist.endList || Math.abs(seconds - (before ?? -1e9)) > REPORTED_CHANGE * seconds;
    const reportedS = hasChanged ? seconds : before!;
    this.#put({
      ...facts,
      live: !playlist.endList,
      ...(playlist.endList ? { durationS: reportedS } : { backS: reportedS }),
    });
  }

  /** A segment was demuxed. */
  container(container: string): void {
    if (container !== this.#facts.container) this.#put({ ...this.#facts, container });
  }

  /**
   * Replaces the tracks that oxbow cannot take of one part of the source: a Rendition, or a name for another
   * part.
   */
  leftOut(part: unknown, tracks: readonly LeftOutTrack[]): void {
    if (tracks.length > 0) this.#leftOut.set(part, tracks);
    else if (!this.#leftOut.delete(part)) return;
    const leftOut = distinctLeftOut([...this.#leftOut.values()].flat());
    const { leftOut: _, ...facts } = this.#facts;
    this.#put({ ...facts, ...(leftOut.length > 0 && { leftOut: [...leftOut] }) });
  }

  #put(facts: SourceFacts): void {
    const isSame = JSON.stringify(facts) === JSON.stringify(this.#facts);
    this.#facts = facts;
    if (this.#opened && (!isSame || !this.#reported)) {
      this.#reported = true;
      this.#onFacts(facts);
    }
  }
}
