/**
 * Cuts a range out of a film, into a file in the browser's storage: without encoding from key frame on, or
 * exactly with WebCodecs. The film is read and the cut is written in pieces, so neither is in memory.
 * In: an open film, a range. Out: a stored file; progress.
 */
import {
  type BaseTrackMetadata,
  Conversion,
  EncodedAudioPacketSource,
  type EncodedPacket,
  EncodedPacketSink,
  EncodedVideoPacketSource,
  type InputTrack,
  Output,
  Quality,
  StreamTarget,
  type StreamTargetChunk,
  type VideoTrackMetadata,
} from 'mediabunny';
import { roomForCuts, type StoredCut, storeCut } from '../cut-files.ts';
import { type Film, FilmFault } from './film.ts';
import { bytesOf, FrameChooser, isSameRange, type Range, TINY_S } from './range.ts';

/**
 * `keys`: without encoding, at key frames; `exact`: the picture is encoded, unless the range is at key
 * frames.
 */
export type CutMode = 'keys' | 'exact';

export interface CutOptions {
  readonly range: Range;
  readonly mode: CutMode;
  /** Of the film, without folder. */
  readonly name: string;
  /** Of the film, bytes. */
  readonly fileBytes: number;
  /** Share of the cut that is written, 0 to 1. */
  readonly onProgress: (share: number) => void;
  /** Ends it; nothing stays in the storage. */
  readonly signal: AbortSignal;
}

/** How much more than its share of the file a cut may need: key frames, indexes. */
const MARGIN = 1.1;
/** By how much sound may be longer than the range where it is copied, seconds: two frames of AAC at 8 kHz. */
const SOUND_TOLERANCE_S = 0.3;

/**
 * Cuts a range.
 *
 * @throws FilmFault; the reason of `signal`
 */
export async function cutFilm(film: Film, options: CutOptions): Promise<StoredCut> {
  const { range, mode, name, fileBytes, signal } = options;
  const atKeys = await film.cutAtKeys(range);
  const neededBytes = bytesOf(atKeys, film, fileBytes) * MARGIN;
  if (neededBytes > (await roomForCuts())) throw new FilmFault('room');
  const isCopied = mode === 'keys' || isSameRange(atKeys, range, film.frameS);
  const cutName = name.replace(/\.[A-Za-z0-9]{1,5}$/, '') + film.media.container.extension;
  try {
    return await storeCut(cutName, async (stream) => {
      const target = new StreamTarget(releasing(stream));
      const output = new Output({ format: film.media.container.create(), target });
      await (isCopied ? copyRange(film, output, atKeys, options) : encodeRange(film, output, options));
      signal.throwIfAborted();
    });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof FilmFault) throw error;
    if (error instanceof DOMException && error.name === 'QuotaExceededError')
      throw new FilmFault('room', { cause: error });
    if (error instanceof DOMException && /^Not(Found|Readable)Error$/.test(error.name))
      throw new FilmFault('changed', { cause: error });
    throw new FilmFault(isCopied ? 'cut' : 'encode', { cause: error });
  }
}

/** A track on its way into the cut. */
interface Lane {
  readonly packets: AsyncGenerator<EncodedPacket, void, unknown>;
  /** The packet that is written next; undefined at the end. */
  next: EncodedPacket | undefined;
  add(packet: EncodedPacket): Promise<void>;
  close(): void;
}

/** A stream that frees what it has written at once: garbage collection would leave it in memory for long. */
function releasing(stream: FileSystemWritableFileStream): WritableStream<StreamTargetChunk> {
  return new WritableStream({
    async write(chunk) {
      await stream.write(chunk);
      chunk.data.buffer.transfer?.(0); // older browsers do not have it
    },
    close: () => stream.close(),
    abort: (reason) => stream.abort(reason),
  });
}

/** Copies packets, those of all tracks in the order of time. */
async function copyRange(film: Film, output: Output, range: Range, { onProgress, signal }: CutOptions): Promise<void> {
  const media = { from: film.media.startS + range.from, to: film.media.startS + range.to };
  const lanes: Lane[] = [];
  try {
    for (const track of film.media.tracks) lanes.push(await addLane(output, track, media, track === film.media.main));
    output.setMetadataTags(await film.media.input.getMetadataTags());
    await output.start();
    for (const lane of lanes) await advance(lane);
    for (;;) {
      signal.throwIfAborted();
      const lane = earliest(lanes);
      const packet = lane?.next;
      if (!lane || !packet) break;
      const atS = packet.timestamp - media.from;
      // Before the start are pictures that the film hides: an edit list of the cut hides them too.
      await lane.add(packet.clone({ timestamp: Math.abs(atS) < TINY_S ? 0 : atS }));
      onProgress(Math.min(1, Math.max(0, atS) / (media.to - media.from)));
      await advance(lane);
    }
    await output.finalize();
  } catch (error) {
    await output.cancel().catch(() => {}); // the first error counts
    throw error;
  } finally {
    for (const { packets } of lanes) await packets.return();
  }
}

