/**
 * A film as the trim view sees it: how long it is, its pictures, its key frames. Only index and packets near
 * a time are read, never the file.
 * In: a file, through mediabunny. Out: facts and pictures for the view, tracks for the cut; `FilmFault` if
 * the browser cannot open or cut it.
 */
import {
  ADTS,
  BlobSource,
  CanvasSink,
  EncodedPacketSink,
  FLAC,
  getFirstEncodableVideoCodec,
  Input,
  type InputAudioTrack,
  type InputVideoTrack,
  MATROSKA,
  MP3,
  MP4,
  MPEG_TS,
  OGG,
  QTFF,
  WAVE,
  WEBM,
} from 'mediabunny';
import { type Container, containerFor } from './container.ts';
import { type FilmTimes, FrameChooser, type Range, SHORTEST_S } from './range.ts';

/** Not HLS, which is a list of other files. */
const FORMATS = [MP4, QTFF, MATROSKA, WEBM, WAVE, OGG, FLAC, MP3, ADTS, MPEG_TS];
/** Packets from which the length of a frame is estimated. */
const PACKETS_MEASURED = 100;
/** What the reader keeps of the file, bytes. */
const CACHE_BYTES = 8 * 1024 * 1024;

/**
 * Why a film cannot be cut: `format`: the browser cannot open it, or cannot copy its video; `short`: it is
 * shorter than the shortest range; `room`: the browser has no space for the cut; `encode`: it cannot be
 * encoded here; `cut`: its media cannot be copied; `changed`: it cannot be read any more.
 */
export type Fault = 'format' | 'short' | 'room' | 'encode' | 'cut' | 'changed';

/** A film that cannot be cut. */
export class FilmFault extends Error {
  readonly code: Fault;

  constructor(code: Fault, options?: ErrorOptions) {
    super(`The film cannot be cut: ${code}.`, options);
    this.code = code;
  }
}

/** The track whose frames are the places of a cut: the picture, or the sound of a file without one. */
type MainTrack = InputVideoTrack | InputAudioTrack;

/** An open film. Times are seconds from its start, unless they are called `media`. */
export class Film implements FilmTimes {
  readonly durationS: number;
  readonly frameS: number;
  /** Whether the browser can decode its pictures. */
  readonly hasPictures: boolean;
  /** Whether the browser can encode its picture. */
  readonly canEncode: boolean;
  /** Tracks that a cut does not keep: further pictures, and sound that mediabunny does not know. */
  readonly lostTracks: number;
  /** Of its picture as it is shown, pixels. */
  readonly size: Size | undefined;
  /** For the cut. */
  readonly media: FilmMedia;
  readonly #packets: EncodedPacketSink;

  private constructor(facts: Facts) {
    this.media = facts.media;
    this.durationS = facts.durationS;
    this.frameS = facts.frameS;
    this.hasPictures = facts.hasPictures;
    this.canEncode = facts.canEncode;
    this.lostTracks = facts.lostTracks;
    this.size = facts.size;
    this.#packets = new EncodedPacketSink(facts.media.main);
  }

  /**
   * Opens a film.
   *
   * @throws FilmFault if it cannot be cut here
   */
  static async open(file: File): Promise<Film> {
    const source = new BlobSource(file, { maxCacheSize: CACHE_BYTES });
    const input = new Input({ source, formats: FORMATS });
    try {
      return new Film(await readFacts(input));
    } catch (error) {
      input.dispose();
      if (error instanceof FilmFault) throw error;
      throw new FilmFault((await isReadable(file)) ? 'format' : 'changed', { cause: error });
    }
  }

  /** Width divided by height of the picture; undefined without one. */
  get aspect(): number | undefined {
    return this.size && this.size.width / this.size.height;
  }

  /**
   * The range that a cut without encoding keeps: from the key frame at or before its start, to the end of the
   * last frame that is needed. A key frame that the film hides (edit list) stays hidden.
   */
  async cutAtKeys(range: Range): Promise<Range> {
    const first = await this.#keyPacketAt(range.from);
    const from = first.timestamp - this.media.startS;
    const chooser = new FrameChooser({ from: first.timestamp, to: this.media.startS + range.to });
    const last = await this.#keyPacketAt(Math.max(from, range.to - this.frameS / 2));
    for await (const { timestamp, duration } of this.#packets.packets(last, undefined, { metadataOnly: true })) {
      if (chooser.choose(timestamp, duration) === 'end') break;
    }
    return { from: Math.max(0, from), to: Math.min(this.durationS, chooser.endS - this.media.startS) };
  }

