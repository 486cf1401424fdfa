/**
 * A server whose recording is mirrored, and its loss: `kill -9`, and everything of its data folder is gone.
 * In: a second place. Out: how much the copy has of what viewers had.
 * Waits for wall time: the end of a stream is now.
 */
import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StorageView } from '../../src/api/admin-shapes.ts';
import { run } from '../fixtures/ffmpeg.ts';
import { runOxbow, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const ADMIN = 'a-token-for-tests';
/** A mirror that is behind by more is on a busy machine, seconds. */
const BUSY_S = 1.5;

/** A second place: the settings of a target. */
export interface SecondPlace {
  readonly target: Readonly<Record<string, unknown>>;
  /** Further settings of `storage`. */
  readonly storage?: Readonly<Record<string, unknown>>;
  /** Further arguments of the server, and of one that restores into another database. */
  readonly args?: (life: number) => readonly string[];
  /** The database is not lost: a server with it and an empty data folder is enough. */
  readonly keepsDatabase?: boolean;
}

/** The loss of a server. */
export interface Loss {
  /** UTC at which the newest media that a viewer could have ended, ms since 1970. */
  readonly edgeMs: number;
  /** UTC of the end of the restored recording, ms since 1970. */
  readonly endMs: number;
  /** What the server said that the copy is behind, a moment before, seconds. */
  readonly behindS: number;
  /** UTC of its start, ms since 1970. */
  readonly startMs: number;
  /** Length of the pictures that the clip of all of it has, seconds. */
  readonly clipS: number;
  /** Pictures in it, and those of them that could be decoded. */
  readonly pictures: number;
  readonly decoded: number;
  /** Seconds that the timeline has in its spans. */
  readonly recordedS: number;
}

/** Where the newest part of a live playlist ends, ms since 1970. */
export function edgeOf(list: string): number {
  let atMs = Number.NaN;
  for (const line of list.split('\n')) {
    const date = /^#EXT-X-PROGRAM-DATE-TIME:(.+)$/.exec(line);
    const seconds = /^#EXTINF:([\d.]+)/.exec(line);
    if (date) atMs = Date.parse(date[1]!);
    else if (seconds) atMs += 1000 * Number(seconds[1]);
  }
  const open = list.slice(list.lastIndexOf('#EXTINF')).split('\n').slice(2).join('\n');
  for (const [, duration] of open.matchAll(/^#EXT-X-PART:.*?DURATION=([\d.]+)/gm)) atMs += 1000 * Number(duration);
  return atMs;
}

/** The live playlist of the pictures of the stream `cam`. */
async function liveList(server: Server): Promise<string> {
  const master = Buffer.from(await server.bytes('/live/cam/index.m3u8')).toString();
  const media = /^(?!#)\S+$/m.exec(master)![0];
  return Buffer.from(await server.bytes(new URL(media, `${server.url}/live/cam/`).pathname)).toString();
}

/** The settings of a server with a mirror. */
export function settingsOf({ target, storage = {} }: SecondPlace): string {
  return JSON.stringify({
    storage: Object.assign({ targets: { second: target }, target: 'second', mode: 'mirror' }, storage),
    testPicture: { width: 160, height: 90 },
    streams: { cam: { source: { type: 'test' } } },
  });
}

/** Decodes the pictures of a file. */
async function decode(file: string): Promise<Pick<Loss, 'clipS' | 'pictures' | 'decoded'>> {
  const { stdout } = await run('ffprobe', [
    ...['-v', 'error', '-count_frames', '-count_packets', '-select_streams', 'v:0', '-of', 'json'],
    ...['-show_entries', 'stream=duration,nb_read_frames,nb_read_packets', file],
  ]);
  type Probed = { duration: string; nb_read_frames: string; nb_read_packets: string };
  const { streams } = JSON.parse(stdout.toString()) as { streams: [Probed] };
  const [{ duration, nb_read_frames: decoded, nb_read_packets: packets }] = streams;
  return { clipS: Number(duration), pictures: Number(packets), decoded: Number(decoded) };
}

/**
 * Runs a server for a while, kills it, deletes its data folder, and restores into an empty one from the copy.
 *
 * @param folder of the test
 * @param afterMs from the first recorded segment to the kill
 * @param life number of the loss: each has other folders
 */
export async function lose(folder: string, place: SecondPlace, afterMs: number, life: number): Promise<Loss> {
  const config = join(folder, 'oxbow.yaml');
  await writeFile(config, settingsOf(place));
  const args = (at: number) => ['--config', config, ...(place.args?.(at) ?? [])];
  const data = join(folder, `data-${life}`);
  let edgeMs: number;
  let behindS = 0;
  {
    await using server = await startPlainServer({ data, args: args(2 * life), adminToken: ADMIN, sample: false });
    await server.stream('cam');
    await until('a segment is recorded', async () => (await server.stream('cam')).recorded.seconds > 0);
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    // A machine that is too busy to send within a second and a half says so: it is killed when it keeps up.
    edgeMs = await until('the mirror keeps up', async () => {
      const { objectStores } = await server.json<StorageView>('/api/v1/storage');
      const edge = edgeOf(await liveList(server));
      behindS = objectStores[0]!.mirror!.behindSeconds;
      return behindS <= BUSY_S && edge;
    });
    await server.stop('SIGKILL');
  }
  await rm(data, { recursive: true });
  const restored = join(folder, `restored-${life}`);
  const rebuild = ['doctor', '--rebuild', ...args(2 * life + 1), '--data', restored, '--http', '0'];
  if (!place.keepsDatabase) {
    const { code, stdout, stderr } = await runOxbow(rebuild);
    assert.match(stdout, /ok\s+rebuild/, `${code} ${stdout}${stderr}`);
  }
  await using server = await startPlainServer({
    data: restored,
    args: args(2 * life + 1),
    adminToken: ADMIN,
    sample: false,
  });
  const { spans } = await server.timeline('cam', `?from=${edgeMs - 600_000}&to=${edgeMs + 1}`);
  assert.ok(spans.length > 0, 'there is a recording');
  const startMs = Date.parse(spans[0]!.from);
  const endMs = Date.parse(spans.at(-1)!.to);
  const clip = join(folder, `clip-${life}.mp4`);
  await writeFile(clip, await server.bytes(`/clip/cam/${startMs}/${endMs}.mp4`));
  const pictures = await decode(clip);
  const recordedS = spans.reduce((sum, { from, to }) => sum + (Date.parse(to) - Date.parse(from)) / 1000, 0);
  return { edgeMs, endMs, startMs, recordedS, behindS, ...pictures };
}
