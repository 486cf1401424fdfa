/**
 * After navigation, moves the focus to the heading of the page and announces its title to screen readers.
 * In: the page's element. Out: focus, a title.
 */

/** Longest wait for a page whose code is loaded, milliseconds. */
const WITHIN_MS = 8_000;

/**
 * Waits for the heading of the page and focuses it, unless the page has focused something itself.
 *
 * @param onTitle called with the page's title once it is shown
 * @param signal aborts on the next navigation
 */
export function focusHeading(
  page: HTMLElement,
  onTitle: (title: string) => void,
  { signal }: { signal: AbortSignal },
): void {
  const untilMs = performance.now() + WITHIN_MS;
  const look = () => {
    if (signal.aborted) return;
    const heading = page.querySelector<HTMLElement>('h1');
    if (!heading && performance.now() < untilMs) return void requestAnimationFrame(look);
    const target = heading ?? page;
    if (!page.contains(document.activeElement) || document.activeElement === page) {
      if (!target.hasAttribute('tabindex')) target.tabIndex = -1;
      target.focus({ preventScroll: true });
    }
    onTitle(document.title);
  };
  requestAnimationFrame(look); // the old page is removed by then
}
