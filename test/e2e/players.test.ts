import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod } from 'node:fs/promises';
import { after, before, suite, type TestContext, test } from 'node:test';
import { newestStretch } from '../browser/stretch.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

/** Seconds of media that are played of each list. */
const SECONDS = 6;

/** How often each list may be tried. */
const TRIES = 3;

/** How a program is run, and how it says that it plays. */
interface Player {
  readonly program: string;
  readonly args: (address: string) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Seconds it has played by what it printed. */
  readonly playedS: (output: string) => number;
  /** It ends by itself when it has played enough. */
  readonly ends?: true;
  /** Commands that it receives while it plays. */
  readonly ask?: string;
  /** What is no complaint, each with its reason. */
  readonly spoken: readonly (readonly [reason: string, line: RegExp])[];
}

const sameInit = [
  'FFmpeg reads the initialization section again whenever it loads a live list (hls.c compares addresses of structures), and says so',
  /Found duplicated MOOV Atom\. Skipped it|Last message repeated \d+ times/,
] as const;

/** What players say of a machine that has other things to do: no word of the stream. */
const tooSlow = [
  'the machine is too slow for a moment',
  /desynchronisation detected|^hardware, temporary CPU|^position will not match|^Consider trying|too late|computer too slow|too high|buffer deadlock|Audio device underrun/i,
] as const;

/** The greatest of the numbers that `pattern` finds. */
function greatest(output: string, pattern: RegExp): number {
  return Math.max(0, ...[...output.matchAll(pattern)].map(([, number]) => Number(number)));
}

const players: readonly Player[] = [
  {
    program: 'ffmpeg',
    args: (address) => [
      '-nostdin',
      '-hide_banner',
      '-v',
      'warning',
      '-i',
      address,
      '-t',
      `${SECONDS}`,
      '-progress',
      'pipe:1',
      '-f',
      'null',
      '-',
    ],
    ends: true,
    playedS: (output) => greatest(output, /frame=\s*(\d+)/g) / 25,
    spoken: [sameInit],
  },
  {
    program: 'ffplay',
    args: (address) => ['-hide_banner', '-v', 'warning', '-stats', '-autoexit', address],
    env: { SDL_VIDEODRIVER: 'dummy', SDL_AUDIODRIVER: 'dummy', SDL_RENDER_DRIVER: 'software' },
    // Its clock is printed before the A/V difference; it starts at UTC or at the start of the playlist.
    playedS: (output) => {
      const clocks = [...output.matchAll(/([\d.]+) A-V:/g)].map(([, clock]) => Number(clock));
      return clocks.length === 0 ? 0 : clocks.at(-1)! - clocks[0]!;
    },
    spoken: [
      sameInit,
      ['its own line of progress', /A-V:|M-V:|M-A:|^\s*nan\s/],
      ['there is no graphics card', /hardware accelerated renderer/],
    ],
  },
  {
    program: 'mpv',
    args: (address) => [
      ...['--no-config', '--vo=null', '--ao=null', `--length=${SECONDS}`, '--msg-level=all=warn,statusline=status'],
      ...[`--term-status-msg=at \${=playback-time}`, address],
    ],
    ends: true,
    playedS: (output) => greatest(output, /at (\d+\.\d+)/g) - Number(/at (\d+\.\d+)/.exec(output)?.[1] ?? 0),
    spoken: [sameInit, tooSlow, ['its own line of progress', /^\W*K?(?:at [\d.]*)?\W*K?$/]],
  },
  {
    program: 'cvlc',
    // The statistics of its command line are used, because it has no playback time for a live playlist.
    args: (address) => ['-I', 'rc', '--rc-fake-tty', '--vout', 'dummy', '--aout', 'dummy', '--verbose=0', address],
    ask: 'stats\n',
    // AAC of 48 kHz: 46.875 buffers a second, pictures 25.
    playedS: (output) =>
      Math.min(
        greatest(output, /frames displayed :\s+(\d+)/g) / 25,
        greatest(output, /buffers played\s+:\s+(\d+)/g) / 46.875,
      ),
    spoken: [
      tooSlow,
      ['there is no D-Bus', /dbus/],
      ['there is no X11 whose keys it could catch', /globalhotkeys/],
      ['the two above, again', /no suitable interface module/],
      ['its greeting and news, not complaints', /lua interface: Listening|adaptive demux: Changing|AAC channels/],
      [
        'numbers of fragments increase, but are never consecutive: VLC plays no sound otherwise',
        /Fragment sequence discontinuity/,
      ],
    ],
  },
];

