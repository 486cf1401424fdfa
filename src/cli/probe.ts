/**
 * `oxbow probe URL|FILE`: format, tracks and qualities of a source, and how far back it goes.
 * In: an address or a path. Out: a table or JSON.
 */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { leftOutText } from '../api/left-out.ts';
import type { ProbeView } from '../api/probe.ts';
import type { TrackView } from '../api/shapes.ts';
import type { SourceQuality } from '../api/source-facts.ts';
import { OxbowError } from '../lib/errors.ts';
import { useTemporaryFolder } from '../lib/files/temporary-folder.ts';
import { ladderText, probedLadder } from './probe-ladder.ts';
import { bar, openProgressLine } from './progress.ts';
import { addSettingFlags, readSettings } from './setting-flags.ts';
import { onStopSignal } from './stop-signals.ts';
import { type ExitCode, say, sayJson, table } from './terminal.ts';

/** Adds the verb. */
export function addProbe(program: Command, exit: (code: ExitCode) => void): void {
  const command = program
    .command('probe')
    .summary('describes a URL or a file')
    .description(
      'Describes an address or a media file: protocol, container, tracks, rates, available qualities, how far back it goes, and the ladder that the library would make of it. Samples of a file of 3 minutes or more are measured for it, which takes at most a tenth of the time of its encode; `--library-ladder-plan fixed` does without.',
    )
    .argument('<URL|FILE>', 'an HLS playlist, an MP4 file, a page with a video, or a local file')
    .option('--json', 'Print JSON.');
  addSettingFlags(command, [
    ...['pull.quality', 'pull.userAgent', 'net.allow', 'probe.depth', 'probe.timeout'],
    ...['pages.ytDlp', 'pages.timeout', 'pages.format', 'pages.patterns'],
    ...['library.ladder.plan', 'library.ladder.preset', 'library.ladder.rungs', 'library.ladder.effort'],
    'temporaryFolder',
  ]);
  command.action(async (target: string) => exit(await probe(target, command)));
}

async function probe(target: string, command: Command): Promise<ExitCode> {
  const { json } = command.opts<{ json?: true }>();
  const isUrl = /^[a-z][a-z0-9+.-]*:\/\//i.test(target.trim());
  if (!isUrl && !existsSync(target)) {
    throw new OxbowError('not-found', `There is no file "${target}".`, {
      extra: { hint: 'Give a path, or a URL that starts with http:// or https://.' },
    });
  }
  const { config } = await readSettings(command);
  const controller = new AbortController();
  const { signal } = controller;
  using _signals = onStopSignal(() => controller.abort(new DOMException('interrupted', 'AbortError')));
  useTemporaryFolder(config.temporaryFolder);
  const [{ probeAddress }, { probeFile }, { createNet }, { createSystemClock }, { closeEngine }] = await Promise.all([
    import('../streams/source/probe.ts'),
    import('../streams/source/probe-file.ts'),
    import('../net/net.ts'),
    import('../lib/clock.ts'),
    import('../ffmpeg/engine.ts'),
  ]);
  await using net = createNet({ allow: config.net.allow });
  try {
    const order = { url: target, trusted: true, picture: false };
    const view = isUrl
      ? await probeAddress(order, { net, clock: createSystemClock(), config }, { signal })
      : await probeFile(target, { signal });
    const ladder = await withProgress((progress) =>
      probedLadder(view, isUrl ? undefined : target, config, { signal, progress }),
    );
    if (json) sayJson({ ...view, ladder });
    else {
      sayFound(view);
      say('');
      say(ladderText(ladder));
    }
    return 0;
  } catch (error) {
    if (signal.aborted) return 130;
    throw error;
  } finally {
    await closeEngine();
  }
}

/** Shows how far the measurement is. */
async function withProgress<T>(work: (progress: (share: number) => void) => Promise<T>): Promise<T> {
  using line = openProgressLine();
  const begunMs = performance.now();
  return await work((share) => line.show(() => `measuring samples ${bar(share, performance.now() - begunMs)}`));
}

function sayFound(view: ProbeView): void {
  say(table(rowsOf(view)));
  if (view.qualities.length > 1) {
    say('');
    say(qualityTable(view.qualities, view.chosen));
  }
  say('');
  say(trackTable(view.tracks));
}

/** Known properties of the source, one per line. */
function rowsOf({
  title,
  protocol,
  container,
  live,
  durationS,
  backS,
  chosen,
  pace,
  media,
  leftOut,
  warnings,
}: ProbeView): string[][] {
  const rows: [string, string | undefined][] = [
    ['title', title],
    ['protocol', protocol],
    ['container', container],
    ['live', live ? 'yes' : protocol === 'file' ? undefined : 'no, it ends'],
    ['duration', durationS === undefined ? undefined : lengthText(durationS)],
    ['back', backS === undefined ? undefined : `${lengthText(backS)} before the live edge`],
    ['quality', chosen],
    ['arrival', pace],
    ['bitrate', media ? bitText(media.bitrate) : undefined],
    ['frame rate', media?.frameRate ? `${rounded(media.frameRate)} fps` : undefined],
    ['left out', leftOut && leftOutText(leftOut)],
    ...(warnings ?? []).map((warning): [string, string] => ['warning', warning]),
    ['key frames', media?.gopS ? `every ${rounded(media.gopS)} s` : undefined],
  ];
  return rows.flatMap(([name, value]) => (value ? [[name, value]] : []));
}

function qualityTable(qualities: readonly SourceQuality[], chosen: string | undefined): string {
  const rows = qualities.map(({ name, width, height, frameRate, bandwidth, codecs }) => [
    name === chosen ? `${name} *` : name,
    width && height ? `${width}x${height}` : '',
    frameRate ? `${rounded(frameRate)} fps` : '',
    bandwidth ? bitText(bandwidth) : '',
    codecs ?? '',
  ]);
  return table([['quality', 'picture', 'rate', 'bitrate', 'codecs'], ...rows]);
}

function bitText(bitsPerSecond: number): string {
  return bitsPerSecond >= 1e6
    ? `${(bitsPerSecond / 1e6).toFixed(2)} Mbit/s`
    : `${Math.round(bitsPerSecond / 1000)} kbit/s`;
}

function lengthText(seconds: number): string {
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  return ['h', 'min', 's'].flatMap((unit, i) => (parts[i] ? [`${parts[i]} ${unit}`] : [])).join(' ') || '0 s';
}

/** The tracks, one per line. */
export function trackTable(tracks: readonly TrackView[]): string {
  const rows = tracks.map((track) => {
    const picture = track.width === undefined ? '' : `${track.width}x${track.height ?? '?'}`;
    const rate = track.frameRate === undefined ? '' : `${rounded(track.frameRate)} fps`;
    const sound = track.sampleRate === undefined ? '' : `${track.sampleRate} Hz, ${track.channels ?? '?'} channels`;
    return [
      String(track.id),
      track.kind,
      track.codecs,
      track.language,
      [picture, rate, track.codec?.toUpperCase(), sound].filter(Boolean).join(' '),
    ];
  });
  return table([['track', 'kind', 'codecs', 'language', 'details'], ...rows]);
}

/** Three decimals at most: 24.983, 30. */
function rounded(value: number): number {
  return Number(value.toFixed(3));
}
