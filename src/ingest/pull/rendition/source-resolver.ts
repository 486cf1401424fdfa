/**
 * Locates the playlists of a source: before the pull, and again when they are gone.
 * In: the source's URL, or a function that extracts it from a page. Out: the URLs of the chosen Variant
 * Stream and its Renditions. RFC 8216bis 4.4.6.
 */

import type { MediaPlaylist, MultivariantPlaylist, Rendition } from '@oxbow/media/m3u8/playlist';
import { sleep } from '../../../lib/abort.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { QualitySet, RequestedQuality } from '../../../lib/quality.ts';
import type { PullContext } from '../context.ts';
import { fetchPlaylist } from '../playlist/playlist-fetch.ts';
import type { PlaylistLocation } from '../playlist/poll-state.ts';
import { type Choice, chooseVariant, furtherVariants } from '../playlist/variant.ts';
import { refuseProtected } from '../segment/encryption.ts';
import type { Locate, SourceAddress } from '../source-access.ts';
import type { LocatedVariant } from './further-qualities.ts';
import type { LocatedRendition, RenditionLocation } from './rendition.ts';

/**
 * Shortest time between two calls of `locate`, ms; four times as long after each URL that failed early, up to
 * the maximum.
 */
const MIN_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 60_000;
/** After a URL has worked for this long, the pause starts again at its minimum, ms. */
const STABLE_MS = 120_000;

interface RenditionPlaylist {
  readonly rendition: Rendition;
  readonly location: PlaylistLocation;
}

interface FurtherPlaylist {
  readonly rung: string;
  /** Bits per second. */
  readonly bandwidth: number;
  readonly location: PlaylistLocation;
}

/** The playlists to pull. */
export interface SourceLocations {
  readonly video: PlaylistLocation;
  readonly audios: readonly RenditionPlaylist[];
  readonly subtitles: readonly RenditionPlaylist[];
  /** Other variants that become qualities of the stream. */
  readonly further: readonly FurtherPlaylist[];
  /** The choice from the Multivariant Playlist; undefined if the source has none. */
  readonly choice: Choice | undefined;
  readonly title: string;
  /** The source's only playlist, if it has no Multivariant Playlist. */
  readonly only: MediaPlaylist | undefined;
}

/** The resolver of one pull. */
export class SourceResolver {
  readonly #context: PullContext;
  readonly #quality: RequestedQuality;
  readonly #qualities: QualitySet;
  readonly #mpeg2: boolean;
  readonly #locate: Locate | undefined;
  readonly #signal: AbortSignal;
  readonly #onFound: (locations: SourceLocations) => void;
  #newest: { readonly locations: SourceLocations; readonly generation: number } | undefined;
  #finding: Promise<SourceLocations> | undefined;
  #generation = 0;
  /** When `locate` last ended, monotonic ms. */
  #locatedMs = Number.NEGATIVE_INFINITY;
  #pauseMs = MIN_PAUSE_MS;

  /**
   * @param options.onFound called after each successful search
   * @param options.signal of the whole pull: several renditions share one search
   */
  constructor(
    context: PullContext,
    options: {
      readonly quality: RequestedQuality;
      /** Variants next to the chosen one. */
      readonly qualities: QualitySet;
      /** MPEG-2 video is converted. */
      readonly mpeg2: boolean;
      readonly locate: Locate | undefined;
      readonly onFound: (locations: SourceLocations) => void;
      readonly signal: AbortSignal;
    },
  ) {
    this.#context = context;
    this.#quality = options.quality;
    this.#qualities = options.qualities;
    this.#mpeg2 = options.mpeg2;
    this.#locate = options.locate;
    this.#onFound = options.onFound;
    this.#signal = options.signal;
  }

