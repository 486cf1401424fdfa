/**
 * Answers /live/{stream}/dvr-{length}/index.mpd: a DASH manifest that reaches hours back, from recorded
 * segments to live ones. It is printed once for each segment, for all clients. Where a bucket may answer, it
 * lists ranges of files, and segments once they are recorded.
 * In: the recording and the live window. Out: Reply. ISO 23009-1 5.3; docs/media.md 19 and 27;
 * docs/decisions/0110.
 */

import { sortDateRanges } from '@oxbow/media/m3u8/date-range';
import type { DateRangeTag } from '@oxbow/media/m3u8/playlist';
import type { Presentation, PresentationSegment } from '@oxbow/media/presentation';
import type { Rendition } from '@oxbow/media/rendition-set';
import type { SegmentLocation, SegmentRange } from '../../archive/segment-store.ts';
import type { Clock } from '../../lib/clock.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { LiveSegment, LiveWindowView } from '../../packager/live-segment.ts';
import { LEAST_SEGMENTS } from '../../packager/live-window.ts';
import { latestDateRanges, MAX_LISTED_DATE_RANGES } from '../../recording/date-range-rows.ts';
import { toListedSegment } from '../../recording/listed-segment.ts';
import { type RecordedGroup, type RecordedTrack, recordedBetween } from '../../recording/recording-reader.ts';
import { contentKeysOf } from '../encryption/access-by-key.ts';
import { manifestProtection } from '../encryption/playlist-keys.ts';
import { dashManifest } from '../format/dash.ts';
import { readyView } from '../live/live.ts';
import { endingOf } from '../live/live-manifest.ts';
import { describe, livePresentation, present } from '../live/live-presentation.ts';
import { waitFor } from '../live/pending-reply.ts';
import type { Reply } from '../reply.ts';
import type { ServedStream } from '../served-stream.ts';
import { steeredReply } from '../signed-addresses.ts';
import { placeOf, rangesOf } from '../stored-segment.ts';
import { caching, contentTypes, playlistReply } from '../text-reply.ts';
import { dvrFolderOf, listableOf } from './dvr.ts';

/** Open manifests of all streams; one of four hours takes about 3 MB. */
const MAX_OPEN = 16;
/**
 * Segments for which a manifest of ranges is loaded a second less often: each takes about 100 bytes for a
 * track, at every load.
 */
const LISTED_PER_S = 240;
/** Longest time between two loads of it, seconds. */
const MAX_UPDATE_S = 30;

/** The manifests of all streams. */
export class DvrManifests {
  /** Least recently used first, by live window and length. */
  readonly #open = new Map<string, DvrSegments>();
  readonly #ids = new WeakMap<object, number>();
  #nextId = 1;

  /**
   * The manifest; waits for a stream that is starting.
   *
   * @param lengthUs how far back it reaches, µs
   * @param options.isDirect segments are listed as ranges of files, where a bucket may answer
   * @throws OxbowError `stream-offline`, `part-timeout`
   */
  async answer(
    stream: ServedStream,
    lengthUs: number,
    clock: Pick<Clock, 'nowMs'>,
    options: { readonly signal: AbortSignal; readonly isDirect: boolean },
  ): Promise<Reply> {
    const { isDirect } = options;
    const { generation, segments } = await readyView(stream, options);
    const hasSegment = () => {
      const now = stream.list.view(generation.number);
      return !now || listableOf(stream, now, isDirect) >= (segments[0]?.msn ?? 0);
    };
    await waitFor(stream.list.changes, hasSegment, 3000 * generation.targetDurationS, options.signal);
    if (!hasSegment()) throw new OxbowError('part-timeout', `No segment of ${stream.name} is recorded yet.`);
    const id = this.#ids.get(stream.list) ?? this.#nextId++;
    this.#ids.set(stream.list, id);
    const key = `${id}/${stream.list.erasures}/${lengthUs}${isDirect ? '/direct' : ''}`;
    const opened = this.#open.get(key) ?? new DvrSegments(stream, { lengthUs, isDirect });
    this.#open.delete(key);
    this.#open.set(key, opened);
    dropOldest(this.#open, MAX_OPEN);
    return opened.reply(clock, options);
  }
}

/** A segment; where it is listed as ranges of a file, with that. */
interface ListedEntry extends PresentationSegment {
  readonly stored?: { readonly location: SegmentLocation; readonly tracks: readonly RecordedTrack[] } | undefined;
}

/** The segments of one manifest. They are brought up to date at each request. */
class DvrSegments {
  readonly #stream: ServedStream;
  readonly #lengthUs: number;
  readonly #isDirect: boolean;
  #entries: ListedEntry[] = [];
  /** Start of each run that is listed, µs since 1970: a Period keeps it when its first segments leave. */
  readonly #runStarts = new Map<number, number>();
  /** Segments of the live window that are not recorded. */
  readonly #lost = new Set<number>();
  #following: Promise<void> = Promise.resolve();
  #printed: { readonly state: string; readonly reply: Reply } | undefined;

