/**
 * Reads WebVTT files.
 * In: the text of a file or segment, from anywhere. Out: a VttFile, or a FormatError. Pure. W3C WebVTT, 6.1
 * to 6.3; RFC 8216bis 3.1.4.
 */
import { FormatError } from '../errors.ts';
import type { TimestampMap, VttCue, VttFile } from './cue.ts';

/** Bounds of a file. */
export interface VttBounds {
  readonly characters: number;
  readonly lines: number;
  readonly cues: number;
}

/** Longest segment, characters. */
const MAX_VTT = 1024 * 1024;
const segmentBounds: VttBounds = { characters: MAX_VTT, lines: 50_000, cues: 5000 };
/** Longest text, identifier and settings of a cue, characters; longer ones are cut. */
const MAX_CUE_TEXT = 4096;
/** Most styles and regions; further ones are dropped. */
const MAX_HEADER = 8 * 1024;

const TIME = '(?:(\\d{2,6}):)?(\\d\\d):(\\d\\d)[.,](\\d{1,3})';
const TIMING = new RegExp(`^[ \\t]*${TIME}[ \\t]*-->[ \\t]*${TIME}(?:[ \\t]+(.*))?$`);
const WHOLE_TIME = new RegExp(`^${TIME}$`);
const MAP = 'X-TIMESTAMP-MAP=';

/**
 * Reads a file. Blocks that are no cues are stepped over, as are cues with times that are none.
 *
 * @param bounds of a segment by default
 * @throws FormatError when it does not begin with WEBVTT, or passes a bound
 */
export function parseVtt(text: string, bounds: VttBounds = segmentBounds): VttFile {
  const { characters } = bounds;
  if (text.length > characters) {
    throw new FormatError(`the WebVTT file is longer than ${characters} characters`, characters);
  }
  const lines = text
    .replace(/^\uFEFF/, '')
    .replaceAll('\0', '\uFFFD')
    .split(/\r\n|\r|\n/);
  if (lines.length > bounds.lines) throw new FormatError(`the WebVTT file has more than ${bounds.lines} lines`, 0);
  if (!/^WEBVTT(?:$|[ \t])/.test(lines[0]!)) throw new FormatError('not WebVTT: the first line is not WEBVTT', 0);
  const blocks = blocksOf(lines);
  const map = blocks[0]!.find((line) => line.startsWith(MAP));
  const cues: VttCue[] = [];
  let header = 'WEBVTT';
  for (const block of blocks.slice(1)) {
    const first = block[0]!;
    if (cues.length === 0 && /^(?:STYLE|REGION)[ \t]*$/.test(first) && !block.some((line) => line.includes('-->'))) {
      const more = block.join('\n');
      if (header.length + more.length + 2 <= MAX_HEADER) header += `\n\n${more}`;
      continue;
    }
    const cue = parseCue(block);
    if (!cue) continue;
    if (cues.length === bounds.cues) throw new FormatError(`the WebVTT file has more than ${bounds.cues} cues`, 0);
    cues.push(cue);
  }
  const timestampMap = map === undefined ? undefined : parseMap(map.slice(MAP.length));
  return { header, ...(timestampMap && { timestampMap }), cues };
}

/** Lines that stand together; the first block is that of the signature. */
function blocksOf(lines: readonly string[]): string[][] {
  const blocks: string[][] = [];
  let block: string[] = [];
  const close = () => {
    if (block.length > 0) blocks.push(block);
    block = [];
  };
  for (const line of lines) {
    // A line of times begins a cue, be there an empty line before it or not.
    if (line.includes('-->') && block.length > 1 && blocks.length > 0 && block.some((text) => text.includes('-->')))
      close();
    if (line === '') close();
    else block.push(line);
  }
  close();
  return blocks;
}

function parseCue(block: readonly string[]): VttCue | undefined {
  const at = block[0]!.includes('-->') ? 0 : 1;
  const timing = TIMING.exec(block[at] ?? '');
  if (!timing) return undefined;
  const startMs = msOf(timing.slice(1, 5));
  const endMs = msOf(timing.slice(5, 9));
  if (startMs === undefined || endMs === undefined || endMs <= startMs) return undefined;
  return {
    id: at === 0 ? '' : cut(block[0]!),
    startMs,
    endMs,
    settings: cut((timing[9] ?? '').trim()),
    text: cut(block.slice(at + 1).join('\n')),
  };
}

function cut(text: string): string {
  return text.length <= MAX_CUE_TEXT ? text : text.slice(0, MAX_CUE_TEXT);
}

function msOf([hours = '0', minutes, seconds, fraction]: readonly string[]): number | undefined {
  if (Number(minutes) > 59 || Number(seconds) > 59) return undefined;
  return (
    Number(hours) * 3_600_000 + Number(minutes) * 60_000 + Number(seconds) * 1000 + Number(fraction!.padEnd(3, '0'))
  );
}

/** `LOCAL:00:00:00.000,MPEGTS:900000`, in either order; undefined where a half is missing. */
function parseMap(text: string): TimestampMap | undefined {
  let mpegts: number | undefined;
  let localMs: number | undefined;
  for (const part of text.split(',')) {
    const colon = part.indexOf(':');
    const name = part.slice(0, colon).trim();
    const value = part.slice(colon + 1).trim();
    if (name === 'MPEGTS' && /^\d{1,15}$/.test(value)) mpegts = Number(value) % 2 ** 33;
    const time = name === 'LOCAL' ? WHOLE_TIME.exec(value) : null;
    if (time) localMs = msOf(time.slice(1, 5));
  }
  return mpegts === undefined || localMs === undefined ? undefined : { mpegts, localMs };
}
