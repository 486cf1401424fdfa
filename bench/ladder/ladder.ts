/**
 * `npm run bench -- ladder`: a ladder of three steps by the worker's encode job, next to one script that
 * calls node-av's decoder, scalers and x264 with the same settings.
 * In: a generated film, 1080p30. Out: a table of medians with the target: at least 0.95 of the script's
 * speed.
 *
 * Both read from the page cache. oxbow's time is that of a job on a worker which has started, with its
 * process, chunk files and checks of the cuts; the script's time includes its start, and it keeps nothing.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeJobs } from '../../src/transcode/ladder/encode-job.ts';
import { encodeFilm } from '../../src/transcode/ladder/film.fixture.ts';
import { ladderDefaults, planLadder } from '../../src/transcode/ladder/plan.ts';
import { openFolder } from '../../test/fixtures/server.ts';
import { median, printTable, say } from '../report.ts';

const RATE = 30;
/** Pictures between key frames. */
const GOP = 60;
const RUNGS = [360, 480, 720];

/** Generates the film, measures, and returns the report. @param seconds length of the film */
export async function benchLadder(seconds: number, rounds: number): Promise<string> {
  await using folder = await openFolder('bench-ladder');
  const path = join(folder.path, 'film.mp4');
  say(`generating a film of ${seconds} s`);
  const source = `-f lavfi -i testsrc2=s=1920x1080:r=${RATE} -t ${seconds} -vf noise=alls=8:allf=t`;
  const codec = `-c:v libx264 -preset ultrafast -g ${GOP} -bf 2 -sc_threshold 0 -b:v 8M -pix_fmt yuv420p`;
  execFileSync('ffmpeg', ['-v', 'error', '-nostdin', ...`${source} ${codec}`.split(' '), path]);
  const film = readFileSync(path);
  const video = { stream: 0, codec: 'h264', width: 1920, height: 1080, frameRate: RATE };
  const plan = planLadder({ video, audio: [] }, { ...ladderDefaults, rungs: RUNGS });
  const step = (GOP / RATE) * 1_000_000;
  const endUs = seconds * 1_000_000;
  const cuts = Array.from({ length: Math.ceil(endUs / step) }, (_, i) => i * step);
  const [job] = encodeJobs('bench', plan, { originUs: 0, cuts, endUs }, { pieceUs: endUs });
  const threads = availableParallelism();
  const peer = fileURLToPath(new URL('ladder-peer.ts', import.meta.url));
  const order = JSON.stringify({ path, rungs: plan.video!.renditions, threads, gop: GOP });
  const ours: number[] = [];
  const theirs: number[] = [];
  const sizes = { ours: 0, theirs: 0 };
  for (let round = 0; round < rounds; round++) {
    ours.push(
      await timeOf(async () => {
        const { outputs } = await encodeFilm(film, job!, { threads });
        sizes.ours = [...outputs.values()].reduce((sum, { length }) => sum + length, 0);
      }),
    );
    theirs.push(
      await timeOf(async () => {
        const said = execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', peer, order], {
          stdio: ['ignore', 'pipe', 'ignore'],
        });
        const { bytes } = JSON.parse(said.toString()) as { bytes: number[] };
        sizes.theirs = bytes.reduce((sum, size) => sum + size, 0);
      }),
    );
    say(`round ${round + 1}: oxbow ${ours.at(-1)!.toFixed(2)} s, script ${theirs.at(-1)!.toFixed(2)} s`);
  }
  const [oxbowS, scriptS] = [median(ours), median(theirs)];
  const row = (name: string, took: number, bytes: number, ratio: string) => [
    ...[name, took.toFixed(2), (seconds / took).toFixed(2), (bytes / 2 ** 20).toFixed(2), ratio],
  ];
  return printTable(
    [
      `1080p${RATE} to 720p, 480p and 360p, ${threads} cores`,
      'seconds',
      'of real time',
      'MiB',
      'of the script, target 0.95',
    ],
    [
      row('oxbow, encode job', oxbowS, sizes.ours, (scriptS / oxbowS).toFixed(2)),
      row('node-av, one script', scriptS, sizes.theirs, '1'),
    ],
  );
}

async function timeOf(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}
