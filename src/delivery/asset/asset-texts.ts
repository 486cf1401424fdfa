/**
 * Subtitles of an asset: their segments, made from one WebVTT file each, the files themselves, and chapters.
 * In: an asset. Out: Reply; fragments of a text track. Files are parsed once and kept while they are
 * requested. ISO/IEC 14496-30.
 */
import { crc32 } from 'node:zlib';
import { FormatError } from '@oxbow/media/errors';
import type { TextTrack } from '@oxbow/media/frame';
import { fragmentLength, loneSlot, printFragment, sequenceNumber } from '@oxbow/media/isobmff/fragment';
import { renditionsOf } from '@oxbow/media/rendition-set';
import { usToTicks } from '@oxbow/media/run';
import { fileBounds } from '@oxbow/media/subtitles/bounds';
import { escapeText } from '@oxbow/media/subtitles/cue-text';
import type { VttCue } from '@oxbow/media/webvtt/cue';
import { framesOfCues } from '@oxbow/media/webvtt/frames';
import { parseVtt } from '@oxbow/media/webvtt/parse';
import { printVtt } from '@oxbow/media/webvtt/print';
import type { AssetSegment } from '../../archive/asset-index.ts';
import { isMissing, type SegmentLocation, type SegmentStore } from '../../archive/segment-store.ts';
import { OxbowError } from '../../lib/errors.ts';
import { Recent } from '../../lib/recent.ts';
import { etagOf } from '../live/live.ts';
import type { Reply } from '../reply.ts';
import { bytesReply, contentTypes, playlistReply } from '../text-reply.ts';
import type { ServedAsset, ServedSubtitle } from './served-asset.ts';

const BOUNDS = { maxBytes: 4 * 1024 * 1024, grows: { mostBytes: 32 * 1024 * 1024, againMs: 10_000 } };
/** Memory of a cue in addition to its text, roughly. */
const CUE_BYTES = 200;
/** Subtitles may be removed, and chapters change with the asset. */
const CACHING = 'public, max-age=300';

/** The subtitles of all assets. */
export class AssetTexts {
  readonly #segments: Pick<SegmentStore, 'read' | 'size'>;
  readonly #kept = new Recent<readonly VttCue[]>(BOUNDS);

  constructor(segments: Pick<SegmentStore, 'read' | 'size'>) {
    this.#segments = segments;
  }

  /**
   * The fragment of a segment; undefined if the rendition is in the media, or is none of subtitles.
   *
   * @throws OxbowError `not-found` if its file is gone
   */
  async fragment(
    { asset, index, subtitles }: ServedAsset,
    segment: AssetSegment,
    rendition: string,
  ): Promise<{ readonly track: TextTrack; readonly bytes: Uint8Array } | undefined> {
    const subtitle = findIn(subtitles, rendition);
    if (!subtitle) return undefined;
    const { track, location } = subtitle;
    const cues = await this.#cues(location);
    const { msn, startUs, durationUs, utcOffsetUs } = segment;
    const ticks = (us: number) => usToTicks(us - utcOffsetUs, track.timescale);
    const [from, to] = [ticks(startUs), ticks(startUs + durationUs)];
    // Cues count from the start of the asset; in a recording it is not at 0, and gaps are left out.
    const shiftUs = asset.origin === 'recording' ? startUs - positionOf(index, msn) : 0;
    const shift = (ms: number) => ticks(ms * 1000 + shiftUs);
    const near = cues.filter(({ startMs, endMs }) => shift(endMs) > from && shift(startMs) < to);
    const shown = near.map((cue) => ({ ...cue, start: shift(cue.startMs), end: shift(cue.endMs) }));
    const frames = framesOfCues(shown, { trackId: track.id, from, to, gapless: true });
    const bytes = new Uint8Array(fragmentLength(frames));
    printFragment(bytes, 0, { sequence: sequenceNumber(msn, loneSlot, 0), trackId: track.id, tfdt: from, frames });
    return { track, bytes };
  }

  /** A whole file: WebVTT, or the script of ASS. @throws OxbowError `not-found` */
  async file({ asset, subtitles }: ServedAsset, rendition: string, form: 'vtt' | 'ass'): Promise<Reply> {
    const subtitle = findIn(subtitles, rendition);
    const location = form === 'vtt' ? subtitle?.location : subtitle?.scriptLocation;
    if (!subtitle || !location) throw new OxbowError('not-found', `The asset has no file ${rendition}.${form}.`);
    const bytes = await this.#read(location);
    const reply = bytesReply(bytes, contentTypes[form], CACHING, etagOf(`${rendition}-${form}`, [crc32(bytes)]));
    const title = subtitle.track.label || subtitle.track.language;
    // Pages load WebVTT as a track; a script is for other programs.
    return form === 'vtt' ? reply : { ...reply, filename: `${asset.title} (${title}).ass` };
  }

  async #cues(location: SegmentLocation): Promise<readonly VttCue[]> {
    const kept = this.#kept.get(location);
    if (kept) return kept;
    const bytes = await this.#read(location);
    try {
      const { cues } = parseVtt(new TextDecoder().decode(bytes), fileBounds);
      this.#kept.set(location, cues, 2 * bytes.length + cues.length * CUE_BYTES);
      return cues;
    } catch (cause) {
      if (!(cause instanceof FormatError)) throw cause;
      throw new OxbowError('not-found', 'The subtitles cannot be read any more.', { cause });
    }
  }

  async #read(location: SegmentLocation): Promise<Uint8Array> {
    try {
      return await this.#segments.read(location, { offset: 0, length: await this.#segments.size(location) });
    } catch (cause) {
      if (!isMissing(cause)) throw cause;
      throw new OxbowError('not-found', 'The subtitles were removed.', { cause });
    }
  }
}

/** The chapters as WebVTT: a cue for each, until the next one. @throws OxbowError `not-found` */
export function answerAssetChapters({ asset, chapters }: ServedAsset): Reply {
  if (chapters.length === 0) throw new OxbowError('not-found', 'The asset has no chapters.');
  const endUs = asset.durationUs ?? chapters.at(-1)!.startUs + 1_000_000;
  const cues = chapters.map(({ startUs, title }, i) => ({
    id: '',
    settings: '',
    startMs: startUs / 1000,
    endMs: (chapters[i + 1]?.startUs ?? endUs) / 1000,
    text: escapeText(title) || String(i + 1),
  }));
  return playlistReply(printVtt({ header: 'WEBVTT', cues }), CACHING, contentTypes.vtt);
}

function findIn(subtitles: readonly ServedSubtitle[], rendition: string): ServedSubtitle | undefined {
  return subtitles.find(({ track }) => renditionsOf([track]).subtitles[0]?.id === rendition);
}

/** Media of the asset before a segment, µs. */
function positionOf(index: Iterable<AssetSegment>, msn: number): number {
  let us = 0;
  for (const segment of index) {
    if (segment.msn >= msn) break;
    us += segment.durationUs;
  }
  return us;
}
