/**
 * `npm run bench -- storyboard`: the small pictures of recordings, and the checks of pictures and sound: CPU
 * of the media engine and of the server, and bytes a day, for each of several pulled streams of 720p30,
 * compared with `record.storyboard: off` and with each `contentCheck.mode`.
 * In: numbers. Out: a table.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openFolder, startServer } from '../../test/fixtures/server.ts';
import { type BenchMedia, makeBenchMedia } from '../media.ts';
import { openBenchOrigin } from '../origin.ts';
import { describeMachine, ProcessTree, processMemory } from '../process-tree.ts';
import { mib, printTable, say } from '../report.ts';
import { orTiny } from '../tiny.ts';

const WARM_UP_S = orTiny(20, 3);
const MEDIA_S = orTiny(60, 20);

/** What is compared: `on` decodes at the distances of the settings, whatever that costs. */
const settings = [
  { isOn: true, checks: 'auto' },
  { isOn: false, checks: 'auto' },
  { isOn: false, checks: 'on' },
  { isOn: false, checks: 'off' },
] as const;

/** Measures with and without storyboards, and each mode of content checks. Returns the report. */
export async function benchStoryboard(streams: number, seconds: number): Promise<string> {
  const media = makeBenchMedia(MEDIA_S);
  const rows: string[][] = [];
  for (const setting of settings) {
    const storyboards = setting.isOn ? 'on' : 'off';
    say(
      `${streams} streams, storyboards ${storyboards}, content checks ${setting.checks}, ${WARM_UP_S} s + ${seconds} s`,
    );
    rows.push([storyboards, setting.checks, ...(await measure(setting, streams, seconds, media))]);
  }
  const head = [
    ...[
      'storyboards',
      'content checks',
      'media engine, % of a core and stream',
      'server, % of a core and stream',
      'engine, PSS MiB',
    ],
    ...['small pictures by the metric, % of a core and stream', 'ms each', 'distance, s'],
    ...['pictures', 'dropped or failed', 'bytes each', 'MB a day and stream'],
    ...[
      'checks by the metric: pictures, % of a core and stream',
      'ms each',
      's between',
      'sound',
      'ms each',
      's between',
    ],
  ];
  const about = `${describeMachine()}; Node ${process.version}; ${streams} pulled streams of 720p30, ${(media.bitrate / 1e6).toFixed(2)} Mbps, ${seconds} s`;
  return `${about}\n\n${printTable(head, rows)}`;
}

async function measure(
  { isOn, checks }: (typeof settings)[number],
  streams: number,
  seconds: number,
  media: BenchMedia,
): Promise<string[]> {
  await using folder = await openFolder('bench-storyboard');
  await using origin = await openBenchOrigin({ segments: media.segments, streams });
  const args = [
    ...origin.urls.map((url, k) => `s${k}=${url}`),
    `--record-storyboard=${isOn}`,
    `--content-check-mode=${checks}`,
  ];
  await using server = await startServer({ args, data: folder.path });
  await pause(WARM_UP_S * 1000);
  const engine = engineOf(server.pid);
  const [serverTree, child] = [new ProcessTree([server.pid]), new ProcessTree(engine === undefined ? [] : [engine])];
  const now = () => ({ s: performance.now() / 1000, all: serverTree.cpuS(), child: child.cpuS() });
  const metrics = async () => Buffer.from(await server.bytes('/metrics')).toString();
  const before = await metrics();
  const from = now();
  await pause(seconds * 1000);
  const to = now();
  const each = (cpuS: number) => ((100 * cpuS) / (to.s - from.s) / streams).toFixed(3);
  const text = await metrics();
  const count = (result: string) => sumOf(text, `oxbow_storyboard_pictures_total\\{.*"${result}"\\}`);
  const since = (name: string) => sumOf(text, name) - sumOf(before, name);
  const cpuS = since('oxbow_storyboard_cpu_seconds_total\\{.*\\}');
  const made = since('oxbow_storyboard_pictures_total\\{.*"stored"\\}');
  const checked = (['picture', 'sound'] as const).flatMap((kind) => {
    const checkS = since(`oxbow_content_cpu_seconds_total\\{.*"${kind}"\\}`);
    const samples = since(`oxbow_content_samples_total\\{.*"${kind}",result="checked"\\}`);
    const [msEach, between] = [(1000 * checkS) / samples, (streams * seconds) / samples];
    return [each(checkS), ...[msEach, between].map((value) => (samples > 0 ? value.toFixed(1) : '-'))];
  });
  const files = (await readdir(folder.path, { recursive: true })).filter((name) => name.endsWith('.jpgs'));
  const sizes = await Promise.all(files.map(async (name) => (await stat(join(folder.path, name))).size));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  const stored = count('stored');
  const perPicture = stored > 0 ? bytes / stored : 0;
  return [
    each(to.child - from.child),
    each(to.all - from.all - (to.child - from.child)),
    engine === undefined ? '-' : mib(processMemory(engine).pss),
    ...[each(cpuS), made > 0 ? ((1000 * cpuS) / made).toFixed(1) : '-'],
    (sumOf(text, 'oxbow_storyboard_distance_seconds\\{.*\\}') / streams).toFixed(1),
    String(stored),
    String(count('dropped') + count('failed')),
    perPicture.toFixed(0),
    ((perPicture * (made / streams) * 86_400) / seconds / 1e6).toFixed(1),
    ...checked,
  ];
}

/** Sum of the values of a metric. @param pattern of its name and labels */
function sumOf(text: string, pattern: string): number {
  return [...text.matchAll(new RegExp(`^${pattern} (\\S+)$`, 'gm'))].reduce((sum, [, value]) => sum + Number(value), 0);
}

/** The process of the media engine that a server has started; undefined if there is none. */
function engineOf(server: number): number | undefined {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const isEngine = readFileSync(`/proc/${name}/cmdline`, 'latin1').includes('answer-main');
      const status = readFileSync(`/proc/${name}/status`, 'latin1');
      if (isEngine && new RegExp(`^PPid:\\s+${server}$`, 'm').test(status)) return Number(name);
    } catch {
      // It ended meanwhile.
    }
  }
  return undefined;
}
