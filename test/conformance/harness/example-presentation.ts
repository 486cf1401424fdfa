/**
 * A small good presentation in memory: pictures and sound apart, live with parts or complete, to be spoiled
 * by the broken cases.
 * In: how far it is. Out: files by URL. Nothing here comes from the packager or delivery: lists are written
 * by hand.
 */
import { concatBytes } from '@oxbow/media/bytes';
import type { Frame, Track } from '@oxbow/media/frame';
import { h264Config } from '@oxbow/media/h264/avcc';
import { fragmentLength, printFragment } from '@oxbow/media/isobmff/fragment';
import { printInit } from '@oxbow/media/isobmff/init';
import { PPS, printSps } from '@oxbow/media/mpegts/packets.fixture';
import type { Answer, Fetch } from '../rules/rule.ts';

/** Progress of the example. */
export interface ExampleState {
  /** Complete segments ever made; the list begins at `from`. */
  readonly sealed: number;
  /** Parts of the segment in the making. */
  readonly open: number;
  /** Segments that were removed. */
  readonly from: number;
}

/** Files by URL. */
export type Files = Map<string, Answer>;

/** MSN of the first segment. */
export const FIRST_MSN = 100;
/** The segment before which the encoder restarted. */
const BREAK_AT = 3;
const PARTS = 10;
const START_MS = Date.UTC(2026, 0, 1);
/** Default of the live example: 24 s, and eight parts. */
export const LIVE: ExampleState = { sealed: 12, open: 4, from: 0 };

const video: Track = {
  id: 1,
  kind: 'video',
  timescale: 90_000,
  language: 'und',
  label: '',
  config: h264Config([printSps(10, 6)], [PPS]),
};
const audio: Track = {
  id: 2,
  kind: 'audio',
  timescale: 48_000,
  language: 'und',
  label: '',
  config: { codec: 'aac', record: Uint8Array.of(0x11, 0x90), codecs: 'mp4a.40.2', sampleRate: 48_000, channels: 2 },
};
const tracks: Readonly<Record<string, { track: Track; frames: number; step: number }>> = {
  v0: { track: video, frames: 5, step: 3600 },
  a0: { track: audio, frames: 10, step: 960 },
};

/** Start of a segment on the clock of the media, seconds: behind the break it is another one. */
const mediaS = (index: number) => 1000 + index * 2 + (index >= BREAK_AT ? 500 : 0);

/** One part of a rendition. */
export function examplePart(name: string, index: number, part: number): Uint8Array {
  const { track, frames: count, step } = tracks[name]!;
  const start = Math.round((mediaS(index) + part * 0.2) * track.timescale);
  const frames = Array.from({ length: count }, (_, i): Frame => {
    const key = track.kind === 'audio' || (part === 0 && i === 0);
    const data = new Uint8Array(30 + ((index * 7 + part * 3 + i) % 11)).fill(index + 1);
    const dts = start + i * step;
    return { trackId: track.id, dts, pts: dts + (track.kind === 'video' ? step : 0), duration: step, key, data };
  });
  const bytes = new Uint8Array(fragmentLength(frames));
  printFragment(bytes, 0, { sequence: part + 1, trackId: track.id, tfdt: start, frames });
  return bytes;
}

function segmentLines(
  index: number,
  { first, parts, complete }: { first: boolean; parts: string[]; complete: boolean },
) {
  return [
    ...(index === BREAK_AT ? ['#EXT-X-DISCONTINUITY'] : []),
    ...(first ? ['#EXT-X-MAP:URI="init-1.mp4"'] : []),
    `#EXT-X-PROGRAM-DATE-TIME:${new Date(START_MS + index * 2000 + (index >= BREAK_AT ? 700 : 0)).toISOString()}`,
    ...parts,
    ...(complete ? ['#EXTINF:2.00000,', `${FIRST_MSN + index}.m4s`] : []),
  ];
}

function partLines(index: number, count: number, isAudio: boolean): string[] {
  return Array.from({ length: count }, (_, part) => {
    const independent = isAudio || part === 0 ? ',INDEPENDENT=YES' : '';
    return `#EXT-X-PART:DURATION=0.20000,URI="${FIRST_MSN + index}.${part}.m4s"${independent}`;
  });
}

