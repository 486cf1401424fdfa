/**
 * A page of another origin that plays HLS or DASH with another player: hls.js, shaka-player, dash.js, or the
 * browser's own.
 * In: the name of a player, whose script it loads, an address. Out: its position, its errors, the longest
 * time without progress.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Page } from 'playwright-core';

export type PlayerName = 'hls.js' | 'shaka-player' | 'shaka-player.debug' | 'dash.js' | 'native';

/** The state of the player. */
export interface Played {
  /** Errors of the player, recovered or not, and of the media element. */
  readonly errors: readonly string[];
  /** Of the media element, seconds. */
  readonly currentTime: number;
  /** The largest `currentTime` so far. */
  readonly furthest: number;
  /** By the media element, or by the player. */
  readonly ended: boolean;
  /** Seekable range, seconds; NaN if unknown. */
  readonly seekableFrom: number;
  readonly seekableTo: number;
  /** Longest time without progress while it should play, ms; the first 3 s of playback do not count. */
  readonly longestStandMs: number;
  /** Number of segments entered; only hls.js reports it. */
  readonly boundaries: number;
  readonly decodedFrames: number;
  /** Distance to the live edge that the player itself states, seconds; NaN where it states none. */
  readonly latencyS: number;
  /** From the start of the player to its first picture, seconds; NaN before. */
  readonly startupS: number;
  /**
   * Time without progress after the first picture while it should play, seconds; shorter ones than 0.25 s are
   * left out.
   */
  readonly stoodS: number;
  /** Such times. */
  readonly pauses: number;
}

/** A server of the page and its scripts. */
export interface PlayerPage extends AsyncDisposable {
  readonly url: string;
}

const modules = join(import.meta.dirname, '..', '..', 'node_modules');

/** The script of the page: `start(player, address, lowLatency)` and `played()`. */
const script = `
const video = document.querySelector('video');
const errors = [];
const segments = new Set();
let latencyOf = () => NaN;
let hasEnded = false;
let begunAt, lastAt, lastTime, longestStandMs = 0, furthest = 0;
let startedAt = NaN, playingAt = NaN, movedAt = NaN, standsMs = 0, stoodMs = 0, pauses = 0;
video.addEventListener('playing', () => {
  if (!(playingAt > 0)) movedAt = playingAt = performance.now();
});
video.addEventListener('error', () => errors.push('element: ' + video.error.message));
setInterval(() => {
  const now = performance.now();
  const isStill = video.currentTime === lastTime;
  if (!isStill && lastTime > 0) begunAt ??= now;
  if (video.paused || video.ended || video.seeking || !isStill || !(now > begunAt + 3000)) lastAt = now;
  longestStandMs = Math.max(longestStandMs, now - lastAt);
  // Before the first picture it starts, and does not stand.
  if (playingAt > 0 && isStill && !video.paused && !video.ended && !video.seeking) {
    standsMs = now - movedAt;
  } else {
    if (standsMs > 250) {
      stoodMs += standsMs;
      pauses++;
    }
    standsMs = 0;
    movedAt = now;
  }
  lastTime = video.currentTime;
  furthest = Math.max(furthest, lastTime);
}, 25);
const load = (path) => new Promise((resolve, reject) => {
  const script = Object.assign(document.createElement('script'), { src: path, onload: resolve, onerror: reject });
  document.head.append(script);
});
window.start = async (player, address, lowLatency, further = {}) => {
  if (player !== 'native') await load('/' + player);
  startedAt = performance.now();
  if (player === 'hls.js') {
    const hls = new Hls({ lowLatencyMode: lowLatency, ...further });
    hls.on(Hls.Events.ERROR, (_, { details, fatal, reason }) => errors.push([details, fatal, reason].join(' ')));
    hls.on(Hls.Events.FRAG_CHANGED, (_, { frag }) => segments.add(frag.sn));
    window.shown = hls;
    hls.loadSource(address);
    hls.attachMedia(video);
  } else if (player.startsWith('shaka-player')) {
    shaka.polyfill.installAll();
    const shown = new shaka.Player();
    shown.addEventListener('error', ({ detail }) => errors.push('shaka ' + detail.code + ' ' + detail.data + ' ' + detail));
    shown.configure({ streaming: { lowLatencyMode: lowLatency } });
    // Before it has the element: later it reports no states of it.
    shown.configure(further);
    await shown.attach(video);
    window.shown = shown;
    await shown.load(address);
    latencyOf = () => shown.getStats().liveLatency;
  } else if (player === 'dash.js') {
    const shown = dashjs.MediaPlayer().create();
    shown.updateSettings({ debug: { logLevel: 1 }, ...further });
    // As in docs/9-run/steering.md.
    let edges = [];
    shown.on('manifestLoaded', ({ data: { url, Location = [] } }) => {
      edges = Location.map((location) => new URL(location.__text ?? location, url).origin);
    });
    shown.addRequestInterceptor(async (request) => {
      const { retryAttempts } = request.customData.request;
      const { origin } = new URL(request.url);
      const others = edges.includes(origin) ? edges.filter((edge) => edge !== origin) : [];
      if (retryAttempts > 0 && others.length > 0)
        request.url = request.url.replace(origin, others[(retryAttempts - 1) % others.length]);
      return request;
    });
    shown.on('error', ({ error }) => errors.push('dash.js ' + error.code + ' ' + error.message));
    // Looks five times a second whether the end of the last Period was reached. If it sees that before
    // the media element ends, and sound may be longer than the Period by a frame, it goes back half a
    // second and pauses: then the element never says that it has ended.
    shown.on('playbackEnded', ({ isLast }) => { hasEnded = isLast; });
    shown.initialize(video, address, true);
    latencyOf = () => shown.getCurrentLiveLatency();
    return; // it starts playback itself, and misses a start before it is ready
  } else video.src = address;
  await video.play();
};
window.played = () => {
  const { currentTime, ended, seekable } = video;
  const last = seekable.length - 1;
  return {
    errors, currentTime, furthest: Math.max(furthest, currentTime), ended: ended || hasEnded, longestStandMs, boundaries: Math.max(0, segments.size - 1),
    seekableFrom: last < 0 ? NaN : seekable.start(0), seekableTo: last < 0 ? NaN : seekable.end(last),
    latencyS: latencyOf(),
    startupS: (playingAt - startedAt) / 1000,
    stoodS: (stoodMs + (standsMs > 250 ? standsMs : 0)) / 1000,
    pauses: pauses + (standsMs > 250 ? 1 : 0),
    decodedFrames: video.getVideoPlaybackQuality().totalVideoFrames,
  };
};`;