  /**
   * Locates everything again; concurrent calls share one search.
   *
   * @throws OxbowError `unsupported-media`, `address-refused`, `source-failed`; errors of `locate`;
   *   FormatError for a malformed playlist
   */
  find(): Promise<SourceLocations> {
    this.#finding ??= this.#find().finally(() => {
      this.#finding = undefined;
    });
    return this.#finding;
  }

  /**
   * The location of one rendition, with a function that locates it again.
   *
   * @param pick selects the rendition; undefined if the source no longer has it
   */
  locationOf(
    locations: SourceLocations,
    pick: (locations: SourceLocations) => PlaylistLocation | undefined,
  ): RenditionLocation {
    const first = pick(locations)!;
    if (!locations.choice && !this.#locate) return { first };
    let seen = this.#generation;
    return {
      first,
      relocate: async () => {
        // Another rendition may have located the source already.
        const newer = this.#newest && this.#newest.generation > seen ? this.#newest.locations : undefined;
        const latest = newer ?? (await this.find());
        seen = this.#generation;
        return pick(latest) ?? first;
      },
    };
  }

  /** The audio Renditions, each of which is located again by its name, and its group or language. */
  audiosOf(locations: SourceLocations): LocatedRendition[] {
    const isSame = (a: Rendition, b: Rendition) =>
      a.name === b.name && (a.groupId === b.groupId || a.language === b.language);
    return this.#located(locations, 'audios', isSame);
  }

  /** The subtitle Renditions, each of which is located again by its name and language. */
  subtitlesOf(locations: SourceLocations): LocatedRendition[] {
    return this.#located(locations, 'subtitles', (a, b) => a.name === b.name && a.language === b.language);
  }

  /** The further variants, each of which is located again by its height. */
  furtherOf(locations: SourceLocations): LocatedVariant[] {
    return locations.further.map(({ rung, bandwidth }) => {
      const pick = (latest: SourceLocations) => latest.further.find((quality) => quality.rung === rung)?.location;
      return { rung, bandwidth, location: this.locationOf(locations, pick) };
    });
  }

  #located(
    locations: SourceLocations,
    kind: 'audios' | 'subtitles',
    isSame: (a: Rendition, b: Rendition) => boolean,
  ): LocatedRendition[] {
    return locations[kind].map(({ rendition }) => {
      const pick = (latest: SourceLocations) =>
        latest[kind].find((located) => isSame(located.rendition, rendition))?.location;
      return { rendition, location: this.locationOf(locations, pick) };
    });
  }

  async #find(): Promise<SourceLocations> {
    const { access } = this.#context;
    if (this.#locate) access.moved(await this.#locateWithPause(this.#locate));
    const loaded = await fetchPlaylist(access.address, this.#context, { signal: this.#signal });
    const locations =
      loaded.parsed.kind === 'media'
        ? {
            video: { url: access.address, loaded },
            audios: [],
            subtitles: [],
            further: [],
            choice: undefined,
            title: '',
            only: loaded.parsed.playlist,
          }
        : this.#choose(loaded.parsed.playlist, loaded.url);
    this.#generation += 1;
    this.#newest = { locations, generation: this.#generation };
    this.#onFound(locations);
    return locations;
  }

  /** `locate` may run a program and load a page: sites limit how often. */
  async #locateWithPause(locate: Locate): Promise<SourceAddress> {
    const { clock } = this.#context;
    const agoMs = clock.monotonicMs() - this.#locatedMs;
    if (agoMs < this.#pauseMs) await sleep(this.#pauseMs - agoMs, { signal: this.#signal });
    if (agoMs > STABLE_MS) this.#pauseMs = MIN_PAUSE_MS;
    else this.#pauseMs = Math.min(MAX_PAUSE_MS, 4 * this.#pauseMs);
    try {
      return await locate({ signal: this.#signal });
    } finally {
      this.#locatedMs = clock.monotonicMs();
    }
  }

  #choose(list: MultivariantPlaylist, base: URL): SourceLocations {
    refuseProtected(list.sessionKeys ?? []);
    const choice = chooseVariant(list, this.#quality, { mpeg2: this.#mpeg2 });
    const { variant, audios } = choice;
    const location = (uri: string): PlaylistLocation => ({ url: resolve(uri, base), imports: list.variables });
    this.#context.log.info(
      {
        quality: choice.chosen,
        bandwidth: variant.bandwidth,
        codecs: variant.codecs,
        resolution: variant.resolution,
        audios: audios.map(({ name }) => name),
      },
      'variant chosen',
    );
    return {
      video: location(variant.uri),
      audios: audios.map((rendition) => ({ rendition, location: location(rendition.uri!) })),
      subtitles: choice.subtitles.map((rendition) => ({ rendition, location: location(rendition.uri!) })),
      further: furtherVariants(list, variant, this.#qualities).map((quality) => ({
        rung: quality.rung,
        bandwidth: quality.variant.bandwidth,
        location: location(quality.variant.uri),
      })),
      choice,
      title: list.sessionData?.find(({ dataId }) => dataId === 'com.apple.hls.title')?.value?.slice(0, 300) ?? '',
      only: undefined,
    };
  }
}

function resolve(uri: string, base: URL): URL {
  const url = URL.parse(uri, base.href);
  if (!url) throw new OxbowError('source-failed', `The playlist lists an invalid URL "${uri.slice(0, 100)}".`);
  return url;
}
