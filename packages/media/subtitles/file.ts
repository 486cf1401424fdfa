/**
 * Reads a subtitle file of any supported format, by its content.
 * In: bytes from anywhere. Out: cues as a WebVTT file, and the script of ASS. Pure.
 */
import { FormatError } from '../errors.ts';
import type { VttCue } from '../webvtt/cue.ts';
import { parseVtt } from '../webvtt/parse.ts';
import { isAss, parseAss } from './ass.ts';
import { CueList, fileBounds, MAX_SUBTITLE_CUES, MAX_SUBTITLE_FILE } from './bounds.ts';
import { decodeText } from './charset.ts';
import { safeCueText, safeSettings } from './cue-text.ts';
import { isSrt, parseSrt } from './srt.ts';

/** Formats of subtitle files. */
type SubtitleFormat = 'srt' | 'vtt' | 'ass';

/** A file that was read. */
interface SubtitleFile {
  readonly format: SubtitleFormat;
  readonly charset: string;
  readonly cues: readonly VttCue[];
  /** The script of ASS as it came, decoded; undefined of other formats. */
  readonly script: string | undefined;
}

/**
 * Reads a file.
 *
 * @param charset as its sender says; undefined: unknown
 * @throws FormatError if it is too large, in no known format, or has no cue
 */
export function parseSubtitleFile(bytes: Uint8Array, charset?: string): SubtitleFile {
  if (bytes.length > MAX_SUBTITLE_FILE) {
    throw new FormatError(`it has ${bytes.length} bytes; at most ${MAX_SUBTITLE_FILE} are accepted`, MAX_SUBTITLE_FILE);
  }
  const decoded = decodeText(bytes, charset);
  const text = decoded.text.replace(/^\uFEFF/, '');
  const { format, list } = parseText(text);
  const cues = list.take();
  if (list.dropped > 0) throw new FormatError(`it has too many cues; at most ${MAX_SUBTITLE_CUES} are accepted`, 0);
  if (cues.length === 0) throw new FormatError('it has no cue', 0);
  return { format, charset: decoded.charset, cues, script: format === 'ass' ? text : undefined };
}

function parseText(text: string): { readonly format: SubtitleFormat; readonly list: CueList } {
  if (/^WEBVTT(?:$|[\s])/.test(text)) return { format: 'vtt', list: safeCues(parseVtt(text, fileBounds).cues) };
  if (isAss(text)) return { format: 'ass', list: parseAss(text) };
  if (isSrt(text)) return { format: 'srt', list: parseSrt(text) };
  throw new FormatError('it is not SubRip (.srt), WebVTT (.vtt) or SubStation Alpha (.ass, .ssa)', 0);
}

function safeCues(cues: readonly VttCue[]): CueList {
  const list = new CueList();
  for (const { settings, text, ...cue } of cues) {
    list.add({ ...cue, id: '', settings: safeSettings(settings), text: safeCueText(text) });
  }
  return list;
}
