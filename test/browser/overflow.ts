/**
 * Finds elements that do not fit into the window, and controls under the bar at its bottom.
 * In: a page. Out: elements as text, for a test to expect none.
 */
import type { Locator, Page } from 'playwright-core';

/**
 * Elements that reach beyond the right edge of the window, or whose text overflows them; on phones also
 * controls that the bar of pages covers: pinned ones where the page is, all others at the end of the page.
 */
export async function overflowing(page: Page): Promise<string[]> {
  const first = await look(page);
  if (first.length === 0) return [];
  // Some parts get their size from scripts, after the layout: what does not fit is found twice.
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  return look(page);
}

async function look(page: Page): Promise<string[]> {
  const wide = await page.evaluate(() => {
    const isCut = (element: Element | null): boolean =>
      element !== null && (getComputedStyle(element).overflowX !== 'visible' || isCut(element.parentElement));
    const found: string[] = [];
    const { clientWidth: width, scrollWidth } = document.documentElement; // a phone makes `innerWidth` as wide as what overflows
    if (scrollWidth > width) found.push('the page scrolls sideways');
    for (const element of document.body.querySelectorAll<HTMLElement>('*')) {
      const { right, left, width: own } = element.getBoundingClientRect();
      const name = `${element.tagName.toLowerCase()}.${element.className} ${element.textContent.trim().slice(0, 30)}`;
      if (own === 0 || isCut(element.parentElement)) continue;
      if (right > width + 1 || left < -1) found.push(`${name} is outside of the window`);
      else if (element.matches('button, a, p, h1, h2, h3, label, select, time, dt, dd, li') && !isCut(element)) {
        if (element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0) found.push(`${name} is too wide`);
      }
    }
    return found;
  });
  return [...wide, ...(await covered(page))];
}

/** Controls that the bar at the bottom covers. The page is where it was afterwards. */
function covered(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const bar = document.querySelector<HTMLElement>('header nav');
    if (!bar || getComputedStyle(bar).position !== 'fixed') return [];
    const isPinned = (element: Element | null): boolean =>
      element !== null &&
      (['sticky', 'fixed'].includes(getComputedStyle(element).position) || isPinned(element.parentElement));
    const controls = document.querySelectorAll<HTMLElement>(
      ':is(main, footer) :is(a, button, input, select, textarea)',
    );
    const under = (which: (control: HTMLElement) => boolean) =>
      [...controls].filter((control) => {
        const { left, bottom, width, height } = control.getBoundingClientRect();
        if (height === 0 || !control.checkVisibility() || !which(control)) return false;
        return bar.contains(document.elementFromPoint(left + width / 2, bottom - 2));
      });
    const { scrollX, scrollY } = window;
    const found = under(isPinned);
    scrollTo({ top: document.documentElement.scrollHeight, behavior: 'instant' });
    found.push(...under((control) => !isPinned(control)));
    scrollTo({ left: scrollX, top: scrollY, behavior: 'instant' });
    return found.map(
      (control) =>
        `${control.tagName.toLowerCase()}.${control.className} ${control.textContent.trim().slice(0, 30)} is behind the bar`,
    );
  });
}

/** Whether a control can be pressed without scrolling: it is inside the window, and nothing covers it. */
export function isInSight(control: Locator): Promise<boolean> {
  return control.evaluate((button) => {
    const { top, bottom, left } = button.getBoundingClientRect();
    return bottom <= innerHeight && button.contains(document.elementFromPoint(left + 20, (top + bottom) / 2));
  });
}