  /** Metadata of the key packet at or before a time; the first one where there is none. */
  async #keyPacketAt(atS: number) {
    const options = { metadataOnly: true };
    const mediaS = this.media.startS + atS + this.frameS / 100; // times are rounded
    const packet =
      (await this.#packets.getKeyPacket(mediaS, options)) ?? (await this.#packets.getFirstKeyPacket(options));
    if (!packet) throw new FilmFault('format');
    return packet;
  }

  /**
   * Draws pictures of key frames near times.
   *
   * @param times ascending
   * @param draw receives the index of the time and a picture, which is reused after it returns
   * @param signal ends it, without an error
   */
  async drawKeys(
    times: readonly number[],
    widthPx: number,
    draw: (index: number, picture: CanvasImageSource) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const sink = this.#pictures(widthPx);
    if (!sink) return;
    for (const [index, atS] of times.entries()) {
      if (signal.aborted) return;
      const { timestamp } = await this.#keyPacketAt(atS);
      if (signal.aborted) return;
      const picture = await sink.getCanvas(timestamp);
      if (picture && !signal.aborted) draw(index, picture.canvas);
    }
  }

  /** The picture that is shown at a time; null if there is none. */
  async pictureAt(atS: number, widthPx: number): Promise<CanvasImageSource | null> {
    const picture = await this.#pictures(widthPx)?.getCanvas(this.media.startS + Math.max(0, atS) + this.frameS / 100);
    return picture?.canvas ?? null;
  }

  close(): void {
    this.media.input.dispose();
  }

  #pictures(widthPx: number): CanvasSink | undefined {
    const { size } = this;
    const { main } = this.media;
    if (!this.hasPictures || !size || !main.isVideoTrack()) return undefined;
    return new CanvasSink(main, { width: Math.max(2, Math.round(Math.min(widthPx, size.width))), poolSize: 1 });
  }
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** The media of a film, for the cut. */
export interface FilmMedia {
  readonly input: Input;
  /** Media time of the start, seconds. */
  readonly startS: number;
  readonly main: MainTrack;
  /** All that a cut keeps, `main` first. */
  readonly tracks: readonly MainTrack[];
  readonly container: Container;
}

interface Facts extends FilmTimes {
  readonly media: FilmMedia;
  readonly size: Size | undefined;
  readonly hasPictures: boolean;
  readonly canEncode: boolean;
  readonly lostTracks: number;
}

async function readFacts(input: Input): Promise<Facts> {
  const format = await input.getFormat();
  const videos = await input.getVideoTracks();
  const audios = await input.getAudioTracks();
  const picture = await input.getPrimaryVideoTrack();
  const sounds: InputAudioTrack[] = [];
  for (const track of audios) if ((await track.getCodec()) !== null) sounds.push(track);
  const lostTracks = Math.max(0, videos.length - 1) + audios.length - sounds.length;
  const isPictureKnown = picture === null || (await picture.getCodec()) !== null;
  // Without its picture, or without all of its sound, it is another film.
  if (!isPictureKnown || (audios.length > 0 && sounds.length === 0)) throw new FilmFault('format');
  const tracks: MainTrack[] = picture ? [picture, ...sounds] : sounds;
  const main = tracks[0];
  if (!main) throw new FilmFault('format');
  const codecs = await Promise.all(tracks.map((track) => track.getCodec()));
  const container = containerFor(format, codecs);
  if (!container) throw new FilmFault('format');

  const startS = Math.max(0, await main.getFirstTimestamp());
  const { averagePacketRate } = await main.computePacketStats(PACKETS_MEASURED, { metadataOnly: true });
  const durationS = (await main.computeDuration({ metadataOnly: true })) - startS;
  if (!(durationS >= 2 * SHORTEST_S) || !(averagePacketRate > 0)) throw new FilmFault('short');
  const hasPictures = picture !== null && 'VideoDecoder' in globalThis && (await picture.canDecode());
  return {
    media: { input, startS, main, tracks, container },
    durationS,
    frameS: Math.min(1, 1 / averagePacketRate),
    size: picture ? { width: await picture.getDisplayWidth(), height: await picture.getDisplayHeight() } : undefined,
    lostTracks,
    hasPictures,
    canEncode: hasPictures && (await canEncode(picture, container)),
  };
}

async function canEncode(picture: InputVideoTrack, container: Container): Promise<boolean> {
  if (!('VideoEncoder' in globalThis)) return false;
  const codecs = container.create().getSupportedVideoCodecs();
  const size = { width: await picture.getCodedWidth(), height: await picture.getCodedHeight() };
  return (await getFirstEncodableVideoCodec(codecs, size)) !== null;
}

/** Whether the file is still what was chosen; a file that was moved or changed cannot be read. */
async function isReadable(file: File): Promise<boolean> {
  return await file
    .slice(0, 1)
    .arrayBuffer()
    .then(() => true)
    .catch(() => false);
}
