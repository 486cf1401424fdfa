/**
 * Where the time between drawing and showing a frame goes: the stages of the last frame of each Part.
 * In: a page that plays the clock of bench/ingest live. Out: milliseconds by stage.
 *
 * The page's clock and the strip give when a frame was drawn; the programme time of a picture is the earliest
 * arrival of its frame at the server (docs/media.md 2).
 */
import type { Page } from 'playwright-core';
import { frameWhen, type SeenFrame } from '../../test/browser/frames.ts';
import { median } from '../report.ts';

/** Stages of the last frame of a Part, at p50, milliseconds; together the time from drawing to showing it. */
interface Stages {
  /** Encoder and RTMP, of the frame that was delayed least. */
  readonly toServer: number;
  /** Until the player has the playlist that lists the Part. */
  readonly listed: number;
  /** Until the player has the Part. */
  readonly loaded: number;
  readonly appended: number;
  /** In the buffer. */
  readonly shown: number;
  /** Observed Parts. */
  readonly parts: number;
}

/** Media that was appended to the page's buffer; milliseconds since 1970, seconds of media. */
interface Appended {
  readonly atMs: number;
  readonly doneMs: number;
  readonly endS: number;
}

interface Loaded {
  readonly name: string;
  readonly fromMs: number;
  readonly doneMs: number;
}

declare global {
  var oxbowAppended: Appended[] | undefined;
}

/** Observes the appends of a page; before the page is opened. */
export async function observeAppends(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const appended: Appended[] = [];
    globalThis.oxbowAppended = appended;
    const now = () => performance.timeOrigin + performance.now();
    const { appendBuffer } = SourceBuffer.prototype;
    SourceBuffer.prototype.appendBuffer = function append(this: SourceBuffer, bytes) {
      const atMs = now();
      const done = () => {
        const { length } = this.buffered;
        if (length > 0) appended.push({ atMs, doneMs: now(), endS: this.buffered.end(length - 1) });
      };
      this.addEventListener('updateend', done, { once: true });
      appendBuffer.call(this, bytes);
    };
    performance.setResourceTimingBufferSize(10_000);
  });
}

/** Drops earlier observations. */
export async function restartStages(page: Page): Promise<void> {
  await page.evaluate(() => {
    globalThis.oxbowAppended!.length = 0;
    performance.clearResourceTimings();
  });
}

/**
 * The stages of the Parts since the last restart. Pauses the page.
 *
 * @param seen frames that the page showed meanwhile
 * @param fps frames per second of the encoder
 */
export async function readStages(page: Page, seen: readonly SeenFrame[], fps: number): Promise<Stages> {
  const { appended, loads } = await page.evaluate(() => ({
    appended: globalThis.oxbowAppended!,
    loads: performance.getEntriesByType('resource').map((entry) => {
      const { name, startTime, responseEnd } = entry as PerformanceResourceTiming;
      return { name, fromMs: performance.timeOrigin + startTime, doneMs: performance.timeOrigin + responseEnd };
    }),
  }));
  const toServer = await delayToServer(page);
  const front = seen.filter((frame) => frame.front);
  const strips = front.flatMap(({ utcMs, mediaTime }) => (utcMs === null ? [] : [utcMs - mediaTime * 1000]));
  const drawnAtZeroMs = median(strips);
  const totalMs = median(front.flatMap(({ utcMs, atMs }) => (utcMs === null ? [] : [atMs - utcMs])));
  const gridS = front[0]!.mediaTime;
  /** The sound may end a little before the picture: the end of the last frame that began before `endS`. */
  const frameEnd = (endS: number) => gridS + Math.ceil((endS - gridS) * fps - 0.2) / fps;
  const playlists = loads.filter(({ name }) => /\/g\d+\.m3u8/.test(name));
  const parts = loads
    .filter(({ name }) => /\/\d+\.\d+\.m4s/.test(name))
    .flatMap((part) =>
      stagesOf(part, playlists, appended, (endS) => drawnAtZeroMs + (frameEnd(endS) - 1 / fps) * 1000),
    );
  const at = (stage: (part: (typeof parts)[number]) => number) => median(parts.map(stage));
  const listed = at((part) => part.listedMs - part.drawnMs) - toServer;
  const loaded = at((part) => part.loadedMs - part.listedMs);
  const stored = at((part) => part.appendedMs - part.loadedMs);
  const shown = totalMs - toServer - listed - loaded - stored;
  return { toServer, listed, loaded, appended: stored, shown, parts: parts.length };
}

function stagesOf(
  part: Loaded,
  playlists: readonly Loaded[],
  appended: readonly Appended[],
  drawnOf: (endS: number) => number,
): { drawnMs: number; listedMs: number; loadedMs: number; appendedMs: number }[] {
  const listed = playlists.findLast(({ doneMs }) => doneMs <= part.fromMs + 1);
  const stored = appended.find(({ atMs }) => atMs >= part.doneMs - 1);
  if (!listed || !stored) return [];
  const times = { listedMs: listed.doneMs, loadedMs: part.doneMs, appendedMs: stored.doneMs };
  return [{ drawnMs: drawnOf(stored.endS), ...times }];
}

/**
 * Programme time less strip of one picture: paused, because only then the page names the time of its picture
 * exactly.
 */
async function delayToServer(page: Page): Promise<number> {
  await page.keyboard.press('k');
  let last = Number.NaN;
  const { utcMs, namedMs } = await frameWhen(page, 'it is paused', (look) => {
    const delay = look.paused && look.namedMs !== null ? look.namedMs - look.utcMs : Number.NaN;
    const isStill = delay === last;
    last = delay;
    return isStill;
  });
  return namedMs! - utcMs;
}