/** The lane whose next packet is the first in time. */
function earliest(lanes: readonly Lane[]): Lane | undefined {
  let first: Lane | undefined;
  for (const lane of lanes) {
    if (lane.next && (!first?.next || lane.next.timestamp < first.next.timestamp)) first = lane;
  }
  return first;
}

async function advance(lane: Lane): Promise<void> {
  const { value, done } = await lane.packets.next();
  lane.next = done ? undefined : value;
  if (done) lane.close();
}

async function addLane(output: Output, track: InputTrack, media: Range, isMain: boolean): Promise<Lane> {
  const packets = isMain ? mainPackets(track, media) : soundPackets(track, media);
  if (track.isVideoTrack()) {
    const source = new EncodedVideoPacketSource((await track.getCodec())!);
    const about: VideoTrackMetadata = await describe(track);
    about.rotation = await track.getRotation();
    about.flip = await track.getFlip();
    const matrix = await track.getTransformationMatrix();
    if (matrix) about.transformationMatrix = matrix;
    output.addVideoTrack(source, about);
    const meta = metaOf(await track.getDecoderConfig());
    return { packets, next: undefined, add: (packet) => source.add(packet, meta), close: () => source.close() };
  }
  if (!track.isAudioTrack()) throw new FilmFault('format');
  const source = new EncodedAudioPacketSource((await track.getCodec())!);
  output.addAudioTrack(source, await describe(track));
  const meta = metaOf(await track.getDecoderConfig());
  return { packets, next: undefined, add: (packet) => source.add(packet, meta), close: () => source.close() };
}

function metaOf<C>(decoderConfig: C | null): { decoderConfig?: C } {
  return decoderConfig === null ? {} : { decoderConfig };
}

async function describe(track: InputTrack): Promise<BaseTrackMetadata> {
  const about: BaseTrackMetadata = { disposition: await track.getDisposition() };
  const name = await track.getName();
  if (name !== null) about.name = name;
  const language = await track.getLanguageCode();
  if (/^[a-z]{3}$/.test(language)) about.languageCode = language;
  return about;
}

/**
 * Packets in decode order, one at a time: `packets` of the sink reads a second of packets ahead, at the speed
 * of a copy.
 */
async function* packetsFrom(
  sink: EncodedPacketSink,
  first: EncodedPacket,
): AsyncGenerator<EncodedPacket, void, unknown> {
  for (let packet: EncodedPacket | null = first; packet; packet = await sink.getNextPacket(packet)) yield packet;
}

/** The frames of the main track, in decode order. */
async function* mainPackets(track: InputTrack, media: Range): AsyncGenerator<EncodedPacket, void, unknown> {
  const sink = new EncodedPacketSink(track);
  const first = (await sink.getKeyPacket(media.from + TINY_S)) ?? (await sink.getFirstKeyPacket());
  if (!first) return;
  const chooser = new FrameChooser({ from: first.timestamp, to: media.to });
  for await (const packet of packetsFrom(sink, first)) {
    const choice = chooser.choose(packet.timestamp, packet.duration);
    if (choice === 'end') return;
    if (choice === 'keep') yield packet;
  }
}

/** The packets of a further track that begin in the range. */
async function* soundPackets(track: InputTrack, media: Range): AsyncGenerator<EncodedPacket, void, unknown> {
  const sink = new EncodedPacketSink(track);
  const first = (await sink.getPacket(media.from)) ?? (await sink.getFirstPacket());
  if (!first) return;
  for await (const packet of packetsFrom(sink, first)) {
    if (packet.timestamp >= media.to) return;
    if (packet.timestamp >= media.from) yield packet;
  }
}

/** Encodes the picture of the range; sound is copied where that is possible. */
async function encodeRange(film: Film, output: Output, { range, onProgress, signal }: CutOptions): Promise<void> {
  const { averageBitrate } = await film.media.main.computePacketStats(1000, { metadataOnly: true });
  const kept = new Set<InputTrack>(film.media.tracks);
  const conversion = await Conversion.init({
    input: film.media.input,
    output,
    trim: { start: film.media.startS + range.from, end: film.media.startS + range.to },
    // An encoder of a browser needs more bits than the one that made most films.
    video: (track) =>
      kept.has(track)
        ? {
            forceTranscode: true,
            quality: new Quality({ bitrate: Math.max(500_000, Math.round(averageBitrate * 1.5)) }),
          }
        : { discard: true },
    audio: (track) => (kept.has(track) ? {} : { discard: true }),
    copy: { mode: 'preferred', boundaryPolicy: 'shrink', boundaryTolerance: SOUND_TOLERANCE_S },
    showWarnings: false,
  });
  const isLost = conversion.discardedTracks.some(({ reason }) => reason !== 'discarded_by_user');
  if (!conversion.isValid || isLost) {
    await output.cancel().catch(() => {});
    throw new FilmFault('encode');
  }
  conversion.onProgress = (share) => onProgress(Math.min(1, share));
  const cancel = () => void conversion.cancel().catch(() => {}); // `execute` rejects
  signal.addEventListener('abort', cancel);
  try {
    signal.throwIfAborted();
    await conversion.execute();
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}
