/**
 * The worker's part of an upload: identifies an original, finds where to cut it, and stores its tracks
 * without encoding, its subtitles and closed captions as WebVTT.
 * In: a job `import` with the input `original`. Out: ImportResult; outputs `source/{first MSN}.mp4`,
 * `text/{stream}.vtt`, `text/{stream}.ass`. docs/6-library/processing.md.
 */

import { clockStartFor } from '@oxbow/media/asset-time';
import { FormatError } from '@oxbow/media/errors';
import { readMovie } from '@oxbow/media/isobmff/movie/movie-file';
import type { FileMovie } from '@oxbow/media/isobmff/movie/progressive';
import { type AssetCaptions, type ImportLoss, type ImportResult, importLosses } from '../../api/library/asset-facts.ts';
import { type Demuxer, type DemuxStream, openDemuxer } from '../../ffmpeg/demux.ts';
import type { JoinedPart } from '../../ffmpeg/joined-clock.ts';
import type { JobInput, WorkerContext, WorkerHandler } from '../../jobs/worker-job.ts';
import { ImportedCaptions } from './captions.ts';
import { readChapters } from './chapters.ts';
import { CONTAINER_START_BYTES, checkStart, containerOf, isMovie } from './container.ts';
import { Cutter, gridOf, REORDERED } from './cutter.ts';
import { frameRateOf, trackFactsOf } from './facts.ts';
import { checkDuration, checkPicture, type ImportLimits, importLimits, refused } from './limits.ts';
import type { MediaReader } from './media-reader.ts';
import { movieEndsEarly } from './movie-end.ts';
import { openMovieReader } from './movie-reader.ts';
import { PacketReader, referenceStream } from './packet-reader.ts';
import { playableOf } from './playable.ts';
import { encodeAllBecause, lostSound, onOneClock, shortfall } from './promise.ts';
import { ScanCount } from './scan-count.ts';
import { SourceWriter } from './source-writer.ts';
import { type TextFiles, TextPackets, unreadableTexts } from './text-packets.ts';

/** A file that is open. */
interface Original {
  readonly input: JobInput;
  /** Its tables; undefined where only FFmpeg can read it. */
  readonly movie: FileMovie | undefined;
  readonly demuxer: Demuxer;
  /** Those that are taken. */
  readonly streams: readonly DemuxStream[];
  readonly texts: TextPackets;
  readonly joined: Joined | undefined;
}

/** Sound that begins earlier than the picture by less primes its decoder. µs */
const PRIMING_US = 200_000;
/** Streams of pictures without a container, by FFmpeg's name. */
const RAW: Readonly<Record<string, string>> = { h264: 'H.264', hevc: 'HEVC', m4v: 'MPEG-4 video' };

/** Why a file that was joined is not stored as it is. */
const OTHER_SETS = 'The captures that were joined have different pictures: they are encoded for playing.';

/** What reading the file has shown. */
interface Read {
  readonly originUs: number;
  readonly clockStartUs: number;
  readonly cuts: readonly number[];
  readonly endUs: number;
  /** Times of the frames of the reference, µs since the start of the asset. */
  readonly times: Float64Array;
  /** Bytes of the `source` rendition; undefined without one. */
  readonly sourceBytes: number | undefined;
  readonly interlaced?: boolean;
  readonly captions?: readonly AssetCaptions[];
  /** The captions as text; absent where there are none. */
  readonly captionTexts?: readonly TextFiles[];
  readonly warnings: readonly string[];
  readonly losses: readonly ImportLoss[];
}

/**
 * Creates the handler of jobs `import`.
 *
 * @param limits those that differ from the usual ones, for tests
 */
export function createImportHandler(limits: Partial<ImportLimits> = {}): WorkerHandler {
  return async (job, context) => {
    const { assetId } = job.input as { readonly assetId: string };
    return importOriginal(assetId, context, { ...importLimits, ...limits });
  };
}

/** The times of the file jump: it is read again, with its parts on one clock. */
class JoinedFile extends Error {
  readonly joined: Joined;

  constructor(joined: Joined) {
    super('the times of the file jump');
    this.joined = joined;
  }
}

/** The parts of a joined file. */
interface Joined {
  readonly parts: readonly JoinedPart[];
  /** Its captures are of different encoders: one configuration does not fit all. */
  readonly hasOtherSets: boolean;
}

async function importOriginal(assetId: string, context: WorkerContext, limits: ImportLimits): Promise<ImportResult> {
  try {
    return await importParts(assetId, context, limits, undefined);
  } catch (error) {
    if (!(error instanceof JoinedFile)) throw error;
    return { ...(await importParts(assetId, context, limits, error.joined)), joined: error.joined.parts };
  }
}

