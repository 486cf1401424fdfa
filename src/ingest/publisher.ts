/**
 * A publisher session: one connection, or one client inside oxbow, that delivers a stream's frames.
 * In: calls of a protocol. Out: the stream's input while the session is active; a standby session keeps its
 * newest GOPs. Created by ingest/publisher-slot, which decides which session is active.
 * docs/decisions/0021-one-session-for-every-source.md.
 */
import assert from 'node:assert/strict';
import type { GapCause } from '../api/gap.ts';
import type { LeftOutTrack } from '../api/left-out.ts';
import type { Clock } from '../lib/clock.ts';
import type { OxbowError } from '../lib/errors.ts';
import { ArrivalClock } from '../live/arrival-clock.ts';
import type { InputPlacement, RunStart, SourceSegment, StreamInput } from '../live/input.ts';
import { referenceOf } from '../live/reference.ts';
import type { Frame, Track } from '../media/frame.ts';
import { isSparse } from '../media/rendition-set.ts';
import { ticksToUs } from '../media/run.ts';
import { AudioOffset } from './audio-offset.ts';
import { PublishMeter } from './publish-meter.ts';
import { createPublisherStats, type PublisherStats } from './publisher-stats.ts';
import { type StandbyBounds, StandbyBuffer } from './standby-buffer.ts';

/** A publisher's claim of a stream's name. */
export interface ClaimRequest {
  /** `rtmp`, `srt`, `rtp`, `whip`; for the clients inside oxbow the type of the source: `pull`, `test`. */
  readonly protocol: string;
  /** Address and port of the publisher, for logs and administrators; empty for a client inside oxbow. */
  readonly remote: string;
  /** Fires when the connection ends; the session then ends. */
  readonly signal: AbortSignal;
  /** Asks the publisher for a key frame, see RunStart; absent where the protocol has no such request. */
  readonly requestKeyFrame?: (() => void) | undefined;
}

/**
 * A session, as the protocol uses it: `startRun` or `startTracks`, then frames, then `close`. After its end
 * every call is ignored.
 */
export interface Publisher extends StreamInput {
  readonly protocol: string;
  /** Address and port; empty for a client inside oxbow. */
  readonly remote: string;
  /** When the session began, ms since 1970. */
  readonly sinceMs: number;
  /** `standby`: another publisher is active; this one takes over when the active one leaves or stalls. */
  readonly role: PublisherRole;
  /** Figures of the connection; the protocol sets them. */
  readonly stats: PublisherStats;
  /** What it sends, also while it is on standby. */
  readonly meter: PublishMeter;
  /** By how much the audio of the current run is moved, ms: `source.audioOffset` when the run began. */
  readonly audioOffsetMs: number;
  /**
   * The publisher said that its broadcast is over, as opposed to a lost connection; the protocol sets it
   * before `close`.
   */
  isOver: boolean;
  /** Fires when the session has ended. If oxbow ended it, `reason` is an OxbowError. */
  readonly signal: AbortSignal;
  /**
   * Begins a run of media that has no clock: UTC of its first reference frame is the time of its
   * arrival. Called before the first frame, and whenever the tracks change or timestamps begin again.
   */
  startTracks(tracks: readonly Track[]): void;
  /**
   * Names all tracks of the publisher that oxbow does not support; called when they are known, and again when
   * they change.
   */
  leftOut(tracks: readonly LeftOutTrack[]): void;
  /**
   * Ends the session: the publisher has left. Has no effect the second time. Never throws.
   *
   * @param detail the reason; shown to viewers, so without addresses
   * @param reason reason of `signal` where oxbow ends the session
   */
  close(detail: string, reason?: OxbowError): void;
}

/** State of a session. */
export type PublisherRole = 'active' | 'standby' | 'ended';

/** What a session reports to its slot. */
export interface SessionOwner {
  readonly clock: Clock;
  readonly input: StreamInput;
  /** The active publisher sends tracks that are not supported. */
  leftOut(tracks: readonly LeftOutTrack[]): void;
  /** Of the GOPs that a standby session keeps. */
  readonly bounds: StandbyBounds;
  /** The setting `source.audioOffset`, ms. */
  readonly audioOffsetMs: () => number;
  /** The active publisher reports missing media. */
  absent(cause: GapCause | 'offline', detail: string): void;
  /** A key frame of the reference track came from a standby publisher that replaces the active one. */
  ready(session: Session): void;
  left(session: Session, detail: string, reason: OxbowError | undefined): void;
}

