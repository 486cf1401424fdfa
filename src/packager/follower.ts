/**
 * Cuts a derived quality of a stream's picture at the cuts of the stream: same MSNs, same generations, its
 * own window, with the audio of the stream next to it. It never delays the stream: media that does not
 * come in time is a GAP in this quality only.
 * In: the cut list and the live window of the stream; frames of an encoder or a pulled variant, with the
 * stream's timestamps, some time later than the stream. Out: its live window, sealed segments for the
 * recorder. docs/media.md 6, 10, 14, 15, 15a.
 */

import type { Frame, Track, VideoTrack } from '@oxbow/media/frame';
import type { Init, Part, SegmentGroup, TrackSegment } from '@oxbow/media/segment';
import { Emitter, type Subscribable } from '../lib/events.ts';
import type { Cut } from './cut-list.ts';
import { DerivedRun } from './derived-frames.ts';
import type { DerivedInput, FollowerOptions, MissingCause, SealedQuality } from './derived-input.ts';
import { type Boundary, FollowedSegment } from './followed-segment.ts';
import { familyOf, type Generation, HEADROOM } from './generation.ts';
import type { DerivedQuality, LiveWindowChange, SegmentOpening } from './live-segment.ts';
import type { LiveWindow } from './live-window.ts';
import type { LiveWindowWriter } from './live-window-writer.ts';
import { RecentRate } from './recent-rate.ts';
import { TrackWriter } from './track-writer.ts';

export type { DerivedInput } from './derived-input.ts';

/** Runs of the stream whose frames may still come. */
const REMEMBERED_RUNS = 8;

/** Cuts one derived quality. */
export class Follower implements DerivedInput, Disposable {
  readonly #options: FollowerOptions;
  /** Its window, with the audio of the stream if that is muxed. */
  readonly #list: LiveWindow;
  readonly #listWriter: LiveWindowWriter;
  readonly #sealed = new Emitter<SealedQuality>();
  /** Segments of the stream that it has not closed, oldest first. */
  readonly #waiting: FollowedSegment[] = [];
  /** Closed segments that the stream has not sealed. */
  readonly #closed: FollowedSegment[] = [];
  #runs: DerivedRun[] = [];
  /** Ids of the last runs of the stream, without those that only correct its clock. */
  #timelines: number[] = [];
  #writer: TrackWriter | undefined;
  #track: (VideoTrack & { readonly rung: string }) | undefined;
  /** Inits of the last tracks: naming one hashes it. */
  #inits: { video: Track | undefined; audio: Track | undefined; muxed: Init; alone: Init } | undefined;
  /** The frames continue: a segment may begin with any of them. */
  #isInStep = false;
  #isStopped = false;
  /** The run of the stream whose frames have ended; −1 if there is none. */
  #endedTimeline = -1;
  #isClosed = false;
  /** The run of its frames that the last segment is from. */
  #lastRun: DerivedRun | undefined;
  /** UTC up to which the stream is cut, µs since 1970. */
  #edgeUs = 0;
  #lateUs: number;
  /** Why segments have no media, if they have none in the end; without one their encoder had stopped. */
  readonly #missing = new WeakMap<FollowedSegment, MissingCause>();
  #offer: DerivedQuality | undefined;
  /** Measured in the current generation; 0 before. */
  #bandwidth = 0;
  readonly #recent = new RecentRate();
  readonly #stops: readonly (() => void)[];

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#listWriter = options.listWriter;
    this.#list = options.listWriter.list;
    this.#lateUs = options.lateUs;
    this.#stops = [
      options.source.copied.subscribe((change) => this.#guard(() => this.#onChange(change))),
      options.cuts.subscribe((cut) => this.#guard(() => this.#onCut(cut))),
    ];
  }

  /** Complete segments, in order of MSN. */
  get sealed(): Subscribable<SealedQuality> {
    return this.#sealed;
  }

  /** Its frames may come this much later than those of the stream, µs of media; never less than before. */
  waits(lateUs: number): void {
    this.#lateUs = Math.max(this.#lateUs, lateUs);
  }

