/**
 * Observes every picture that a page presents, and which of its video elements is in front.
 * In: a page of Chromium or Firefox with the test picture. Out: UTC of each picture, when it was shown, the
 * time on the page.
 */
import { until } from '../fixtures/wait.ts';

/** Frame duration of the test picture. */
const FRAME_MS = 40;
/** A look costs the page and the test some milliseconds. */
const LOOK_EVERY_MS = 100;

/** Anything that evaluates an expression in a page: a Playwright page, or a FirefoxPage. */
export interface Scripted {
  evaluate(expression: string): Promise<unknown>;
}

/** A presented picture. */
export interface SeenFrame {
  /** UTC in its strip, ms since 1970; null if the strip is incomplete, or was not read. */
  readonly utcMs: number | null;
  /** When it was expected on the screen, ms since 1970. */
  readonly atMs: number;
  /** Number of the video element, from 0 in the order of their appearance. */
  readonly element: number;
  /** That element was in front, on a page with several streams in its tile. */
  readonly front: boolean;
  /** The stream of its tile; null on other pages. */
  readonly stream: string | null;
  /** Of the picture that was read, on the media element's clock, seconds. */
  readonly mediaTime: number;
  /** The picture that was read is the one that `atMs` is about. */
  readonly exact: boolean;
  /** Pictures presented by this element so far; more than were reported if the page was too busy. */
  readonly presented: number;
  /** Pictures dropped by this element so far. */
  readonly dropped: number;
}

/** The front picture now, and the time on the page. */
export interface Look {
  readonly utcMs: number;
  readonly element: number;
  readonly paused: boolean;
  readonly rate: number;
  /** The time that the watch page shows next to its controls, ms since 1970; null elsewhere. */
  readonly namedMs: number | null;
  /** The page's current time, ms since 1970. */
  readonly nowMs: number;
}

/** State of the script below in the page. */
interface Watcher {
  readonly seen: SeenFrame[];
  look(): Look | null;
}

declare global {
  var oxbowFrames: Watcher | undefined;
}

/**
 * Runs in the page; finds new video elements within 100 ms. It contains the geometry of the strip
 * (src/ffmpeg/strip.ts): a page cannot import it.
 */
