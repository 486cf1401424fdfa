/**
 * Reads the records of streams for the next object of a mirror from their files.
 * In: streams, files. Out: records with their bytes.
 */
import { identityLocation } from '../../archive/recording-locations.ts';
import { isMissing, type SegmentLocation, type SegmentStore } from '../../archive/segment-store.ts';
import type { BatchMemory } from './batch-memory.ts';
import type { FilledRecord } from './mirror-batch.ts';
import type { MirrorOptions } from './mirror-options.ts';
import { type FilePlan, leaveToOffload, type MirroredStream, type RecordPlace } from './mirrored-stream.ts';

/** The name of a stream is in a short file, bytes. */
const MAX_IDENTITY_BYTES = 64 * 1024;
/** Closed files of one stream that wait; a longer outage is for offload, which reads the index. */
const MAX_FILES = 20;

/** A record for the next object. */
export interface Picked extends FilledRecord {
  /** It is in the second place. */
  done(place: RecordPlace): void;
}

/** Reads files of streams. */
export class RecordReader {
  readonly #files: Pick<SegmentStore, 'read'>;
  readonly #keepsLog: MirrorOptions['keepsLog'];

  constructor({ files, keepsLog }: Pick<MirrorOptions, 'files' | 'keepsLog'>) {
    this.#files = files;
    this.#keepsLog = keepsLog;
  }

  /** The file with the name of a stream, so that nothing but the second place is needed. */
  async pickName(stream: MirroredStream): Promise<Picked[]> {
    const location = identityLocation(stream.streamId);
    const bytes = await this.#read(location, 0, MAX_IDENTITY_BYTES);
    if (!bytes) return [];
    const record = { kind: 'file', location, offset: 0, length: bytes.length } as const;
    const done = () => {
      if (stream.name === 'missing') stream.name = 'sent';
    };
    return [{ record, bytes: [bytes], done }];
  }

  /** What files of a stream have more, oldest first. @param maxBytes most bytes of the records */
  async pickFiles(
    line: { readonly target: string; readonly memory: BatchMemory },
    stream: MirroredStream,
    maxBytes: number,
  ): Promise<{ readonly picked: Picked[]; readonly isFull: boolean }> {
    const isKept = this.#keepsLog?.(line.target) === true;
    const picked: Picked[] = [];
    let room = maxBytes;
    leaveToOffload(stream, MAX_FILES);
    for (const file of [...stream.files.values()]) {
      const { sent, length } = file;
      if (sent >= length) continue;
      if (room <= 0) return { picked, isFull: true };
      const plan = stream.planFile(file, room);
      const filled = await this.#fill(plan.records, line.memory);
      if (!filled) {
        stream.forgetFile(file.location);
        continue;
      }
      const places: RecordPlace[] = [];
      for (const { record, bytes } of filled) {
        // All of them are in one object.
        const done = (place: RecordPlace) => {
          places.push(place);
          if (places.length === filled.length) stream.sentFile(file, sent, plan, isKept ? places : undefined);
        };
        picked.push({ record, bytes, done });
        room -= record.length;
      }
      if (plan.end < length) return { picked, isFull: true };
    }
    return { picked, isFull: false };
  }

  /** Reads the bytes of records; undefined if the file is gone. */
  async #fill(records: FilePlan['records'], memory: BatchMemory): Promise<FilledRecord[] | undefined> {
    const filled: FilledRecord[] = [];
    for (const record of records) {
      if (record.kind === 'joined') {
        filled.push({ record, bytes: [] });
        continue;
      }
      const into = memory.piece(record.length);
      const bytes = await this.#read(record.location as SegmentLocation, record.offset, record.length, into);
      if (bytes?.length !== record.length) return undefined;
      filled.push({ record, bytes: [bytes] });
    }
    return filled;
  }

  async #read(
    location: SegmentLocation,
    offset: number,
    length: number,
    into?: Uint8Array,
  ): Promise<Uint8Array | undefined> {
    try {
      return await this.#files.read(location, { offset, length }, { into });
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }
}
