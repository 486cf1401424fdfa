/**
 * A headless browser, and the faults of the pages it shows.
 * In: the Chromium that files of tests share, or a separate one. Out: a browser; faults as text, for a test
 * to expect none.
 */
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { sharedService } from '../fixtures/services/services.ts';
import { fakeDevices, launchOptions } from './chromium-server.ts';

export { fakeDevices, fakeDevicesAt } from './chromium-server.ts';

/** Timeout of page operations, ms; a busy machine needs time. */
export const PAGE_WITHIN_MS = 60_000;

/**
 * Opens Chromium with fake devices: the one that files of tests share, or one like it where nothing is
 * shared. `close` or disposing closes its contexts, and ends it where it is not shared; so does the end of
 * this process.
 */
export async function openBrowser(): Promise<Browser> {
  const address = await sharedService('chromium');
  if (address === undefined) return launchBrowser(fakeDevices);
  try {
    return await chromium.connect(address);
  } catch (error) {
    console.error(`The shared Chromium has ended, this file starts its own: ${error}`); // only the files that it ended for fail
    return launchBrowser(fakeDevices);
  }
}

/**
 * Starts a Chromium that no other file of tests uses: to measure it, to stop its processes, or with other
 * devices.
 *
 * @param further arguments
 */
export async function launchBrowser(further: readonly string[] = []): Promise<Browser> {
  return chromium.launch(launchOptions(further));
}

/** The environment of a visitor; by default a wide light screen in English. */
export interface Looks {
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: 'light' | 'dark';
  readonly locale?: string;
  /** A touch screen, without a mouse. */
  readonly touch?: boolean;
  /** The pages may have their service worker. Requests that pass it are not seen by routes of a test. */
  readonly worker?: boolean;
}

/**
 * A fresh visitor. The offset of the time zone is not a whole hour, so that a wrong zone is detected.
 *
 * @param looks sizes in CSS pixels
 */
export async function openVisitor(browser: Browser, looks: Looks = {}): Promise<BrowserContext> {
  const { width = 1440, height = 900, colorScheme = 'light', locale = 'en-US', touch = false, worker = false } = looks;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme,
    locale,
    timezoneId: 'Asia/Kathmandu',
    hasTouch: touch,
    isMobile: touch,
    serviceWorkers: worker ? 'allow' : 'block',
  });
  context.setDefaultTimeout(PAGE_WITHIN_MS);
  return context;
}

/** What the browser library says of a page whose service worker it blocks. */
const WORKER_BLOCKED = 'Service Worker registration blocked by Playwright';

/**
 * Errors and warnings in the console, exceptions, failed and refused requests; those that the page aborted
 * are left out.
 */
export function collectFaults(page: Page): string[] {
  const faults: string[] = [];
  page.on('console', (message) => {
    const isFault = ['error', 'warning'].includes(message.type()) && message.text() !== WORKER_BLOCKED;
    if (isFault) faults.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => faults.push(`exception: ${error.stack}`));
  page.on('requestfailed', (request) => {
    const reason = request.failure()?.errorText ?? '';
    if (reason !== 'net::ERR_ABORTED') faults.push(`request: ${request.resourceType()} ${request.url()} ${reason}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) faults.push(`response: ${response.url()} ${response.status()}`);
  });
  return faults;
}

/**
 * Without requests that are too early: the player requests the window next to the one it plays, in which
 * nothing may have begun.
 */
export function withoutEarlyWindows(faults: readonly string[]): string[] {
  const isEarly = (fault: string) => /\/vod\/[\w-]+\/\d+\/\d+\/\S+\.m3u8 404$/.test(fault);
  const isInConsole = (fault: string) => /^console: Failed to load resource: .* 404 /.test(fault);
  let remaining = faults.filter(isEarly).length; // each once more, in the console
  return faults.filter((fault) => !isEarly(fault) && !(isInConsole(fault) && remaining-- > 0));
}
