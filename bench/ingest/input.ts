/**
 * `npm run bench -- input`: the cost of watching the input: CPU of the media engine and of the caller for a
 * key frame and for a piece of sound, and for each stream with one key frame in two seconds and a piece of
 * sound in ten, as with `contentCheck.mode: on`; `auto` has a bound, see `npm run bench -- storyboard`.
 * In: films of usual sizes, made by ffmpeg. Out: a table; the target is 1 % of a core for each stream.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { concatBytes } from '@oxbow/media/bytes';
import type { Frame } from '@oxbow/media/frame';
import { fragmentLength, printFragment } from '@oxbow/media/isobmff/fragment';
import { printInit } from '@oxbow/media/isobmff/init';
import { bytesOf, demuxAll } from '@oxbow/media/isobmff/real-media.fixture';
import { closeEngine, enginePid, measureSound, readLuma } from '../../src/ffmpeg/engine.ts';
import { openFolder } from '../../test/fixtures/server.ts';
import { describeMachine, ProcessTree } from '../process-tree.ts';
import { printTable, say } from '../report.ts';
import { orTiny } from '../tiny.ts';

/** Pictures of a film; the source moves, and is as noisy as a camera. */
const films = [
  { name: '640 × 360, 0.8 Mbps', size: '640x360', bitrate: '800k', codec: 'libx264' },
  { name: '1280 × 720, 2.5 Mbps', size: '1280x720', bitrate: '2500k', codec: 'libx264' },
  { name: '1920 × 1080, 5 Mbps', size: '1920x1080', bitrate: '5M', codec: 'libx264' },
  { name: '1920 × 1080, 4 Mbps, HEVC', size: '1920x1080', bitrate: '4M', codec: 'libx265' },
] as const;
const SECONDS = 4;
const WARM_UP = 5;
/** Seconds of media for one picture, and for one piece of sound. */
const [PICTURE_S, SOUND_S] = [2, 10];

/** Measures each film with this many pictures and pieces of sound; returns the report. */
export async function benchInput(count: number): Promise<string> {
  await using folder = await openFolder('bench-input');
  await using _engine = { [Symbol.asyncDispose]: closeEngine };
  const rows: string[][] = [];
  for (const film of orTiny<readonly (typeof films)[number][]>(films, films.slice(0, 1))) {
    say(`${film.name}: ${count} pictures and pieces of sound`);
    const { pictures, sound } = makeFilm(film, join(folder.path, 'film.mp4'));
    const signal = AbortSignal.timeout(600_000);
    const picture = await cpuOf(count, (i) => readLuma(pictures[i % pictures.length]!, { signal }));
    const second = await cpuOf(count, () => measureSound(sound, 1, { signal }));
    const share = (100 * picture) / PICTURE_S + (100 * second) / SOUND_S;
    rows.push([film.name, (1000 * picture).toFixed(2), (1000 * second).toFixed(2), share.toFixed(2)]);
  }
  const head = ['film', 'a key frame, CPU ms', 'a piece of sound, CPU ms', 'each stream, % of a core'];
  return `${describeMachine()}; Node ${process.version}; the media engine and its caller\n\n${printTable(head, rows)}`;
}

/** CPU seconds of one call, of this process and the engine. */
async function cpuOf(count: number, call: (i: number) => Promise<unknown>): Promise<number> {
  for (let i = 0; i < WARM_UP; i++) await call(i);
  const tree = new ProcessTree([process.pid, enginePid()!]);
  const before = tree.cpuS();
  for (let i = 0; i < count; i++) await call(i);
  return (tree.cpuS() - before) / count;
}

/** Its key frames, and two seconds of its sound, each with the init section. */
function makeFilm({ size, bitrate, codec }: (typeof films)[number], path: string) {
  const picture = `testsrc2=s=${size}:r=30:d=${SECONDS},noise=alls=12:allf=t:all_seed=1,format=yuv420p`;
  const encoder = codec === 'libx265' ? ['-tag:v', 'hvc1', '-x265-params', 'keyint=60:log-level=none'] : ['-g', '60'];
  execFileSync('ffmpeg', [
    ...['-v', 'error', '-y', '-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', `sine=r=48000:d=${SECONDS}`],
    ...['-c:v', codec, '-preset', 'ultrafast', ...encoder, '-b:v', bitrate, '-c:a', 'aac', '-b:a', '128k', '-ac', '2'],
    ...['-movflags', 'frag_keyframe+empty_moov+default_base_moof', path],
  ]);
  const { tracks, frames } = demuxAll(bytesOf(path));
  const [video, audio] = (['video', 'audio'] as const).map((kind) => tracks[0]!.find((track) => track.kind === kind)!);
  const packed = (track: typeof video, some: readonly Frame[]) => {
    const bytes = new Uint8Array(fragmentLength(some));
    printFragment(bytes, 0, { sequence: 1, trackId: track!.id, tfdt: some[0]!.dts, frames: some });
    return concatBytes([printInit([track!]), bytes]);
  };
  const keys = frames.filter(({ trackId, key }) => trackId === video!.id && key);
  const heard = frames.filter(({ trackId, dts }) => trackId === audio!.id && dts < 2 * audio!.timescale);
  return {
    pictures: keys.map((key) => packed(video, [{ ...key, dts: key.pts }])),
    sound: packed(audio, heard),
  };
}
