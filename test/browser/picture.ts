/**
 * Reads the time in the picture of a video element.
 * In: a page with the test picture. Out: UTC of the strip, the element's clock.
 */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { readStrip, stripHeight } from '../../src/ffmpeg/strip.ts';

/** A picture and the state of the media element when it was shown. */
export interface Shown {
  /** UTC in the strip of the picture, ms since 1970. */
  readonly utcMs: number;
  /** Of the media element, seconds. */
  readonly currentTime: number;
  readonly paused: boolean;
  /** The time that the watch page shows next to its controls, ms since 1970; undefined elsewhere. */
  readonly namedMs: number | undefined;
}

interface Raw {
  readonly width: number;
  readonly height: number;
  /** Brightness of the row in the middle of the strip. */
  readonly row: readonly number[];
  readonly currentTime: number;
  readonly paused: boolean;
  readonly named: string | null;
}

/** Reads the picture; undefined if there is none, or none with a complete strip. */
export async function readPicture(page: Page): Promise<Shown | undefined> {
  const raw = await page.evaluate((): Raw | null => {
    // If there are two, the one in front is read.
    const shown = [...document.querySelectorAll('video')].filter((one) => {
      const { visibility, opacity } = getComputedStyle(one);
      return visibility === 'visible' && Number(opacity) > 0;
    });
    const layer = (one: HTMLVideoElement) => Number(getComputedStyle(one).zIndex) || 0;
    const video = shown.sort((a, b) => layer(a) - layer(b)).at(-1);
    if (!video || video.readyState < 2 || video.seeking || video.videoWidth === 0) return null;
    const { videoWidth: width, videoHeight: height, currentTime, paused } = video;
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d', { willReadFrequently: true });
    if (!context) return null;
    context.drawImage(video, 0, 0);
    const { data } = context.getImageData(0, Math.floor(Math.round(height / 18) / 2), width, 1);
    const row = Array.from({ length: width }, (_, x) => data[4 * x + 1] ?? 0); // the strip has no colour
    const named = document.querySelector('.controls time')?.getAttribute('datetime') ?? null;
    return { width, height, row, currentTime, paused, named };
  });
  if (!raw) return undefined;
  const top = Math.floor(stripHeight(raw.height) / 2);
  const luma = new Uint8Array(raw.width * (top + 1));
  luma.set(raw.row, raw.width * top);
  const strip = readStrip(luma, raw.width, raw.height);
  if (!strip) return undefined;
  const { currentTime, paused, named } = raw;
  return { utcMs: strip.utcMs, currentTime, paused, namedMs: named === null ? undefined : Date.parse(named) };
}

/**
 * Seeks a paused video and reads the picture.
 *
 * @param toS time of the media element, seconds; another picture than the shown one
 * @throws AssertionError if no picture of that time is presented within a minute
 */
export async function seek(page: Page, toS: number): Promise<Shown> {
  const came = await page.evaluate(
    (to) =>
      new Promise<boolean>((resolve) => {
        const video = document.querySelector('video')!;
        let presentedS = Number.NaN;
        const check = () => {
          if (!video.seeking && Math.abs(presentedS - to) < 0.1) resolve(true);
        };
        const presented = (_: number, { mediaTime }: VideoFrameCallbackMetadata) => {
          presentedS = mediaTime;
          check();
          video.requestVideoFrameCallback(presented);
        };
        setTimeout(() => resolve(false), 60_000);
        video.requestVideoFrameCallback(presented);
        video.addEventListener('seeked', check);
        video.currentTime = to;
      }),
    toS,
  );
  assert.ok(came, `a picture came after a seek to ${toS} s`);
  const shown = await readPicture(page);
  assert.ok(shown, `the picture at ${toS} s has its strip`);
  return shown;
}