/** The original, which is read at several places; notes how far. */
class CountedInput {
  readonly length: number;
  position = 0;
  readonly #input: JobInput;
  readonly #signal: AbortSignal;

  constructor(input: JobInput, signal: AbortSignal) {
    this.length = input.length;
    this.#input = input;
    this.#signal = signal;
  }

  async read(offset: number, count: number): Promise<Uint8Array> {
    const bytes = await this.#input.read(offset, count, { signal: this.#signal });
    this.position = Math.max(this.position, offset + bytes.length);
    return bytes;
  }
}

async function importParts(
  assetId: string,
  context: WorkerContext,
  limits: ImportLimits,
  joined: Joined | undefined,
): Promise<ImportResult> {
  const { signal } = context;
  const input = await context.input('original');
  const start = await input.read(0, Math.min(CONTAINER_START_BYTES, input.length), { signal });
  checkStart(start);
  // While the process that describes the file starts, its tables are read.
  const reading = isMovie(start) ? movieOf(input, signal) : undefined;
  reading?.catch(() => {}); // Awaited below.
  const counted = new CountedInput(input, signal);
  await using demuxer = await openDemuxer(counted, { openMs: limits.openMs, signal }).catch(async (error: unknown) => {
    const read = (at: number, count: number) => input.read(at, count, { signal });
    const early = isMovie(start) ? await movieEndsEarly(input.length, read) : undefined;
    throw early === undefined ? error : refused(`${early} Upload the complete file.`, error);
  });
  const movie = await reading;
  const { info } = demuxer;
  const reference = referenceStream(info.streams);
  if (!reference) throw refused('The file has no picture and no sound.');
  if (info.streams.length > limits.maxTracks) throw refused(`The file has ${info.streams.length} tracks: too many.`);
  checkDuration(info.durationUs / 1_000_000, limits);
  const { streams, warnings: apart } = onOneClock(info, reference);
  // The rate that a container declares may be that of its clock: that of the pictures is checked when they
  // were read.
  for (const stream of streams) if (stream.kind === 'video') checkPicture({ ...stream, frameRate: 0 }, limits);

  const original = { input, movie, demuxer, streams, texts: new TextPackets(streams), joined };
  const reader = await readerOf(original, limits, () => counted.position, signal);
  const read =
    reader instanceof PacketReader && reader.tracks.length === 0
      ? await readTimes(reader, context, input.length, limits)
      : await store(assetId, reader, reference.rotation !== 0, context, input.length, limits);
  if (!(reader instanceof PacketReader)) await readTexts(demuxer, original.texts);
  if (read.endUs <= 0) throw refused(emptyBecause(info.container, read.times.length));
  const measured = reference.kind === 'video' ? frameRateOf(read.times) : undefined;
  if (measured) checkPicture({ ...reference, frameRate: measured.frameRate }, limits);
  return resultOf({ ...original, start, reference, apart, reader, read, measured }, context);
}

/** A file that was read. */
interface ReadOriginal extends Original {
  readonly start: Uint8Array;
  readonly reference: DemuxStream;
  /** The streams that were left out because of their clocks. */
  readonly apart: readonly string[];
  readonly reader: MediaReader;
  readonly read: Read;
  readonly measured: ReturnType<typeof frameRateOf> | undefined;
}

/** Sends the texts of a file, and returns its facts. */
async function resultOf(original: ReadOriginal, context: WorkerContext): Promise<ImportResult> {
  const { demuxer, streams, texts, joined, apart, reader, read } = original;
  const subtitles = texts.files(read.originUs);
  const files = [...subtitles.files, ...(read.captionTexts ?? [])];
  for (const { stream, vtt, script } of files) {
    await context.send(`text/${stream}.vtt`, () => each(vtt));
    if (script) await context.send(`text/${stream}.ass`, () => each(script));
  }
  const jumps = joined && reader instanceof PacketReader ? reader.jumps.warnings(read.originUs) : [];
  // The stated length of a joined file is the distance of its first and last times.
  const missing = joined ? [] : shortfall(demuxer.info, streams, read);
  const warnings = [
    ...[apart, jumps, read.warnings, missing].flat(),
    ...unreadableTexts(streams),
    ...subtitles.warnings,
  ];
  const isLost = (loss: ImportLoss) =>
    read.losses.includes(loss) || (loss === 'tracks' && apart.length > 0) || (loss === 'end' && missing.length > 0);
  return {
    facts: await factsOf(original, warnings, context),
    originUs: read.originUs,
    clockStartUs: read.clockStartUs,
    cuts: read.cuts,
    endUs: read.endUs,
    texts: files.map(({ vtt: _, script: __, ...text }) => text),
    losses: importLosses.filter(isLost),
    source:
      read.sourceBytes === undefined
        ? null
        : {
            tracks: reader.tracks.map(({ id }) => id),
            ...playableOf(reader.tracks, streams),
            bytes: read.sourceBytes,
          },
  };
}

