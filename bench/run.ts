/**
 * `npm run bench -- VERB`: benchmarks beside peers, on Linux. They print what they find and never fail for being slow.
 * In: arguments. Out: Markdown on standard output, progress on standard error, JSON where `--json FILE` says.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { benchFootprint, printFootprintReport } from './footprint.ts';
import { benchIndex, printIndexReport } from './index-size.ts';
import { benchPart, printPartReport } from './part.ts';
import { benchPull, printPullReport } from './pull.ts';
import { benchServe, printServeReport } from './serve.ts';
import { benchTimeline, printTimelineReport } from './timeline.ts';
import { benchViewers, printViewersReport } from './viewers.ts';

const usage = `Usage: npm run bench -- VERB [options]

  pull     CPU and memory of recording live HLS, beside one ffmpeg for each stream
    --streams 0,1,8,32 numbers of streams; 0 is an oxbow that has nothing to do
    --warm-up 20       seconds before the measurement
    --seconds 60       seconds of each measurement
    --patience 60      seconds to wait for a quiet machine before each measurement
    --tries 2          repeat what others disturbed up to so many times
    --alone            without ffmpeg
  index    bytes of the packed index per segment and track
  timeline look-ups in the index of many days, and the list of 24 hours
    --of 100x30        streams and days
  part     from the last frame of a part to the list that names it, as a waiting player sees it
    --seconds 60       seconds of each frame rate
  serve    requests a second and CPU a request, beside nginx with one worker; needs nginx, wrk and two cores
    --seconds 5        seconds of each measurement
    --rounds 5         of which the median is told
    --held 3000        reloads that wait for one part
  footprint start to first answer, memory at rest, of each pulled stream and of each client; needs cc, nginx, ss
    --rounds 5         starts of each, of which the median is told
  viewers  how many viewers one low-latency stream carries without a late part; needs cc and two cores
    --viewers 5000     how many
    --seconds 300      seconds that count, after they have joined
    --threads 1        serving threads; from 2 on the server has both cores
    --cmcd headers     how players tell of themselves: headers, as on our own pages, or query, as on those of others
  player   the watch page in Chromium: behind the world, clicks into the past, joins, what it costs; beside hls.js and shaka-player
    --seconds 600      seconds of live playback
    --only cost,joins  of cost, live, clicks, joins (all)

  --json FILE          the report as JSON as well
`;

const say = (text: string) => process.stderr.write(`${text}\n`);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    streams: { type: 'string', default: '0,1,8,32' },
    'warm-up': { type: 'string', default: '20' },
    seconds: { type: 'string' },
    patience: { type: 'string', default: '60' },
    tries: { type: 'string', default: '2' },
    alone: { type: 'boolean', default: false },
    of: { type: 'string', default: '100x30' },
    only: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    held: { type: 'string', default: '3000' },
    viewers: { type: 'string', default: '5000' },
    threads: { type: 'string', default: '1' },
    cmcd: { type: 'string', default: 'headers' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

const [verb] = positionals;
const seconds = Number(values.seconds ?? (verb === 'player' ? 600 : 60));
if (
  values.help ||
  !['pull', 'index', 'timeline', 'part', 'serve', 'footprint', 'viewers', 'player'].includes(verb ?? '')
) {
  process.stdout.write(usage);
  process.exit(values.help ? 0 : 2);
}
if (verb === 'pull') {
  const report = await benchPull(
    {
      streams: values.streams.split(',').map(Number),
      warmUpS: Number(values['warm-up']),
      measureS: seconds,
      disturbedPercent: 15,
      patienceS: Number(values.patience),
      tries: Number(values.tries),
      alone: values.alone,
    },
    say,
  );
  process.stdout.write(`${printPullReport(report)}\n`);
  save(report);
} else if (verb === 'serve') {
  const report = await benchServe({
    seconds: Number(values.seconds ?? 5),
    rounds: Number(values.rounds),
    held: Number(values.held),
    say,
  });
  process.stdout.write(`${printServeReport(report)}\n`);
  save(report);
} else if (verb === 'footprint') {
  const report = await benchFootprint({ rounds: Number(values.rounds), say });
  process.stdout.write(`${printFootprintReport(report)}\n`);
  save(report);
} else if (verb === 'viewers') {
  const report = await benchViewers({
    viewers: Number(values.viewers),
    seconds: Number(values.seconds ?? 300),
    threads: Number(values.threads),
    cmcd: values.cmcd === 'query' ? 'query' : 'headers',
    say,
  });
  process.stdout.write(`${printViewersReport(report)}\n`);
  save(report);
} else if (verb === 'part') {
  const report = await benchPart({ seconds, say });
  process.stdout.write(`${printPartReport(report)}\n`);
  save(report);
} else if (verb === 'player') {
  // Its types are those of a browser: it is checked with the interface, not from here.
  const { benchPlayer, printPlayerReport } = (await import(new URL('browser/player.ts', import.meta.url).href)) as {
    benchPlayer(options: { seconds: number; only?: string[]; say: typeof say }): Promise<object>;
    printPlayerReport(report: object): string;
  };
  const report = await benchPlayer({ seconds, say, ...(values.only && { only: values.only.split(',') }) });
  process.stdout.write(`${printPlayerReport(report)}\n`);
  save(report);
} else if (verb === 'timeline') {
  const [streams, days] = values.of.split('x').map(Number);
  const report = await benchTimeline({ streams: streams!, days: days!, say });
  process.stdout.write(`${printTimelineReport(report)}\n`);
  save(report);
} else {
  const report = await benchIndex();
  process.stdout.write(`${printIndexReport(report)}\n`);
  save(report);
}

function save(report: object): void {
  if (values.json) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
}
