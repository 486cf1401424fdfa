/**
 * `npm run bench -- http3`: HTTP/3 and HTTP/2 through Caddy with deploy/caddy/Caddyfile. How much later than
 * straight from oxbow held reloads arrive in Chromium; and the watch page at the end of a link that loses 2 %
 * of all packets with a round trip of 80 ms: its start, latency and stalls.
 * In: the built interface, Chromium, Caddy, the test picture. Out: tables. All share the machine. The link
 * needs root.
 */
import { mkdir } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { openVisitor } from '../../test/browser/chromium.ts';
import { launchQuicBrowser, loadedOf, type QuicOptions } from '../../test/browser/http3/quic-chromium.ts';
import { readPicture } from '../../test/browser/picture.ts';
import { makeCertificate } from '../../test/fixtures/certificate.ts';
import { startCaddyProxy } from '../../test/fixtures/proxies/proxy.ts';
import { openFolder, type Server, startServer } from '../../test/fixtures/server.ts';
import { until } from '../../test/fixtures/wait.ts';
import { median, printTable, quantile, say, sorted } from '../report.ts';
import { orTiny } from '../tiny.ts';
import { canOpenLink, openLossyLink } from './lossy-link.ts';

const RELOADS = orTiny(100, 3);
const DELAY_MS = 40;
const LOSS = 0.02;
/** A name that the file of the fixture has, too. */
const NAME = 'tv.example';
/** A picture that does not move for this long is a stall, ms. */
const STALL_MS = 200;

/** What is measured: the server, and what of Chromium is the same for each protocol. */
interface Bench {
  readonly server: Server;
  readonly browser: Omit<QuicOptions, 'isForced'>;
}

/** @param seconds of playback at the link, for each protocol and round */
export async function benchHttp3(seconds: number, rounds: number): Promise<string> {
  const before = loadavg()[0]!;
  await using folder = await openFolder('bench-http3');
  const certificate = await makeCertificate(folder.path, 'http3');
  await using server = await startServer({ data: join(folder.path, 'data'), sample: true });
  await server.stream('demo');
  const own = join(folder.path, 'caddy');
  await mkdir(own);
  await using proxy = await startCaddyProxy({ origin: new URL(server.url).host, certificate, folder: own });
  const bench = { server, browser: { port: Number(new URL(proxy.url).port), certificate: certificate.cert } };
  const report = [await benchReloads(bench), ''];
  if (canOpenLink()) report.push(await benchLink(bench, seconds, orTiny(rounds, 1)));
  else report.push('The lossy link needs root, /dev/net/tun and ip(8): not measured.');
  return [...report, '', `Load of the machine: ${before.toFixed(2)} before, ${loadavg()[0]!.toFixed(2)} after.`].join(
    '\n',
  );
}

/** How much later each held reload came than straight from oxbow, in the same page. */
async function benchReloads({ server, browser: options }: Bench): Promise<string> {
  const index = Buffer.from(await server.bytes('/live/demo/index.m3u8')).toString();
  const list = `/live/demo/${index.trim().split('\n').at(-1)}`;
  const rows: string[][] = [];
  for (const isForced of [true, false]) {
    const browser = await launchQuicBrowser({ ...options, isForced });
    try {
      const context = await browser.newContext({ bypassCSP: true });
      const page = await context.newPage();
      await page.goto(`https://localhost:${options.port}/version`);
      say(`${RELOADS} held reloads`);
      const lateMs = sorted(await page.evaluate(timeReloads, { direct: server.url, list, count: RELOADS }));
      const protocol = (await loadedOf(page))[0]!.protocol;
      rows.push([protocol, ...[0.5, 0.95, 1].map((part) => quantile(lateMs, part).toFixed(1))]);
    } finally {
      await browser.close();
    }
  }
  return printTable(['held reload, ms later than direct', 'p50', 'p95', 'worst'], rows);
}