/** The live list of a rendition, whole or with what may be skipped skipped. */
export function exampleLive(name: string, state: ExampleState = LIVE, { skip = false } = {}): string {
  const { sealed, open, from } = state;
  const isAudio = name === 'a0';
  // Six target durations stay: 12 s.
  const skipped = skip ? Math.max(0, sealed - 6 - from) : 0;
  const other = isAudio ? 'v0' : 'a0';
  const lines = [
    ...['#EXTM3U', `#EXT-X-VERSION:${skipped > 0 ? 9 : 6}`, '#EXT-X-TARGETDURATION:2'],
    '#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.00000,HOLD-BACK=6.00000,PART-HOLD-BACK=0.60300',
    ...['#EXT-X-PART-INF:PART-TARGET=0.20100', `#EXT-X-MEDIA-SEQUENCE:${FIRST_MSN + from}`],
    `#EXT-X-DISCONTINUITY-SEQUENCE:${from > BREAK_AT ? 8 : 7}`,
    ...(skipped > 0 ? [`#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}`] : []),
  ];
  for (let index = from + skipped; index < sealed; index++) {
    const parts = index >= sealed - 4 ? partLines(index, PARTS, isAudio) : [];
    lines.push(...segmentLines(index, { first: index === from + skipped, parts, complete: true }));
  }
  if (open > 0) {
    lines.push(...segmentLines(sealed, { first: false, parts: partLines(sealed, open, isAudio), complete: false }));
  }
  const [lastMsn, lastPart] = open > 0 ? [sealed, open - 1] : [sealed - 1, PARTS - 1];
  lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${FIRST_MSN + sealed}.${open}.m4s"`);
  lines.push(`#EXT-X-RENDITION-REPORT:URI="../${other}/g1.m3u8",LAST-MSN=${FIRST_MSN + lastMsn},LAST-PART=${lastPart}`);
  return `${lines.join('\n')}\n`;
}

/** A complete list of `count` segments. */
export function examplePast(count = 6): string {
  const lines = ['#EXTM3U', '#EXT-X-VERSION:6', '#EXT-X-TARGETDURATION:2', '#EXT-X-MEDIA-SEQUENCE:100'];
  lines.push('#EXT-X-DISCONTINUITY-SEQUENCE:7', '#EXT-X-PLAYLIST-TYPE:VOD');
  for (let i = 0; i < count; i++) lines.push(...segmentLines(i, { first: i === 0, parts: [], complete: true }));
  return `${[...lines, '#EXT-X-ENDLIST'].join('\n')}\n`;
}

/** The Multivariant Playlist; `bandwidth` is that of both together. */
export function exampleIndex(bandwidth = 60_000): string {
  return `${[
    ...['#EXTM3U', '#EXT-X-VERSION:6', '#EXT-X-INDEPENDENT-SEGMENTS'],
    '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Deutsch",LANGUAGE="de",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="a0/g1.m3u8"',
    `#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth},AVERAGE-BANDWIDTH=${bandwidth},CODECS="${video.config.codecs},mp4a.40.2",RESOLUTION=160x96,FRAME-RATE=25.000,AUDIO="audio"`,
    'v0/g1.m3u8',
    `#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth + 1},AVERAGE-BANDWIDTH=${bandwidth},CODECS="${video.config.codecs},mp4a.40.2",RESOLUTION=160x96,FRAME-RATE=25.000,AUDIO="audio"`,
    'v0/g1.m3u8',
    '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=9000,CODECS="avc1.42c01e",RESOLUTION=160x96,URI="i0/g1.m3u8"',
  ].join('\n')}\n`;
}

const headers = (type: string, control: string, length: number) => ({
  'content-type': type,
  'cache-control': control,
  'content-length': String(length),
  'access-control-allow-origin': '*',
});

/** A list as it is served. */
export function listAnswer(text: string): Answer {
  const body = Buffer.from(text);
  return { status: 200, headers: headers('application/vnd.apple.mpegurl', 'public, max-age=1', body.length), body };
}

/** Media as it is served. */
export function mediaAnswer(body: Uint8Array, type = 'video/iso.segment'): Answer {
  return { status: 200, headers: headers(type, 'public, max-age=31536000, immutable', body.length), body };
}

/** Everything that an example serves. */
export function exampleFiles(state: ExampleState = LIVE, kind: 'live' | 'past' = 'live'): Files {
  const files: Files = new Map();
  let peak = 0;
  for (const [name, { track }] of Object.entries(tracks)) {
    files.set(`/example/${name}/g1.m3u8`, listAnswer(kind === 'live' ? exampleLive(name, state) : examplePast()));
    files.set(`/example/${name}/init-1.mp4`, mediaAnswer(printInit([track]), 'video/mp4'));
    let own = 0;
    for (let index = 0; index <= state.sealed; index++) {
      const parts = Array.from({ length: index < state.sealed ? PARTS : state.open }, (_, i) =>
        examplePart(name, index, i),
      );
      for (const [i, part] of parts.entries())
        files.set(`/example/${name}/${FIRST_MSN + index}.${i}.m4s`, mediaAnswer(part));
      if (index === state.sealed) continue;
      const whole = concatBytes(parts);
      own = Math.max(own, (whole.length * 8) / 2);
      files.set(`/example/${name}/${FIRST_MSN + index}.m4s`, mediaAnswer(whole));
    }
    peak += own;
  }
  files.set('/example/index.m3u8', listAnswer(exampleIndex(Math.ceil(peak))));
  return files;
}

/** Returns files, and 404 for everything else. */
export function fetchFrom(files: Files): Fetch {
  return async (url) => files.get(url.split('?')[0]!) ?? { status: 404, headers: {}, body: new Uint8Array() };
}
