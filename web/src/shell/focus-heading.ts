/**
 * What a screen reader and the keyboard meet after a page was gone to: the focus on its heading, its title spoken.
 * In: the page's element. Out: focus, a title.
 */

/** A page whose code comes later is waited for so long, milliseconds. */
const WITHIN_MS = 8_000;

/**
 * Waits for the heading of the page and gives it the focus, unless the page has taken the focus for something of its own.
 *
 * @param onTitle given the page's title, once it stands
 * @param signal another page was gone to: nothing happens any more
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
  requestAnimationFrame(look); // the old page is gone by then
}
