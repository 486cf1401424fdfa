/**
 * Which addresses are pages of the interface, and which open window shows the page of a message.
 * In: paths, windows of the service worker. Out: yes or no; a window. Pure.
 */

/** Not pages: media, the API, files, the player for frames. */
const NO_PAGE =
  /^\/(?:api|assets|clip|embed|health|healthz|iptv|live|metrics|player|ready|start|thumb|ui|vod)(?:[/.]|$)|\.\w{2,11}$/;

/** Whether a path of this server is a page, which opens without a network. */
export function isPage(pathname: string): boolean {
  return !NO_PAGE.test(pathname);
}

/** What is read of a `WindowClient`. */
export interface OpenWindow {
  readonly url: string;
  readonly frameType?: string;
  readonly visibilityState: string;
}

/** The window that shows a page: a visible one, or any. Frames, films and answers of the API show none. */
export function windowFor<W extends OpenWindow>(windows: readonly W[]): W | undefined {
  const pages = windows.filter(
    ({ url, frameType }) => frameType !== 'nested' && isPage(URL.parse(url)?.pathname ?? '/api'),
  );
  return pages.find(({ visibilityState }) => visibilityState === 'visible') ?? pages[0];
}