async function factsOf(
  { input, movie, demuxer: { info }, streams, start, reference, reader, read, measured }: ReadOriginal,
  warnings: readonly string[],
  { signal }: WorkerContext,
): Promise<ImportResult['facts']> {
  const bitRate = Math.round((input.length * 8_000_000) / read.endUs);
  const isStored = read.sourceBytes !== undefined;
  const trackIds = new Map(isStored ? reader.streams.map((index, i) => [index, reader.tracks[i]!.id]) : []);
  const { originUs, endUs } = read;
  return {
    ...containerFacts(containerOf(start, info.container, reference.kind === 'video')),
    bytes: input.length,
    durationUs: endUs,
    bitRate,
    title: info.title,
    tracks: streams.flatMap(
      (stream) =>
        trackFactsOf(stream, {
          trackId: trackIds.get(stream.index),
          ...(stream === reference && { measured, interlaced: read.interlaced }),
          fileBitRate: bitRate,
        }) ?? [],
    ),
    ...(read.captions && { captions: read.captions }),
    chapters: await readChapters(input, movie, info.container, { originUs, endUs, signal }),
    warnings,
  };
}

function containerFacts({ name, contentType }: { readonly name: string; readonly contentType: string }) {
  return { container: name, contentType };
}

/** The tables of an MP4 file; undefined where only FFmpeg can read it. */
async function movieOf(input: JobInput, signal: AbortSignal): Promise<FileMovie | undefined> {
  const read = (at: number, count: number) =>
    at >= input.length
      ? Promise.resolve(new Uint8Array(0))
      : readAll(input, at, Math.min(count, input.length - at), signal);
  try {
    return await readMovie({ ranged: true, read }, { signal, allEntries: true });
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return undefined;
  }
}

/** Reads more than one range of an input has. */
async function readAll(input: JobInput, at: number, count: number, signal: AbortSignal): Promise<Uint8Array> {
  const most = 16 * 1024 * 1024;
  if (count <= most) return input.read(at, count, { signal });
  const bytes = new Uint8Array(count);
  for (let filled = 0; filled < count; ) {
    const piece = await input.read(at + filled, Math.min(most, count - filled), { signal });
    if (piece.length === 0) return bytes.subarray(0, filled);
    bytes.set(piece, filled);
    filled += piece.length;
  }
  return bytes;
}

/** The reader of oxbow where there are sample tables, otherwise FFmpeg's. */
async function readerOf(
  { input, movie, demuxer, streams, texts, joined }: Original,
  limits: ImportLimits,
  position: () => number,
  signal: AbortSignal,
): Promise<MediaReader> {
  const encodeAll = joined?.hasOtherSets ? OTHER_SETS : movie && encodeAllBecause(movie);
  // Fragments may continue after the tables, as recorders write that a crash must not cost the file.
  if (movie && !movie.fragmented && !encodeAll && movie.tracks.some(({ count }) => count > 0)) {
    const reader = await openMovieReader(input, movie, streams, { limits, signal });
    if (reader) return reader;
  }
  return PacketReader.open({
    demuxer,
    streams,
    reference: referenceStream(streams)!,
    limits,
    position,
    texts,
    encodeAll,
    parts: joined?.parts,
  });
}

/** Reads only the subtitles, next to the reader of oxbow: FFmpeg reads nothing of the other streams. */
async function readTexts(demuxer: Demuxer, texts: TextPackets): Promise<void> {
  if (texts.indexes.length === 0) return;
  for await (const packets of demuxer.packets(texts.indexes)) for (const packet of packets) texts.push(packet);
}

