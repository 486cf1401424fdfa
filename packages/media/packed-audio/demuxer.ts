/**
 * Packed audio demuxer: segments of audio frames after an ID3 tag with their time.
 * In: complete segments of AAC (ADTS), MP3, AC-3 or E-AC-3. Out: one audio track; other ID3 frames as an ID3
 * track. RFC 8216bis 3.4.
 */
import { concatBytes } from '../bytes.ts';
import { FormatError } from '../errors.ts';
import type { DataTrack, Demuxer, DemuxerOutput, Track } from '../frame.ts';
import { boundId3 } from '../id3/tag.ts';
import { PES_TIMESCALE, ProgramClock } from '../mpegts/timestamps.ts';
import type { AudioFraming } from '../mpegts/track/audio-framing.ts';
import { AudioTrack } from '../mpegts/track/audio-track.ts';
import { framingAt, parsePackedHead } from './format.ts';

const AUDIO_ID = 1;
const DATA_ID = 2;
/** Longest segment. */
const MAX_SEGMENT_BYTES = 64 * 1024 * 1024;
/** A longer tag is cut to its first frames: pictures are not kept. */
const MAX_TAG_BYTES = 16 * 1024;

const dataTrack: DataTrack = {
  id: DATA_ID,
  kind: 'data',
  timescale: PES_TIMESCALE,
  language: 'und',
  label: '',
  config: { codec: 'id3', record: new Uint8Array(0), codecs: '' },
};

/** A demuxer whose input may step to another timeline. */
interface PackedAudioDemuxer extends Demuxer {
  /** EXT-X-DISCONTINUITY: forgets times. */
  discontinuity(): void;
}

/**
 * Makes a demuxer. `flush` ends a segment: until then nothing is delivered. Audio is track 1 in its sample
 * rate, ID3 track 2 in 90 kHz, declared with the first tag that has more than the time. Times start where the
 * source's do and never wrap; a segment without a time continues at the end of the last one.
 *
 * @param output `frame.data` may be kept; the frames of a segment share memory
 */
export function createPackedAudioDemuxer(output: DemuxerOutput): PackedAudioDemuxer {
  return new PackedDemuxer(output);
}

class PackedDemuxer implements PackedAudioDemuxer {
  readonly #output: DemuxerOutput;
  readonly #clock = new ProgramClock();
  #framing: AudioFraming | undefined;
  #audio: AudioTrack | undefined;
  #setup: Track | undefined;
  #hasData = false;
  /** Something was timed since the timeline began. */
  #timed = false;
  #lastTagPts = Number.NEGATIVE_INFINITY;
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  constructor(output: DemuxerOutput) {
    this.#output = output;
  }

  push(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    if (this.#bytes > MAX_SEGMENT_BYTES) throw new FormatError('a segment of packed audio is too long', this.#bytes);
    this.#pieces.push(bytes);
  }

  flush(): void {
    if (this.#bytes === 0) return;
    const bytes = concatBytes(this.#pieces);
    this.#pieces = [];
    this.#bytes = 0;
    const head = parsePackedHead(bytes);
    const framing = framingAt(bytes, head.start, bytes.length);
    if (!framing && head.start < bytes.length) {
      throw new FormatError('packed audio of a codec that is not known', head.start);
    }
    if (framing && framing !== this.#framing) this.#begin(framing);
    // Without any time, it begins at 0.
    const pts = head.pts ?? (this.#timed ? undefined : 0);
    this.#timed = true;
    if (head.tags.length > 0 && pts !== undefined) this.#declareData();
    // The first ones wait for the audio: without it there is no run for them to lie in.
    const late = this.#setup === undefined;
    if (!late) for (const tag of head.tags) this.#tag(tag, pts);
    this.#audio?.unit({ bytes: 0, total: undefined, pts, dts: pts }, bytes, head.start, bytes.length);
    this.#audio?.flush();
    if (late) for (const tag of head.tags) this.#tag(tag, pts);
    // A frame does not continue in another segment.
    this.#audio?.lost();
  }

  discontinuity(): void {
    this.#audio?.restart();
    this.#clock.reset();
    this.#timed = false;
    this.#lastTagPts = Number.NEGATIVE_INFINITY;
    this.#pieces = [];
    this.#bytes = 0;
  }

  #begin(framing: AudioFraming): void {
    this.#framing = framing;
    this.#audio = new AudioTrack(framing, this.#clock, {
      configured: (setup) => {
        this.#output.leftOut?.([]);
        this.#setup = { id: AUDIO_ID, language: 'und', label: '', ...setup } as Track;
        this.#tracks();
      },
      frame: ({ dts, pts, duration, key, data }) => {
        if (dts < 0) this.#output.damage('a frame before the start of the timeline');
        else this.#output.frame({ trackId: AUDIO_ID, dts, pts, duration, key, data });
      },
      damage: (reason) => this.#output.damage(reason),
      refused: (name) => this.#output.leftOut?.([{ kind: 'audio', name }]),
    });
  }

  #tracks(): void {
    if (this.#setup) this.#output.tracks(this.#hasData ? [this.#setup, dataTrack] : [this.#setup]);
  }

  #declareData(): void {
    if (this.#hasData) return;
    this.#hasData = true;
    this.#tracks();
  }

  /** A tag has the time of its segment; of two at one time the first is kept. */
  #tag(bytes: Uint8Array, raw: number | undefined): void {
    if (raw === undefined || !this.#setup) return;
    const data = boundId3(bytes, MAX_TAG_BYTES);
    if (!data) return;
    const pts = this.#clock.unwrap(raw);
    if (pts < 0 || pts <= this.#lastTagPts) return;
    this.#lastTagPts = pts;
    this.#output.frame({ trackId: DATA_ID, dts: pts, pts, duration: 0, key: true, data: data.slice() });
  }
}
