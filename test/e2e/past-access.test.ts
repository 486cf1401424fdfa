/**
 * The access matrix of the broadcaster's rules for the past, in the whole program: every kind of client,
 * every address and route by which the past of a stream can be reached.
 * In: a stream with a marker, a pin and a clip before the start that is set. Out: what each client gets of
 * them.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { newestStretch } from '../browser/stretch.ts';
import { readFirstVariant, resolvePath } from '../fixtures/playlists.ts';
import { get } from '../fixtures/proxies/client-requests.ts';
import { createRoom } from '../fixtures/rooms/rooms.ts';
import { type Folder, openFolder, type Server, smallPicture, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const ADMIN = 'let-me-in-please';
const asAdmin = { authorization: `Bearer ${ADMIN}` };
const json = { 'content-type': 'application/json' };
const PASSWORD = 'correct horse battery';
/** Of the hidden part, seconds. */
const HIDDEN_S = 4;
const MARKER = 'the hidden marker';
const PIN = 'the hidden pin';

/** A kind of client. */
interface Client {
  readonly who: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Before every path. */
  readonly prefix: string;
  /** The rules do not concern it in the API. */
  readonly seesAll: boolean;
  /** The same in requests for media, which cookies do not reach. */
  readonly playsAll: boolean;
}

