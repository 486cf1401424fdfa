/**
 * Finds the playlists of a source, the first time and again when they are gone.
 * In: the source's URL, or whoever turns a page into one. Out: where the chosen Variant Stream and its audio Renditions are. RFC 8216bis 4.4.6.
 */
import { sleep } from '../../../lib/abort.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { RequestedQuality } from '../../../lib/quality.ts';
import type { MediaPlaylist, MultivariantPlaylist, Rendition } from '../../../media/m3u8/playlist.ts';
import type { PullContext } from '../context.ts';
import type { RenditionLocation } from '../rendition/rendition.ts';
import { subtitlesOf } from '../rendition/subtitle-choice.ts';
import { refuseProtected } from '../segment/encryption.ts';
import type { SourceAddress } from '../source-access.ts';
import { fetchPlaylist } from './playlist-fetch.ts';
import type { PlaylistLocation } from './poll-state.ts';
import { type Choice, chooseVariant } from './variant.ts';

/** Least time between two askings of where the source is, ms; four times as long after each that did not last, up to the most. */
const LEAST_PAUSE_MS = 1000;
const MOST_PAUSE_MS = 60_000;
/** An address that was good for so long has lasted, ms. */
const LASTED_MS = 120_000;

/** Where the renditions to be pulled are. */
export interface SourceLocations {
  readonly video: PlaylistLocation;
  readonly audios: readonly { readonly rendition: Rendition; readonly place: PlaylistLocation }[];
  readonly subtitles: readonly { readonly rendition: Rendition; readonly place: PlaylistLocation }[];
  /** What was chosen from the Multivariant Playlist; undefined where the source has none. */
  readonly choice: Choice | undefined;
  readonly title: string;
  /** The source's only list, when it has no Multivariant Playlist. */
  readonly only: MediaPlaylist | undefined;
}

/** Asks where the source is now. */
export type Locate = (options: { signal: AbortSignal }) => Promise<SourceAddress>;

/** The way home of one pull. */
export class SourceResolver {
  readonly #context: PullContext;
  readonly #wish: RequestedQuality;
  readonly #locate: Locate | undefined;
  readonly #signal: AbortSignal;
  readonly #onFound: (places: SourceLocations) => void;
  #found: { readonly places: SourceLocations; readonly generation: number } | undefined;
  #finding: Promise<SourceLocations> | undefined;
  #generation = 0;
  /** When it was asked last, monotonic ms. */
  #locatedMs = Number.NEGATIVE_INFINITY;
  #pauseMs = LEAST_PAUSE_MS;

  /**
   * @param options.onFound told each time
   * @param options.signal of the whole pull: several renditions may ask at once
   */
  constructor(
    context: PullContext,
    options: {
      readonly wish: RequestedQuality;
      readonly locate: Locate | undefined;
      readonly onFound: (places: SourceLocations) => void;
      readonly signal: AbortSignal;
    },
  ) {
    this.#context = context;
    this.#wish = options.wish;
    this.#locate = options.locate;
    this.#onFound = options.onFound;
    this.#signal = options.signal;
  }

  /**
   * Finds everything anew; who asks meanwhile gets the same answer.
   *
   * @throws OxbowError `unsupported-media`, `address-refused`, `source-failed`, or what `locate` throws; FormatError for what is no playlist
   */
  find(): Promise<SourceLocations> {
    this.#finding ??= this.#find().finally(() => {
      this.#finding = undefined;
    });
    return this.#finding;
  }

  /**
   * A rendition that can be found again.
   *
   * @param pick it, among what was found; undefined when it is no longer there
   */
  locationOf(
    places: SourceLocations,
    pick: (places: SourceLocations) => PlaylistLocation | undefined,
  ): RenditionLocation {
    const first = pick(places)!;
    if (!places.choice && !this.#locate) return { first };
    let seen = this.#generation;
    return {
      first,
      relocate: async () => {
        // Another rendition may have asked already.
        const newer = this.#found && this.#found.generation > seen ? this.#found.places : undefined;
        const found = newer ?? (await this.find());
        seen = this.#generation;
        return pick(found) ?? first;
      },
    };
  }

  /** The subtitle Renditions, each to be found again under its name. */
  subtitlesOf(places: SourceLocations): { readonly rendition: Rendition; readonly place: RenditionLocation }[] {
    return places.subtitles.map(({ rendition }) => {
      const { name, language } = rendition;
      const isSame = (other: Rendition) => other.name === name && other.language === language;
      const pick = (found: SourceLocations) => found.subtitles.find((one) => isSame(one.rendition))?.place;
      return { rendition, place: this.locationOf(places, pick) };
    });
  }

  async #find(): Promise<SourceLocations> {
    const { access } = this.#context;
    if (this.#locate) access.moved(await this.#locateInTurn(this.#locate));
    const loaded = await fetchPlaylist(access.address, this.#context, { signal: this.#signal });
    const places =
      loaded.parsed.kind === 'media'
        ? {
            video: { url: access.address, loaded },
            audios: [],
            subtitles: [],
            choice: undefined,
            title: '',
            only: loaded.parsed.playlist,
          }
        : this.#choose(loaded.parsed.playlist, loaded.url);
    this.#generation += 1;
    this.#found = { places, generation: this.#generation };
    this.#onFound(places);
    return places;
  }

  /** Asking may mean to run a program and to load a page: not more often than sites bear. */
  async #locateInTurn(locate: Locate): Promise<SourceAddress> {
    const { clock } = this.#context;
    const agoMs = clock.monotonicMs() - this.#locatedMs;
    if (agoMs < this.#pauseMs) await sleep(this.#pauseMs - agoMs, { signal: this.#signal });
    if (agoMs > LASTED_MS) this.#pauseMs = LEAST_PAUSE_MS;
    else this.#pauseMs = Math.min(MOST_PAUSE_MS, 4 * this.#pauseMs);
    try {
      return await locate({ signal: this.#signal });
    } finally {
      this.#locatedMs = clock.monotonicMs();
    }
  }

  #choose(list: MultivariantPlaylist, base: URL): SourceLocations {
    refuseProtected(list.sessionKeys ?? []);
    const choice = chooseVariant(list, this.#wish);
    const { variant, audios } = choice;
    const place = (uri: string): PlaylistLocation => ({ url: resolve(uri, base), imports: list.variables });
    this.#context.log.info(
      {
        quality: choice.chosen,
        bandwidth: variant.bandwidth,
        codecs: variant.codecs,
        resolution: variant.resolution,
        audios: audios.map(({ name }) => name),
      },
      'a variant was chosen',
    );
    return {
      video: place(variant.uri),
      audios: audios.map((rendition) => ({ rendition, place: place(rendition.uri!) })),
      subtitles: subtitlesOf(list, variant).map((rendition) => ({ rendition, place: place(rendition.uri!) })),
      choice,
      title: list.sessionData?.find(({ dataId }) => dataId === 'com.apple.hls.title')?.value?.slice(0, 300) ?? '',
      only: undefined,
    };
  }
}

function resolve(uri: string, base: URL): URL {
  const url = URL.parse(uri, base.href);
  if (!url) throw new OxbowError('source-failed', 'the playlist names something that is not a URL');
  return url;
}
