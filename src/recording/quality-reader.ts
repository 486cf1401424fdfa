/**
 * Reads the recording of a derived quality next to that of its stream: the groups of the stream, each with
 * the video of the quality and the sound of the stream. Its MSNs, times and discontinuities are those of the
 * stream; what the quality lacks is a group without media.
 * In: both recordings. Out: groups for windows, clips and segments, as a RecordingReader gives them.
 * docs/media.md 14, 15, 15a.
 */
import { copyGroup } from '../archive/segment-index.ts';
import type { DateRangeQuery, RecordedDateRange } from './date-range-rows.ts';
import { isHealedMsn } from './healed/healed-numbers.ts';
import type { InitTable } from './init-table.ts';
import type { RecordedGroup, RecordedMedia, RecordedTrack, RecordingReader } from './recording-reader.ts';

/** What a reader of a quality is created with. */
interface QualityReaderOptions {
  /** Recording of the quality: only its video. */
  readonly own: RecordingReader;
  /** Recording of the stream. */
  readonly source: RecordedMedia;
  /** Of the stream, for both. */
  readonly inits: InitTable;
  /** Up to this MSN its segments are recorded or will never be: later ones are not read. */
  readonly decidedMsn: () => number;
}

/** The configuration of segments: their own, and what they have of the stream. */
interface JoinedInit {
  readonly number: number;
  /** The sound that is muxed with the quality; undefined where sound is its own rendition. */
  readonly soundId: number | undefined;
}

/** The recording of one derived quality. */
export class QualityReader implements RecordedMedia {
  readonly #options: QualityReaderOptions;
  /** By the numbers of the quality and of the stream. */
  readonly #joined = new Map<string, JoinedInit>();

  constructor(options: QualityReaderOptions) {
    this.#options = options;
  }

  /** Start of the first group of a run of the stream, µs since 1970; undefined if none is kept. */
  runStartUs(run: number): Promise<number | undefined> {
    return this.#options.source.runStartUs(run);
  }

  get streamId(): string {
    return this.#options.own.streamId;
  }

  /** The group with an MSN; undefined if the quality or the stream has none. */
  async find(msn: number): Promise<RecordedGroup | undefined> {
    const { own: quality, source } = this.#options;
    const group = await source.find(msn);
    const video = group && (await quality.find(msn));
    return video && this.#join(group, video, video.initNumber);
  }

  around(msn: number): ReturnType<RecordingReader['around']> {
    return this.#options.source.around(msn);
  }

  async between(fromUs: number, toUs: number): Promise<RecordedGroup[]> {
    return Array.from(await this.walk(fromUs, toUs), copyGroup);
  }

  /**
   * The groups of the stream that overlap [fromUs, toUs), as far as they are decided; none if the quality has
   * no media in that time.
   */
  walk(fromUs: number, toUs: number): Promise<Iterable<RecordedGroup>> {
    return this.#walk(fromUs, toUs, () => this.#options.source.walk(fromUs, toUs));
  }

  /** Like `walk`, without what was found later of the stream. */
  recorded(fromUs: number, toUs: number): Promise<Iterable<RecordedGroup>> {
    return this.#walk(fromUs, toUs, () => this.#options.source.recorded(fromUs, toUs));
  }

  async #walk(
    fromUs: number,
    toUs: number,
    sourceGroups: () => Promise<Iterable<RecordedGroup>>,
  ): Promise<Iterable<RecordedGroup>> {
    const { own: quality, decidedMsn } = this.#options;
    // In this order: groups that are decided are in the recordings that are read later.
    const untilMsn = decidedMsn();
    const videos = await quality.walk(fromUs, toUs);
    const groups = await sourceGroups();
    const join = this.#join.bind(this);
    return {
      *[Symbol.iterator]() {
        const iterator = videos[Symbol.iterator]();
        let video: RecordedGroup | undefined = iterator.next().value;
        let initNumber = video?.initNumber;
        for (const group of groups) {
          if (initNumber !== undefined && isHealedMsn(group.msn)) {
            yield join(group, undefined, initNumber); // only the source has it
            continue;
          }
          if (initNumber === undefined || group.msn > untilMsn) return;
          while (video && video.msn < group.msn) video = iterator.next().value;
          const videoGroup = video?.msn === group.msn ? video : undefined;
          initNumber = videoGroup?.initNumber ?? initNumber;
          yield join(group, videoGroup, initNumber);
        }
      },
    };
  }

  countFrom(fromUs: number): Promise<number> {
    return this.#options.own.countFrom(fromUs);
  }

  dateRanges(between: DateRangeQuery): Promise<RecordedDateRange[]> {
    return this.#options.source.dateRanges(between);
  }

  captionsOf(run: number): ReturnType<RecordingReader['captionsOf']> {
    return this.#options.source.captionsOf(run);
  }

  /** A group of the stream with the media of the quality; without media if that is missing. */
  #join(group: RecordedGroup, videoGroup: RecordedGroup | undefined, initNumber: number): RecordedGroup {
    const { number, soundId } = this.#initOf(initNumber, group.initNumber);
    const tracks: RecordedTrack[] = [];
    for (const video of videoGroup?.tracks ?? []) tracks.push({ ...video, location: videoGroup!.location });
    const sound = videoGroup && soundId !== undefined && group.tracks.find(({ trackId }) => trackId === soundId);
    if (sound) tracks.push({ ...sound, location: group.location });
    return { ...group, initNumber: number, sourceInit: group.initNumber, tracks };
  }

  #initOf(qualityInit: number, source: number): JoinedInit {
    const key = `${qualityInit}/${source}`;
    const cached = this.#joined.get(key);
    if (cached) return cached;
    const { inits } = this.#options;
    const sounds = inits.get(source)?.tracks.filter(({ kind }) => kind === 'audio') ?? [];
    const sound = sounds.length === 1 ? sounds[0] : undefined;
    const video = inits.get(qualityInit)?.tracks;
    const number = sound && video ? inits.of([...video, sound]).number : qualityInit;
    const joined = { number, soundId: sound?.id };
    this.#joined.set(key, joined);
    return joined;
  }
}
