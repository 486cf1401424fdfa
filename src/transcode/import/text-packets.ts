/**
 * The subtitles of an original: packets of its text streams become cues, printed as one WebVTT file for each
 * stream, and the script of ASS.
 * In: packets of FFmpeg's demuxers. Out: files on the clock of the asset. docs/6-library/subtitles.md.
 */

import { FormatError } from '@oxbow/media/errors';
import { type AssEvent, cuesOfEvents, printAss } from '@oxbow/media/subtitles/ass';
import { CueList, MAX_SUBTITLE_CUES, MAX_SUBTITLE_FILE } from '@oxbow/media/subtitles/bounds';
import { safeCueText, safeSettings } from '@oxbow/media/subtitles/cue-text';
import { srtCue } from '@oxbow/media/subtitles/srt';
import { parseTx3g } from '@oxbow/media/subtitles/tx3g';
import type { VttCue } from '@oxbow/media/webvtt/cue';
import { printVtt } from '@oxbow/media/webvtt/print';
import { parseSample } from '@oxbow/media/webvtt/sample';
import type { ImportedText } from '../../api/library/asset-facts.ts';
import type { DemuxPacket, DemuxStream } from '../../ffmpeg/demux.ts';
import { secondsOf } from './packet-base.ts';

/** A cue without an end is shown this long, or until the next one, ms. */
const OPEN_MS = 5000;
/** Subtitles as pictures or in the picture, by FFmpeg's name of their codec. */
const NOT_TEXT: Readonly<Record<string, string>> = {
  hdmv_pgs_subtitle: 'pictures of Blu-ray (PGS)',
  dvd_subtitle: 'pictures of DVD (VobSub)',
  dvb_subtitle: 'pictures of DVB',
  xsub: 'pictures (XSUB)',
  dvb_teletext: 'teletext',
  eia_608: 'CEA-608',
  ttml: 'TTML',
};
const decoder = new TextDecoder();
/** Text of a packet, from a copy: decoders refuse shared memory. */
const textOf = (data: Uint8Array) => decoder.decode(new Uint8Array(data));

/** How the packets of a codec are read. */
type Reading = 'srt' | 'ass' | 'vtt' | 'tx3g' | 'wvtt';

/** The subtitles of one stream as files. */
export interface TextFiles extends ImportedText {
  readonly vtt: Uint8Array;
  readonly script: Uint8Array | undefined;
}

function readingOf({ kind, codec, sampleEntry }: DemuxStream): Reading | undefined {
  if (sampleEntry === 'wvtt') return 'wvtt';
  if (kind !== 'text') return undefined;
  if (codec === 'subrip' || codec === 'srt' || codec === 'text') return 'srt';
  if (codec === 'ass' || codec === 'ssa') return 'ass';
  if (codec === 'webvtt') return 'vtt';
  return codec === 'mov_text' ? 'tx3g' : undefined;
}

/** Whether a stream has subtitles that can be read. */
function isReadableText(stream: DemuxStream): boolean {
  return readingOf(stream) !== undefined;
}

/** A warning for each stream of subtitles that cannot be read. */
export function unreadableTexts(streams: readonly DemuxStream[]): string[] {
  return streams
    .filter((stream) => stream.kind === 'text' && !isReadableText(stream))
    .map(({ index, codec }) => `Stream ${index} has subtitles that are not supported: ${NOT_TEXT[codec] ?? codec}.`);
}

/** A packet that waits for the time at which the asset begins. */
interface Waiting {
  readonly startMs: number;
  readonly endMs: number;
  readonly data: Uint8Array;
}

/** Collects the packets of one stream. */
class TextStream {
  readonly stream: DemuxStream;
  readonly #reading: Reading;
  readonly #packets: Waiting[] = [];
  #bytes = 0;
  #dropped = 0;

  constructor(stream: DemuxStream) {
    this.stream = stream;
    this.#reading = readingOf(stream)!;
  }

  push({ pts, dts, duration, data }: DemuxPacket): void {
    const at = pts ?? dts;
    if (at === undefined) return;
    if (this.#packets.length >= 2 * MAX_SUBTITLE_CUES || this.#bytes + data.length > MAX_SUBTITLE_FILE) {
      this.#dropped++;
      return;
    }
    this.#bytes += data.length;
    const startMs = secondsOf(at, this.stream) * 1000;
    const endMs = duration > 0 ? startMs + secondsOf(duration, this.stream) * 1000 : Number.NaN;
    this.#packets.push({ startMs, endMs, data: new Uint8Array(data) });
  }

