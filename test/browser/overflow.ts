/**
 * Finds elements that do not fit into the window.
 * In: a page. Out: elements as text, for a test to expect none.
 */
import type { Page } from 'playwright-core';

/** Elements that reach beyond the right edge of the window, or whose text overflows them. */
export function overflowing(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const isCut = (element: Element | null): boolean =>
      element !== null && (getComputedStyle(element).overflowX !== 'visible' || isCut(element.parentElement));
    const found: string[] = [];
    if (document.documentElement.scrollWidth > innerWidth) found.push('the page scrolls sideways');
    for (const element of document.body.querySelectorAll<HTMLElement>('*')) {
      const { right, left, width } = element.getBoundingClientRect();
      const name = `${element.tagName.toLowerCase()}.${element.className} ${element.textContent.trim().slice(0, 30)}`;
      if (width === 0 || isCut(element.parentElement)) continue;
      if (right > innerWidth + 1 || left < -1) found.push(`${name} is outside of the window`);
      else if (element.matches('button, a, p, h1, h2, h3, label, select, time, dt, dd, li') && !isCut(element)) {
        if (element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0) found.push(`${name} is too wide`);
      }
    }
    return found;
  });
}
