/**
 * A scripted LL-HLS source with parts in real time, blocking reloads and delta updates; for tests.
 * In: HLS with a key frame every 0.2 s, whose segments are the parts. Out: playlists and bytes of an Origin.
 * Waits for wall time: the benchmark runs the same source in real time; tests run it on virtual time.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { concatBytes } from '@oxbow/media/bytes';
import type { Origin } from '../../../../test/fixtures/origin.ts';
import { sleep } from '../../../lib/abort.ts';

/** Duration of a part, seconds. */
export const PART_S = 0.2;
/** Parts of a segment of 1 s. */
export const PARTS = 5;

/** Behaviour of the source. */
export interface Script {
  /** Folder of the generated media, and its file names: `${prefix}seg0.m4s`, with `init` if it is MP4. */
  readonly folder: string;
  readonly prefix?: string;
  readonly init?: string;
  readonly extension?: 'm4s' | 'ts';
  /** Path of the playlist. */
  readonly path: string;
  /** Number of parts before ENDLIST. */
  readonly total: number;
  /** Parts at the first request. */
  readonly first: number;
  /** Start of the first part, ms since 1970; absent: no dates. */
  readonly startMs?: number;
  /** Default true. */
  readonly holds?: boolean;
  /** Delta updates; `wrong` ones skip more segments than exist. Default `right`. */
  readonly skips?: 'right' | 'wrong' | 'none';
  /** EXT-X-PRELOAD-HINT; requests for a future part block. Default true. */
  readonly hints?: boolean;
  /** Parts are ranges of their segment's file. */
  readonly ranges?: boolean;
  /** Returns how many parts may exist by now; called repeatedly. Default: all. */
  readonly most?: () => number;
  /** Parts that have GAP=YES. */
  readonly gaps?: readonly number[];
}

/** Time of the first request for the playlist, ms since 1970. */
export interface FirstSight {
  beganMs?: number;
}

/**
 * Adds the source to an origin; its time begins with the first request for the playlist. It is one part ahead
 * of the client, or one segment without blocking reloads, so that a slow client misses nothing.
 */
export async function putLowLatency(origin: Origin, script: Script): Promise<FirstSight> {
  const { folder, prefix = '', extension = 'm4s', path, total, first, holds = true, hints = true } = script;
  const base = path.slice(0, path.lastIndexOf('/') + 1);
  const parts = await Promise.all(
    Array.from({ length: total }, (_, n) => readFile(join(folder, `${prefix}seg${n}.${extension}`))),
  );
  let out = first;
  /** Parts that may exist by now: the requested or next ones. */
  let allowed = first + 1;
  let nextAt: number | undefined;
  const released = () => {
    const now = performance.now();
    nextAt ??= now + 1000 * PART_S;
    for (; now >= nextAt && out < Math.min(total, allowed, script.most?.() ?? total); out++) nextAt += 1000 * PART_S;
    // The time that it waited for the client does not count.
    nextAt = Math.max(nextAt, now);
    return out;
  };
  const until = async (count: number) => {
    allowed = Math.max(allowed, count);
    while (released() < Math.min(count, total)) await sleep(10, { signal: AbortSignal.timeout(60_000) });
  };
  const sight: FirstSight = {};
  if (script.init) origin.put(`${base}init.mp4`, await readFile(join(folder, script.init)));
  for (let n = 0; n < total; n++) {
    origin.put(`${base}${prefix}part${n}.${extension}`, async () => {
      if (hints) await until(n + 1);
      return released() > n ? parts[n] : undefined;
    });
  }
  for (let msn = 0; msn * PARTS < total; msn++) {
    origin.put(`${base}${prefix}whole${msn}.${extension}`, () => {
      const there = Math.min((msn + 1) * PARTS, released());
      return there > msn * PARTS ? concatBytes(parts.slice(msn * PARTS, there)) : undefined;
    });
  }
  origin.put(path, async ({ query }) => {
    const msn = query.get('_HLS_msn');
    // A part number after the last part of a segment is the first part of the next (6.2.5.2).
    const part = query.get('_HLS_part') === null ? PARTS : Number(query.get('_HLS_part')) + 1;
    if (holds && msn !== null) await until(Number(msn) * PARTS + part);
    const listed = released();
    allowed = Math.max(allowed, listed + (holds && msn !== null ? 1 : PARTS));
    sight.beganMs ??= Date.now();
    return print(script, parts, listed, query.get('_HLS_skip') === 'YES');
  });
  return sight;
}

function print(script: Script, bytes: readonly Uint8Array[], count: number, asksDelta: boolean): string {
  const { prefix = '', extension = 'm4s', total, startMs, skips = 'right', hints = true, ranges = false } = script;
  const whole = Math.floor(count / PARTS);
  const skipped = asksDelta && skips !== 'none' ? Math.max(0, whole - 2) : 0;
  const control = `CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.6${skips === 'none' ? '' : ',CAN-SKIP-UNTIL=6'}`;
  const lines = ['#EXTM3U', '#EXT-X-VERSION:9', '#EXT-X-TARGETDURATION:1', `#EXT-X-SERVER-CONTROL:${control}`];
  lines.push(`#EXT-X-PART-INF:PART-TARGET=${PART_S}`, '#EXT-X-MEDIA-SEQUENCE:0');
  if (skipped > 0) lines.push(`#EXT-X-SKIP:SKIPPED-SEGMENTS=${skips === 'wrong' ? skipped + 50 : skipped}`);
  else if (script.init) lines.push('#EXT-X-MAP:URI="init.mp4"');
  for (let msn = skipped; msn * PARTS < count; msn++) {
    if (startMs !== undefined && skipped === 0)
      lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(startMs + 1000 * msn).toISOString()}`);
    let offset = 0;
    for (let n = msn * PARTS; n < Math.min(count, (msn + 1) * PARTS); n++) {
      // The server no longer lists parts of old segments (6.2.2).
      if (msn >= whole - 2) lines.push(partLine(n, offset));
      offset += bytes[n]!.length;
    }
    if ((msn + 1) * PARTS <= count) lines.push('#EXTINF:1,', `${prefix}whole${msn}.${extension}`);
  }
  if (count >= total) lines.push('#EXT-X-ENDLIST');
  else if (hints && !ranges) lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${prefix}part${count}.${extension}"`);
  return `${lines.join('\n')}\n`;

  function partLine(n: number, offset: number): string {
    const gap = script.gaps?.includes(n) ? ',GAP=YES' : '';
    const range = ranges ? `,BYTERANGE="${bytes[n]!.length}@${offset}"` : '';
    const name = ranges ? `whole${Math.floor(n / PARTS)}` : `part${n}`;
    return `#EXT-X-PART:DURATION=${PART_S},URI="${prefix}${name}.${extension}",INDEPENDENT=YES${gap}${range}`;
  }
}
