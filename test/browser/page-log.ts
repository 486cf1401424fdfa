/**
 * What a page says and how it moves, over a while.
 * In: a page of Chromium. Out: its messages about an outage, and the sum of its layout shifts.
 */
import type { Page } from 'playwright-core';

interface Log {
  readonly messages: string[];
  shift: number;
}

/** Starts to observe; a later page is not observed. */
export function observePage(page: Page): Promise<void> {
  return page.evaluate(() => {
    const log: Log = { messages: [], shift: 0 };
    Object.assign(globalThis, { pageLog: log });
    const look = () => {
      for (const alert of document.querySelectorAll<HTMLElement>(
        '[role="alert"] p, .failed, .veil, .note:not(.empty)',
      )) {
        const words = alert.innerText.trim();
        if (words !== '' && !log.messages.includes(words)) log.messages.push(words);
      }
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[]) {
        if (!entry.hadRecentInput) log.shift += entry.value;
      }
    }).observe({ type: 'layout-shift' });
    look();
  });
}

const logOf = (page: Page) => page.evaluate(() => (globalThis as unknown as { pageLog: Log }).pageLog);

/** Every message since `observePage`, once each: alerts, failures, words over the picture. */
export const messages = async (page: Page): Promise<readonly string[]> => (await logOf(page)).messages;

/**
 * The sum of the layout shifts since `observePage` that no input caused;
 * https://wicg.github.io/layout-instability.
 */
export const layoutShift = async (page: Page): Promise<number> => (await logOf(page)).shift;
