/**
 * `npm run bench -- upgrade`: how long viewers of a pulled stream stall while `oxbow upgrade` replaces the
 * server.
 * In: a source that lists a segment each two seconds, playlists as a player loads them. Out: a table; the
 * limit is one target duration. Stalls are calculated: a player begins as far behind the newest media as the
 * playlist says, and plays what has arrived.
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import { end, upgrade, withoutNpm } from '../test/fixtures/cli/upgrade.ts';
import { makeHls, openOrigin } from '../test/fixtures/origin.ts';
import { datesOf, readFirstVariant, readMedia, resolvePath } from '../test/fixtures/playlists.ts';
import { openFolder, type Server, startServer } from '../test/fixtures/server.ts';
import { perSecond, putSlidingList } from '../test/fixtures/sliding-list.ts';
import { printTable, say } from './report.ts';
import { orTiny } from './tiny.ts';

const SEGMENT_S = 2;
/** Time that is followed, of which the upgrade begins after a third, s. */
const FOLLOWED_S = orTiny(30, 9);
const WINDOW = 15;
/** Pause of a player after a request that failed, ms. */
const RETRY_MS = 250;

/** Media that a player has, and since when. */
interface Arrival {
  readonly atMs: number;
  /** End of the media, UTC ms. */
  readonly endMs: number;
}

/** The view of a player. */
interface Watched {
  readonly arrivals: readonly Arrival[];
  readonly list: MediaPlaylist;
  /** Requests that failed and were repeated. */
  readonly failures: number;
}

/** Upgrades a server `rounds` times, and once does not, and returns the report. */
export async function benchUpgrade(rounds: number): Promise<string> {
  const rows: string[][] = [];
  for (let round = 0; round <= rounds; round++) {
    say(round === 0 ? `${FOLLOWED_S} s without an upgrade` : `${FOLLOWED_S} s, upgrade ${round} of ${rounds}`);
    const { watched, tookMs } = await measure(round > 0);
    const { serverControl, targetDurationS } = watched.list;
    rows.push([
      round === 0 ? 'none' : (tookMs / 1000).toFixed(2),
      longestPause(watched.arrivals).toFixed(2),
      ...[serverControl?.holdBackS ?? 3 * targetDurationS, serverControl?.partHoldBackS].map((holdBackS) =>
        holdBackS === undefined ? '-' : `${stalledS(watched.arrivals, holdBackS).toFixed(2)} of ${holdBackS} s`,
      ),
      String(watched.failures),
      String(targetDurationS),
    ]);
  }
  return printTable(
    [
      ...['`oxbow upgrade`, s', 'longest time without new media, s'],
      ...['stall with HOLD-BACK, s', 'with PART-HOLD-BACK, s', 'requests repeated', 'limit: target duration, s'],
    ],
    rows,
  );
}

async function measure(upgrades: boolean): Promise<{ watched: Watched; tookMs: number }> {
  await using folder = await openFolder('bench-upgrade');
  const media = join(folder.path, 'media');
  const seconds = (WINDOW + FOLLOWED_S) * SEGMENT_S;
  await makeHls({ folder: media, seconds, segmentS: SEGMENT_S, size: '640x360', container: 'ts' });
  await using origin = await openOrigin({ folder: media });
  const released = perSecond({ first: WINDOW, seconds: SEGMENT_S });
  const startMs = Date.now() - WINDOW * SEGMENT_S * 1000;
  const url = await putSlidingList(origin, { folder: media, window: WINDOW, released, startMs });
  const data = join(folder.path, 'data');
  await using server = await startServer({ data, args: [`tv=${url}`], env: withoutNpm });
  await server.stream('tv', 'live');
  const watching = watch(server);
  await pause((FOLLOWED_S / 3) * 1000);
  if (!upgrades) return { watched: await watching, tookMs: 0 };
  const { pid, tookMs } = await upgrade(data);
  try {
    return { watched: await watching, tookMs };
  } finally {
    await end(pid);
  }
}

/** Loads playlists and the newest media as a player does: the next playlist is requested before it exists. */
async function watch(server: Server): Promise<Watched> {
  const arrivals: Arrival[] = [];
  const until = performance.now() + FOLLOWED_S * 1000;
  let failures = 0;
  let { path, list } = await readFirstVariant(server, '/live/tv/index.m3u8');
  let loaded = '';
  while (performance.now() < until) {
    const last = list.segments.findLast(({ uri }) => uri !== '')!;
    const unfinished = list.segments.at(-1)!;
    const parts = unfinished.uri === '' ? unfinished.parts : [];
    const newest = parts.at(-1)?.uri ?? last.uri;
    try {
      if (newest !== loaded) {
        await server.bytes(resolvePath(newest, path));
        const wholeEndMs = datesOf(list)[list.segments.indexOf(last)]! + last.durationS * 1000;
        const endMs = wholeEndMs + parts.reduce((sum, { durationS }) => sum + durationS, 0) * 1000;
        arrivals.push({ atMs: performance.now(), endMs });
        loaded = newest;
      }
      const whole = list.segments.filter(({ uri }) => uri !== '').length;
      const next = `_HLS_msn=${list.mediaSequence + whole}&_HLS_part=${parts.length}`;
      ({ list } = await readMedia(server, `${path}?${next}`));
      if (list.endList) throw new Error('the playlist ends');
    } catch (error) {
      failures++;
      say(`  repeated: ${String((error as Error).cause ?? error)}`);
      await pause(RETRY_MS);
      ({ path, list } = await readFirstVariant(server, '/live/tv/index.m3u8'));
    }
  }
  return { arrivals, list, failures };
}

/** Longest time between two arrivals, s. */
function longestPause(arrivals: readonly Arrival[]): number {
  return Math.max(...arrivals.slice(1).map(({ atMs }, i) => atMs - arrivals[i]!.atMs)) / 1000;
}

/** How long a player stalls that begins `holdBackS` behind the newest media, s. */
function stalledS(arrivals: readonly Arrival[], holdBackS: number): number {
  let positionMs = arrivals[0]!.endMs - holdBackS * 1000;
  let stalledMs = 0;
  for (const [i, { atMs }] of arrivals.slice(1).entries()) {
    const before = arrivals[i]!;
    const passedMs = atMs - before.atMs;
    const playedMs = Math.min(passedMs, before.endMs - positionMs);
    positionMs += playedMs;
    stalledMs += passedMs - playedMs;
  }
  return stalledMs / 1000;
}
