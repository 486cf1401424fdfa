/**
 * Full screen, as far as the browser supports it.
 * In: the player's frame. Out: the browser.
 */

/** A video on a browser that shows only videos in full screen (iPhone). */
interface OnlyVideos extends HTMLVideoElement {
  webkitEnterFullscreen?(): void;
}

/**
 * Shows an element in full screen, or the video in it if that is not supported; a refusal changes nothing.
 */
export function enterFullscreen(frame: HTMLElement): void {
  if (typeof frame.requestFullscreen === 'function') {
    frame.requestFullscreen().catch(() => {}); // refused by the browser: the page stays as it is
    return;
  }
  const videos: OnlyVideos[] = [...frame.querySelectorAll('video')];
  const shown = videos.find((video) => !video.paused) ?? videos[0];
  shown?.webkitEnterFullscreen?.();
}
