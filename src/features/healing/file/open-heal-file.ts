/**
 * Takes files that heal gaps of streams.
 * In: the stream's name, the bytes of a file. Out: what was filled. One file at a time.
 */
import { FormatError } from '@oxbow/media/errors';
import type { HealedFileView } from '../../../api/healing/healed-file.ts';
import { measureLevels } from '../../../ffmpeg/engine.ts';
import type { Clock } from '../../../lib/clock.ts';
import { OxbowError, sentenceOf } from '../../../lib/errors.ts';
import type { ManagedStream } from '../../../streams/managed-stream.ts';
import type { StoredRecordings } from '../../../streams/stream-deps.ts';
import { missingPieces } from '../heal-gap.ts';
import type { HealerOptions } from '../healer.ts';
import { healFromFile, type MediaFile } from './heal-file.ts';
import { receiveFile } from './received-file.ts';

/** Files that are received and used at the same time. */
const MOST_FILES = 2;

/** Heals gaps of a stream from a file. @throws OxbowError */
export type HealFile = (
  streamName: string,
  bytes: AsyncIterable<Uint8Array>,
  file: Omit<MediaFile, 'path'>,
  options: { readonly signal: AbortSignal },
) => Promise<HealedFileView>;

interface HealFileParts {
  readonly clock: Clock;
  readonly recordings: Pick<StoredRecordings, 'chunks' | 'erasures'>;
  /** @throws OxbowError `not-found` */
  readonly stream: (name: string) => ManagedStream;
  readonly heal: HealerOptions['heal'];
  /** `heal.maxBytes`. */
  readonly maxBytes: () => number;
}

/** Opens it: nothing has to be closed. */
export function openHealFile({ clock, recordings, stream: find, heal, maxBytes }: HealFileParts): HealFile {
  let running = 0;
  return async (streamName, bytes, file, { signal }) => {
    const stream = find(streamName);
    if (running >= MOST_FILES) {
      throw new OxbowError('busy', `${running} files are used for healing now; try again when they are done.`);
    }
    running++;
    try {
      await using received = await receiveFile(bytes, { maxBytes: maxBytes(), signal });
      const record = (gap: { readonly fromUs: number; readonly toUs: number }) => ({
        fromUs: gap.fromUs,
        toUs: gap.toUs,
        state: 'waiting' as const,
        attempts: 0,
        nextUs: 0,
        reason: '',
        healedUs: 0,
        sources: '',
      });
      return await healFromFile(
        {
          measureLevels,
          missing: () => missingPieces(stream, recordings, stream.served.horizonUs(), clock.nowMs() * 1000),
          heal: (gap, source, options) => heal(stream, record(gap), [source], options),
        },
        { ...file, path: received.path },
        { signal },
      );
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      throw new OxbowError('unsupported-media', `The file cannot be used: ${sentenceOf(error)}`, { cause: error });
    } finally {
      running--;
    }
  };
}
