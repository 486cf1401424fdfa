/**
 * Writes ranges of a recording as one file in another quality: the pictures are encoded again, the sound is
 * copied where every browser plays it and the file can have it, and becomes AAC otherwise.
 * In: a recording, ranges, a quality. Out: bytes in order, in bounded memory; a summary. Encoded frames are
 * stored until the index of the file is known.
 */
import { availableParallelism } from 'node:os';
import { canHold, type FileTrack, FileTracks } from '@oxbow/media/file/file-tracks';
import { layOut } from '@oxbow/media/file/layout';
import { ticksToUs, usToTicks } from '@oxbow/media/run';
import type { RangeReader } from '../../../archive/range-reader.ts';
import type { SegmentStore } from '../../../archive/segment-store.ts';
import {
  clipped,
  type Exportable,
  type Exported,
  type ExportRequest,
  noMedia,
  REORDER_US,
  writeExport,
} from '../../../delivery/export/export.ts';
import type { Recode } from '../../../delivery/export/export-exact.ts';
import { stretchesWithin } from '../../../delivery/export/export-exact.ts';
import { type Section, sectionsOf } from '../../../delivery/export/export-sections.ts';
import { intactGroups } from '../../../delivery/export/intact-groups.ts';
import { WriteBuffer } from '../../../delivery/export/write-buffer.ts';
import { type Range, segmentsOver } from '../../../delivery/past/past.ts';
import { encodeLadder } from '../../../ffmpeg/ladder.ts';
import type {
  LadderAudioRendition,
  LadderEffort,
  LadderOptions,
  LadderPicture,
  LadderVideoRendition,
} from '../../../ffmpeg/ladder-options.ts';
import { OxbowError } from '../../../lib/errors.ts';
import { isPlayableSound } from '../../../transcode/import/playable.ts';
import { PEAK } from '../../../transcode/ladder/plan.ts';
import { ladderOfFile } from '../../../transcode/ladder/probe-ladder.ts';
import { type EncodedRange, joinRanges } from './encoded-join.ts';
import { type Film, openFilm } from './film.ts';
import type { ExportQuality, PictureQuality } from './quality.ts';
import { Spool } from './spool.ts';

/** Distance of key frames, µs. */
const KEY_US = 2_000_000;
/** Room for decode times before the first picture, µs: whole seconds are exact in every timescale. */
const CLOCK_START_US = 10_000_000;
/** Share of the progress: encoding, and reading before it; the rest is writing the file. */
const ENCODE_SHARE = 0.9;
const AUDIO_IDS_FROM = 121;
const AUDIO_BITS = 128_000;

/** Dependencies of an encoded export. */
interface EncodedExportTools {
  readonly reader: Pick<RangeReader, 'read'>;
  readonly recode: Recode;
  /** Where encoded frames are stored meanwhile: names below `name`. */
  readonly spools: { readonly store: SegmentStore; readonly name: string };
  readonly write: (bytes: Uint8Array) => Promise<void>;
  readonly progress?: (share: number) => void;
  readonly effort?: LadderEffort;
  readonly signal: AbortSignal;
}

/**
 * Writes the file. Abort ends it and leaves an incomplete file.
 *
 * @throws OxbowError as `writeExport`, `bad-request` where the recording is smaller than the quality,
 *   `engine-failed`
 */
export async function writeEncodedExport(
  stream: Exportable,
  request: ExportRequest & { readonly quality: ExportQuality },
  tools: EncodedExportTools,
): Promise<Exported> {
  const { quality } = request;
  if (quality.kind === 'audio') return writeExport(stream, { ...request, audioOnly: true }, tools);
  await using encode = new EncodedExport(stream, request, quality, tools);
  const ranges = await encode.ranges();
  if (ranges === 'source') return await writeExport(stream, request, tools);
  return await encode.join(ranges);
}

/** How the pictures are encoded: the same in all ranges. */
interface VideoForm {
  readonly picture: LadderPicture;
  readonly rendition: LadderVideoRendition;
}

