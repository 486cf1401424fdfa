/**
 * All further Variant Streams of a pulled source that become qualities of its stream.
 * In: the variants of the source, inputs of derived qualities. Out: frames to those inputs, once the chosen
 * variant was published.
 */
import type { QualitySet } from '../../../lib/quality.ts';
import type { DerivedInput } from '../../../packager/follower.ts';
import { type PullContext, renditionLimits } from '../context.ts';
import type { DemuxedSegment } from '../segment/segment-demux.ts';
import { FurtherQuality, type RunNow, spanOf } from './further-quality.ts';
import type { RenditionLocation } from './rendition.ts';

/**
 * A variant comes in whole segments, each when it was downloaded: it may be this much later than the chosen
 * one, µs.
 */
const LATE_US = 20_000_000;

/** The derived qualities of the stream that is pulled. */
export interface StreamQualityInputs {
  /** The input of a quality; undefined if the stream has too many. */
  open(rung: string, lateUs?: number): DerivedInput | undefined;
  /** Undefined while the stream has no run. */
  now(): RunNow | undefined;
}

/** Which qualities a pull takes, and where they go. */
export interface PulledQualities extends StreamQualityInputs {
  readonly wanted: QualitySet;
}

/** A further variant and its location. */
export interface LocatedVariant {
  readonly rung: string;
  readonly bandwidth: number;
  readonly location: RenditionLocation;
}

/** The further qualities of one pull. */
export class FurtherQualities {
  readonly #inputs: StreamQualityInputs | undefined;
  readonly #qualities: readonly FurtherQuality[];

  constructor(located: readonly LocatedVariant[], inputs: StreamQualityInputs | undefined, context: PullContext) {
    this.#inputs = inputs;
    this.#qualities = located.flatMap(({ rung, bandwidth, location }) => {
      const output = inputs?.open(rung, LATE_US);
      return output
        ? new FurtherQuality({ location, bandwidth, output, context: { ...context, limits: renditionLimits } })
        : [];
    });
  }

  /** Reads all of them until they have ended or `signal` aborts. Never rejects. */
  async run({ signal }: { signal: AbortSignal }): Promise<void> {
    await Promise.all(this.#qualities.map((quality) => quality.run({ signal })));
  }

  /** The stream has published a segment of the chosen variant. */
  published(media: DemuxedSegment): void {
    if (this.#qualities.length === 0) return;
    const span = spanOf(media);
    const now = this.#inputs?.now();
    if (span && now) for (const quality of this.#qualities) quality.published({ ...span, ...now });
  }
}
