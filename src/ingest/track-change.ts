/**
 * Where the configuration of a running publisher changes: each frame goes to the run of its configuration.
 * In: the tracks and frames of a protocol, in the order in which they come. Out: the same frames, and one
 * change of tracks for all that change together. Pure.
 *
 * Sound and picture of one moment come some 100 ms apart, so a change of both is reported twice. The next run
 * begins with a key frame of the reference track. Its frames wait until each other track has reached that key
 * frame, so that a second report joins the first one; frames before it still go to the previous run.
 */
import type { Frame, Track } from '@oxbow/media/frame';
import { isSparse } from '@oxbow/media/rendition-set';
import { ticksToUs } from '@oxbow/media/run';
import { referenceOf } from '../live/reference.ts';
import { sameTrack } from './same-tracks.ts';

/** Other tracks are waited for until they are this far beyond the first key frame, µs. */
const CONFIRM_US = 150_000;
/** They are not waited for any longer when the reference track is this far beyond it, µs. */
const MAX_WAIT_US = 600_000;
/**
 * After an announcement, frames of other tracks wait this long for the key frame, µs of media: the packager
 * waits 600 ms for them.
 */
const MAX_ANNOUNCED_US = 200_000;
/**
 * A key frame this far before the first frame of another track that has changed begins the run with it, µs:
 * encoders begin sound and picture of a new configuration a little apart.
 */
const EARLY_US = 250_000;
/** Most frames that wait, and most bytes of them: 600 ms of 100 Mbps. */
const MAX_FRAMES = 1024;
const MAX_BYTES = 8 * 1024 * 1024;

/** A frame that waits, and when it came. */
interface Waiting<Arrival> {
  readonly frame: Frame;
  readonly us: number;
  readonly arrival: Arrival;
}

/** Takes what a `TrackChange` lets through. */
export interface TrackChangeOutput<Arrival> {
  /** The run of other tracks begins. */
  start(tracks: readonly Track[]): void;
  frame(frame: Frame, arrival: Arrival): void;
  damage(reason: string): void;
  /** The run begins with the next key frame. */
  requestKeyFrame(): void;
}

/** A change that waits for its first key frame, or for the other tracks. */
interface Change<Arrival> {
  tracks: readonly Track[];
  reference: Track;
  /**
   * The source has announced it: until its first key frame, frames of tracks that have not changed wait too,
   * because they may come before it.
   */
  isAnnounced: boolean;
  /** Ids of the tracks that have changed. */
  readonly changed: Set<number>;
  /** A key frame was requested. */
  isAsked: boolean;
  /** Time of the first key frame of the next run, µs; undefined before it. */
  beginsUs: number | undefined;
  /** Time of the first frame of a changed track other than the reference, µs. */
  firstUs: number | undefined;
  /** Ids of the other tracks that are beyond the first key frame. */
  readonly reached: Set<number>;
  waiting: Waiting<Arrival>[];
  bytes: number;
}

/** The changes of one publisher. `Arrival` is what the owner knows of the arrival of a frame. */
export class TrackChange<Arrival> {
  readonly #out: TrackChangeOutput<Arrival>;
  /** Tracks of the run that frames go to. */
  #tracks: readonly Track[] = [];
  #change: Change<Arrival> | undefined;

  constructor(out: TrackChangeOutput<Arrival>) {
    this.#out = out;
  }

  /** Whether frames wait, or may have to: otherwise `frame` need not be called. */
  get isOpen(): boolean {
    return this.#change !== undefined;
  }

  /** Begins a run at once, without a change that waits: the first one, or after an interruption. */
  begin(tracks: readonly Track[]): void {
    this.end();
    this.#tracks = tracks;
    this.#out.start(tracks);
  }

  /**
   * As `begin`, where timestamps begin again: another sender may have other tracks, which it reports later.
   */
  restart(tracks: readonly Track[]): void {
    const isFirst = this.#tracks.length === 0;
    this.begin(tracks);
    if (!isFirst) this.expect();
  }

