/**
 * How far the live playlist of the test picture is behind the drawing of its frames: the encoder, and the
 * server up to the playlist.
 * In: a server with the test picture, whose programme time is the clock of the drawing. Out: milliseconds.
 */
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import type { Server } from '../../test/fixtures/server.ts';
import { median } from '../report.ts';

/** Parts that are observed. */
const PARTS = 50;

/**
 * The time at which a Part is listed less the programme time of its end, at p50: the first frame after it has
 * reached the server.
 *
 * @param stream name of a stream with Parts
 */
export async function encoderDelayMs(server: Server, stream: string): Promise<number> {
  const live = `/live/${stream}`;
  const read = async (path: string) => parsePlaylist(await (await server.fetch(path)).text());
  const master = await read(`${live}/index.m3u8`);
  if (master.kind !== 'multivariant') throw new Error('not a Multivariant Playlist');
  const uri = `${live}/${master.playlist.variants[0]!.uri}`;
  const delays: number[] = [];
  for (let at = { msn: 0, part: 0, endMs: 0 }; delays.length <= PARTS; ) {
    const answer = await read(at.msn === 0 ? uri : `${uri}?_HLS_msn=${at.msn}&_HLS_part=${at.part}`);
    const nowMs = Date.now();
    if (answer.kind !== 'media') throw new Error('not a Media Playlist');
    at = endOf(answer.playlist);
    delays.push(nowMs - at.endMs);
  }
  return median(delays.slice(1)); // the first answer did not wait
}

/** The next Part of a playlist, and the programme time at which it begins. */
function endOf({ mediaSequence, segments }: MediaPlaylist): { msn: number; part: number; endMs: number } {
  const last = segments.at(-1)!;
  let endMs = 0;
  for (const { programDateTimeMs, durationS, parts, uri } of segments) {
    const seconds = uri === '' ? parts.reduce((sum, part) => sum + part.durationS, 0) : durationS;
    endMs = (programDateTimeMs ?? endMs) + seconds * 1000;
  }
  const next = mediaSequence + segments.length;
  return last.uri === '' ? { msn: next - 1, part: last.parts.length, endMs } : { msn: next, part: 0, endMs };
}
