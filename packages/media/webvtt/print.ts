/**
 * Prints WebVTT files.
 * In: a VttFile. Out: text with LF line ends. Pure. W3C WebVTT, 4.1; RFC 8216bis 3.1.4.
 */
import type { VttCue, VttFile } from './cue.ts';

/**
 * Prints a file. What would end a cue before its time (an empty line, an arrow) is put so that it does not.
 *
 * @param file.header begins with `WEBVTT`
 */
export function printVtt({ header, timestampMap, cues }: VttFile): string {
  const [signature, ...headerLines] = header.split('\n');
  const map = timestampMap && `X-TIMESTAMP-MAP=MPEGTS:${timestampMap.mpegts},LOCAL:${timeText(timestampMap.localMs)}`;
  const blocks = [[signature, ...(map ? [map] : []), ...headerLines].join('\n'), ...cues.map(printCue)];
  return `${blocks.join('\n\n')}\n`;
}

function printCue({ id, startMs, endMs, settings, text }: VttCue): string {
  const lines = [`${timeText(startMs)} --> ${timeText(endMs)}${settings === '' ? '' : ` ${line(settings)}`}`];
  if (id !== '') lines.unshift(line(id));
  const shown = text
    .replaceAll('-->', '--&gt;')
    .split(/\r\n|\r|\n/)
    .filter((row) => row !== '');
  return [...lines, ...shown].join('\n');
}

function line(text: string): string {
  return text.replace(/[\r\n]+/g, ' ').replaceAll('-->', '--&gt;');
}

/** `hh:mm:ss.mmm`; hours may have more digits. */
function timeText(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  const fraction = String(whole % 1000).padStart(3, '0');
  return `${two(whole / 3_600_000)}:${two((whole / 60_000) % 60)}:${two((whole / 1000) % 60)}.${fraction}`;
}
