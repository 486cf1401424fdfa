/**
 * The derived qualities of a stream for what delivers their frames: the further variants of a pulled source,
 * a live encoder.
 *
 * A live encoder attaches to `stream` as a sink, and calls the input of a quality from its process as
 * pictures come back:
 * - `startRun(context.run.id, track)` before the first picture of each run that is not `soft`, then `write`
 *   in decode order with the timestamps of the stream, `damage` where pictures were lost, `endRun` when the
 *   run has ended and the encoder is flushed, `stop` when it gives up the quality;
 * - it forces a key frame at each picture that begins a segment: `cuts` reports `open` before the sink gets
 *   that picture. A key frame at each key frame of the stream does as well, as segments begin with one unless
 *   GOPs are too long.
 * In: a stream and its parts. Out: inputs. docs/media.md 6.
 */
import type { ServedStream } from '../../delivery/served-stream.ts';
import type { StreamQualityInputs } from '../../ingest/pull/rendition/further-qualities.ts';
import type { Stream } from '../../live/stream.ts';
import type { CutList } from '../../packager/cut-list.ts';
import type { MissingCause } from '../../packager/derived-input.ts';
import type { Packager } from '../../packager/packager.ts';
import type { StreamQualities } from './stream-qualities.ts';

/** Opens the derived qualities of a stream. */
export interface QualityInputs extends StreamQualityInputs {
  /** Where the stream is cut. */
  readonly cuts: Pick<CutList, 'subscribe'>;
  /** Why the newest segment of a quality is missing; undefined: it is not. */
  missing(rung: string): MissingCause | undefined;
}

/** The parts of a stream that its inputs need. */
interface QualityParts {
  readonly qualities: StreamQualities;
  readonly packager: Packager;
  readonly stream: Stream;
}

/** Opens the inputs of a stream. */
export function openQualityInputs(served: ServedStream, { qualities, packager, stream }: QualityParts): QualityInputs {
  return {
    cuts: packager.cuts,
    missing: (rung) => qualities.missing(rung),
    open: (rung, lateUs) => qualities.open(served, rung, lateUs),
    now() {
      const { context, utcOffsetUs } = stream.placement;
      // The stream moves timestamps by whole seconds, and its UTC offset the other way.
      return context && utcOffsetUs !== undefined
        ? { run: context.run.id, shiftUs: 1e6 * Math.round((utcOffsetUs - context.run.utcOffsetUs) / 1e6) }
        : undefined;
    },
  };
}