  constructor(stream: ServedStream, { lengthUs, isDirect }: { readonly lengthUs: number; readonly isDirect: boolean }) {
    this.#stream = stream;
    this.#lengthUs = lengthUs;
    this.#isDirect = isDirect;
  }

  async reply(clock: Pick<Clock, 'nowMs'>, options: { readonly signal: AbortSignal }): Promise<Reply> {
    const { list } = this.#stream;
    const view = list.view(list.generation!.number)!;
    const isEnding = endingOf(this.#stream, view, clock);
    this.#following = this.#following.catch(() => undefined).then(() => this.#follow(view));
    await this.#following;
    const keys = contentKeysOf(this.#stream);
    const [first, last] = [this.#entries[0], this.#entries.at(-1)];
    if (first && last) await keys?.ready(first.msn, { lastMsn: last.msn, signal: options.signal });
    const protectionOf = manifestProtection(this.#stream, '../');
    const state = () =>
      [keys?.series, this.#entries[0]?.msn, this.#entries.at(-1)?.msn, view.ended, isEnding].join('/');
    if (this.#printed?.state === state()) return this.#printed.reply;
    const before = state();
    const dateRanges = await this.#dateRanges(view);
    // Another request may have printed it meanwhile, or a newer one.
    if (state() !== before) return this.reply(clock, options);
    const presentation = this.#presentation(view, dateRanges, isEnding);
    const { name, steering: edges } = this.#stream;
    const reply = steeredReply(edges, (steering) => {
      const text = dashManifest(presentation, '../', {
        steered: { name, steering },
        folder: `${dvrFolderOf(this.#lengthUs)}/`,
        placeOf: placeInFile,
        protectionOf,
      });
      return playlistReply(text, caching.live, contentTypes.manifest);
    });
    this.#printed = { state: before, reply };
    return reply;
  }

  /**
   * Adds the segments that are new, from the recording where the live window has them no more, and removes
   * old ones.
   */
  async #follow(view: LiveWindowView): Promise<void> {
    const lastListable = listableOf(this.#stream, view, this.#isDirect);
    const sealed = view.segments.filter((listed) => listed.sealed && listed.msn <= lastListable);
    const [first, last] = [sealed[0], sealed.at(-1)];
    if (!first || !last) return;
    const edgeUs = last.startUs + (last.sealed?.durationUs ?? 0);
    for (const { run, runStartUs } of sealed)
      if (runStartUs !== undefined && !this.#runStarts.has(run.id)) this.#runStarts.set(run.id, runStartUs);
    for (const msn of this.#stream.list.state.lost) this.#lost.add(msn);
    // After a time without requests, segments may have been lost: all are read again.
    if ((this.#entries.at(-1)?.msn ?? -1) < first.msn - 1) this.#entries = await this.#recorded(edgeUs, first);
    const lastMsn = this.#entries.at(-1)?.msn ?? -1;
    const added = sealed.filter(({ msn }) => msn > lastMsn);
    const groups = await this.#groupsOf(added, edgeUs);
    for (const segment of added) this.#entries.push(this.#entryOf(present(segment, false), groups.get(segment.msn)));
    this.#dropOld(edgeUs, first.msn);
  }

  /** The recorded groups of live segments by MSN, where they are listed as ranges. */
  async #groupsOf([first]: readonly LiveSegment[], toUs: number): Promise<ReadonlyMap<number, RecordedGroup>> {
    if (!this.#isDirect || !first) return new Map();
    const groups = await recordedBetween(this.#stream.recording, first.startUs, toUs);
    return new Map(groups.map((group) => [group.msn, group]));
  }

  /** The segments before a live one. */
  async #recorded(edgeUs: number, { msn, startUs }: LiveSegment): Promise<ListedEntry[]> {
    const entries: ListedEntry[] = [];
    for (const group of await recordedBetween(this.#stream.recording, edgeUs - this.#lengthUs, startUs)) {
      const init = this.#stream.inits.get(group.initNumber);
      if (!init || group.msn >= msn) continue;
      await this.#noteRun(group.run);
      entries.push(this.#entryOf(present(toListedSegment(group, init), false), this.#isDirect ? group : undefined));
    }
    return entries;
  }

  /** Where a run of the recording began. */
  async #noteRun(run: number): Promise<void> {
    if (this.#runStarts.has(run)) return;
    const startUs = await this.#stream.recording.runStartUs(run);
    if (startUs !== undefined) this.#runStarts.set(run, startUs);
  }

  #entryOf(segment: PresentationSegment, group?: RecordedGroup): ListedEntry {
    const runStartUs = this.#runStarts.get(segment.run) ?? segment.runStartUs;
    return { ...segment, runStartUs, stored: group && { location: group.location, tracks: group.tracks } };
  }

  /**
   * Removes segments that are too old, and those that the recorder lost: they cannot be loaded once they have
   * left the live window.
   */
  #dropOld(edgeUs: number, firstLiveMsn: number): void {
    const horizonUs = this.#stream.horizonUs();
    const isTooOld = ({ startUs }: PresentationSegment) => startUs < edgeUs - this.#lengthUs || startUs < horizonUs;
    let old = 0;
    while (this.#entries.length - old > LEAST_SEGMENTS && isTooOld(this.#entries[old]!)) old++;
    if (old > 0) this.#entries.splice(0, old);
    const isLost = ({ msn }: PresentationSegment) => msn < firstLiveMsn && this.#lost.has(msn);
    if (this.#lost.size > 0 && this.#entries.some(isLost))
      this.#entries = this.#entries.filter((entry) => !isLost(entry));
    for (const msn of this.#lost) if (msn < firstLiveMsn) this.#lost.delete(msn);
    const oldest = this.#entries[0]?.run ?? 0;
    for (const run of this.#runStarts.keys()) if (run < oldest) this.#runStarts.delete(run);
  }

  async #dateRanges(view: LiveWindowView): Promise<DateRangeTag[]> {
    const [first, last] = [this.#entries[0], this.#entries.at(-1)];
    if (!first || !last) return [];
    const between = { fromUs: first.startUs, toUs: Number.MAX_SAFE_INTEGER, lastMsn: last.msn };
    const older = latestDateRanges(await this.#stream.recording.dateRanges(between), between);
    const newest = view.dateRanges ?? [];
    const ids = new Set(newest.map(({ id }) => id));
    return sortDateRanges([...older.filter(({ id }) => !ids.has(id)), ...newest].slice(-MAX_LISTED_DATE_RANGES));
  }

  #presentation(
    view: LiveWindowView,
    dateRanges: readonly DateRangeTag[],
    isEnding: boolean,
  ): Presentation<ListedEntry> {
    const { live, ...presentation } = livePresentation(view);
    const updateS = Math.min(MAX_UPDATE_S, Math.ceil(this.#entries.length / LISTED_PER_S));
    const isSlower = this.#isDirect && updateS > presentation.targetDurationS;
    return {
      ...presentation,
      describe: () => describe(view),
      segments: this.#entries,
      hasAllTexts: true,
      dateRanges,
      // Segments that wait for the recorder are listed first.
      ended: view.ended && (this.#entries.at(-1)?.msn ?? 0) >= (view.segments.findLast(isSealed)?.msn ?? 0),
      live: { ...live!, isEnding, ...(isSlower && { updateS }) },
    };
  }
}

function isSealed({ sealed }: LiveSegment): boolean {
  return sealed !== undefined;
}

function placeInFile({ stored }: ListedEntry, { tracks }: Rendition): SegmentRange | undefined {
  return stored && placeOf(rangesOf(tracks, stored.tracks, stored.location));
}
