/**
 * Who speaks in a call, and how much its connections carry, from the statistics of the browser while this
 * person takes part.
 * In: connections, received tracks, the level of the local microphone. Out: fields that the page shows.
 */
import {
  type CallFigures,
  type CallReading,
  figuresBetween,
  levelBetween,
  readingOf,
  Speakers,
} from './call-figures.ts';
import type { Incoming } from './call-peer.ts';

/** How often it is looked who speaks, and how often the figures change, milliseconds. */
const LEVELS_MS = 300;
const FIGURES_MS = 3_000;

/** The call that is measured. */
interface Measured {
  /** The id of this participant. */
  readonly own: () => string;
  /** Of the local microphone, 0 to 1. */
  readonly level: () => number;
  readonly connections: () => readonly RTCPeerConnection[];
  readonly incoming: () => readonly Incoming[];
}

/** Measures from `start` to `stop`. */
export class CallStatistics {
  /** Ids of participants. */
  speaking = $state.raw<ReadonlySet<string>>(new Set());
  /** Null before the first measurement. */
  figures = $state.raw<CallFigures | null>(null);
  readonly #call: Measured;
  readonly #speakers = new Speakers();
  #readings: CallReading[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(call: Measured) {
    this.#call = call;
  }

  /** A second call changes nothing. */
  start(): void {
    this.#timer ??= setInterval(() => void this.#look(), LEVELS_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.speaking = new Set();
    this.figures = null;
    this.#readings = [];
  }

  async #look(): Promise<void> {
    const nowMs = performance.now();
    const stats = await Promise.all(this.#call.connections().map((connection) => connection.getStats()));
    const reading = readingOf(
      stats.flatMap((report) => [...report.values()]),
      nowMs,
    );
    const before = this.#readings.at(-1);
    this.#readings.push(reading);
    const levels = new Map([[this.#call.own(), this.#call.level()]]);
    for (const { from, source, receiver } of before ? this.#call.incoming() : []) {
      if (source === 'microphone') levels.set(from, levelBetween(before!, reading, receiver.track.id));
    }
    const speaking = this.#speakers.next(levels, nowMs);
    if (!hasSame(speaking, this.speaking)) this.speaking = speaking;
    const first = this.#readings[0]!;
    if (nowMs - first.atMs < FIGURES_MS) return;
    this.figures = figuresBetween(first, reading);
    this.#readings = [reading];
  }
}

function hasSame(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((each) => b.has(each));
}