interface Watched {
  readonly playedS: number;
  readonly complaints: readonly string[];
  readonly all: string;
}

/** VLC refuses to run as the administrator. */
function command({ program, args }: Player, address: string): [string, readonly string[]] {
  const own = args(address);
  if (program !== 'cvlc' || process.getuid?.() !== 0) return [program, own];
  return ['setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', program, ...own]];
}

/** Plays an address for some seconds; what a program says when it is ended is not looked at. */
async function watch(player: Player, address: string, home: string): Promise<Watched> {
  const [program, args] = command(player, address);
  const env = { ...process.env, HOME: home, XDG_RUNTIME_DIR: home, ...player.env };
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env, timeout: 150_000, killSignal: 'SIGKILL' });
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (text: Buffer) => {
    said.stdout += text.toString();
  });
  child.stderr.on('data', (text: Buffer) => {
    said.stderr += text.toString();
  });
  child.stdin.on('error', () => {}); // it has ended
  const closed = once(child, 'close') as Promise<[number | null]>;
  const { playedS, ask, ends } = player;
  const played = () => playedS(said.stdout + said.stderr);
  if (!ends) {
    let ended = false;
    closed.then(() => {
      ended = true;
    });
    const enough = () => {
      if (ask) child.stdin.write(ask);
      return ended || played() >= SECONDS - 1;
    };
    await until(`${player.program} plays`, enough, { withinMs: 140_000, everyMs: 250 }).catch(() => {}); // reported below
  }
  if (ends) await closed;
  const { stderr } = said;
  child.kill('SIGKILL');
  await closed;
  const lines = stderr.split(/[\r\n]+/).filter((line) => line.trim() !== '');
  const complaints = lines.filter((line) => !player.spoken.some(([, pattern]) => pattern.test(line)));
  return { playedS: played(), complaints, all: said.stdout + said.stderr };
}

/** The suites: arguments of the server, by what its lists are. */
const servers = new Map([
  ['', []],
  [' of an encrypted stream', ['--encryption-streams', 'aes-128', '--encryption-key-every', '2']],
]);

for (const [of, args] of servers) playersOf(of, args);

function playersOf(of: string, args: readonly string[]): void {
  suite(`other players play lists${of} without an error line`, () => {
    let folder: Folder;
    let server: Server;
    let addresses: ReadonlyMap<string, string>;

    before(async () => {
      folder = await openFolder('players');
      await chmod(folder.path, 0o777); // VLC runs as another user and writes to its home folder
      server = await startServer({ data: `${folder.path}/data`, args: [...smallPicture, ...args] });
      const { fromMs } = await newestStretch(server, 12);
      const from = Math.ceil(fromMs / 1000);
      addresses = new Map([
        ['live', '/live/demo/index.m3u8'],
        ['live, MPEG-TS', '/live/demo/ts/index.m3u8'],
        ['live, a long list', '/live/demo/dvr-1h/index.m3u8'],
        ['past', `/vod/demo/${from}/${from + 9}/index.m3u8`],
        ['past, MPEG-TS', `/vod/demo/${from}/${from + 9}/ts.m3u8`],
        ['past, as VSR names it', `/start/${from}/9s/vod.m3u8`],
      ]);
    });
    after(async () => {
      await server?.[Symbol.asyncDispose]();
      await folder?.[Symbol.asyncDispose]();
    });

    async function playsAll(t: TestContext, player: Player): Promise<void> {
      const play = async (name: string, path: string) => {
        const { playedS, complaints, all } = await watch(player, `${server.url}${path}`, folder.path);
        t.diagnostic(`${name}: ${playedS.toFixed(1)} s`);
        assert.deepEqual(complaints, [], `${player.program}, ${name}`);
        assert.ok(playedS >= SECONDS - 1, `${player.program}, ${name}: played ${playedS} s:\n${all}`);
      };
      const all = [...addresses].map(async ([name, path]) => {
        // A bug of oxbow fails each time; a player that failed on a busy machine is tried again.
        for (let left = TRIES - 1; left > 0; left--) {
          const failure: unknown = await play(name, path).catch((error: unknown) => error);
          if (failure === undefined) return;
          t.diagnostic(`${name} is tried again: ${failure}`);
        }
        await play(name, path);
      });
      const failed = (await Promise.allSettled(all)).filter((one) => one.status === 'rejected');
      assert.deepEqual(
        failed.map(({ reason }) => (reason as Error).message),
        [],
      );
    }

    for (const player of players) {
      test(`${player.program}: live, past, MPEG-TS, and a long list`, { skip: need(player.program) }, (t) =>
        playsAll(t, player),
      );
    }
  });
}