  /** The oldest segment of the stream that it has not completed; undefined if there is none. */
  get pending(): SegmentOpening | undefined {
    return (this.#closed[0] ?? this.#waiting[0])?.opening;
  }

  startRun(run: number, track: VideoTrack, bandwidth?: number): void {
    const { trackId: id, rung } = this.#options;
    const last = this.#runs.at(-1);
    if (last) last.ended = true;
    this.#isStopped = false;
    this.#endedTimeline = -1;
    const { width, height } = this.#track?.config ?? track.config;
    if (width !== track.config.width || height !== track.config.height) this.#recent.clear();
    this.#runs.push(new DerivedRun(run, { ...track, id, rung }, bandwidth));
    this.#guard(() => this.#advance());
  }

  write(frame: Frame): void {
    const run = this.#runs.at(-1);
    if (!run || run.ended) return;
    if (!run.add(frame)) this.damage();
    this.#guard(() => this.#advance());
  }

  damage(): void {
    this.#isInStep = false;
    const segment = this.#waiting[0];
    if (segment?.state === 'media') {
      segment.state = 'broken';
      this.#missing.set(segment, 'damaged');
    }
  }

  endRun(): void {
    const run = this.#runs.at(-1);
    if (run) {
      run.ended = true;
      this.#endedTimeline = this.#timelineOf(run);
    }
    this.#guard(() => this.#advance());
  }

  stop(): void {
    this.#isStopped = true;
    this.endRun();
  }

  [Symbol.dispose](): void {
    this.#close();
    this.#listWriter.clear();
  }

  #close(): void {
    this.#isClosed = true;
    for (const stop of this.#stops) stop();
    this.#setOffer(undefined);
  }

  /** A bug here ends this quality, never the stream, whose packager is the caller. */
  #guard(work: () => void): void {
    if (this.#isClosed) return;
    try {
      work();
    } catch (error) {
      this.#close();
      this.#listWriter.end();
      this.#options.failed(error);
    }
  }

  #onCut(cut: Cut): void {
    switch (cut.kind) {
      case 'run':
        this.#timelines = [...this.#timelines, cut.run].slice(-REMEMBERED_RUNS);
        break;
      case 'open':
        this.#waiting.push(new FollowedSegment(cut, this.#timelines.at(-1)!));
        break;
      case 'part':
      case 'close': {
        const segment = this.#waiting.at(-1);
        // A segment that was open when it began to follow is not known to it.
        if (!segment || segment.isCut) return;
        segment.boundaries.push(cut);
        this.#edgeUs = segment.utcOf(cut.atUs);
        break;
      }
      case 'end':
        break;
      case 'end-list':
        this.#edgeUs = Number.POSITIVE_INFINITY;
        this.#advance();
        this.#waiting.length = 0;
        this.#closed.length = 0;
        this.#listWriter.end();
        this.#isInStep = false;
        this.#edgeUs = 0;
        this.#setOffer(undefined);
        return;
    }
    this.#advance();
  }

  #onChange(change: LiveWindowChange): void {
    if (change.do === 'part')
      this.#segment(change.msn)?.addAudio(change.trackId, this.#copyOf(change.part), this.#listWriter);
    if (change.do !== 'seal') return;
    const segment = this.#segment(change.group.msn);
    if (!segment) return;
    const audio = change.group.tracks.find(({ trackId }) => trackId === segment.audio?.id);
    segment.sealed = { audio: audio && this.#copyOf(audio) };
    this.#sealReady();
  }

