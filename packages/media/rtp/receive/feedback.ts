/**
 * Feedback of a receiver: receiver reports, requests for lost packets and key frames.
 * In: the inputs of the tracks. Out: compound RTCP packets that are due. Pure. RFC 3550 6.4.2, RFC 4585 3.5
 * and 6, RFC 5506 (reduced size).
 */
import { concatBytes } from '../../bytes.ts';
import { printNack, printPictureLoss, printReceiverReport, printTransportFeedback } from '../rtcp.ts';
import type { TrackInput } from './track-input.ts';
import { TransportFeedback } from './transport-feedback.ts';

const REPORT_MS = 1000;
/** At most two requests for a key frame a second (docs/media.md 30). */
const KEY_MS = 500;
const TRANSPORT_MS = 100;
/** Most blocks of a receiver report. */
const MAX_BLOCKS = 31;
const NONE: readonly Uint8Array[] = [];

/** Who sends the feedback. */
export interface FeedbackOptions {
  /** SSRC of the receiver. */
  readonly ssrc: number;
  /** CNAME, in ASCII. */
  readonly name: string;
  /** Packets may be without a report (`a=rtcp-rsize`). */
  readonly reducedSize?: boolean;
}

/** What feedback reads of a source. */
export type FeedbackInput = Pick<TrackInput, 'source' | 'needsKey' | 'nacks' | 'receptionReport'> &
  Partial<Pick<TrackInput, 'isMissing'>>;

/** One track and its permitted requests. */
interface FeedbackTrack {
  readonly input: FeedbackInput;
  readonly canRequestKey: boolean;
}

/** Decides which feedback is due. */
export class Feedback {
  /** Arrivals for congestion control; records only if the owner calls it. */
  readonly transport = new TransportFeedback();
  readonly #options: FeedbackOptions;
  readonly #keyMs = new Map<FeedbackInput, number>();
  readonly #keyRequested = new Set<FeedbackInput>();
  #reportMs: number | undefined;
  #transportMs = 0;

  constructor(options: FeedbackOptions) {
    this.#options = options;
  }

  /** A key frame of this track is wanted, whatever it shows. */
  requestKey(input: FeedbackInput): void {
    this.#keyRequested.add(input);
  }

  /** A key frame of this track arrived. */
  keyArrived(input: FeedbackInput): void {
    this.#keyRequested.delete(input);
  }

  /** Compound packets to send now, each in a datagram. */
  take(tracks: readonly FeedbackTrack[], nowMs: number): readonly Uint8Array[] {
    if (!this.#mayBeDue(tracks, nowMs)) return NONE;
    const active = tracks.filter(({ input }) => input.source !== undefined);
    if (active.length === 0) return [];
    const { ssrc, name, reducedSize } = this.#options;
    const isDue = this.#reportMs === undefined || nowMs - this.#reportMs >= REPORT_MS;
    const pieces: Uint8Array[] = [];
    for (const { input, canRequestKey } of active) {
      const source = input.source!;
      const nacks = input.nacks(nowMs);
      if (nacks.length > 0) pieces.push(printNack(ssrc, source, nacks));
      if (canRequestKey && this.#isKeyDue(input, nowMs)) pieces.push(printPictureLoss(ssrc, source));
    }
    const compounds: Uint8Array[] = [];
    if (isDue) {
      this.#reportMs = nowMs;
      const blocks = active.flatMap(({ input }) => input.receptionReport(nowMs) ?? []).slice(0, MAX_BLOCKS);
      pieces.unshift(printReceiverReport(ssrc, blocks, name));
    } else if (pieces.length > 0 && !reducedSize) {
      pieces.unshift(printReceiverReport(ssrc, [], name));
    }
    if (pieces.length > 0) compounds.push(concatBytes(pieces));
    const transport = this.#takeTransport(active[0]!.input.source!, nowMs);
    if (transport) compounds.push(transport);
    return compounds;
  }

  /** False at most calls of a source without losses: they build nothing. */
  #mayBeDue(tracks: readonly FeedbackTrack[], nowMs: number): boolean {
    if (this.#reportMs === undefined || nowMs - this.#reportMs >= REPORT_MS) return true;
    if (this.transport.isWaiting || this.#keyRequested.size > 0) return true;
    for (const { input, canRequestKey } of tracks) {
      if (input.isMissing !== false || (canRequestKey && input.needsKey)) return true;
    }
    return false;
  }

  #isKeyDue(input: FeedbackInput, nowMs: number): boolean {
    if (!input.needsKey && !this.#keyRequested.has(input)) return false;
    const last = this.#keyMs.get(input);
    if (last !== undefined && nowMs - last < KEY_MS) return false;
    this.#keyMs.set(input, nowMs);
    this.#keyRequested.delete(input);
    return true;
  }

  #takeTransport(source: number, nowMs: number): Uint8Array | undefined {
    if (nowMs - this.#transportMs < TRANSPORT_MS) return undefined;
    const content = this.transport.print();
    if (!content) return undefined;
    this.#transportMs = nowMs;
    const { ssrc, name, reducedSize } = this.#options;
    const packet = printTransportFeedback(ssrc, source, content);
    return reducedSize ? packet : concatBytes([printReceiverReport(ssrc, [], name), packet]);
  }
}