const page = `<!doctype html><title>players</title><link rel="icon" href="data:,"><video muted playsinline crossorigin width="320"></video>
<script>${script}</script>`;

/** Serves the page at its own origin, so that a player needs CORS. */
export async function servePlayers(): Promise<PlayerPage> {
  const scripts = new Map<string, Buffer>([
    ['/hls.js', await readFile(join(modules, 'hls.js', 'dist', 'hls.min.js'))],
    ['/shaka-player', await readFile(join(modules, 'shaka-player', 'dist', 'shaka-player.compiled.js'))],
    ['/shaka-player.debug', await readFile(join(modules, 'shaka-player', 'dist', 'shaka-player.compiled.debug.js'))],
    ['/dash.js', await readFile(join(modules, 'dashjs', 'dist', 'modern', 'umd', 'dash.all.min.js'))],
  ]);
  const server = createServer((request, response) => {
    const body = scripts.get(request.url ?? '');
    response.writeHead(200, { 'content-type': body ? 'text/javascript' : 'text/html' }).end(body ?? page);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The interface of the page's script for tests. */
interface Scripted {
  start(player: PlayerName, address: string, lowLatency: boolean, further: object): Promise<void>;
  played(): Played;
}

/**
 * Starts playback, and returns once it plays.
 *
 * @param page shows the page of `servePlayers`
 * @param address absolute URL of a playlist
 * @param further settings of the player
 */
export async function startPlayer(
  page: Page,
  player: PlayerName,
  address: string,
  lowLatency = false,
  further: object = {},
): Promise<void> {
  await page.evaluate(([name, url, low, more]) => (window as unknown as Scripted).start(name, url, low, more), [
    player,
    address,
    lowLatency,
    further,
  ] as const);
}

/** The state of the player. */
export function readPlayed(page: Page): Promise<Played> {
  return page.evaluate(() => (window as unknown as Scripted).played());
}

/** Seeks the player to a time of the media element, seconds. */
export async function seekPlayer(page: Page, toS: number): Promise<void> {
  await page.evaluate((to) => {
    document.querySelector('video')!.currentTime = to;
  }, toS);
}

/** `canPlayType` of HLS: empty, `maybe` or `probably`. */
export function nativeHls(page: Page): Promise<string> {
  return page.evaluate(() => document.createElement('video').canPlayType('application/vnd.apple.mpegurl'));
}
