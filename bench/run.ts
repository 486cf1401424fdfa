/**
 * `npm run bench -- VERB`: benchmarks next to peers or limits, on Linux. No figure makes them fail.
 * In: arguments. Out: Markdown on standard output, progress on standard error.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { benchCluster } from './cluster/cluster.ts';
import { benchEdge } from './edge/edge.ts';
import { benchThreads } from './edge/threads.ts';
import { benchFootprint } from './footprint.ts';
import { benchImport } from './ingest/import-original.ts';
import { benchIngest } from './ingest/ingest.ts';
import { benchIngestPair } from './ingest/ingest-pair.ts';
import { benchInput } from './ingest/input.ts';
import { benchPullPair } from './ingest/pull-pair.ts';
import { benchRtsp } from './ingest/rtsp.ts';
import { benchJobs } from './jobs/jobs.ts';
import { benchLadder } from './ladder/ladder.ts';
import { benchLiveLadder } from './ladder/live-ladder.ts';
import { benchMeasuredLadder } from './ladder/measured-ladder.ts';
import { benchPart } from './part.ts';
import { benchCalendar } from './past/calendar.ts';
import { benchHealing } from './past/healing.ts';
import { benchInsight } from './past/insight.ts';
import { benchMirror } from './past/mirror.ts';
import { benchStoryboard } from './past/storyboard.ts';
import { benchTimelinePostgres } from './past/timeline-postgres.ts';
import { benchPull } from './pull.ts';
import { launcher } from './recorders.ts';
import { benchRegress } from './regress/regress.ts';
import { benchCall } from './rooms/call.ts';
import { benchPeople } from './rooms/people.ts';
import { benchRooms } from './rooms/rooms.ts';
import { benchServe } from './serve.ts';
import { benchEncryption } from './serving/encryption.ts';
import { benchReportFlood } from './serving/report-flood.ts';
import { benchWatchRules } from './serving/watch-rules.ts';
import { benchTimeline } from './timeline.ts';
import { benchUpgrade } from './upgrade.ts';
import { benchUpload } from './upload/upload.ts';
import { benchViewers } from './viewers.ts';

const usage = `Usage: npm run bench -- VERB [options]

  --tiny     everything that has no option is as small as it can be: shows that a benchmark works, its figures say nothing

  regress    this tree beside an earlier commit: the figures that matter, in about twelve minutes; needs cc, ffmpeg, git and wrk
    --against HEAD     the commit
    --rounds 2         measurements of both; the table has the least of each
    --only pull,serve  some of pull, rtmp, srt, serve, rooms, rest (default: all)
  pull       CPU and memory of recording live HLS, compared with one ffmpeg per stream
    --streams 1,8,32   numbers of streams
    --warm-up 20       seconds before each measurement
    --seconds 60       seconds of each measurement
    --alone            without ffmpeg
  pull-pair  CPU of recording live HLS by this tree, by another one and by ffmpeg at the same time, by kinds of threads
    --against PROGRAM  bin/oxbow of the other tree (default: of this one)
    --streams 32       number of streams
    --warm-up 20       seconds before the measurement
    --seconds 60       seconds of the measurement
    --alone            without ffmpeg
  ingest     CPU and memory of publishers, compared with one ffmpeg per stream and, for RTMP, with nginx-rtmp
    --protocol rtmp    rtmp or srt
    --kbps 2500        bitrate of the video
    --streams 2,16,32  numbers of streams
    --warm-up 20       seconds before each measurement
    --seconds 60       seconds of each measurement
    --alone            without the peers
    --against PROGRAM  bin/oxbow of another tree: both trees and ffmpeg at the same time, by kinds of threads
  rtsp       CPU of recording cameras of 4 Mbps over RTSP, compared with one ffmpeg per camera; needs GStreamer's RTSP server
    --streams 1,8      numbers of cameras
    --warm-up 20       seconds before each measurement
    --seconds 30       seconds of each measurement
  import     an uploaded MP4 to segments without encoding, compared with ffmpeg's HLS
    --seconds 360      length of the file, 12 Mbps
    --rounds 5         rounds; the table has their medians
  ladder     three rungs of a 1080p30 film, compared with one node-av script that calls the same decoder, scalers and encoders
    --seconds 20       length of the film
    --rounds 5         rounds; the table has their medians
  measured-ladder  bytes of measured and fixed ladders at equal XPSNR, of slides, a moving picture and noise
    --seconds 12       length of each film, at least 12
    --height 720       of the films
    --only slides,film,noise  some of them
  live-ladder  720p and 360p of a live 1080p30 source over RTMP, in real time: dropped pictures, lag, CPU
    --seconds 600      measured seconds
  timeline   queries in the index of many days, and the playlist of 24 hours
    --of 100x30        streams and days
  timeline-postgres  the same queries on PostgreSQL and on SQLite; needs PostgreSQL
    --of 100x30        streams and days
  calendar   calendars and lists of many streams and years, from the sums of recordings and from the index of files
    --of 1000x1095     streams and days
  calendar-postgres  the same on PostgreSQL; needs PostgreSQL
    --of 200x1095      streams and days
  insight    answers of insight over made-up sessions of a month in SQLite and in sealed hours, and their bytes
  healing    CPU of recording live HLS with a source for gaps and nothing to heal, and while a gap is filled
    --streams 16       number of streams
    --warm-up 20       seconds before each measurement
    --seconds 60       seconds of each measurement
    --rounds 5         rounds; the table has the least of each
  mirror     CPU of recording live HLS with a second place, compared with recording alone
    --streams 16       number of streams
    --warm-up 20       seconds before each measurement
    --seconds 60       seconds of each measurement
    --rounds 5         rounds; the table has the least of each
    --place folder     the second place: folder, or a bucket by http or https
    --only copy        only this mode: copy or mirror
    --viewers 1000000  sessions
    --duckdb FOLDER    the folder with node_modules/@duckdb/node-api; default: sealed hours without DuckDB only
  part       from the last frame of a part to the playlist that lists it, as a waiting player receives it
    --seconds 60       seconds of each frame rate
  jobs       from the answer 202 to the first progress of a job, on an idle worker, by push and by pull
    --count 100        jobs of each mode
  serve      requests per second and CPU per request, compared with nginx with one worker; needs nginx, wrk and two cores
    --seconds 5        seconds of each measurement
    --rounds 5         rounds; the table has their medians
    --held 3000        requests that wait for one part
  encryption   what AES-128 of segments costs: for a megabyte, and for live streams that are watched
    --streams 100      number of streams
    --viewers 1        viewers of each stream
  watch-rules  what rules by network and country cost each request
  report-flood  what a client that floods \`/api/v1/cmcd\` costs other clients: their latency, memory, what is counted
    --seconds 10       seconds of each flood
    --only names,slow  some of events, names, requests, positions, malformed, large, slow (default: all)
  footprint  start to first response, memory at rest, per pulled stream and per client; needs cc, nginx and ss
    --rounds 5         starts of each server; the table has their medians
  viewers    how many viewers one low-latency stream carries without a late part; needs cc and two cores
    --viewers 5000     number of viewers
    --seconds 300      measured seconds, after all viewers have joined
    --threads 1        serving threads; with 2 or more the server has one core more than that, or all
    --cmcd headers     how players send CMCD: headers, as on our own pages, or query, as on other pages
  threads    serving threads of one process, compared with as many edges of the same computer before it; needs cc and wrk
    --viewers 1000     viewers of one low-latency stream
    --threads 2        number of serving threads, and of edges
    --seconds 20       seconds of each measurement
    --rounds 5         rounds; the table has their medians
  rooms      messages in rooms: delay, acknowledgement, memory, stalled clients, and the cost compared with a bare ws server; needs cc and two cores
    --members 5000     people, ten in each room
    --people           instead: people who come, report, ask for the time, write, react, leave and come back, for --seconds 60
    --seconds 20       seconds of each measurement
    --rounds 5         rounds; the table has their medians
  edge       a caching edge: 200 viewers of 1,000 recordings, 500 viewers of 5 streams, the cost of each viewer; needs cc and two cores
    --seconds 600      seconds of viewing
    --speed 1          how much faster than time the recordings are watched
    --only vod,live    some of policies, vod, live, capacity (default: all)
  cluster    three nodes with PostgreSQL and Redis: rooms over them, a node that is killed, the hop to another node; needs cc, ffmpeg and two cores
    --members 2000     people, ten in each room
    --seconds 12       seconds of each measurement
    --rounds 5         kills
    --only rooms,hop   some of rooms, kill, hop (default: all)
  upload     one upload of 1 GiB over tus, and 100 at once, compared with @tus/server on plain files
    --rounds 5         uploads to each server; the table has their medians
  upgrade    how long viewers of a pulled stream stall while \`oxbow upgrade\` replaces the server
    --rounds 5         upgrades
  player     the watch page in Chromium: total latency, clicks into the past, joins and cost, compared with hls.js, shaka-player and dash.js
    --seconds 600      seconds of live playback
    --only cost,joins  some of cost, live, clicks, joins (default: all)
  day        the watch page over 24 hours of footage: clicks into the past, scrubbing
    --hours 24         length of the recording
    --height 360,720   sizes of its video
    --only jumps,scrub some of jumps, scrub (default: all)
    --folder FOLDER    where recordings are made, kept and used again (default: a temporary folder)
  storyboard CPU of the media engine and bytes a day of small pictures and content checks of live 720p30 streams
    --streams 8        number of streams
    --seconds 180      measured seconds
  input      CPU of the check of pictures and sound of live streams, which finds black, frozen and silent media; needs ffmpeg
    --count 100        key frames, and pieces of sound
  publish    glass to glass from an encoder like OBS over RTMP to the watch page in Chromium
    --seconds 60       seconds of each encoder setting
  room-step  two pages in a room: how far their pictures are apart, live and in the past, with jitter; joins, stand-stills
    --seconds 600      seconds live, and as many in the past
  http3      HTTP/3 beside HTTP/2 through Caddy in Chromium: held reloads, and the watch page over a lossy link; needs caddy, cc and, for the link, root
    --seconds 60       seconds of playback of each round
    --rounds 5         rounds over the link
  whep       delay of a live stream over WHEP in Chromium, and the CPU of 30 viewers of 3 Mbps
    --seconds 60       seconds of each measurement
    --viewers 30       only the CPU of so many viewers, without a browser
  call       CPU of a server that forwards a call of eight cameras of 300 kbps
    --seconds 30       seconds of each measurement
  multi      nine test pictures on one page, and four: how far they are apart, live and in the past
    --seconds 60       seconds live, and as many in the past
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    streams: { type: 'string' },
    protocol: { type: 'string', default: 'rtmp' },
    kbps: { type: 'string', default: '2500' },
    'warm-up': { type: 'string', default: '20' },
    seconds: { type: 'string' },
    alone: { type: 'boolean', default: false },
    of: { type: 'string' },
    duckdb: { type: 'string', default: '' },
    only: { type: 'string' },
    place: { type: 'string', default: 'folder' },
    speed: { type: 'string', default: '1' },
    hours: { type: 'string', default: '24' },
    height: { type: 'string', default: '360,720' },
    folder: { type: 'string' },
    count: { type: 'string', default: '100' },
    against: { type: 'string', default: 'HEAD' },
    rounds: { type: 'string' },
    held: { type: 'string', default: '3000' },
    viewers: { type: 'string' },
    members: { type: 'string' },
    people: { type: 'boolean', default: false },
    threads: { type: 'string' },
    cmcd: { type: 'string', default: 'headers' },
    tiny: { type: 'boolean', default: false }, // read by tiny.ts
    help: { type: 'boolean', default: false },
  },
});
const streams = (unset: string) => (values.streams ?? unset).split(',').map(Number);
const seconds = (unset: number) => Number(values.seconds ?? unset);
const members = (unset: number) => Number(values.members ?? unset);
const viewers = (unset: number) => Number(values.viewers ?? unset);
const threads = (unset: number) => Number(values.threads ?? unset);
const rounds = Number(values.rounds ?? 5);

const streamsAndDays = (unset = '100x30'): [streams: number, days: number] => {
  const [count, days] = (values.of ?? unset).split('x').map(Number);
  return [count!, days!];
};
const benches: Readonly<Record<string, () => Promise<string>>> = {
  regress: () =>
    benchRegress({
      against: values.against,
      rounds: Number(values.rounds ?? 2),
      only: values.only?.split(',') ?? [],
    }),
  pull: () =>
    benchPull({
      streams: streams('1,8,32'),
      warmUpS: Number(values['warm-up']),
      measureS: seconds(60),
      alone: values.alone,
    }),
  'pull-pair': () =>
    benchPullPair({
      streams: Number(values.streams ?? 32),
      against: values.against === 'HEAD' ? launcher : resolve(values.against),
      warmUpS: Number(values['warm-up']),
      measureS: seconds(60),
      alone: values.alone,
    }),
  ingest() {
    const options = {
      protocol: values.protocol === 'srt' ? 'srt' : 'rtmp',
      kbps: Number(values.kbps),
      warmUpS: Number(values['warm-up']),
      measureS: seconds(60),
      alone: values.alone,
    } as const;
    const { against } = values;
    if (against === 'HEAD') return benchIngest({ ...options, streams: streams('2,16,32') });
    return benchIngestPair({ ...options, streams: Number(values.streams ?? 4), against: resolve(against) });
  },
  ladder: () => benchLadder(seconds(20), rounds),
  'live-ladder': () => benchLiveLadder(seconds(600)),
  'measured-ladder': () =>
    benchMeasuredLadder({
      seconds: seconds(12),
      height: Number(values.height.split(',').at(-1)),
      only: values.only?.split(',') ?? [],
    }),
  timeline: () => benchTimeline(...streamsAndDays()),
  calendar: () => benchCalendar(...streamsAndDays('1000x1095'), false),
  'calendar-postgres': () => benchCalendar(...streamsAndDays('200x1095'), true),
  insight: () => benchInsight(viewers(1_000_000), String(values.duckdb)),
  healing: () =>
    benchHealing({
      streams: streams('16')[0]!,
      rounds,
      warmUpS: Number(values['warm-up']),
      measureS: seconds(60),
    }),
  mirror: () =>
    benchMirror({
      streams: streams('16')[0]!,
      rounds,
      only: values.only?.split(',') ?? [],
      place: values.place,
      warmUpS: Number(values['warm-up']),
      measureS: seconds(60),
    }),
  'timeline-postgres': () => benchTimelinePostgres(...streamsAndDays()),
  rtsp: () => benchRtsp(streams('1,8'), { warmUpS: Number(values['warm-up']), measureS: seconds(30) }),
  import: () => benchImport(seconds(360), rounds),
  part: () => benchPart(seconds(60)),
  input: () => benchInput(Number(values.count)),
  call: () => benchCall(seconds(30)),
  jobs: () => benchJobs(Number(values.count)),
  serve: () => benchServe({ seconds: seconds(5), rounds, held: Number(values.held) }),
  encryption: () => benchEncryption(streams('100')[0]!, viewers(1)),
  'report-flood': () => benchReportFlood(seconds(10), values.only?.split(',')),
  'watch-rules': benchWatchRules,
  footprint: () => benchFootprint(rounds),
  viewers: () =>
    benchViewers({
      viewers: viewers(5000),
      seconds: seconds(300),
      threads: threads(1),
      cmcd: values.cmcd === 'query' ? 'query' : 'headers',
    }),
  threads: () => benchThreads({ threads: threads(2), viewers: viewers(1000), seconds: seconds(20), rounds }),
  edge: () => benchEdge({ seconds: seconds(600), speed: Number(values.speed), only: values.only?.split(',') ?? [] }),
  cluster: () =>
    benchCluster({ members: members(2000), seconds: seconds(12), rounds, only: values.only?.split(',') ?? [] }),
  upgrade: () => benchUpgrade(rounds),
  upload: () => benchUpload(rounds),
  rooms: () =>
    values.people
      ? benchPeople({ members: members(5000), seconds: seconds(60) })
      : benchRooms({ members: members(5000), seconds: seconds(20), rounds }),
  async player() {
    // The types of this folder are those of a browser: the type check of the interface includes it.
    const { benchPlayer } = (await import(new URL('browser/player.ts', import.meta.url).href)) as {
      benchPlayer(seconds: number, only?: readonly string[]): Promise<string>;
    };
    return benchPlayer(seconds(600), values.only?.split(','));
  },
  storyboard: () => benchStoryboard(Number(values.streams ?? 8), seconds(180)),
  async day() {
    const { benchDay } = (await import(new URL('browser/day.ts', import.meta.url).href)) as {
      benchDay(options: {
        hours: number;
        heights: readonly number[];
        only: readonly string[];
        folder: string | undefined;
      }): Promise<string>;
    };
    return benchDay({
      hours: Number(values.hours),
      heights: values.height.split(',').map(Number),
      only: (values.only ?? 'jumps,scrub').split(','),
      folder: values.folder,
    });
  },
  async publish() {
    const { benchPublish } = (await import(new URL('browser/publish.ts', import.meta.url).href)) as {
      benchPublish(seconds: number): Promise<string>;
    };
    return benchPublish(seconds(60));
  },
  async whep() {
    const { benchWhep, benchWhepViewers } = (await import(new URL('browser/whep.ts', import.meta.url).href)) as {
      benchWhep(seconds: number): Promise<string>;
      benchWhepViewers(seconds: number, viewers: number): Promise<string>;
    };
    return values.viewers === undefined ? benchWhep(seconds(60)) : benchWhepViewers(seconds(60), viewers(30));
  },
  async http3() {
    const { benchHttp3 } = (await import(new URL('browser/http3.ts', import.meta.url).href)) as {
      benchHttp3(seconds: number, rounds: number): Promise<string>;
    };
    return benchHttp3(seconds(60), rounds);
  },
  async multi() {
    const { benchMulti } = (await import(new URL('browser/multi.ts', import.meta.url).href)) as {
      benchMulti(seconds: number): Promise<string>;
    };
    return benchMulti(seconds(60));
  },
  async 'room-step'() {
    const { benchRoomStep } = (await import(new URL('browser/room-step.ts', import.meta.url).href)) as {
      benchRoomStep(seconds: number): Promise<string>;
    };
    return benchRoomStep(seconds(600));
  },
};

const bench = benches[positionals[0] ?? ''];
if (values.help || !bench) {
  process.stdout.write(usage);
  process.exit(values.help ? 0 : 2);
}
process.stdout.write(`${await bench()}\n`);