  /** @param originMs time of the container at which the asset begins */
  files(originMs: number): { readonly files: TextFiles | undefined; readonly dropped: number } {
    const packets = this.#packets
      .toSorted((a, b) => a.startMs - b.startMs)
      .map(({ startMs, endMs, data }, i, sorted) => {
        const next = sorted[i + 1]?.startMs ?? Number.POSITIVE_INFINITY;
        const end = Number.isNaN(endMs)
          ? Math.min(startMs + OPEN_MS, next > startMs ? next : startMs + OPEN_MS)
          : endMs;
        return { startMs: startMs - originMs, endMs: end - originMs, data };
      });
    const list = new CueList();
    let script: string | undefined;
    if (this.#reading === 'ass') {
      const head = textOf(Buffer.from(this.stream.extradata, 'base64'));
      const events = packets.flatMap(({ startMs, endMs, data }): AssEvent[] =>
        endMs > 0 ? [{ startMs: Math.max(0, startMs), endMs, fields: textOf(data).replaceAll('\0', '') }] : [],
      );
      cuesOfEvents(head, events, list);
      script = printAss(head, events);
    } else if (this.#reading === 'wvtt') addSamples(packets, list);
    else for (const packet of packets) list.add({ id: '', ...packet, ...this.#cueOf(packet.data) });
    const cues = list.take();
    const dropped = this.#dropped + list.dropped;
    if (cues.length === 0) return { files: undefined, dropped };
    const { index, language, title, isDefault, isForced } = this.stream;
    const files: TextFiles = {
      stream: index,
      language,
      title,
      isDefault,
      isForced,
      cues: cues.length,
      hasScript: script !== undefined,
      vtt: Buffer.from(printVtt({ header: 'WEBVTT', cues }), 'utf8'),
      script: script === undefined ? undefined : Buffer.from(script, 'utf8'),
    };
    return { files, dropped };
  }

  #cueOf(data: Uint8Array): Pick<VttCue, 'text' | 'settings'> {
    if (this.#reading === 'tx3g') {
      try {
        return { text: parseTx3g(data), settings: '' };
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        this.#dropped++;
        return { text: '', settings: '' };
      }
    }
    const text = textOf(data);
    if (this.#reading === 'srt') return srtCue(text);
    // The settings are in the first line; see ffmpeg/child/demux.
    const end = text.indexOf('\n');
    return { text: safeCueText(text.slice(end + 1)), settings: safeSettings(text.slice(0, Math.max(0, end))) };
  }
}

/** Cues of samples of WebVTT in MP4: one that continues in the next sample is one cue. */
function addSamples(packets: readonly Waiting[], list: CueList): void {
  const open = new Map<string, VttCue>();
  for (const { startMs, endMs, data } of packets) {
    let cues: ReturnType<typeof parseSample>;
    try {
      cues = parseSample(data);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      continue;
    }
    const shown = new Set<string>();
    for (const cue of cues) {
      const key = `${cue.settings}\n${cue.text}`;
      shown.add(key);
      const before = open.get(key);
      const continues = before && Math.abs(before.endMs - startMs) < 2;
      if (before && !continues) list.add(before);
      const text = safeCueText(cue.text);
      open.set(key, {
        id: '',
        startMs: continues ? before.startMs : startMs,
        endMs,
        settings: safeSettings(cue.settings),
        text,
      });
    }
    for (const [key, cue] of open) {
      if (shown.has(key)) continue;
      list.add(cue);
      open.delete(key);
    }
  }
  for (const cue of open.values()) list.add(cue);
}

/** Collects the subtitles of all streams of an original. */
export class TextPackets {
  readonly #streams: readonly TextStream[];

  constructor(streams: readonly DemuxStream[]) {
    this.#streams = streams.filter(isReadableText).map((stream) => new TextStream(stream));
  }

  /** FFmpeg's numbers of the streams whose packets are needed. */
  get indexes(): readonly number[] {
    return this.#streams.map(({ stream }) => stream.index);
  }

  /** Takes a packet; false if it is of another stream. */
  push(packet: DemuxPacket): boolean {
    const textStream = this.#streams.find(({ stream }) => stream.index === packet.index);
    textStream?.push(packet);
    return textStream !== undefined;
  }

  /**
   * The files, and a warning for each that is not complete.
   *
   * @param originUs time of the container at which the asset begins
   */
  files(originUs: number): { readonly files: readonly TextFiles[]; readonly warnings: readonly string[] } {
    const results = this.#streams.map((textStream) => ({
      index: textStream.stream.index,
      ...textStream.files(originUs / 1000),
    }));
    return {
      files: results.flatMap(({ files }) => files ?? []),
      warnings: results
        .filter(({ dropped }) => dropped > 0)
        .map(({ index, dropped }) => `Stream ${index} has too many or damaged subtitles: ${dropped} were left out.`),
    };
  }
}
