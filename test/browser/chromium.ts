/**
 * A headless browser, and the faults of the pages it shows.
 * In: the machine's Chromium. Out: a browser; faults as text, for a test to expect none.
 */
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

/** Those that Playwright disables, since only the last of several switches counts. */
const DISABLED_BY_PLAYWRIGHT = [
  'AimEnabled',
  'AvoidCorsURLLoaderRestartOnRedirect',
  'AvoidUnnecessaryBeforeUnloadCheckSync',
  'DestroyProfileOnBrowserClose',
  'HttpsFirstBalancedModeAutoEnable',
  'HttpsUpgrades',
  'LensOverlay',
  'MediaRouter',
  'NetworkTimeServiceQuerying',
  'OptimizationHints',
  'PaintHolding',
  'PreconnectToSearch',
  'TcpPortRandomizationWin',
  'ThirdPartyStoragePartitioning',
];
/** Pages of the address bar and a process in reserve: without them a window takes 0.4 s of CPU instead of 1.5 s. */
const UNUSED = ['SpareRendererForSitePerProcess', 'WebUIOmniboxAimPopup', 'WebUIOmniboxPopup'];

const args = [
  `--disable-features=${[...DISABLED_BY_PLAYWRIGHT, ...UNUSED].join()}`,
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
];

/** Timeout of page operations, ms; a busy machine needs time. */
export const PAGE_WITHIN_MS = 60_000;

/** A camera that shows a counter and a microphone that beeps once a second, which pages get without a question. */
export const fakeDevices: readonly string[] = fakeDevicesAt(20);

/** The same with so many pictures per second, for pages that encode many of them. */
export function fakeDevicesAt(fps: number): readonly string[] {
  return [`--use-fake-device-for-media-stream=fps=${fps}`, '--use-fake-ui-for-media-stream'];
}

/**
 * Starts Chromium; `close` or disposing ends it and deletes its profile.
 *
 * @param further arguments
 */
export async function openBrowser(further: readonly string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath: '/usr/bin/chromium', args: [...args, ...further] });
}

/** The environment of a visitor; by default a wide light screen in English. */
export interface Looks {
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: 'light' | 'dark';
  readonly locale?: string;
  /** A touch screen, without a mouse. */
  readonly touch?: boolean;
}

/**
 * A fresh visitor. The offset of the time zone is not a whole hour, so that a wrong zone is detected.
 *
 * @param looks sizes in CSS pixels
 */
export async function openVisitor(browser: Browser, looks: Looks = {}): Promise<BrowserContext> {
  const { width = 1440, height = 900, colorScheme = 'light', locale = 'en-US', touch = false } = looks;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme,
    locale,
    timezoneId: 'Asia/Kathmandu',
    hasTouch: touch,
    isMobile: touch,
  });
  context.setDefaultTimeout(PAGE_WITHIN_MS);
  return context;
}

/** Errors and warnings in the console, exceptions, failed and refused requests; those that the page aborted are left out. */
export function collectFaults(page: Page): string[] {
  const faults: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(`console: ${message.text()}`);
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

/** Without requests that are too early: the player requests the window next to the one it plays, in which nothing may have begun. */
export function withoutEarlyWindows(faults: readonly string[]): string[] {
  const isEarly = (fault: string) => /\/vod\/[\w-]+\/\d+\/\d+\/\S+\.m3u8 404$/.test(fault);
  const isInConsole = (fault: string) => /^console: Failed to load resource: .* 404 /.test(fault);
  let remaining = faults.filter(isEarly).length; // each once more, in the console
  return faults.filter((fault) => !isEarly(fault) && !(isInConsole(fault) && remaining-- > 0));
}