function install(readEvery: number): void {
  if (globalThis.oxbowFrames) return;
  const seen: SeenFrame[] = [];
  const elements: HTMLVideoElement[] = [];
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d', { willReadFrequently: true })!;

  const inside = (root: ParentNode): HTMLVideoElement[] => [
    ...root.querySelectorAll('video'),
    ...[...root.querySelectorAll('*')].flatMap(({ shadowRoot }) => (shadowRoot ? inside(shadowRoot) : [])),
  ];
  const tileOf = (video: HTMLVideoElement | undefined) => video?.closest<HTMLElement>('[data-stream]') ?? null;
  const front = (near?: HTMLVideoElement): HTMLVideoElement | undefined => {
    const tile = tileOf(near);
    const shown = elements.filter((video) => {
      if (tile && tileOf(video) !== tile) return false;
      const { visibility, opacity } = getComputedStyle(video);
      return video.isConnected && visibility === 'visible' && Number(opacity) > 0 && video.clientWidth > 0;
    });
    const layer = (video: HTMLVideoElement) => Number(getComputedStyle(video).zIndex) || 0;
    return shown.sort((a, b) => layer(a) - layer(b)).at(-1);
  };
  /** A blurred strip fails its check byte. */
  const readUtc = (video: HTMLVideoElement, picture: CanvasImageSource = video): number | null => {
    const { videoWidth: width, videoHeight } = video;
    if (width === 0 || video.readyState < 2) return null;
    canvas.width = width;
    canvas.height = 1;
    context.drawImage(picture, 0, Math.floor(Math.round(videoHeight / 18) / 2), width, 1, 0, 0, width, 1);
    const { data } = context.getImageData(0, 0, width, 1);
    const edge = (block: number) => Math.round((block * width) / 64);
    const bytes = new Uint8Array(8);
    for (let block = 0; block < 64; block++) {
      const x = Math.floor((edge(block) + edge(block + 1)) / 2);
      if (data[4 * x + 1]! > 128) bytes[block >> 3]! |= 0x80 >> (block & 7);
    }
    const view = new DataView(bytes.buffer);
    const utcMs = view.getUint16(0) * 2 ** 32 + view.getUint32(2);
    return bytes.reduce((check, byte) => check ^ byte) === 0 && utcMs > 0 ? utcMs : null;
  };
  /**
   * On a busy machine the next picture can be there before the reported one is read; Chromium has the time of
   * the one it gives.
   */
  const readPicture = (video: HTMLVideoElement, reportedS: number): Pick<SeenFrame, 'utcMs' | 'mediaTime'> => {
    const isTimed = 'VideoFrame' in globalThis && !('mozHasAudio' in video) && video.readyState >= 2;
    if (!isTimed) return { utcMs: readUtc(video), mediaTime: reportedS };
    const picture = new VideoFrame(video);
    const read = { utcMs: readUtc(video, picture), mediaTime: picture.timestamp / 1e6 };
    picture.close();
    return read;
  };
  const follow = (video: HTMLVideoElement, element: number) => {
    const next = (_: number, { mediaTime, expectedDisplayTime, presentedFrames }: VideoFrameCallbackMetadata) => {
      const read = presentedFrames % readEvery === 0 ? readPicture(video, mediaTime) : { utcMs: null, mediaTime };
      seen.push({
        ...read,
        exact: Math.abs(read.mediaTime - mediaTime) < 0.005,
        atMs: performance.timeOrigin + expectedDisplayTime,
        element,
        front: front(video) === video,
        presented: presentedFrames,
        stream: tileOf(video)?.dataset.stream ?? null,
        dropped: video.getVideoPlaybackQuality().droppedVideoFrames,
      });
      if (seen.length > 5_000) seen.shift();
      video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
  };
  const find = () => {
    for (const video of inside(document)) {
      if (elements.includes(video)) continue;
      follow(video, elements.push(video) - 1);
    }
  };
  const look = () => {
    find();
    const video = front();
    const utcMs = video && !video.seeking ? readUtc(video) : null;
    if (!video || utcMs === null) return null;
    const named = document.querySelector('.controls time')?.getAttribute('datetime');
    return {
      utcMs,
      element: elements.indexOf(video),
      paused: video.paused,
      rate: video.playbackRate,
      namedMs: named ? Date.parse(named) : null,
      nowMs: performance.timeOrigin + performance.now(),
    };
  };
  find();
  setInterval(find, 100);
  globalThis.oxbowFrames = { seen, look };
}

/** Reads the front picture; undefined if there is none, or none with a complete strip. */
export async function lookAt(page: Scripted): Promise<Look | undefined> {
  await page.evaluate(`(${install})(1)`);
  return ((await page.evaluate('globalThis.oxbowFrames.look()')) as Look | null) ?? undefined;
}

/**
 * All pictures presented since the last call, in order; the first call starts observing. At most 5,000 are
 * kept.
 *
 * @param readEvery one of this many pictures is read, where reading is slow; only the first call sets it
 */
export async function takeFrames(page: Scripted, readEvery = 1): Promise<SeenFrame[]> {
  await page.evaluate(`(${install})(${readEvery})`);
  return (await page.evaluate('globalThis.oxbowFrames.seen.splice(0)')) as SeenFrame[];
}

/**
 * Waits for a picture that matches.
 *
 * @param withinMs the limit of all waits where it is left out
 * @throws AssertionError with the last picture if none matches in time
 */
export function frameWhen(
  page: Scripted,
  what: string,
  matches: (look: Look) => boolean,
  withinMs?: number,
): Promise<Look> {
  const see = async () => {
    const look = await lookAt(page);
    if (look && !matches(look)) throw new Error(`the page shows ${JSON.stringify(look)}`);
    return look;
  };
  return until(what, see, { withinMs, everyMs: LOOK_EVERY_MS });
}

/** Whether the page shows the exact time of its picture. */
export function names({ utcMs, namedMs }: Look): boolean {
  return namedMs !== null && Math.abs(utcMs - namedMs) < FRAME_MS / 2;
}

/**
 * Whether a picture that was not reported was presented: the page was too busy, and between the pictures
 * before and after it the browser counts as many as there were.
 *
 * @param seen of one element in front, in order
 * @param frameMs from one picture to the next
 */
export function isUntold(seen: readonly SeenFrame[], utcMs: number, frameMs: number): boolean {
  const at = seen.findIndex((frame) => frame.utcMs !== null && frame.utcMs > utcMs);
  const [before, after] = [seen[at - 1], seen[at]];
  if (!before || !after || before.utcMs === null || before.element !== after.element) return false;
  const between = Math.round((after.utcMs! - before.utcMs) / frameMs);
  return after.presented - before.presented >= between;
}
