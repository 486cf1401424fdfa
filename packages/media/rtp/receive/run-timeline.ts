/**
 * The common timeline of a run: where each track begins on it.
 * In: the clocks of the tracks. Out: offsets of their ticks, constant for the run. Pure.
 * docs/media.md 4.
 */
import type { SenderClock } from './sender-clock.ts';

/** Where a timeline begins, ms: earlier frames of another track have room before it. */
const START_MS = 10_000;
/**
 * Reports that differ more from the arrivals are wrong: cameras whose clocks of audio and video differ, ms.
 */
const MAX_DISAGREEMENT_MS = 10_000;
/** Larger differences between later reports and the run begin another run, ms. */
const MAX_OFFSET_MS = 40;

/** A track that has frames. */
interface ClockedTrack {
  readonly clock: SenderClock;
  /** Ticks of its first frame. */
  readonly firstTicks: number;
}

export interface PlacedTrack {
  readonly clock: SenderClock;
  /** Ticks to add. */
  readonly offset: number;
}

/** Keeps the epoch of a timeline: where its time 0 is in both times. */
export class RunTimeline {
  #senderEpoch: number | undefined;
  #arrivalEpoch = 0;
  #byReports = false;
  /** Number of reports of each track at the last comparison. */
  #compared = new Map<SenderClock, number>();
  #suspicions = 0;

  /** Time 0 of the timeline by the clock of the reference, unix ms; undefined without its reports. */
  get senderEpoch(): number | undefined {
    return this.#senderEpoch;
  }

  /** Begins a timeline with these tracks; the first one is the reference. @param tracks at least one */
  begin(tracks: readonly ClockedTrack[]): void {
    const starts = tracks.map(({ clock, firstTicks }) => {
      const ms = (firstTicks / clock.rate) * 1000;
      const arrival = (clock.arrivalOrigin ?? 0) + ms;
      return { arrival, sender: clock.senderOrigin === undefined ? undefined : clock.senderOrigin + ms };
    });
    this.#arrivalEpoch = Math.min(...starts.map(({ arrival }) => arrival)) - START_MS;
    const [reference] = starts;
    this.#senderEpoch =
      reference?.sender === undefined ? undefined : reference.sender - (reference.arrival - this.#arrivalEpoch);
    this.#byReports = starts.every(({ sender }) => sender !== undefined);
    this.#restart();
  }

  /** Follows the reference, whose place stays, in both times: clocks drift. */
  follow({ clock, offset }: PlacedTrack): void {
    const ms = (offset / clock.rate) * 1000;
    if (clock.senderOrigin !== undefined) this.#senderEpoch = clock.senderOrigin - ms;
    if (clock.arrivalOrigin !== undefined) this.#arrivalEpoch = clock.arrivalOrigin - ms;
  }

  /** Another run begins with the places of now. @param byReports all of them are by reports */
  place(clock: SenderClock): number {
    const byArrival = (clock.arrivalOrigin ?? this.#arrivalEpoch) - this.#arrivalEpoch;
    const bySender = this.#bySender(clock);
    const isUsable = bySender !== undefined && Math.abs(bySender - byArrival) <= MAX_DISAGREEMENT_MS;
    return Math.round(((isUsable ? bySender : byArrival) / 1000) * clock.rate);
  }

  /** The tracks of a run have their places. */
  placed(tracks: readonly PlacedTrack[]): void {
    this.#byReports = tracks.every(({ clock }) => this.#bySender(clock) !== undefined);
    this.#restart();
  }

  /**
   * Compares the places with later reports. True if another run should begin: the offset between two tracks
   * is wrong by more than 40 ms, in two rounds of reports, or in the first round if the run was placed by
   * arrivals.
   */
  isOff(tracks: readonly PlacedTrack[]): boolean {
    const [reference, ...others] = tracks;
    if (!reference || others.length === 0) return false;
    if (tracks.some(({ clock }) => clock.senderOrigin === undefined)) return false;
    // A sender sets its clock between the reports of two tracks: only complete rounds are compared.
    if (tracks.some(({ clock }) => clock.reports <= (this.#compared.get(clock) ?? 0))) return false;
    this.#compared = new Map(tracks.map(({ clock }) => [clock, clock.reports]));
    const epoch = epochOf(reference);
    const errors = others.map((track) => Math.abs(epochOf(track) - epoch));
    const isWrong = errors.some((ms) => ms > MAX_OFFSET_MS && ms <= MAX_DISAGREEMENT_MS);
    this.#suspicions = isWrong ? this.#suspicions + 1 : 0;
    return this.#suspicions >= (this.#byReports ? 2 : 1);
  }

  #bySender({ senderOrigin }: SenderClock): number | undefined {
    return senderOrigin === undefined || this.#senderEpoch === undefined ? undefined : senderOrigin - this.#senderEpoch;
  }

  #restart(): void {
    this.#suspicions = 0;
    this.#compared = new Map();
  }
}

/** Time 0 of the timeline by the clock of the sender, as this track has it, ms. */
function epochOf({ clock, offset }: PlacedTrack): number {
  return clock.senderOrigin! - (offset / clock.rate) * 1000;
}
