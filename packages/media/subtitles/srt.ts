/**
 * Reads SubRip: files, and the text of a cue as containers have it.
 * In: text. Out: cues. Pure. SubRip has no standard; this reads what its writers produce.
 */
import type { VttCue } from '../webvtt/cue.ts';
import { CueList } from './bounds.ts';
import { alignmentSettings, safeCueText } from './cue-text.ts';

const TIME = '(\\d{1,3}):(\\d{1,2}):(\\d{1,2})(?:[,.:](\\d{1,3}))?';
const TIMING = new RegExp(`^[ \\t]*${TIME}[ \\t]*-->[ \\t]*${TIME}(?:[ \\t].*)?$`);
const ALIGNMENT = /\{\\an([1-9])\}/;
const OVERRIDE = /\{\\[^{}\n]{0,200}\}/g;

/** Text and settings of a cue. */
export function srtCue(text: string): Pick<VttCue, 'text' | 'settings'> {
  const pad = ALIGNMENT.exec(text)?.[1];
  return { text: safeCueText(text.replaceAll(OVERRIDE, '')), settings: pad ? alignmentSettings(Number(pad)) : '' };
}

/** Whether a line has the times of a cue. */
export function isSrt(text: string): boolean {
  return text
    .slice(0, 4096)
    .split(/\r\n|\r|\n/)
    .some((line) => TIMING.test(line));
}

/** Reads a file; blocks that are no cue are skipped. */
export function parseSrt(text: string, cues: CueList = new CueList()): CueList {
  let times: RegExpExecArray | undefined;
  let lines: string[] = [];
  const close = (isFollowed: boolean) => {
    if (!times) return;
    // The number of the next cue.
    while (isFollowed && lines.at(-1)?.trim() === '') lines.pop();
    if (isFollowed && /^\s*\d{1,7}\s*$/.test(lines.at(-1) ?? '')) lines.pop();
    const [start, end] = [msOf(times.slice(1, 5)), msOf(times.slice(5, 9))];
    cues.add({ id: '', startMs: start, endMs: end, ...srtCue(lines.join('\n')) });
  };
  for (const line of text.split(/\r\n|\r|\n/)) {
    const timing = line.length < 200 ? TIMING.exec(line) : null;
    if (timing) {
      close(true);
      times = timing;
      lines = [];
    } else if (times && lines.length < 200) lines.push(line);
  }
  close(false);
  return cues;
}

function msOf([hours, minutes, seconds, fraction = '0']: readonly (string | undefined)[]): number {
  return (
    Number(hours) * 3_600_000 + Number(minutes) * 60_000 + Number(seconds) * 1000 + Number(fraction.padEnd(3, '0'))
  );
}