/** Runs in the page: requests the same position of the list here and straight from oxbow. */
async function timeReloads({
  direct,
  list,
  count,
}: {
  direct: string;
  list: string;
  count: number;
}): Promise<number[]> {
  const ask = async (url: string) => {
    const text = await (await fetch(url, { cache: 'no-store' })).text();
    return { text, atMs: performance.now() };
  };
  const lateMs: number[] = [];
  for (let i = 0; i < count; i++) {
    const { text } = await ask(direct + list);
    const [, msn, part] = /PRELOAD-HINT:TYPE=PART,URI="(\d+)\.(\d+)\.m4s"/.exec(text)!;
    // The part behind the announced one: both requests wait for it.
    const query = `?_HLS_msn=${msn}&_HLS_part=${Number(part) + 1}`;
    const [straight, proxied] = await Promise.all([ask(direct + list + query), ask(list + query)]);
    lateMs.push(proxied!.atMs - straight!.atMs);
  }
  return lateMs;
}

/** What a page at the link shows. */
interface Played {
  /** From the request of the page to the first picture, ms. */
  readonly startMs: number;
  /** How old pictures are, ms. */
  readonly latencyMs: readonly number[];
  /** Durations of stalls, ms. */
  readonly stallsMs: readonly number[];
}

async function benchLink({ browser: options }: Bench, seconds: number, rounds: number): Promise<string> {
  const played = new Map<string, Played[]>([
    ['h3', []],
    ['h2', []],
  ]);
  for (let round = 1; round <= rounds; round++) {
    for (const protocol of played.keys()) {
      say(`${protocol}, round ${round} of ${rounds}: ${seconds} s`);
      await using link = await openLossyLink({ delayMs: DELAY_MS, loss: LOSS, seed: round });
      const host = { name: NAME, address: link.address };
      const isForced = protocol === 'h3';
      const browser = await launchQuicBrowser({ ...options, isForced, host, program: link.chromium });
      try {
        played.get(protocol)!.push(await watch(browser, `https://${NAME}:${options.port}`, { seconds, protocol }));
      } finally {
        await browser.close();
      }
    }
  }
  const rows = [...played].map(([protocol, each]) => {
    const stallsMs = each.flatMap((one) => one.stallsMs);
    const latencyMs = sorted(each.flatMap((one) => one.latencyMs));
    return [
      protocol,
      median(each.map(({ startMs }) => startMs)).toFixed(0),
      ...[0.5, 0.95].map((part) => quantile(latencyMs, part).toFixed(0)),
      String(stallsMs.length),
      (stallsMs.reduce((sum, ms) => sum + ms, 0) / 1000).toFixed(1),
    ];
  });
  const head = ['2 % loss, 80 ms', 'start, ms', 'latency p50, ms', 'p95', 'stalls', 'stalled, s'];
  return [printTable(head, rows), '', `In ${rounds} times ${seconds} s of playback.`].join('\n');
}

async function watch(
  browser: Browser,
  url: string,
  { seconds, protocol }: { readonly seconds: number; readonly protocol: string },
): Promise<Played> {
  const page = await (await openVisitor(browser, { width: 640, height: 400 })).newPage();
  const startedMs = performance.now();
  await page.goto(`${url}/watch/demo`, { waitUntil: 'commit' });
  await until('it plays', () => readPicture(page).catch(() => undefined), { everyMs: 20 });
  const startMs = performance.now() - startedMs;
  await page.evaluate(noteStalls, STALL_MS);
  const latencyMs: number[] = [];
  for (let second = 0; second < seconds; second++) {
    await pause(1000);
    const shown = await readPicture(page);
    if (shown) latencyMs.push(Date.now() - shown.utcMs);
  }
  const used = new Set((await loadedOf(page)).map((each) => each.protocol));
  if ([...used].join() !== protocol) throw new Error(`it used ${[...used].join()}`);
  return { startMs, latencyMs, stallsMs: await stallsOf(page) };
}

declare global {
  /** Durations of stalls of the player, ms. */
  var oxbowStalls: number[] | undefined;
}

/** Runs in the page: notes each time in which no video element moves. */
function noteStalls(leastMs: number): void {
  const stalls: number[] = [];
  globalThis.oxbowStalls = stalls;
  const places = new Map<HTMLVideoElement, number>();
  let movedMs = performance.now();
  setInterval(() => {
    const nowMs = performance.now();
    let moved = false;
    for (const video of document.querySelectorAll('video')) {
      if (places.get(video) !== video.currentTime) moved = true;
      places.set(video, video.currentTime);
    }
    if (!moved) return;
    if (nowMs - movedMs >= leastMs) stalls.push(nowMs - movedMs);
    movedMs = nowMs;
  }, 20);
}

const stallsOf = (page: Page): Promise<number[]> => page.evaluate(() => globalThis.oxbowStalls!);