/** One file. Disposing deletes the stored frames. */
class EncodedExport implements AsyncDisposable {
  readonly #stream: Exportable;
  readonly #request: ExportRequest;
  readonly #quality: PictureQuality;
  readonly #tools: EncodedExportTools;
  readonly #opened = new AsyncDisposableStack();
  /** Of the recording. */
  readonly #tracks = new FileTracks('mp4');
  #spools = 0;
  #form: VideoForm | undefined;

  constructor(stream: Exportable, request: ExportRequest, quality: PictureQuality, tools: EncodedExportTools) {
    this.#stream = stream;
    this.#request = request;
    this.#quality = quality;
    this.#tools = tools;
  }

  /** Encodes all ranges; `source` if the recording has the quality itself. */
  async ranges(): Promise<EncodedRange[] | 'source'> {
    const { ranges } = this.#request;
    const sections: Section[][] = [];
    for (const range of ranges) sections.push(await this.#sectionsOf(range));
    const encoded: EncodedRange[] = [];
    for (const [i, range] of ranges.entries()) {
      const report = (share: number) => this.#tools.progress?.((ENCODE_SHARE * (i + share)) / ranges.length);
      const result = await this.#range(range, sections[i]!, report);
      if (result === 'source') return result;
      encoded.push(result);
    }
    return encoded;
  }

  /** Writes the file. */
  async join(ranges: readonly EncodedRange[]): Promise<Exported> {
    const { format, exact } = this.#request;
    const { reader, signal, progress = () => undefined, write } = this.#tools;
    const joined = joinRanges(ranges, { format, reader, signal });
    const layout = layOut(format, joined.tracks, {
      recordedMs: ranges[0]!.parts[0]!.fromUs / 1000,
      trim: exact,
    });
    if (layout.looksAhead) for await (const { batch } of joined.batches({ withBytes: false })) layout.look(batch);
    const out = new WriteBuffer(write);
    await out.add(layout.header());
    for await (const { batch, share } of joined.batches({ withBytes: true })) {
      for (const bytes of layout.print(batch)) await out.add(bytes);
      progress(ENCODE_SHARE + (1 - ENCODE_SHARE) * share);
    }
    await out.flush();
    const seconds = layout.seconds?.() ?? joined.seconds;
    const recoded = ranges.reduce((sum, { spools }) => sum + countPictures(spools), 0);
    return { seconds, bytes: out.length, parts: joined.parts, recoded, isProved: false };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }

  async #sectionsOf(range: Range): Promise<Section[]> {
    const { exact } = this.#request;
    const readRange = exact ? { ...range, toUs: range.toUs + REORDER_US } : range;
    const whole = sectionsOf(
      await intactGroups(await segmentsOver(this.#stream, readRange), this.#tools),
      this.#tracks,
    );
    const sections = exact ? stretchesWithin(whole, range).flat() : whole;
    if (sections.length === 0) throw noMedia(this.#stream);
    return sections;
  }

  async #range(
    range: Range,
    sections: readonly Section[],
    report: (share: number) => void,
  ): Promise<EncodedRange | 'source'> {
    const fileTracks = this.#tracks.all;
    const video = fileTracks.find(({ track }) => track.kind === 'video');
    if (!video) throw new OxbowError('bad-request', `The recording of ${this.#stream.name} has no pictures there.`);
    const spools = new Map<FileTrack, Spool>();
    await using film = await this.#filmOf(sections, video);
    const span = this.#request.exact ? spanOf(range, film) : { fromUs: 0, toUs: undefined };
    if (film.samples > 0) {
      this.#form ??= await this.#formOf(film);
      if (!this.#form) return 'source';
      const { picture, rendition } = this.#form;
      spools.set(
        video,
        await this.#encode(film, { kind: 'video', stream: 0, picture, renditions: [rendition] }, span, report),
      );
    }
    for (const fileTrack of fileTracks) {
      const { track } = fileTrack;
      if (track.kind !== 'audio') continue;
      if (isPlayableSound(track.config.codec) && canHold(this.#request.format, track)) continue;
      await using sound = await this.#filmOf(sections, fileTrack);
      if (sound.samples === 0) continue;
      const rendition: LadderAudioRendition = {
        id: `a${fileTrack.number}`,
        trackId: AUDIO_IDS_FROM + fileTrack.number,
        codec: 'aac',
        channels: 2,
        sampleRate: track.config.sampleRate === 44_100 ? 44_100 : 48_000,
        bitRate: AUDIO_BITS,
        language: track.language,
        label: track.label,
      };
      const media = { kind: 'audio', stream: 0, renditions: [rendition], gainDb: 0 } as const;
      spools.set(fileTrack, await this.#encode(sound, media, { ...span, fromUs: 0 }, () => {}));
    }
    const { exact } = this.#request;
    const parts = exact ? clipped(film.parts, range) : film.parts;
    return { sections, spools, parts, ...span };
  }

  async #filmOf(sections: readonly Section[], fileTrack: FileTrack): Promise<Film> {
    const { reader, signal } = this.#tools;
    return openFilm({ sections, tracks: this.#tracks, fileTrack, reader, signal });
  }

  /** Undefined if the recording has the quality itself. */
  async #formOf(film: Film): Promise<VideoForm | undefined> {
    const { height, bitRate } = this.#quality;
    const settings = { rungs: [height], preset: 'h264', halveLowRungs: false, loudness: undefined } as const;
    const effort = this.#tools.effort ?? 'fast';
    const how = { signal: this.#tools.signal, always: bitRate !== undefined };
    const plan = await ladderOfFile(film, { ...settings, effort }, how);
    const rendition = plan.video?.renditions[0];
    if (!plan.video || !rendition) return undefined;
    if (Math.min(rendition.width, rendition.height) < height) {
      throw new OxbowError('bad-request', `${height}p is larger than the recording: nothing is scaled up.`);
    }
    const { picture } = plan.video;
    if (bitRate === undefined) return { picture, rendition };
    return {
      picture,
      rendition: { ...rendition, bitRate, maxRate: Math.round(PEAK * bitRate), bufferSize: 2 * bitRate },
    };
  }

  async #encode(
    film: Film,
    media: LadderOptions['media'],
    { fromUs, toUs }: Pick<EncodedRange, 'fromUs' | 'toUs'>,
    report: (share: number) => void,
  ): Promise<Spool> {
    const { spools, signal } = this.#tools;
    const spool = this.#opened.use(await Spool.open(spools.store, `${spools.name}-${++this.#spools}.spool`));
    const endUs = toUs ?? film.seconds * 1e6;
    const cuts: number[] = [];
    for (let at = fromUs; at === fromUs || at < endUs; at += KEY_US) cuts.push(at);
    const end = media.kind === 'audio' ? { endUs } : toUs === undefined ? {} : { endUs: toUs };
    const times = { originUs: 0, clockStartUs: CLOCK_START_US, cuts, ...end };
    let startTicks = 0;
    await encodeLadder(
      { media, times, threads: availableParallelism() },
      film,
      {
        track(track) {
          if (track.kind !== 'video' && track.kind !== 'audio') return;
          spool.track = track;
          startTicks = usToTicks(CLOCK_START_US, track.timescale);
        },
        frame(frame) {
          spool.push(frame, startTicks);
          const atUs = ticksToUs(frame.pts - startTicks, spool.track!.timescale);
          report(Math.min(1, Math.max(0, (atUs - fromUs) / Math.max(1, endUs - fromUs))));
        },
        ready: () => spool.ready(),
      },
      { signal },
    );
    await spool.finish();
    if (spool.count === 0) throw new OxbowError('engine-failed', 'The encoder returned nothing.');
    return spool;
  }
}

function countPictures(spools: ReadonlyMap<FileTrack, Spool>): number {
  return [...spools.values()].reduce((sum, { track, count }) => sum + (track?.kind === 'video' ? count : 0), 0);
}

/** The times of a film that are in a range, µs. */
function spanOf({ fromUs, toUs }: Range, { parts }: Film): { fromUs: number; toUs: number | undefined } {
  const [first, last] = [parts[0], parts.at(-1)];
  if (!first || !last) return { fromUs: 0, toUs: undefined };
  return {
    fromUs: Math.round(Math.max(0, first.atS * 1e6 + fromUs - first.fromUs)),
    toUs: toUs < last.toUs ? Math.round(last.atS * 1e6 + toUs - last.fromUs) : undefined,
  };
}
