/**
 * Qualities of one live stream that a worker on another machine encodes together: the source travels once.
 * Another worker, or software of this machine, continues where the worker is left.
 * In: names of qualities, the workers. Out: derived qualities of the stream; where they are encoded.
 */
import type { Clock } from '../../lib/clock.ts';
import { LiveLadder } from '../../transcode/live/live-ladder.ts';
import type { LiveLadderFacts, LiveLadderOptions, OpenLiveEncoder } from '../../transcode/live/live-ladder-shapes.ts';
import { type EncoderPlace, openMovableEncoder } from '../../transcode/live/remote/movable-encoder.ts';
import type { RemoteEncoders } from '../../transcode/live/remote/remote-encoders.ts';

/** The machine is too slow when software of this machine is so far behind, ms. */
const LAG_LIMIT_MS = 10_000;

/** Dependencies of a group. */
export interface RemoteGroupOptions {
  readonly names: readonly string[];
  /** Name of the stream. */
  readonly stream: string;
  readonly clock: Clock;
  readonly remote: RemoteEncoders;
  readonly openLocal: OpenLiveEncoder;
  /** Of the ladder of the stream; the plan has the qualities of the group alone. */
  readonly ladder: Pick<LiveLadderOptions, 'sinks' | 'cuts' | 'input' | 'plan' | 'report'>;
  /** See MovableOptions. */
  readonly moved: (worker: string | undefined, why: string) => void;
}

/** The qualities of one worker. */
export class RemoteGroup {
  readonly names: ReadonlySet<string>;
  readonly #ladder: LiveLadder;
  #place: EncoderPlace | undefined;

  constructor(options: RemoteGroupOptions) {
    const { names, stream, clock, remote, openLocal, ladder, moved } = options;
    this.names = new Set(names);
    this.#ladder = new LiveLadder({
      ...ladder,
      clock,
      isOnDevice: () => false,
      beginsWithSegment: true,
      lagLimitMs: LAG_LIMIT_MS,
      open: (output) =>
        openMovableEncoder(output, {
          clock,
          remote,
          openLocal,
          stream,
          count: names.length,
          burstMs: () => this.#ladder.burstMs,
          moved: (place, why) => {
            this.#place = place;
            moved(place.worker, why);
          },
        }),
    });
  }

  get facts(): LiveLadderFacts {
    return this.#ladder.facts;
  }

  /** The worker that encodes now; undefined: software of this machine. */
  get worker(): string | undefined {
    return this.#place?.worker;
  }

  /** The encoder of a track and its device; undefined: software. */
  nameOf(trackId: number): string | undefined {
    return this.#place?.nameOf(trackId);
  }

  /** Begins with the next segment. Resolves when it takes frames. */
  async start(): Promise<void> {
    this.#ladder.start();
    await this.#ladder.ready();
  }

  async stop(): Promise<void> {
    await this.#ladder.stop();
  }
}
