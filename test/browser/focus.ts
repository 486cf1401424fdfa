/**
 * Moves through a page with the keyboard alone.
 * In: a page of Chromium. Out: the focused element, and whether its focus is visible.
 */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';

/** The focused element. */
export interface Focused {
  /** Role or element, and its name: `button Share`. */
  readonly what: string;
  /** An outline, ring or border distinguishes it from its normal look. */
  readonly visible: boolean;
  /** It is inside the window. */
  readonly inView: boolean;
}

/** More elements than any page has. */
const MOST_TABS = 120;

/** The focused element. */
export function focused(page: Page): Promise<Focused> {
  return page.evaluate(() => {
    const element = document.activeElement as HTMLElement | null;
    if (!element || element === document.body) return { what: 'body', visible: false, inView: true };
    const labels = (element as HTMLInputElement).labels;
    const named = element.getAttribute('aria-label') ?? labels?.[0]?.textContent ?? element.textContent ?? '';
    const role = element.getAttribute('role') ?? element.tagName.toLowerCase();
    /**
     * An outline or a ring around the element, or around what represents it: a box over it, a sibling, its
     * card.
     */
    const looks = (one: Element | null) =>
      ['', '::before', '::after'].map((pseudo) => {
        if (!one) return '';
        const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(one, pseudo);
        return `${outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 1 ? outlineWidth : ''} ${boxShadow}`;
      });
    // The browser itself highlights the focused part of a date.
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
 * Presses Tab until the focused element matches. Each element before it must show its focus, inside the
 * window.
 *
 * @param target matches `what`
 * @throws AssertionError if the focus is lost, is not visible, or never gets there
 */
export async function tabTo(page: Page, target: RegExp, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<Focused> {
  const way: string[] = [];
  let bodies = 0;
  for (let i = 0; i < MOST_TABS; i++) {
    await page.keyboard.press(key);
    const now = await focused(page);
    way.push(now.what);
    if (now.what === 'body') {
      // After the last element the browser itself has the focus, once per round.
      bodies++;
      assert.ok(bodies < 3, `nothing has the focus: ${way.join(' > ')}`);
      continue;
    }
    assert.ok(now.visible, `the focus is not visible at ${now.what}`);
    assert.ok(now.inView, `the focus is outside of the window at ${now.what}`);
    if (target.test(now.what)) return now;
  }
  return assert.fail(`${target} is not reached: ${way.join(' > ')}`);
}