/** The session as its slot holds it. */
export class Session implements Publisher {
  readonly protocol: string;
  readonly remote: string;
  readonly sinceMs: number;
  readonly stats = createPublisherStats();
  readonly meter = new PublishMeter();
  isOver = false;
  readonly #owner: SessionOwner;
  readonly #request: ClaimRequest;
  readonly #ended = new AbortController();
  readonly #onAbort = () => this.close('the connection of the publisher was lost');
  #role: PublisherRole = 'standby';
  #replaces: boolean;
  /** Argument of the last `startRun` or of `startTracks`; the other is undefined. */
  #start: RunStart | undefined;
  #tracks: readonly Track[] | undefined;
  #reference: Track | undefined;
  /** The UTC offset of `startTracks`; undefined once it is found and this session is active. */
  #arrival: ArrivalClock | undefined;
  /** The newest GOPs, while it is on standby. */
  #held: StandbyBuffer | undefined;
  /** The segment that the frames belong to, of sources with playlists. */
  #segment: SourceSegment | undefined;
  /** Of the run that was announced last. */
  #audio: AudioOffset | undefined;
  /** The run was started in the stream. */
  #hasRun = false;
  #idleTicks = Number.POSITIVE_INFINITY;
  #leftOut: readonly LeftOutTrack[] = [];

