/**
 * A publisher session: one connection, or one client inside oxbow, that delivers a stream's frames.
 * In: calls of a protocol. Out: the stream's input while the session is active; a standby session keeps its
 * newest GOPs. Created by ingest/publisher-slot, which decides which session is active.
 * docs/decisions/0021-one-session-for-every-source.md.
 */
import assert from 'node:assert/strict';
import type { Frame, Track } from '@oxbow/media/frame';
import type { GapCause } from '@oxbow/media/gap';
import type { LeftOutTrack } from '@oxbow/media/left-out';
import { isSparse } from '@oxbow/media/rendition-set';
import { ticksToUs } from '@oxbow/media/run';
import type { Clock } from '../lib/clock.ts';
import type { OxbowError } from '../lib/errors.ts';
import { ArrivalClock } from '../live/arrival-clock.ts';
import type { InputPlacement, RunStart, SourceSegment, StreamInput } from '../live/input.ts';
import { referenceOf } from '../live/reference.ts';
import { AudioOffset } from './audio-offset.ts';
import { PublishMeter } from './publish-meter.ts';
import { createPublisherStats, type PublisherStats } from './publisher-stats.ts';
import type { StreamQualityInputs } from './pull/rendition/further-qualities.ts';
import { type PublisherRole, SessionTurn } from './session-turn.ts';
import { type StandbyBounds, StandbyBuffer } from './standby-buffer.ts';
import { TrackChange } from './track-change.ts';

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

/** The connection of a publisher, or the client inside oxbow that reads a source. */
export interface PublisherConnection {
  readonly protocol: string;
  /** Address and port; empty for a client inside oxbow. */
  readonly remote: string;
  /** When the session began, ms since 1970. */
  readonly sinceMs: number;
  /** Figures of the connection; the protocol sets them. */
  readonly stats: PublisherStats;
  /** What it sends, also while it is on standby. */
  readonly meter: PublishMeter;
  /** Qualities of the stream for its further pictures; undefined while it is not active. */
  readonly qualities: () => StreamQualityInputs | undefined;
  /**
   * The protocol calls it where the source announces that tracks may change with the next key frame: its
   * frames wait until the other tracks have reached it.
   */
  readonly expectChange: () => void;
  /**
   * The publisher said that its broadcast is over, as opposed to a lost connection; the protocol sets it
   * before `close`.
   */
  isOver: boolean;
  /**
   * It was asked to connect again, and goes where it is led: its stream may move there. Set by the protocol.
   */
  isLedAway: boolean;
  /**
   * Viewers have the stream, or a part of the server uses its frames as they come; true while that is not
   * known. Looked at once a second. A source that no one waits for may be read in larger pieces.
   */
  isFollowed: boolean;
}

/**
 * A session, as the protocol uses it: `startRun` or `startTracks`, then frames, then `close`. After its end
 * every call is ignored.
 */
export interface Publisher extends StreamInput {
  readonly connection: PublisherConnection;
  /** `standby`: another publisher is active; this one takes over when the active one leaves or stalls. */
  readonly turn: { readonly role: PublisherRole };
  /** Fires when the session has ended. If oxbow ended it, `reason` is an OxbowError. */
  readonly signal: AbortSignal;
  /**
   * Begins a run of media that has no clock: UTC of its first reference frame is the time of its
   * arrival. Called before the first frame, and whenever the tracks change or timestamps begin again.
   *
   * @param options.restarts timestamps begin again: otherwise each frame goes to the run of its
   *   configuration, where tracks that change together are reported one after the other
   */
  startTracks(tracks: readonly Track[], options?: { readonly restarts?: boolean }): void;
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
  /** Qualities of the stream. */
  readonly qualities: () => StreamQualityInputs | undefined;
  /** The active publisher reports missing media. */
  absent(cause: GapCause | 'offline', detail: string): void;
  /** A key frame of the reference track came from a standby publisher that replaces the active one. */
  ready(session: Session): void;
  left(session: Session, detail: string, reason: OxbowError | undefined): void;
}

/**
 * Announced changes that frames wait for: so many at once, then one in each interval, ms. A source that
 * announces one all the time is not delayed all the time.
 */
const MAX_EXPECTED = 8;
const EXPECTED_EVERY_MS = 10_000;

/** When a frame came. */
interface Arrival {
  /** µs since 1970. */
  readonly wallUs: number;
  readonly monotonicMs: number;
}

