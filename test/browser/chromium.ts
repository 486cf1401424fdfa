/**
 * A browser without a window, and what went wrong on the pages it shows.
 * In: the machine's own Chromium. Out: a browser; faults in words, for a test to find none.
 */
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
];

/** A look at a page waits at most so long, ms; a busy machine needs its time. */
export const PAGE_WITHIN_MS = 60_000;

/** Starts Chromium; `close` or disposing ends it and deletes its profile. */
export async function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: '/usr/bin/chromium', args });
}

/** How a page is looked at; what is left out is a wide light screen in English. */
export interface Looks {
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: 'light' | 'dark';
  readonly locale?: string;
}

/**
 * A fresh visitor. The zone is one whose offset is no whole hour, so that a mistaken zone shows.
 *
 * @param looks sizes in CSS pixels
 */
export async function openVisitor(browser: Browser, looks: Looks = {}): Promise<BrowserContext> {
  const { width = 1440, height = 900, colorScheme = 'light', locale = 'en-US' } = looks;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme,
    locale,
    timezoneId: 'Asia/Kathmandu',
  });
  context.setDefaultTimeout(PAGE_WITHIN_MS);
  return context;
}

/** Errors and warnings in the console, exceptions, requests that failed or were refused; those that the page gave up are left out. */
export function collectFaults(page: Page): string[] {
  const faults: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => faults.push(`exception: ${error.stack}`));
  page.on('requestfailed', (request) => {
    const reason = request.failure()?.errorText ?? '';
    if (reason !== 'net::ERR_ABORTED') faults.push(`request: ${request.url()} ${reason}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) faults.push(`response: ${response.url()} ${response.status()}`);
  });
  return faults;
}

/** Without what is asked for too early: the player asks for the window beside the one it plays, and nothing may have begun there. */
export function withoutEarlyWindows(faults: readonly string[]): string[] {
  const isAsked = (fault: string) => /\/vod\/[\w-]+\/\d+\/\d+\/\S+\.m3u8 404$/.test(fault);
  const isTold = (fault: string) => /^console: Failed to load resource: .* 404 /.test(fault);
  let told = faults.filter(isAsked).length; // each once more, in the console
  return faults.filter((fault) => !isAsked(fault) && !(isTold(fault) && told-- > 0));
}