async function* each(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Reads the file and stores its tracks. */
async function store(
  assetId: string,
  reader: MediaReader,
  isTurned: boolean,
  context: WorkerContext,
  length: number,
  limits: ImportLimits,
): Promise<Read> {
  const { tracks } = reader;
  await using writer = new SourceWriter({ context, assetId, rendition: 'source', tracks });
  const cutter = new Cutter(tracks, limits);
  const captions = new ImportedCaptions(tracks);
  const scan = new ScanCount(tracks[0]!);
  const warnings: string[] = [];
  const write = async () => {
    for (const group of cutter.take()) if (!isTurned && !cutter.hasRareKeys) await writer.write(group);
  };
  for await (const { frames, atBytes } of reader.pieces()) {
    context.signal.throwIfAborted();
    await checkJoined(reader, context);
    cutter.push(frames);
    captions.push(frames);
    scan.push(frames);
    checkDuration(cutter.endUs / 1_000_000, limits);
    await write();
    context.progress(Math.min(0.99, atBytes / length));
  }
  cutter.end();
  await write();
  const times = cutter.times.take();
  if (cutter.skipped > 0) warnings.push(`${cutter.skipped} pictures before the first key frame were left out.`);
  if (isTurned) warnings.push('The picture is turned for display: it is shown upright after encoding.');
  if (scan.isInterlaced) warnings.push('The picture is interlaced: players may show combs in it until it is encoded.');
  if (cutter.hasRareKeys)
    warnings.push('Key frames are more than 20 seconds apart: the picture is encoded for playing.');
  const isStored = !isTurned && !cutter.hasRareKeys && cutter.cuts.length > 0;
  if (isStored) await writer.finish();
  const services = captions.services();
  const { files: captionTexts, warnings: lost } = captions.texts(cutter.originUs);
  const sound = lostSound(cutter.earlyUs, cutter.apartUs);
  return {
    originUs: cutter.originUs,
    clockStartUs: cutter.clockStartUs,
    cuts: isStored ? cutter.cuts : gridOf(times),
    endUs: cutter.endUs,
    times,
    sourceBytes: isStored ? writer.bytes : undefined,
    interlaced: scan.isInterlaced,
    captions: services,
    captionTexts,
    warnings: [...reader.warnings, ...warnings, ...sound, ...lost],
    losses: [
      ...reader.losses,
      ...(cutter.skipped > 0 ? (['frames'] as const) : []),
      ...(sound.length > 0 ? (['sound'] as const) : []),
    ],
  };
}

/** Reads on to the end where the times of a file jump, only for its parts. @throws JoinedFile then */
async function checkJoined(reader: MediaReader, { signal }: WorkerContext): Promise<void> {
  if (!(reader instanceof PacketReader) || reader.isPlaced || !reader.jumps.isJoined) return;
  const pieces = reader.pieces();
  for (let next = await pieces.next(); !next.done; next = await pieces.next()) signal.throwIfAborted();
  throw new JoinedFile({ parts: reader.jumps.parts, hasOtherSets: reader.hasOtherSets });
}

/** Reads a file whose tracks cannot be stored: only the times of the reference count. */
async function readTimes(
  reader: PacketReader,
  context: WorkerContext,
  length: number,
  limits: ImportLimits,
): Promise<Read> {
  const frameTimes: number[] = [];
  for await (const { times, atBytes } of reader.pieces()) {
    context.signal.throwIfAborted();
    await checkJoined(reader, context);
    for (const us of times) frameTimes.push(us);
    if (frameTimes.length > limits.maxFrames) throw refused('The film has too many frames.');
    context.progress(Math.min(0.99, atBytes / length));
  }
  const sorted = Float64Array.from(frameTimes).sort();
  const first = sorted[0] ?? 0;
  const times = sorted.map((us) => us - first);
  const last = times.at(-1) ?? 0;
  const step = times.length > 1 ? last / (times.length - 1) : 0;
  const pictureUs = Math.round(last + step);
  const { sound } = reader;
  const endUs = times.length > 0 ? sound.endOf(first + pictureUs) - first : 0;
  checkDuration(endUs / 1_000_000, limits);
  const earlyUs = first - sound.startOf(first);
  const lost = lostSound(earlyUs > PRIMING_US ? earlyUs : 0, sound.lostUs(first + pictureUs));
  return {
    originUs: first,
    cuts: gridOf(times, endUs),
    endUs,
    times,
    sourceBytes: undefined,
    clockStartUs: clockStartFor(REORDERED * step, 1_000_000),
    warnings: [...reader.warnings, ...lost],
    losses: [...reader.losses, ...(lost.length > 0 ? (['sound'] as const) : [])],
  };
}

/** Why a file without media has none. */
function emptyBecause(container: string, pictures: number): string {
  const raw = RAW[container.split(',')[0]!];
  if (raw)
    return `Raw ${raw} has no times: put it into MP4, e.g. with ffmpeg -r 25 -i film.${container} -c copy film.mp4.`;
  return pictures === 1 ? 'The film is a single picture without a duration.' : 'The file has no media.';
}