  /** The tracks have changed; frames that follow have the new configurations. */
  take(tracks: readonly Track[]): void {
    const before = this.#change?.tracks ?? this.#tracks;
    const changed = tracks.filter((track) => !before.some((other) => sameTrack(track, other)));
    const isShort = changed.length === 0 && tracks.length === before.length;
    // A track that changes again, or is removed while its frames wait, belongs to another change, as does an
    // interruption.
    const isOther = changed.some(({ id }) => this.#change?.changed.has(id)) || this.#wouldLose(tracks);
    if (isShort || isOther) this.end();
    if (isShort || this.#tracks.length === 0) {
      this.begin(tracks);
      return;
    }
    const change = this.#change ?? this.#open(tracks);
    change.tracks = tracks;
    change.reference = referenceOf(tracks);
    for (const { id } of changed) {
      change.changed.add(id);
      change.reached.delete(id);
    }
    // What waits of a track that changes now has its previous configuration.
    const ids = new Set(changed.map(({ id }) => id));
    const early = change.waiting.filter(({ frame }) => ids.has(frame.trackId));
    if (early.length > 0) change.waiting = change.waiting.filter(({ frame }) => !ids.has(frame.trackId));
    for (const { frame, arrival } of early) {
      change.bytes -= frame.data.length;
      this.#out.frame(frame, arrival);
    }
    if (!ids.has(change.reference.id)) return;
    // The picture changes after the sound: a key frame of its previous configuration began nothing. What
    // waits of tracks that have not changed still comes before what follows.
    change.isAnnounced ||= change.beginsUs !== undefined;
    change.beginsUs = undefined;
    change.reached.clear();
  }

  /** The source says that configurations may change with the next key frame. */
  expect(): void {
    if (!this.#change && this.#tracks.length > 0) this.#open(this.#tracks).isAnnounced = true;
  }

  /** Takes a frame, while `isOpen`. */
  frame(frame: Frame, arrival: Arrival): void {
    const change = this.#change;
    const track = change?.tracks.find(({ id }) => id === frame.trackId);
    if (!change || !track) {
      this.#out.frame(frame, arrival);
      return;
    }
    const us = ticksToUs(frame.pts, track.timescale);
    const isNext =
      track.id === change.reference.id ? this.#isNextPicture(change, frame, us) : isNextOf(change, track, us);
    if (!isNext) {
      this.#out.frame(frame, arrival);
      return;
    }
    change.waiting.push({ frame, us, arrival });
    change.bytes += frame.data.length;
    if (this.#isComplete(change, track, { frame, us })) this.end();
    else if (change.waiting.length > MAX_FRAMES || change.bytes > MAX_BYTES) this.#shorten(change);
  }

  /** Nothing is waited for any longer: begins the run that waits, with its frames. */
  end(): void {
    const change = this.#change;
    if (!change) return;
    this.#change = undefined;
    const { tracks, waiting, beginsUs, changed } = change;
    if (changed.size > 0 || tracks.length !== this.#tracks.length) {
      this.#tracks = tracks;
      this.#out.start(tracks);
    }
    let lost = 0;
    for (const { frame, us, arrival } of waiting) {
      // The previous run has the picture of this time, and cannot have this sound.
      if (frame.trackId !== change.reference.id && us < (beginsUs ?? us) - EARLY_US) lost++;
      this.#out.frame(frame, arrival);
    }
    if (lost > 0) this.#out.damage(withoutPicture(lost));
  }

  /** Whether frames wait whose track is not among these. */
  #wouldLose(tracks: readonly Track[]): boolean {
    const waiting = this.#change?.waiting ?? [];
    return waiting.some(({ frame }) => !tracks.some(({ id }) => id === frame.trackId));
  }

  #open(tracks: readonly Track[]): Change<Arrival> {
    this.#change = {
      tracks,
      reference: referenceOf(tracks),
      isAnnounced: false,
      isAsked: false,
      changed: new Set(),
      beginsUs: undefined,
      firstUs: undefined,
      reached: new Set(),
      waiting: [],
      bytes: 0,
    };
    return this.#change;
  }

  /** Whether a frame of the reference track belongs to the next run; the first one is where that begins. */
  #isNextPicture(change: Change<Arrival>, { key }: Frame, us: number): boolean {
    if (change.beginsUs !== undefined) return true;
    const { firstUs, changed, reference } = change;
    const begins = changed.has(reference.id) || (key && us >= (firstUs ?? us) - EARLY_US);
    if (!begins) return false;
    change.beginsUs = us;
    this.#release(change, us);
    for (const { frame, us: waitingUs } of change.waiting) {
      const isPast = waitingUs >= us + (changed.has(frame.trackId) ? 0 : CONFIRM_US);
      if (isPast) change.reached.add(frame.trackId);
    }
    return true;
  }

  /** Frames before the next run, of tracks that have not changed, go to the previous one. */
  #release(change: Change<Arrival>, beforeUs: number): void {
    change.isAnnounced = false;
    const isEarly = ({ frame, us }: Waiting<Arrival>) => us < beforeUs && !change.changed.has(frame.trackId);
    const early = change.waiting.filter(isEarly);
    if (early.length === 0) return;
    change.waiting = change.waiting.filter((each) => !isEarly(each));
    for (const { frame, arrival } of early) {
      change.bytes -= frame.data.length;
      this.#out.frame(frame, arrival);
    }
  }

  /** Whether each other track has reached the run, or is not waited for any longer. */
  #isComplete(change: Change<Arrival>, track: Track, { frame, us }: Omit<Waiting<Arrival>, 'arrival'>): boolean {
    const { beginsUs, reference, reached, tracks } = change;
    if (beginsUs === undefined) {
      // No key frame has followed the announcement.
      if (change.isAnnounced && us - change.waiting[0]!.us > MAX_ANNOUNCED_US) {
        this.#release(change, Number.POSITIVE_INFINITY);
        return change.changed.size === 0;
      }
      if (change.changed.has(track.id) && !change.isAsked) this.#out.requestKeyFrame();
      change.isAsked ||= change.changed.has(track.id);
      return false;
    }
    if (track.id === reference.id && ticksToUs(frame.dts, track.timescale) - beginsUs > MAX_WAIT_US) return true;
    return tracks.every((each) => each.id === reference.id || isSparse(each) || reached.has(each.id));
  }

  /** Too much waits: the oldest frames that no key frame has followed are lost, otherwise the run begins. */
  #shorten(change: Change<Arrival>): void {
    if (change.beginsUs !== undefined) {
      this.end();
      return;
    }
    const dropped = change.waiting.splice(0, change.waiting.length >> 1);
    for (const { frame } of dropped) change.bytes -= frame.data.length;
    this.#out.damage(withoutPicture(dropped.length));
  }
}

/** Whether a frame of a track other than the reference belongs to the next run. */
function isNextOf(change: Change<unknown>, track: Track, us: number): boolean {
  const { beginsUs, changed, reached } = change;
  if (changed.has(track.id)) {
    if (!isSparse(track)) change.firstUs = Math.min(change.firstUs ?? us, us);
    if (beginsUs !== undefined && us >= beginsUs) reached.add(track.id);
    return true;
  }
  if (beginsUs === undefined) return change.isAnnounced && !isSparse(track);
  if (us < beginsUs) return false;
  if (us >= beginsUs + CONFIRM_US) reached.add(track.id);
  return true;
}

function withoutPicture(count: number): string {
  return `${count} frames of a new configuration came long before the key frame that begins it`;
}
