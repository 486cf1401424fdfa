/**
 * `npm run kodi -- [append|default|shift|flussonic]`: Kodi with pvr.iptvsimple reads the channel list and the
 * guide of oxbow and plays a programme of the past. Needs Debian's kodi, kodi-pvr-iptvsimple,
 * kodi-inputstream-ffmpegdirect, -adaptive, -rtmp, xvfb and ffmpeg: 350 MB, so `npm test` does not run it;
 * features/iptv/channel-list.test.ts has its rules.
 * In: oxbow and Kodi as processes; Kodi is driven by JSON-RPC, without a GPU. Out: what Kodi showed and
 * requested; exit code 1 if it is not that.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { newestStretch } from '../browser/stretch.ts';
import { run, stripsOf } from '../fixtures/ffmpeg.ts';
import { freePort } from '../fixtures/free-port.ts';
import { pathOf } from '../fixtures/need.ts';
import { openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const mode = process.argv[2] ?? 'append';
const SCREEN = { width: 640, height: 360 };
const TITLES = ['First half', 'Second half'] as const;
/** Addons that pvr.iptvsimple needs, and itself: addons of the system are off at first. */
const ADDONS = ['inputstream.adaptive', 'inputstream.rtmp', 'inputstream.ffmpegdirect', 'pvr.iptvsimple'];

const [kodi] = globSync('/usr/lib/*/kodi/kodi.bin');
assert.ok(
  kodi !== undefined && pathOf('Xvfb'),
  'Kodi or Xvfb is not installed; the head of this file names the packages',
);

await using opened = new AsyncDisposableStack();
const folder = opened.use(await openFolder('kodi'));
const server = opened.use(
  await startServer({ args: smallPicture, data: join(folder.path, 'data'), adminToken: 'a-token-for-tests' }),
);
const requests: string[] = [];
const proxy = await openProxy(server, requests);
const { fromMs } = await newestStretch(server, 26);
for (const [i, title] of TITLES.entries()) {
  const at = Math.ceil(fromMs / 1000) + 2 + i * 10;
  const response = await server.fetch('/api/v1/streams/demo/markers', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ at: String(at), text: title }),
  });
  assert.equal(response.status, 201);
}

const display = await openDisplay();
const rpc = await openKodi();
for (const addonid of ADDONS) await rpc('Addons.SetAddonEnabled', { addonid, enabled: true });
interface Channel {
  readonly channelid: number;
  readonly label: string;
}
const channels = await until('Kodi has the channels', async () => {
  const found = await rpc<{ channels?: Channel[] }>('PVR.GetChannels', { channelgroupid: 'alltv' });
  return (found.channels?.length ?? 0) > 0 && found.channels;
});
console.log('channels:', channels.map(({ label }) => label).join(', '));
assert.deepEqual(
  channels.map(({ label }) => label),
  ['demo'],
);

interface Broadcast {
  readonly broadcastid?: number;
  readonly title: string;
  readonly starttime: string;
  readonly endtime: string;
}
const programmes = await until('Kodi has the guide', async () => {
  const properties = ['title', 'starttime', 'endtime'];
  const found = await rpc<{ broadcasts?: Broadcast[] }>('PVR.GetBroadcasts', {
    channelid: channels[0]!.channelid,
    properties,
  });
  // Kodi can play a programme once it is in its database.
  const isPlayable = ({ title, broadcastid }: Broadcast) => title === TITLES[0] && broadcastid !== undefined;
  return found.broadcasts?.some(isPlayable) && found.broadcasts;
});
for (const { title, starttime, endtime } of programmes) console.log('guide:', starttime, endtime, title);
const first = programmes.find(({ title }) => title === TITLES[0])!;
const startMs = Date.parse(`${first.starttime.replace(' ', 'T')}Z`);
assert.equal(startMs, (Math.ceil(fromMs / 1000) + 2) * 1000, 'the programme begins at its marker');

