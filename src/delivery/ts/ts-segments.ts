/**
 * Segments of the muxed MPEG-TS rendition, muxed at the first request and cached for some minutes: one cache
 * for all streams.
 * In: the media of a segment. Out: Reply. The bytes of an address never change. docs/media.md 14, 34.
 */
import { crc32 } from 'node:zlib';
import { freeBytes } from '@oxbow/media/bytes';
import type { Frame } from '@oxbow/media/frame';
import { parseSegment } from '@oxbow/media/isobmff/segment-frames';
import { muxSegment } from '@oxbow/media/mpegts/muxer/muxer';
import { tsRenditionOf } from '@oxbow/media/rendition-set';
import type { Init } from '@oxbow/media/segment';
import { readIntact } from '../../archive/integrity/read-intact.ts';
import type { RangeReader } from '../../archive/range-reader.ts';
import { OxbowError } from '../../lib/errors.ts';
import { Recent, type RecentOptions } from '../../lib/recent.ts';
import type { Metrics } from '../../observe/metrics.ts';
import { etagOf } from '../live/live.ts';
import type { Reply } from '../reply.ts';
import { findSegment, missing, type SegmentMedia } from '../segment-media.ts';
import type { ServedStream } from '../served-stream.ts';
import { bytesReply, caching, contentTypes } from '../text-reply.ts';

interface MuxedSegment {
  readonly bytes: Uint8Array;
  /** CRC-32 of `bytes`. */
  readonly crc: number;
}

/** Size of the cache: the newest segments of a few streams, of more while they are requested again. */
const BOUNDS: RecentOptions = { maxBytes: 4 * 1024 * 1024, grows: { mostBytes: 64 * 1024 * 1024, againMs: 10_000 } };

/** Dependencies of TsSegments. */
interface TsSegmentsOptions {
  readonly reader: Pick<RangeReader, 'read'>;
  readonly metrics?: Pick<Metrics, 'tsSegments' | 'tsCacheBytes'>;
  /** Bounds of the cache; default 4 MiB, up to 64 MiB while segments are requested again. */
  readonly bounds?: RecentOptions;
}

/** Muxes and caches the segments of all streams. */
export class TsSegments {
  readonly #options: TsSegmentsOptions;
  readonly #kept: Recent<MuxedSegment>;
  readonly #making = new Map<string, Promise<MuxedSegment>>();

  constructor(options: TsSegmentsOptions) {
    this.#options = options;
    const { bounds = BOUNDS, metrics } = options;
    this.#kept = new Recent({ ...bounds, changed: (bytes) => metrics?.tsCacheBytes.set(bytes) });
  }

  /** Bytes of the cached segments. */
  get bytes(): number {
    return this.#kept.bytes;
  }

  /**
   * A segment by its MSN, all its tracks in one.
   *
   * @throws OxbowError `not-found`, `gone`; `unsupported-media` for AAC that MPEG-TS cannot carry
   */
  async answer(stream: ServedStream, msn: number): Promise<Reply> {
    const { init, tracks } = await findSegment(stream, msn);
    if (!init) throw await missing(stream, msn);
    const key = `${stream.recording.streamId}/${msn}/${init.number}`;
    const kept = this.#kept.get(key);
    const making = this.#making.get(key);
    this.#options.metrics?.tsSegments.inc({ result: kept ? 'kept' : making ? 'joined' : 'made' });
    const { bytes, crc } = kept ?? (await (making ?? this.#make(key, init, tracks)));
    return bytesReply(bytes, contentTypes.ts, caching.forever, etagOf(`ts-${msn}`, [crc]));
  }

  #make(key: string, init: Init, stored: SegmentMedia['tracks']): Promise<MuxedSegment> {
    const muxing = mux(key, init, stored, this.#options.reader)
      .then((bytes) => {
        const made = { bytes, crc: crc32(bytes) };
        this.#kept.set(key, made, bytes.length);
        return made;
      })
      .finally(() => this.#making.delete(key));
    this.#making.set(key, muxing);
    return muxing;
  }
}

async function mux(
  name: string,
  init: Init,
  stored: SegmentMedia['tracks'],
  reader: Pick<RangeReader, 'read'>,
): Promise<Uint8Array> {
  const { tracks } = tsRenditionOf(init.tracks);
  const owned: Uint8Array[] = [];
  const entries = await Promise.all(
    tracks.map(async ({ id }): Promise<[number, readonly Frame[]] | undefined> => {
      const media = stored.get(id)?.media;
      if (!media) return undefined; // a hole in one track: the segment lacks it
      const bytes = 'location' in media ? await readIntact(reader, media) : media;
      if (bytes !== media) owned.push(bytes);
      const frames = parseSegment(bytes);
      if (!frames) throw new OxbowError('not-found', `Segment ${name} cannot be read any more.`);
      return [id, frames];
    }),
  );
  const frames = new Map(entries.filter((entry) => entry !== undefined));
  if (frames.size === 0) throw new OxbowError('not-found', `Segment ${name} has no media.`);
  const made = muxSegment({ tracks, frames });
  for (const bytes of owned) freeBytes(bytes);
  return made;
}
