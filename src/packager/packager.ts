/**
 * Cuts a stream's frames into parts, segments and groups that share an MSN (docs/media.md 6 to 14).
 * In: live/stream, as a Sink. Out: the live window, and sealed groups to subscribers (the recorder).
 */

import { DateRangeTracker } from '@oxbow/media/date-range/date-range-tracker';
import type { Frame, Track } from '@oxbow/media/frame';
import { isSparse } from '@oxbow/media/rendition-set';
import { ticksToUs } from '@oxbow/media/run';
import type { Init, SegmentGroup } from '@oxbow/media/segment';
import { Emitter, type Subscribable } from '../lib/events.ts';
import type { RunContext, Sink } from '../live/sink.ts';
import { AlignedTrack, type AlignedTrackOutput } from './aligned-track.ts';
import { longestAudioFrameS } from './audio-frame.ts';
import { type Cadence, estimateCadence, LEARN_AT_MOST_S, measureCadence } from './cadence.ts';
import { CutList } from './cut-list.ts';
import { canContinue, isListOf, type PackagerSettings, planGeneration } from './generation.ts';
import type { LiveWindow } from './live-window.ts';
import type { LiveWindowWriter } from './live-window-writer.ts';
import { OpenGroups } from './open-groups.ts';
import { PresentationOrder } from './presentation-order.ts';
import { RunProbe } from './run-probe.ts';
import { edgeOf, elapsedS, latenessOf, nextGopS, type RunState, slotsOf } from './run-state.ts';
import { SparseTracks } from './sparse-tracks.ts';
import { TrackWriter } from './track-writer.ts';

/** After a burst, a track that is behind by more than this has no more frames in it. */
const BEHIND_AFTER_BURST_US = 1_000_000;
/** EXTINF, rounded to whole seconds, must not exceed TARGETDURATION (RFC 8216bis 4.4.3.1). */
const EXTINF_SLACK_S = 0.49;
/** A key frame this much before the target duration begins a segment. */
const CUT_SLACK_S = 0.01;
/**
 * Shortest segment that is cut early because the next key frame may come too late: MSNs must not outrun the
 * clock.
 */
const SHORTEST_EARLY_CUT_S = 0.5;

/** Dependencies and initial state of a packager. */
export interface PackagerOptions {
  readonly settings: PackagerSettings;
  readonly listWriter: LiveWindowWriter;
  /** First MSN to use; never used before in this stream. */
  readonly nextMsn: number;
  /** Called with each MSN right before the window lists it; must not wait. */
  readonly announced?: (msn: number) => void;
  /** EXT-X-DISCONTINUITY-SEQUENCE so far; 0 if not given. */
  readonly discontinuitySequence?: number;
  /** The stream has earlier segments, so the first group has a DISCONTINUITY; false if not given. */
  readonly continued?: boolean;
  /** Returns the init of a set of codec configurations, with its number. */
  readonly initOf: (tracks: readonly Track[]) => Init;
  /** Returns the number of a new generation, higher than any before. */
  readonly nextGeneration: () => number;
  /** Known date ranges; none if not given. */
  readonly dateRanges?: DateRangeTracker;
}

/** Cuts one stream. */
export class Packager implements Sink {
  readonly #options: PackagerOptions;
  readonly #list: LiveWindow;
  readonly #listWriter: LiveWindowWriter;
  readonly #groups = new Emitter<SegmentGroup>();
  /** Where it cuts, for the qualities that follow. */
  readonly cuts = new CutList();
  #nextMsn: number;
  #discontinuitySequence: number;
  #continued: boolean;
  #probe: RunProbe | undefined;
  #run: RunState | undefined;
  /** GOP of the newest frames, seconds; undefined before the second key frame of the first run. */
  #gopS: number | undefined;
  readonly #open: OpenGroups;
  readonly #dateRanges: DateRangeTracker;