suite('the past of a stream with rules', () => {
  let folder: Folder;
  let server: Server;
  let clients: readonly Client[];
  /** Addresses of media of the hidden part. */
  let media: readonly string[];
  let clip: string;
  let legacy: string;
  let hiddenMsn: string;
  /** Where the recording begins, as the API prints it. */
  let recordedFrom: string;
  let since: string;
  let hidden: { fromMs: number; toMs: number };

  before(async () => {
    folder = await openFolder('past-access');
    const args = [...smallPicture, '--hls-segment-duration', '1s'];
    server = await startPlainServer({ data: join(folder.path, 'data'), adminToken: ADMIN, sample: false, args });
    await send('POST', '/api/v1/streams', { name: 'cam', source: { type: 'test' }, visibility: 'public' });
    since = (await server.json<{ next: string }>('/api/v1/events?since=1000000000')).next;
    const { fromMs } = await newestStretch(server, HIDDEN_S + 3, 'cam');
    recordedFrom = (await server.stream('cam')).recorded.from!;
    // A whole second, which the addresses of old versions need: the recording may begin just after one.
    const hiddenFromMs = Math.ceil(fromMs / 1000) * 1000;
    hidden = { fromMs: hiddenFromMs, toMs: hiddenFromMs + HIDDEN_S * 1000 };
    const range = { from: String(hidden.fromMs + 500), to: String(hidden.fromMs + 2500) };
    await send('POST', '/api/v1/streams/cam/markers', { at: range.from, text: MARKER });
    await send('POST', '/api/v1/streams/cam/pins', { ...range, text: PIN });
    const made = await send('POST', '/api/v1/clips', { stream: 'cam', title: 'clip', visibility: 'public', ...range });
    clip = String(made.id);
    media = await hiddenMedia();
    clients = await openClients();
    const start = new Date(hidden.toMs).toISOString();
    await send('PATCH', '/api/v1/streams/cam', { past: { start, clips: false } });
    await until('viewers see something', async () => (await get(server.url, '/live/cam/index.m3u8')).status === 200);
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  async function send(method: string, path: string, body: unknown, headers: Record<string, string> = {}) {
    const init = { method, headers: { ...json, ...asAdmin, ...headers }, body: JSON.stringify(body) };
    const response = await fetch(`${server.url}${path}`, init);
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${text}`);
    return JSON.parse(text) as Record<string, unknown>;
  }

  /** The cookie of an answer. */
  async function cookieOf(path: string, body: object): Promise<Record<string, string>> {
    const init = { method: 'POST', headers: json, body: JSON.stringify(body) };
    const response = await fetch(`${server.url}${path}`, init);
    assert.ok(response.ok, `${path}: ${await response.text()}`);
    return {
      origin: server.url,
      cookie: response.headers
        .getSetCookie()
        .map((line) => line.split(';')[0]!)
        .join('; '),
    };
  }

  async function openClients(): Promise<readonly Client[]> {
    const names = ['user', 'moderator', 'admin'] as const;
    const ids = new Map<string, string>();
    for (const name of names) {
      const role = name === 'admin' ? 'admin' : 'user';
      ids.set(name, String((await send('POST', '/api/v1/users', { name, password: PASSWORD, role })).id));
    }
    const [user, moderator, administrator] = await Promise.all(
      names.map((name) => cookieOf('/api/v1/sessions', { name, password: PASSWORD })),
    );
    const room = await createRoom(server, { name: 'Friday' });
    await fetch(`${server.url}/api/v1/rooms/${room}/join`, {
      method: 'POST',
      headers: { ...json, ...moderator },
      body: '{}',
    });
    await server.fetch(`/api/v1/rooms/${room}/members/${ids.get('moderator')}`, {
      method: 'PATCH',
      headers: json,
      body: '{"role":"moderator"}',
    });
    const token = async (scopes: readonly string[]) => {
      const made = await send('POST', '/api/v1/tokens', { label: scopes.join(), scopes });
      return { authorization: `Bearer ${made.token}` };
    };
    const link = async (exempt: boolean) =>
      `/t/${(await send('POST', '/api/v1/streams/cam/watch-tokens', { exempt, expires: '1h' })).token}`;
    const viewer = { headers: {}, prefix: '', seesAll: false, playsAll: false };
    const guest = await cookieOf('/api/v1/guests', { name: 'Passer-by' });
    return [
      { ...viewer, who: 'anonymous' },
      { ...viewer, who: 'viewer with a link', prefix: await link(false) },
      { ...viewer, who: 'guest', headers: guest },
      { ...viewer, who: 'user', headers: user! },
      { ...viewer, who: 'moderator of a room', headers: moderator! },
      { ...viewer, who: 'uploader', headers: await token(['upload']) },
      { ...viewer, who: 'exempt link', prefix: await link(true), seesAll: true, playsAll: true },
      { ...viewer, who: 'view token', headers: await token(['view']), seesAll: true, playsAll: true },
      { ...viewer, who: 'administrator', headers: administrator!, seesAll: true },
      { ...viewer, who: 'admin token', headers: asAdmin, seesAll: true, playsAll: true },
    ];
  }

  /** One address of each kind, which was answered before there were rules. */
  async function hiddenMedia(): Promise<readonly string[]> {
    const { fromMs } = hidden;
    const [fromS, rangeMs] = [Math.ceil(fromMs / 1000), `${fromMs}/${fromMs + 2000}`];
    const window = `/vod/cam/${rangeMs}/index.m3u8`;
    const { list, path } = await readFirstVariant(server, window);
    const [segment] = list.segments;
    const stored = resolvePath(segment!.uri, path);
    const all = [
      ...[window, path, `/vod/cam/${rangeMs}/index.mpd`, `/vod/cam/${rangeMs}/ts.m3u8`, stored],
      ...[stored.replace('.m4s', '.0.m4s'), stored.replace(/[^/]+\/(\d+)\.m4s/, 'ts/$1.ts')],
      ...['mp4', 'mkv', 'ts'].map((format) => `/clip/cam/${rangeMs}.${format}`),
      ...[`/thumb/cam/${fromMs + 1000}.jpg`, `/thumb/cam/${rangeMs}/storyboard.vtt`],
      `/live/cam/ts/index-${fromS}-2.m3u8`,
      ...[`/c/${clip}/clip.mp4`, `/c/${clip}/preview.jpg`],
    ];
    // In minutes: what is visible of it is listed.
    legacy = `/start/${fromS}/1/vod.m3u8`;
    hiddenMsn = /(\d+)\.m4s/.exec(stored)![1]!;
    for (const each of all) assert.equal((await get(server.url, each)).code, undefined, `${each} exists`);
    return all;
  }

  test('is given by no address to clients under the rules, and by every one to others', async () => {
    for (const { who, headers, prefix, playsAll } of clients) {
      for (const path of media) {
        // A playback token of a stream is not one of its clips.
        if (prefix !== '' && path.startsWith('/c/')) continue;
        const { status, code } = await get(server.url, prefix + path, headers);
        const isHidden = code === 'past-limited' || code === 'clips-off' || code === 'not-found';
        assert.equal(isHidden, !playsAll, `${who} ${path}: ${status} ${code}`);
      }
      if (prefix !== '') continue;
      const list = (await get(server.url, legacy, headers)).body.toString();
      assert.match(list, /\.ts/, who);
      assert.equal(list.includes(hiddenMsn), playsAll, `${who} ${legacy}`);
    }
  });

  test('is in no answer of the API to clients under the rules', async () => {
    const { fromMs } = hidden;
    const whole = `from=${fromMs}&to=${Date.now()}`;
    const cam = '/api/v1/streams/cam';
    const dated = `"from":"${recordedFrom}"`;
    const routes: readonly [path: string, hiddenText: string][] = [
      [`${cam}/timeline?${whole}`, MARKER],
      [`${cam}/markers?${whole}`, MARKER],
      [`${cam}/pins`, PIN],
      [cam, dated],
      [`${cam}/days`, dated],
      ['/api/v1/streams', dated],
      ['/api/v1/clips', clip],
      [`/api/v1/clips/${clip}`, clip],
      ['/xmltv.xml', MARKER],
    ];
    for (const { who, headers, prefix, seesAll } of clients) {
      for (const [path, text] of routes) {
        // A playback token is of one stream.
        if (prefix !== '' && !path.startsWith(cam)) continue;
        const { status, body } = await get(server.url, prefix + path, headers);
        assert.equal(body.includes(text), seesAll, `${who} ${path}: ${status} ${body.toString().slice(0, 300)}`);
      }
      const { body } = await get(
        server.url,
        `${prefix}/api/v1/events?stream=cam&types=marker.added&since=${since}`,
        headers,
      );
      const isAdmin = who === 'administrator' || who === 'admin token';
      assert.equal(body.includes(MARKER), isAdmin, `${who}: events`);
    }
  });

  test('is made into clips only by clients who are exempt', async () => {
    const range = { from: String(hidden.toMs + 500), to: String(hidden.toMs + 1000) };
    for (const { who, headers, prefix, seesAll } of clients) {
      const body = { stream: 'cam', title: who, ...range };
      const { status, code } = await get(server.url, `${prefix}/api/v1/clips`, headers, body);
      const mayUpload = who === 'administrator' || who === 'admin token';
      assert.equal(status === 201, mayUpload && seesAll, `${who}: ${status} ${code}`);
      if (who === 'uploader') assert.equal(code, 'clips-off');
    }
  });
});
