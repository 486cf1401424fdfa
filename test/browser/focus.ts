/**
 * Goes over a page with the keyboard alone.
 * In: a page of Chromium. Out: what has the focus, and whether one sees that it has.
 */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';

/** What has the focus. */
export interface Focused {
  /** Role or element, and its name: `button Share`. */
  readonly what: string;
  /** An outline, ring or border tells it from how it looks without. */
  readonly visible: boolean;
  /** It lies in the window, not behind its edge. */
  readonly inView: boolean;
}

/** More elements than any page has. */
const MOST_TABS = 120;

/** Tells what has the focus. */
export function focused(page: Page): Promise<Focused> {
  return page.evaluate(() => {
    const element = document.activeElement as HTMLElement | null;
    if (!element || element === document.body) return { what: 'body', visible: false, inView: true };
    const labels = (element as HTMLInputElement).labels;
    const named = element.getAttribute('aria-label') ?? labels?.[0]?.textContent ?? element.textContent ?? '';
    const role = element.getAttribute('role') ?? element.tagName.toLowerCase();
    /** An outline or a ring around the element, or around what is drawn in its place: a box over it, a neighbour, the card it lies in. */
    const looks = (one: Element | null) =>
      ['', '::before', '::after'].map((pseudo) => {
        if (!one) return '';
        const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(one, pseudo);
        return `${outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 1 ? outlineWidth : ''} ${boxShadow}`;
      });
    // The browser itself marks the part of a date that has the focus.
    let visible = /^(date|time)/.test((element as HTMLInputElement).type ?? '');
    visible ||= looks(element).some((look) => /^[\d.]+px/.test(look));
    if (!visible) {
      const card = element.closest('article, li, label, fieldset');
      const near = [element, element.nextElementSibling, element.parentElement, card];
      const before = near.flatMap(looks);
      element.blur();
      const after = near.flatMap(looks);
      element.focus({ preventScroll: true });
      visible = before.some((look, i) => look !== after[i]);
    }
    const { top, bottom, left, right, height } = element.getBoundingClientRect();
    const inView = bottom > 0 && right > 0 && top < innerHeight && left < innerWidth && height > 0;
    return {
      what: `${role} ${named.trim().replace(/\s+/g, ' ')}`,
      visible,
      inView,
    };
  });
}

/**
 * Presses Tab until what has the focus is as wished. Each element on the way must show its focus, and lie in the window.
 *
 * @param wish of `what`
 * @throws AssertionError where the focus gets lost, is not to be seen, or never comes there
 */
export async function tabTo(page: Page, wish: RegExp, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<Focused> {
  const way: string[] = [];
  let bodies = 0;
  for (let i = 0; i < MOST_TABS; i++) {
    await page.keyboard.press(key);
    const now = await focused(page);
    way.push(now.what);
    if (now.what === 'body') {
      // Behind the last element the focus belongs to the browser, once in a round.
      bodies++;
      assert.ok(bodies < 3, `nothing has the focus: ${way.join(' > ')}`);
      continue;
    }
    assert.ok(now.visible, `the focus is not to be seen at ${now.what}`);
    assert.ok(now.inView, `the focus lies outside of the window at ${now.what}`);
    if (wish.test(now.what)) return now;
  }
  return assert.fail(`${wish} is not reached: ${way.join(' > ')}`);
}