  /** A copy of the bytes, because each window uses its memory again. */
  #copyOf<Media extends Part | TrackSegment>(media: Media): Media {
    const { length } = media.bytes;
    const bytes = this.#options.shared ? new Uint8Array(new SharedArrayBuffer(length)) : new Uint8Array(length);
    bytes.set(media.bytes);
    return { ...media, bytes };
  }

  #segment(msn: number): FollowedSegment | undefined {
    const isIt = (segment: FollowedSegment) => segment.opening.msn === msn;
    return this.#waiting.find(isIt) ?? this.#closed.find(isIt);
  }

  /** Fills the segments up to each cut whose frames have come, or come no more. */
  #advance(): void {
    for (let segment = this.#waiting[0]; segment; segment = this.#waiting[0]) {
      const [boundary] = segment.boundaries;
      if (!boundary) break;
      const run = this.#runFor(segment);
      const isComplete = run ? run.hasAllBefore(boundary.atUs) : this.#isStopped || this.#isPast(segment);
      const isLate = this.#edgeUs - segment.utcOf(boundary.atUs) >= this.#lateUs;
      if (!isComplete && !isLate) break;
      segment.boundaries.shift();
      this.#fill(segment, run, boundary);
      if (!isComplete) {
        this.#isInStep = false;
        this.#missing.set(segment, 'late');
        if (segment.state === 'media') segment.state = 'broken';
      }
      if (boundary.kind === 'close') {
        this.#waiting.shift();
        segment.durationUs = boundary.durationUs;
        if (segment.state !== 'skipped') this.#closed.push(segment);
      }
    }
    this.#sealReady();
  }

  /** The run of its frames that has those of a segment; undefined while there is none. */
  #runFor({ timeline }: FollowedSegment): DerivedRun | undefined {
    const isOld = (run: DerivedRun) => run.isOver || this.#timelineOf(run) < timeline;
    while (this.#runs[0] && isOld(this.#runs[0])) this.#runs.shift();
    const [run] = this.#runs;
    return run && this.#timelineOf(run) === timeline ? run : undefined;
  }

  #timelineOf({ run }: DerivedRun): number {
    return this.#timelines.findLast((timeline) => timeline <= run) ?? 0;
  }

  /** Whether its frames are those of a later run, or end with this one. */
  #isPast({ timeline }: FollowedSegment): boolean {
    return timeline <= this.#endedTimeline || this.#runs.some((run) => this.#timelineOf(run) > timeline);
  }

  /** Writes the frames up to a boundary. */
  #fill(segment: FollowedSegment, run: DerivedRun | undefined, boundary: Boundary): void {
    run?.takeBefore(segment.atUs); // those of segments that did not wait for them
    let frames = run?.takeBefore(boundary.atUs) ?? [];
    if (segment.state === 'waiting') {
      const from = run ? this.#beginsAt(segment, run, frames) : -1;
      if (run) this.#missing.set(segment, 'damaged');
      this.#open(segment, from < 0 ? undefined : run);
      frames = frames.slice(Math.max(0, from));
    }
    const isLast = boundary.kind === 'close';
    const { state } = segment;
    const writer = this.#writer;
    if (writer && run && state === 'media') {
      for (const frame of frames) writer.add(frame, frame.key ? frame.pts : run.turnOf(frame));
    }
    if (writer && (state === 'media' || state === 'broken')) {
      const part = segment.generation.parts && writer.closePart();
      // Parts of tracks belong together by their number: without one of them, the rest of the segment is
      // lost.
      if (segment.generation.parts && !part && !isLast) this.damage();
      const { msn } = segment.opening;
      if (part) this.#listWriter.addPart(msn, writer.track.id, part, isLast || boundary.ends);
      else if (isLast) this.#listWriter.endSegment(msn);
      if (!isLast) return;
      const video = writer.closeSegment();
      // Without parts, no player has the beginning of a broken segment: it is a GAP.
      if (state === 'media' || segment.generation.parts) segment.video = video;
    } else if (isLast && state === 'gap') this.#listWriter.endSegment(segment.opening.msn);
  }

  /** Index of the frame with which a segment begins; −1 if it has no media of this quality. */
  #beginsAt(segment: FollowedSegment, run: DerivedRun, frames: readonly Frame[]): number {
    if (this.#isJoined(segment) && this.#list.generation?.family !== this.#familyOf(segment, run.track)) return -1;
    const isSameRun = run === this.#lastRun;
    this.#lastRun = run;
    if (this.#isInStep && isSameRun && frames.length > 0) return 0;
    return run.beginningAt(frames, segment.atUs);
  }

  /** Whether its window has segments of the generation. */
  #isJoined({ generation }: FollowedSegment): boolean {
    const list = this.#list;
    return list.generation?.number === generation.number && !list.ended;
  }

  #familyOf(segment: FollowedSegment, track: Track): string {
    return familyOf(tracksOf(segment, track), segment.generation.parts !== undefined);
  }

  /**
   * Opens a segment in the window, with media of `run` or as a GAP; not before the first media of a
   * generation.
   */
  #open(segment: FollowedSegment, run: DerivedRun | undefined): void {
    const list = this.#list;
    const isJoined = this.#isJoined(segment);
    this.#isInStep = run !== undefined;
    if (!run && !isJoined) {
      // Players of the previous generation read that it is over.
      if (list.generation && !list.ended) this.#leave();
      segment.state = 'skipped';
      return;
    }
    const track = run?.track ?? this.#track!;
    const tracks = tracksOf(segment, track);
    const { generation, opening } = segment;
    const { msn } = opening;
    if (!isJoined) {
      this.#setOffer(undefined);
      this.#bandwidth = 0;
    }
    const nextGeneration = isJoined ? list.generation! : this.#generationOf(segment, run!, tracks);
    if (!isJoined || track !== this.#track || opening.discontinuity) this.#listWriter.begin(nextGeneration, tracks);
    this.#track = track;
    this.#listWriter.openSegment({ ...opening, init: this.#initsOf(tracks).muxed });
    segment.opened(this.#listWriter);
    segment.state = run ? 'media' : 'gap';
    if (!run) return;
    if (this.#writer?.track !== track || this.#writer.nextMsn !== msn) {
      this.#writer = new TrackWriter(track, {
        firstMsn: msn,
        slot: { index: 0, count: segment.mediaTracks },
        exact: generation.parts === undefined,
        shared: this.#options.shared,
        ...(generation.parts && { maxPartS: generation.parts.targetS }),
      });
    }
  }

  /** The generation of the stream with the bandwidths of this quality. */
  #generationOf(
    { generation, opening, audio }: FollowedSegment,
    run: DerivedRun,
    tracks: readonly Track[],
  ): Generation {
    const { frameRate: _, ...same } = generation;
    const { frameRate } = run.track.config;
    return {
      ...same,
      firstMsn: opening.msn,
      family: familyOf(tracks, generation.parts !== undefined),
      bandwidths: {
        [run.track.id]: run.bandwidth ?? 0,
        ...(audio && { [audio.id]: generation.bandwidths[audio.id] ?? 0 }),
      },
      ...(frameRate && { frameRate: Math.round(frameRate * 1000) / 1000 }),
    };
  }

  /** Seals the segments that the stream has sealed, in order. */
  #sealReady(): void {
    for (let segment = this.#closed[0]; segment?.sealed; segment = this.#closed[0]) {
      this.#closed.shift();
      const { video, durationUs, sealed, opening, state } = segment;
      const { msn } = opening;
      const audio = state === 'broken' ? this.#audioBeside(sealed.audio, msn) : sealed.audio;
      // A GAP has no media at all: players do not load it.
      this.#listWriter.seal({ msn, durationUs, tracks: video ? [video, ...(audio ? [audio] : [])] : [] });
      if (video) this.#propose(segment, video);
      else {
        this.#setOffer(undefined);
        this.#options.missed?.(msn, this.#missing.get(segment) ?? 'stopped');
      }
      if (this.#sealed.size > 0) this.#sealed.emit({ opening, group: this.#groupOf(segment) });
    }
  }

  #groupOf({ video, durationUs, opening, state }: FollowedSegment): SegmentGroup | undefined {
    if (!video || state === 'broken') return undefined;
    const init = this.#initsOf(this.#list.find(opening.msn)!.init.tracks).alone;
    return { ...opening, init, durationUs, tracks: [video], gaps: [] };
  }

  /** The audio next to the parts of a segment whose rest is lost: a segment is its parts. */
  #audioBeside(audio: TrackSegment | undefined, msn: number): TrackSegment | undefined {
    const parts = this.#list.find(msn)?.parts;
    const audioParts = audio && parts?.get(audio.trackId)?.slice(0, parts.get(this.#options.trackId)?.length);
    const last = audioParts?.at(-1);
    if (!audio || !last) return undefined;
    const bytes = audio.bytes.subarray(0, last.offset + last.length);
    return { ...audio, bytes, crc: last.crc, duration: audioParts!.reduce((sum, { duration }) => sum + duration, 0) };
  }

  /**
   * The inits of a set of tracks: with the audio as it is listed, and of only the video as it is recorded.
   */
  #initsOf(tracks: readonly Track[]): { readonly muxed: Init; readonly alone: Init } {
    const [video, audio] = tracks;
    const inits = this.#inits;
    if (inits && inits.video === video && inits.audio === audio) return inits;
    const { initOf } = this.#options;
    this.#inits = { video, audio, muxed: initOf(tracks), alone: initOf(tracks.slice(0, 1)) };
    return this.#inits;
  }

  /**
   * Offers the quality once it has a complete segment; BANDWIDTH is frozen while the generation lasts, and
   * what was measured is next to it.
   */
  #propose({ generation, durationUs }: FollowedSegment, { bytes, duration }: TrackSegment): void {
    const list = this.#list;
    const track = this.#track;
    const { targetDurationS } = generation;
    this.#recent.add(durationUs, bytes.length, targetDurationS);
    if (!track || list.generation?.number !== generation.number) return;
    const measured = this.#recent.listed(targetDurationS);
    if (this.#offer) {
      if (measured !== this.#offer.measured) this.#setOffer({ ...this.#offer, measured });
      return;
    }
    const bandwidth = list.generation.bandwidths[track.id] || this.#bandwidth;
    this.#bandwidth = bandwidth || Math.ceil((bytes.length * 8 * HEADROOM * track.timescale) / Math.max(1, duration));
    this.#setOffer({ track, bandwidth: this.#bandwidth, frameRate: list.generation.frameRate, measured });
  }

  #setOffer(quality: DerivedQuality | undefined): void {
    if (quality === this.#offer) return;
    this.#offer = quality;
    this.#options.offered(quality);
  }

  /** Ends the playlist: the stream has another generation. */
  #leave(): void {
    this.#listWriter.end();
    this.#setOffer(undefined);
  }
}

/** The tracks of its window: its video, and the audio that is muxed with it. */
function tracksOf({ audio }: FollowedSegment, track: Track): readonly Track[] {
  return audio ? [track, audio] : [track];
}
