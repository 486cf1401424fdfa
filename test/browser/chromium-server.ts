/**
 * The Chromium that files of tests share, and the arguments of each Chromium.
 * In: the machine's Chromium. Out: a running browser, to which each file connects; a lost connection closes
 * the contexts of its file.
 */
import { chromium, type LaunchOptions } from 'playwright-core';
import { pathOf } from '../fixtures/need.ts';
import type { RunningService } from '../fixtures/services/services.ts';

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
/**
 * Pages of the address bar and a process in reserve: without them a window takes 0.4 s of CPU instead of 1.5
 * s.
 */
const UNUSED = ['SpareRendererForSitePerProcess', 'WebUIOmniboxAimPopup', 'WebUIOmniboxPopup'];

const ownArgs = [
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

/**
 * A camera that shows a counter and a microphone that beeps once a second, which pages get without a
 * question.
 */
export const fakeDevices: readonly string[] = fakeDevicesAt(20);

/** The same with this many pictures per second, for pages that encode many of them. */
export function fakeDevicesAt(fps: number): readonly string[] {
  return [`--use-fake-device-for-media-stream=fps=${fps}`, '--use-fake-ui-for-media-stream'];
}

/**
 * Chromium without its windows, where it is installed: no one sees them, and drawing tabs takes a quarter of
 * its CPU.
 */
const program = pathOf('chromium-headless-shell') ?? '/usr/bin/chromium';

/** How a Chromium starts. @param further arguments */
export function launchOptions(further: readonly string[]): LaunchOptions {
  return { executablePath: program, args: [...ownArgs, ...further] };
}

/** Starts the shared one, with devices: a page that requests none does not open them. */
export async function openChromiumServer(): Promise<RunningService> {
  const server = await chromium.launchServer({ ...launchOptions(fakeDevices), host: '127.0.0.1' });
  return { address: server.wsEndpoint(), [Symbol.asyncDispose]: () => server.close() };
}