  constructor(owner: SessionOwner, request: ClaimRequest, { replaces }: { replaces: boolean }) {
    this.#owner = owner;
    this.#request = request;
    this.#replaces = replaces;
    this.protocol = request.protocol;
    this.remote = request.remote;
    this.sinceMs = owner.clock.nowMs();
    request.signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  get audioOffsetMs(): number {
    return (this.#audio?.us ?? 0) / 1000;
  }

  get role(): PublisherRole {
    return this.#role;
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** It takes the active publisher's place with its next key frame. */
  get replaces(): boolean {
    return this.#replaces;
  }

  /**
   * Ticks of the slot's timer since the last frame, or since it became active; Infinity while a standby
   * session has sent none.
   */
  get idleTicks(): number {
    return this.#idleTicks;
  }

  get placement(): InputPlacement | undefined {
    const { placement } = this.#owner.input;
    if (!placement || this.#role === 'active') return placement;
    return { mediaEndUs: placement.mediaEndUs, utcOffsetUs: undefined };
  }

  async ready(options: { signal: AbortSignal }): Promise<void> {
    await this.#owner.input.ready?.(options);
  }

  startRun(start: RunStart): void {
    this.meter.begin(start.tracks, start.pace.kind);
    this.#reference = referenceOf(start.tracks);
    this.#tracks = undefined;
    this.#arrival = undefined;
    this.#audio = new AudioOffset(start.tracks, this.#owner.audioOffsetMs());
    this.#start = start.pace.kind === 'continuous' ? { ...start, pace: this.#pace } : start;
    this.#hold(start.pace.kind === 'continuous' ? start.tracks : undefined);
    if (this.#role === 'active') this.#enter(this.#start);
  }

  startTracks(tracks: readonly Track[]): void {
    this.meter.begin(tracks, 'continuous');
    this.#reference = referenceOf(tracks);
    this.#tracks = tracks;
    this.#start = undefined;
    this.#hasRun = false;
    this.#arrival = new ArrivalClock();
    this.#audio = new AudioOffset(tracks, this.#owner.audioOffsetMs());
    this.#hold(tracks);
  }

  nextSegment(segment: SourceSegment): void {
    this.#segment = segment;
    if (this.#role === 'active') this.#owner.input.nextSegment?.(segment);
  }

  publish(published: Frame): void {
    if (this.#role === 'ended') return;
    this.#idleTicks = 0;
    this.meter.add(published, this.#owner.clock.monotonicMs());
    const frame = this.#audio?.apply(published) ?? published;
    if (this.#arrival) this.#measure(this.#arrival, frame);
    if (this.#replaces && frame.key && frame.trackId === this.#reference?.id) this.#owner.ready(this);
    if (this.#role !== 'active') this.#keep(frame);
    else this.#pass(frame);
  }

  jumps(frame: Frame): boolean {
    return this.#role === 'active' && (this.#owner.input.jumps?.(frame) ?? false);
  }

  flush(): void {
    if (this.#role === 'active') this.#owner.input.flush();
  }

  absent(cause: GapCause | 'offline', detail: string): void {
    if (this.#role === 'active') this.#owner.absent(cause, detail);
  }

  leftOut(tracks: readonly LeftOutTrack[]): void {
    this.#leftOut = tracks;
    if (this.#role === 'active') this.#owner.leftOut(tracks);
  }

  damage(reason: string): void {
    this.meter.damaged++;
    if (this.#role === 'active') this.#owner.input.damage(reason);
  }

  close(detail: string, reason?: OxbowError): void {
    if (this.#role !== 'ended') this.#owner.left(this, detail, reason);
  }

  /**
   * It delivers the stream's frames from now on: those that it kept, from the key frame nearest to the end of
   * the stream's media, then the next ones.
   *
   * @param onWait called first if it has kept none: media is missing until its next key frame
   */
  activate(onWait?: () => void): void {
    this.#role = 'active';
    this.#replaces = false;
    this.#idleTicks = 0;
    this.#hasRun = false;
    this.#owner.leftOut(this.#leftOut);
    const held = this.#held;
    this.#held = undefined;
    const offsetUs = this.#arrival?.offsetUs ?? this.#start?.utcOffsetUs;
    const frames =
      offsetUs === undefined ? [] : (held?.framesFrom(this.#owner.input.placement?.mediaEndUs, offsetUs) ?? []);
    held?.clear();
    if (frames.length === 0) onWait?.();
    if (this.#start) this.#enter(this.#start);
    if (this.#segment) this.#owner.input.nextSegment?.(this.#segment);
    for (const frame of frames) this.#pass(frame);
  }

  /** Another session delivers the stream's frames from now on. */
  standBy(): void {
    this.#role = 'standby';
    // Its timestamps continue: the offset is measured again from its next frames.
    if (this.#tracks) this.#arrival = new ArrivalClock();
    this.#hold(this.#tracks ?? (this.#start?.pace.kind === 'continuous' ? this.#start.tracks : undefined));
  }

  /** A period of the slot's timer has passed. */
  tick(): void {
    this.#idleTicks++;
  }

  /** The session is over. */
  end(reason: unknown): void {
    this.#role = 'ended';
    this.#replaces = false;
    this.#hold(undefined);
    this.#request.signal.removeEventListener('abort', this.#onAbort);
    this.#ended.abort(reason);
  }

  #enter(start: RunStart): void {
    const { requestKeyFrame } = this.#request;
    this.#hasRun = true;
    this.#owner.input.startRun(requestKeyFrame ? { ...start, requestKeyFrame } : start);
  }

  #pass(frame: Frame): void {
    if (!this.#hasRun) this.#arrive(frame);
    if (this.#hasRun) this.#owner.input.publish(frame);
  }

  /** Keeps the GOPs of these tracks while this session is on standby; drops those that are kept. */
  #hold(tracks: readonly Track[] | undefined): void {
    this.#held?.clear();
    this.#held = tracks && this.#role === 'standby' ? new StandbyBuffer(tracks, this.#owner.bounds) : undefined;
  }

  #keep(frame: Frame): void {
    if (this.#held?.add(frame) !== false || !this.#tracks) return;
    // After a jump of its timestamps, the offset is another one.
    this.#arrival = new ArrivalClock();
    this.#measure(this.#arrival, frame);
  }

  /** Takes the arrival of a frame of the reference track: all tracks of a publisher have one clock. */
  #measure(arrival: ArrivalClock, { trackId, pts, dts }: Frame): void {
    const reference = this.#reference;
    if (trackId !== reference?.id) return;
    const [ptsUs, dtsUs] = [ticksToUs(pts, reference.timescale), ticksToUs(dts, reference.timescale)];
    arrival.add(ptsUs, this.#nowUs, Math.round(this.#owner.clock.monotonicMs() * 1000), dtsUs);
    if (this.#role === 'active' && this.#hasRun && arrival.isOver) this.#arrival = undefined;
  }

  get #pace(): RunStart['pace'] {
    const apartUs = Math.abs(this.#audio?.us ?? 0);
    return apartUs === 0 ? { kind: 'continuous' } : { kind: 'continuous', apartUs };
  }

  get #nowUs(): number {
    return Math.round(this.#owner.clock.nowMs() * 1000);
  }

  /** Begins the run of `startTracks` at its first video or audio frame. */
  #arrive(frame: Frame): void {
    const tracks = this.#tracks;
    assert(tracks, 'startRun or startTracks comes before publish');
    const track = tracks.find(({ id }) => id === frame.trackId);
    const arrival = this.#arrival;
    if (!arrival || !track || isSparse(track)) return;
    const utcOffsetUs = this.#nowUs - ticksToUs(frame.pts, track.timescale);
    this.#enter({ tracks, utcOffsetUs, arrival, clock: 'arrival', pace: this.#pace });
  }
}