// The question whether an addon may be on, which is answered already.
await rpc('Input.Back', {});
requests.length = 0;
opened.defer(() => console.log('requests:', requests.slice(0, 12).join('\n          ')));
await rpc('Player.Open', { item: { broadcastid: first.broadcastid } });
const catchUp = await until('Kodi requests the programme', () => requests.find((path) => path.includes('/ts/')));
console.log('catch-up:', catchUp);
const shownMs = await until('the picture of the programme is on the screen', readScreen, {
  everyMs: 300,
  withinMs: 60_000,
});
console.log(`picture on the screen: ${((shownMs - startMs) / 1000).toFixed(2)} s into the programme`);
assert.ok(shownMs > startMs - 2500 && shownMs < startMs + 10_500, 'the picture is one of the programme');

/** Passes requests on to oxbow, and records their targets. */
async function openProxy({ url }: Server, seen: string[]): Promise<string> {
  const passing = createServer((incoming, answer) => {
    seen.push(incoming.url ?? '');
    const { method, headers, url: path } = incoming;
    const outgoing = request(new URL(path ?? '/', url), { method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    outgoing.once('error', () => answer.destroy());
    answer.once('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  });
  passing.listen(0, '127.0.0.1');
  await once(passing, 'listening');
  opened.defer(() => passing.closeAllConnections());
  opened.defer(() => void passing.close());
  return `http://127.0.0.1:${(passing.address() as AddressInfo).port}`;
}

async function openDisplay(): Promise<string> {
  const size = `${SCREEN.width}x${SCREEN.height}x24`;
  const child = spawn('Xvfb', ['-displayfd', '1', '-screen', '0', size], { stdio: ['ignore', 'pipe', 'ignore'] });
  endWith(child);
  const [number] = (await once(child.stdout, 'data')) as [Buffer];
  return `:${number.toString().trim()}`;
}

/** Starts Kodi in its own home, and returns a function that calls its JSON-RPC. */
async function openKodi(): Promise<<T>(method: string, params: object) => Promise<T>> {
  const userData = join(folder.path, '.kodi', 'userdata');
  const addonData = join(userData, 'addon_data', 'pvr.iptvsimple');
  const port = await freePort();
  const settings = (values: object) => {
    const rows = Object.entries(values).map(([id, value]) => `<setting id="${id}">${value}</setting>`);
    return `<settings version="2">${rows.join('')}</settings>`;
  };
  await mkdir(addonData, { recursive: true });
  await writeFile(
    join(userData, 'guisettings.xml'),
    settings({
      'services.webserver': true,
      'services.webserverport': port,
      'services.webserverauthentication': false,
    }),
  );
  // A sound card: without one Kodi does not play.
  await writeFile(join(folder.path, '.asoundrc'), 'pcm.!default { type null }\nctl.!default { type null }\n');
  const m3uUrl = `${proxy}/playlist.m3u?catchup=${mode}`;
  await writeFile(
    join(addonData, 'settings.xml'),
    settings({ m3uPathType: 1, m3uUrl, epgPathType: 1, epgUrl: '', catchupEnabled: true, catchupPlayEpgAsLive: false }),
  );
  const env = { ...process.env, HOME: folder.path, DISPLAY: display, LIBGL_ALWAYS_SOFTWARE: '1', TZ: 'UTC' };
  endWith(spawn(kodi!, ['--standalone', '--windowing=x11'], { env, stdio: 'ignore', cwd: folder.path }));
  const call = async <T>(method: string, params: object): Promise<T> => {
    const response = await fetch(`http://127.0.0.1:${port}/jsonrpc`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    const { result, error } = (await response.json()) as { result?: T; error?: unknown };
    assert.ok(result !== undefined, `${method}: ${JSON.stringify(error)}`);
    return result;
  };
  await until('Kodi answers', () => call('JSONRPC.Ping', {}));
  return call;
}

function endWith(child: ChildProcess): void {
  const closed = once(child, 'close');
  opened.defer(async () => {
    child.kill('SIGKILL');
    await closed;
  });
}

/** The time that the strip of the test picture shows on the screen, ms since 1970. */
async function readScreen(): Promise<number | undefined> {
  const file = join(folder.path, 'screen.png');
  const size = `${SCREEN.width}x${SCREEN.height}`;
  await run('ffmpeg', [
    '-v',
    'error',
    '-f',
    'x11grab',
    '-video_size',
    size,
    '-i',
    display,
    '-frames:v',
    '1',
    '-y',
    file,
  ]);
  const [strip] = await stripsOf(file, SCREEN);
  return strip?.utcMs;
}