  constructor(options: PackagerOptions) {
    this.#options = options;
    this.#listWriter = options.listWriter;
    this.#list = options.listWriter.list;
    this.#nextMsn = options.nextMsn;
    this.#discontinuitySequence = options.discontinuitySequence ?? 0;
    this.#continued = options.continued ?? false;
    this.#dateRanges = options.dateRanges ?? new DateRangeTracker();
    this.#open = new OpenGroups((group) => {
      this.#listWriter.seal(group);
      this.#groups.emit(group);
    });
  }

  /** Sealed groups, in order of MSN, each once. */
  get groups(): Subscribable<SegmentGroup> {
    return this.#groups;
  }

  /** Frames of an open part wait, or those of a track that is ahead. Closed parts are copies. */
  get holdsFrames(): boolean {
    if (this.#probe) return true;
    const run = this.#run;
    if (!run) return false;
    if (run.writer.holdsFrames || run.sparse.holdsFrames) return true;
    for (const aligned of run.alignedTracks.values()) if (aligned.holdsFrames) return true;
    return false;
  }

  startRun(context: RunContext): void {
    if (context.soft && this.#run) {
      this.#run.next = context;
      return;
    }
    this.endRun();
    this.cuts.emit({ kind: 'run', run: context.run.id });
    this.#probe = new RunProbe(context);
  }

  write(frame: Frame): void {
    if (this.#probe) {
      // The UTC offset is final once the first segment is listed.
      if (this.#probe.add(frame) && this.#probe.isSettled) this.#begin(this.#probe, { learned: true });
      else if (this.#probe.showsRate) this.#beginEarly(this.#probe);
      return;
    }
    if (this.#run) this.#cut(this.#run, frame);
  }

  flush(): void {
    if (this.#probe?.context.pace.kind === 'bursty' && this.#probe.frames.length > 0)
      this.#begin(this.#probe, { learned: true });
    const run = this.#run;
    if (run?.context.pace.kind !== 'bursty') return;
    // The next burst begins with a key frame at the edge.
    if (run.writer.first && elapsedS(run) >= this.#options.settings.segmentS - CUT_SLACK_S)
      this.#closeSegment(run, edgeOf(run));
    for (const aligned of run.alignedTracks.values()) aligned.settle(edgeOf(run), BEHIND_AFTER_BURST_US);
    this.#open.sealReady();
  }

  /**
   * The publisher is away, and may return: the open segment is complete as it is at the end of a run, so that
   * it is recorded at once. A frame that follows begins the next segment of the run, with a key frame or
   * without; sound of before comes too late, and is silence.
   */
  rest(): void {
    const run = this.#run;
    // A picture that is shown meanwhile is not the run that rests.
    if (run?.writer.first && !run.context.run.isFill) this.#closeLast(run);
  }

  endRun(): void {
    if (this.#probe && this.#probe.frames.length > 0) this.#begin(this.#probe, { learned: false });
    this.#probe = undefined;
    const run = this.#run;
    if (!run) return;
    this.#run = undefined;
    run.sparse.end();
    this.#closeLast(run);
    this.cuts.emit({ kind: 'end' });
  }

  #closeLast(run: RunState): void {
    const edgeUs = edgeOf(run);
    const open = run.writer.first !== undefined;
    // A run that ends within B-frames lasts until its last picture ends: frames that precede it never came.
    run.writer.extend(run.order.end - run.order.delay);
    if (open) this.#closeReference(run, edgeUs);
    // Aligned tracks have no last boundary: their held frames belong to the last segment.
    for (const aligned of run.alignedTracks.values()) aligned.end(edgeUs, { open });
    this.#open.sealReady();
  }

  damage(): void {
    this.#probe?.damage();
    this.#run?.writer.damage();
    for (const aligned of this.#run?.alignedTracks.values() ?? []) aligned.damage();
  }

  /** Ends the playlist because media did not return in time. The next run begins a new generation. */
  endList(): void {
    this.endRun();
    this.#listWriter.end();
    this.cuts.emit({ kind: 'end-list' });
  }

  /** Begins before the second key frame, if the frame rate is constant. GOPs are as long as the last ones. */
  #beginEarly(probe: RunProbe): void {
    const { context, frames } = probe;
    const cadence = estimateCadence(context.reference, context.tracks, frames, this.#gopS);
    if (cadence.frameS !== undefined) this.#begin(probe, { learned: true, estimate: cadence });
  }

  /**
   * @param learned the probe has enough frames to measure the cadence
   * @param estimate cadence of a run that begins early
   */
  #begin(probe: RunProbe, { learned, estimate }: { learned: boolean; estimate?: Cadence }): void {
    const { frames } = probe;
    const context = probe.context.opening?.settle() ?? probe.context;
    const { reference, tracks, pace } = context;
    this.#probe = undefined;
    const { settings } = this.#options;
    const list = this.#list;
    const cadence = estimate ?? measureCadence(reference, tracks, frames, pace);
    const current = list.generation && !list.ended ? list.generation : undefined;
    // A generation of the same tracks, of this process or the previous one, bounds TARGETDURATION of the
    // next.
    const last = list.lastGeneration && isListOf(list.lastGeneration, tracks) ? list.lastGeneration : undefined;
    const name = { number: 0, firstMsn: this.#nextMsn };
    const wanted = planGeneration(name, tracks, pace, cadence, settings, (current ?? last)?.targetDurationS);
    const continues =
      current && (canContinue(current, wanted, cadence.frameS) || (!learned && isListOf(current, tracks)));
    const generation = continues ? current : { ...wanted, number: this.#options.nextGeneration() };
    const { parts } = generation;
    this.#listWriter.begin(generation, tracks);
    const first = frames.find((frame) => frame.trackId === reference.id) ?? frames[0]!;
    const cutUs = ticksToUs(first.pts, reference.timescale);
    const lateness = latenessOf(context, ticksToUs(first.pts - first.dts, reference.timescale));
    const firstMsn = this.#nextMsn;
    const slots = slotsOf(tracks);
    const shape = { firstMsn, exact: parts === undefined, shared: this.#options.settings.shared ?? false };
    const alignedTracks = tracks
      .filter((track) => track.id !== reference.id && !isSparse(track))
      .map((track) => {
        const maxSegmentS = generation.targetDurationS + EXTINF_SLACK_S;
        const limits = { ...shape, slot: slots.get(track.id)!, maxSegmentS };
        const limited = { ...limits, ...(parts && { maxPartS: parts.audioTargetS }) };
        const start = { startUs: cutUs, meets: this.#continued };
        return new AlignedTrack(track, start, lateness, limited, this.#alignedOutput(firstMsn));
      });
    if (this.#continued) this.#discontinuitySequence++;
    const run: RunState = {
      context,
      next: undefined,
      generation,
      part: parts && {
        frames: wanted.parts?.frames ?? parts.frames,
        // A millionth of grace: the product of a decimal fraction and a timescale may come out just below a
        // whole number.
        ticks: Math.floor(parts.targetS * reference.timescale + 1e-6),
      },
      limitS: generation.targetDurationS + EXTINF_SLACK_S - longestAudioFrameS(alignedTracks.map(({ track }) => track)),
      gopS: cadence.gopS ?? LEARN_AT_MOST_S,
      isEarly: estimate !== undefined,
      lastKey: undefined,
      init: this.#options.initOf(tracks),
      writer: new TrackWriter(reference, {
        ...shape,
        slot: slots.get(reference.id)!,
        ...(parts && { maxPartS: parts.targetS }),
      }),
      alignedTracks: new Map(alignedTracks.map((aligned) => [aligned.track.id, aligned])),
      sparse: new SparseTracks(tracks, this.#dateRanges, shape),
      order: new PresentationOrder(first),
      cutUs,
      firstUs: cutUs,
      gaps: context.gaps,
      first: true,
    };
    this.#run = run;
    probe.replay({ frame: (frame) => this.#cut(run, frame), damage: () => this.damage() });
  }

  #cut(run: RunState, frame: Frame): void {
    const { writer, part } = run;
    if (run.sparse.has(frame.trackId)) {
      const dateRanges = run.sparse.push(frame, run.context.run.utcOffsetUs);
      if (dateRanges.length > 0) this.#listWriter.addDateRanges(dateRanges);
      return;
    }
    if (frame.trackId !== writer.track.id) {
      run.alignedTracks.get(frame.trackId)?.push(frame);
      this.#drain(run);
      return;
    }
    const { order } = run;
    const turn = order.turnOf(frame.dts);
    // Key frames presented early move the cut forward; other frames count as if there were no B-frames.
    const ptsUs = ticksToUs(frame.key ? Math.min(frame.pts, turn) : turn, writer.track.timescale);
    if (frame.key) {
      run.gopS = nextGopS(run, frame);
      if (run.lastKey !== undefined && !run.context.run.isFill) this.#gopS = run.gopS;
      run.lastKey = frame.dts;
    }
    // Frames missing before the cut count to the next segment: segments join, and a hole makes none too long.
    if (writer.first && this.#mustCut(run, frame)) this.#closeSegment(run, Math.min(ptsUs, edgeOf(run)));
    if (!writer.first) this.#openSegment(run, ptsUs);
    // A frame that would exceed PART-TARGET begins the next part.
    if (part && writer.waiting > 0 && writer.ticksWith(frame) > part.ticks) this.#closePart(run);
    writer.add(frame, frame.key ? frame.pts : turn);
    order.add(frame);
    if (part && writer.waiting >= part.frames) this.#closePart(run);
    this.#drain(run);
  }

  #mustCut(run: RunState, frame: Frame): boolean {
    if (run.next) return true;
    const { limitS } = run;
    const elapsed = elapsedS(run);
    const { timescale } = run.writer.track;
    if (elapsed + (frame.dts + frame.duration - run.writer.end) / timescale > limitS) return true;
    return (frame.key && this.#cutsAtKey(elapsed, run)) || this.#cutsWithoutKey(elapsed, run, frame);
  }

  /**
   * Whether the segment ends before a frame without a key frame: between B-frames, if the encoder leaves such
   * a place.
   */
  #cutsWithoutKey(elapsed: number, run: RunState, { dts, duration }: Pick<Frame, 'dts' | 'duration'>): boolean {
    const { order, part, lastKey, gopS, limitS, writer } = run;
    if (!order.isPlace(dts, duration)) return false;
    const { timescale } = writer.track;
    const nextS = elapsed + order.span / timescale;
    const halfS = duration / 2 / timescale;
    if (part && this.#isFirstSegment(run)) return nextS > part.ticks / timescale + halfS;
    const keyS = lastKey === undefined ? 0 : elapsed + (lastKey - dts) / timescale + gopS;
    return nextS > limitS && (keyS < elapsed - halfS || keyS > limitS);
  }

  /**
   * The first segment of a playlist that began early is about its first part, because a playlist needs a
   * segment.
   */
  #isFirstSegment(run: RunState): boolean {
    const list = this.#list;
    return run.isEarly && list.segments.length === 1 && !list.ready;
  }

  #cutsAtKey(elapsed: number, { gopS, limitS, isEarly }: RunState): boolean {
    if (elapsed >= this.#options.settings.segmentS - CUT_SLACK_S) return true;
    // The rest of the first GOP is short of its first part.
    const isRest = isEarly && this.#list.segments.length === 2;
    return elapsed >= SHORTEST_EARLY_CUT_S && (isRest || elapsed + gopS > limitS);
  }

  #openSegment(run: RunState, ptsUs: number): void {
    if (run.next) {
      run.context = run.next;
      run.gaps = run.next.gaps;
      run.next = undefined;
    }
    run.firstUs = ptsUs;
    const opening = {
      msn: this.#nextMsn++,
      context: run.context,
      sparse: run.sparse,
      init: run.init,
      startUs: run.context.run.utcOffsetUs + run.cutUs,
      discontinuity: run.first && this.#continued,
      discontinuitySequence: this.#discontinuitySequence,
      gaps: run.gaps,
    };
    run.gaps = [];
    run.first = false;
    this.#continued = true;
    this.#open.open(opening);
    const { msn, startUs, discontinuity, discontinuitySequence, init } = opening;
    this.#options.announced?.(msn);
    const listed = { msn, startUs, discontinuity, discontinuitySequence, init, run: run.context.run };
    this.#listWriter.openSegment(listed);
    const { generation } = run;
    this.cuts.emit({ kind: 'open', atUs: run.cutUs, opening: listed, generation, tracks: run.context.tracks });
  }

  #closePart(run: RunState): void {
    const part = run.writer.closePart();
    if (!part) return;
    const ends = this.#endsHere(run);
    this.#listWriter.addPart(this.#open.newest, run.writer.track.id, part, ends);
    for (const aligned of run.alignedTracks.values()) aligned.boundary('part', edgeOf(run));
    this.cuts.emit({ kind: 'part', atUs: edgeOf(run), ends });
  }

  /**
   * Whether the next frame is expected to begin a segment, so that no preload hint names a part that never
   * comes.
   */
  #endsHere(run: RunState): boolean {
    const { writer, part, lastKey, gopS, limitS } = run;
    if (!part) return false;
    if (run.next) return true;
    const elapsed = elapsedS(run);
    const { timescale } = writer.track;
    const duration = part.ticks / part.frames;
    const halfS = duration / timescale / 2;
    if (elapsed + halfS > limitS || this.#cutsWithoutKey(elapsed, run, { dts: writer.end, duration })) return true;
    const isKeyDue = lastKey !== undefined && (writer.end - lastKey) / timescale >= gopS - halfS;
    return isKeyDue && this.#cutsAtKey(elapsed, run);
  }

  #closeSegment(run: RunState, nextUs: number): void {
    this.#closeReference(run, nextUs);
    for (const aligned of run.alignedTracks.values()) aligned.boundary('segment', nextUs);
    this.#drain(run);
    this.#open.sealReady();
  }

  #closeReference(run: RunState, nextUs: number): void {
    const msn = this.#open.newest;
    if (run.part) {
      const part = run.writer.closePart();
      if (part) this.#listWriter.addPart(msn, run.writer.track.id, part, true);
      else this.#listWriter.endSegment(msn);
    }
    const durationUs = nextUs - run.cutUs;
    this.#open.close(msn, run.writer.closeSegment(), durationUs);
    run.cutUs = nextUs;
    this.cuts.emit({ kind: 'close', atUs: nextUs, durationUs });
  }

  #drain(run: RunState): void {
    const edgeUs = edgeOf(run);
    for (const aligned of run.alignedTracks.values()) aligned.drain(edgeUs);
  }

  /** Aligned tracks close groups in the order of MSN, each at its own pace. */
  #alignedOutput(firstMsn: number): AlignedTrackOutput {
    let msn = firstMsn;
    return {
      part: (track, part) => {
        if (this.#list.generation?.parts) this.#listWriter.addPart(msn, track.id, part);
      },
      segment: (_track, segment) => {
        if (!this.#open.close(msn, segment)) return;
        msn++;
        this.#open.sealReady();
      },
    };
  }
}