/** The session as its slot holds it. */
export class Session implements Publisher {
  readonly connection: PublisherConnection;
  readonly turn: SessionTurn;
  readonly #owner: SessionOwner;
  readonly #request: ClaimRequest;
  readonly #ended = new AbortController();
  readonly #onAbort = () => this.close('the connection of the publisher was lost');
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
  /** Frames wait in it where the tracks of `startTracks` change. */
  readonly #change = new TrackChange<Arrival>({
    start: (tracks) => this.#startTracks(tracks),
    frame: (frame, arrival) => this.#take(frame, arrival),
    damage: (reason) => this.damage(reason),
    requestKeyFrame: () => this.#request.requestKeyFrame?.(),
  });
  /** How many announcements may still be waited for, and when that was counted, monotonic ms. */
  #expected = { left: MAX_EXPECTED, atMs: 0 };
  #leftOut: readonly LeftOutTrack[] = [];

  constructor(owner: SessionOwner, request: ClaimRequest, { replaces }: { replaces: boolean }) {
    this.#owner = owner;
    this.#request = request;
    this.connection = {
      protocol: request.protocol,
      remote: request.remote,
      sinceMs: owner.clock.nowMs(),
      stats: createPublisherStats(),
      meter: new PublishMeter(),
      qualities: () => (this.turn.role === 'active' ? owner.qualities() : undefined),
      expectChange: () => {
        if (this.turn.role === 'active' && !this.#change.isOpen && this.#mayExpect()) this.#change.expect();
      },
      isOver: false,
      isLedAway: false,
      isFollowed: true,
    };
    this.turn = new SessionTurn(replaces, {
      activated: (onWait) => this.#activated(onWait),
      stoodBy: () => this.#stoodBy(),
      finish: () => this.#change.end(),
      ended: (reason) => this.#end(reason),
    });
    request.signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  get placement(): InputPlacement | undefined {
    const { placement } = this.#owner.input;
    if (!placement || this.turn.role === 'active') return placement;
    return { mediaEndUs: placement.mediaEndUs, utcOffsetUs: undefined };
  }

  async ready(options: { signal: AbortSignal }): Promise<void> {
    await this.#owner.input.ready?.(options);
  }

  startRun(start: RunStart): void {
    this.#change.end();
    this.connection.meter.begin(start.tracks, start.pace.kind);
    this.#reference = referenceOf(start.tracks);
    this.#tracks = undefined;
    this.#arrival = undefined;
    this.#moveAudio(start.tracks);
    this.#start = start.pace.kind === 'continuous' ? { ...start, pace: this.#pace } : start;
    this.#hold(start.pace.kind === 'continuous' ? start.tracks : undefined);
    if (this.turn.role === 'active') this.#enter(this.#start);
  }

  startTracks(tracks: readonly Track[], { restarts = false }: { readonly restarts?: boolean } = {}): void {
    const isActive = this.turn.role === 'active';
    // A run without a frame of the reference track has nothing to lose: that of the new tracks replaces it.
    const isBegun = this.#change.isOpen || !this.#arrival || Number.isFinite(this.#arrival.offsetUs);
    if (isActive && restarts) this.#change.restart(tracks);
    else if (isActive && isBegun) this.#change.take(tracks);
    else this.#change.begin(tracks);
  }

  #mayExpect(): boolean {
    const nowMs = this.#owner.clock.monotonicMs();
    const { left, atMs } = this.#expected;
    const now = Math.min(MAX_EXPECTED, left + (nowMs - atMs) / EXPECTED_EVERY_MS);
    this.#expected = { left: now < 1 ? now : now - 1, atMs: nowMs };
    return now >= 1;
  }

  #startTracks(tracks: readonly Track[]): void {
    this.connection.meter.begin(tracks, 'continuous');
    this.#reference = referenceOf(tracks);
    this.#tracks = tracks;
    this.#start = undefined;
    this.#hasRun = false;
    this.#arrival = new ArrivalClock();
    this.#moveAudio(tracks);
    this.#hold(tracks);
  }

  nextSegment(segment: SourceSegment): void {
    this.#segment = segment;
    if (this.turn.role === 'active') this.#owner.input.nextSegment?.(segment);
  }

  publish(published: Frame): void {
    const { turn } = this;
    if (turn.role === 'ended') return;
    turn.idleTicks = 0;
    if (this.#change.isOpen) this.#change.frame(published, this.#now);
    else this.#take(published, undefined);
  }

  /** @param arrival of a frame that waited; undefined: now */
  #take(published: Frame, arrival: Arrival | undefined): void {
    const { turn } = this;
    this.connection.meter.add(published, arrival?.monotonicMs ?? this.#owner.clock.monotonicMs());
    const frame = this.#audio?.apply(published) ?? published;
    if (this.#arrival) this.#measure(this.#arrival, frame, arrival ?? this.#now);
    if (turn.replaces && frame.key && frame.trackId === this.#reference?.id) this.#owner.ready(this);
    if (turn.role !== 'active') this.#keep(frame);
    else this.#pass(frame, arrival);
  }

  jumps(frame: Frame): boolean {
    return this.turn.role === 'active' && (this.#owner.input.jumps?.(frame) ?? false);
  }

  flush(unused?: () => void): void {
    this.#change.end();
    if (this.turn.role === 'active') this.#owner.input.flush(unused);
  }

  absent(cause: GapCause | 'offline', detail: string): void {
    this.#change.end();
    if (this.turn.role === 'active') this.#owner.absent(cause, detail);
  }

  leftOut(tracks: readonly LeftOutTrack[]): void {
    this.#leftOut = tracks;
    if (this.turn.role === 'active') this.#owner.leftOut(tracks);
  }

  damage(reason: string): void {
    this.connection.meter.damaged++;
    if (this.turn.role === 'active') this.#owner.input.damage(reason);
  }

  close(detail: string, reason?: OxbowError): void {
    if (this.turn.role === 'ended') return;
    this.#change.end();
    this.#owner.left(this, detail, reason);
  }

  #activated(onWait: (() => void) | undefined): void {
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

  #stoodBy(): void {
    this.#change.end();
    // Its timestamps continue: the offset is measured again from its next frames.
    if (this.#tracks) this.#arrival = new ArrivalClock();
    this.#hold(this.#tracks ?? (this.#start?.pace.kind === 'continuous' ? this.#start.tracks : undefined));
  }

  #end(reason: unknown): void {
    this.#hold(undefined);
    this.#request.signal.removeEventListener('abort', this.#onAbort);
    this.#ended.abort(reason);
  }

  #moveAudio(tracks: readonly Track[]): void {
    this.#audio = new AudioOffset(tracks, this.#owner.audioOffsetMs());
    this.connection.meter.audioOffsetMs = this.#audio.us / 1000;
  }

  #enter(start: RunStart): void {
    const { requestKeyFrame } = this.#request;
    this.#hasRun = true;
    this.#owner.input.startRun(requestKeyFrame ? { ...start, requestKeyFrame } : start);
  }

  #pass(frame: Frame, arrival?: Arrival): void {
    if (!this.#hasRun) this.#arrive(frame, arrival ?? this.#now);
    if (this.#hasRun) this.#owner.input.publish(frame);
  }

  /** Keeps the GOPs of these tracks while this session is on standby; drops those that are kept. */
  #hold(tracks: readonly Track[] | undefined): void {
    this.#held?.clear();
    this.#held = tracks && this.turn.role === 'standby' ? new StandbyBuffer(tracks, this.#owner.bounds) : undefined;
  }

  #keep(frame: Frame): void {
    if (this.#held?.add(frame) !== false || !this.#tracks) return;
    // After a jump of its timestamps, the offset is another one.
    this.#arrival = new ArrivalClock();
    this.#measure(this.#arrival, frame, this.#now);
  }

  /** Takes the arrival of a frame of the reference track: all tracks of a publisher have one clock. */
  #measure(arrival: ArrivalClock, { trackId, pts, dts }: Frame, { wallUs, monotonicMs }: Arrival): void {
    const reference = this.#reference;
    if (trackId !== reference?.id) return;
    const [ptsUs, dtsUs] = [ticksToUs(pts, reference.timescale), ticksToUs(dts, reference.timescale)];
    arrival.add(ptsUs, wallUs, Math.round(monotonicMs * 1000), dtsUs);
    if (this.turn.role === 'active' && this.#hasRun && arrival.isOver) this.#arrival = undefined;
  }

  get #pace(): RunStart['pace'] {
    const apartUs = Math.abs(this.#audio?.us ?? 0);
    return apartUs === 0 ? { kind: 'continuous' } : { kind: 'continuous', apartUs };
  }

  get #now(): Arrival {
    const { clock } = this.#owner;
    return { wallUs: Math.round(clock.nowMs() * 1000), monotonicMs: clock.monotonicMs() };
  }

  /** Begins the run of `startTracks` at its first video or audio frame. */
  #arrive(frame: Frame, { wallUs }: Arrival): void {
    const tracks = this.#tracks;
    assert(tracks, 'startRun or startTracks comes before publish');
    const track = tracks.find(({ id }) => id === frame.trackId);
    const arrival = this.#arrival;
    if (!arrival || !track || isSparse(track)) return;
    const utcOffsetUs = wallUs - ticksToUs(frame.pts, track.timescale);
    this.#enter({ tracks, utcOffsetUs, arrival, clock: 'arrival', pace: this.#pace });
  }
}
