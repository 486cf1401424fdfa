/**
 * A Chromium as people have it: a tab behind another one is hidden and its timers are slow, and all of it can
 * be stopped, as when a laptop sleeps. Browsers that Playwright starts show every page and slow nothing.
 * In: the machine's Chromium. Out: its windows; the time that it sleeps.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { openFolder } from '../fixtures/server.ts';
import { PAGE_WITHIN_MS } from './chromium.ts';

/** A running Chromium; disposing ends it and deletes its profile. */
export interface OwnChromium extends AsyncDisposable {
  readonly context: BrowserContext;
  /** Runs `work` while another tab is in front of a page. */
  behindTab(page: Page, work: () => Promise<void>): Promise<void>;
  /** Stops all its processes for a time, ms. */
  sleep(ms: number): Promise<void>;
}

/** Starts Chromium. */
export async function openOwnChromium(): Promise<OwnChromium> {
  const folder = await openFolder('chromium');
  const args = ['--headless=new', '--remote-debugging-port=0', `--user-data-dir=${join(folder.path, 'profile')}`];
  const quick = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'];
  const plays = '--autoplay-policy=no-user-gesture-required';
  const child = spawn('/usr/bin/chromium', [...args, ...quick, plays, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true, // a separate group, which gets the signals
  });
  const group = -child.pid!;
  const exited = once(child, 'exit');
  const browser = await chromium.connectOverCDP(await debuggerOf(child), { noDefaults: true });
  const context = browser.contexts()[0]!;
  context.setDefaultTimeout(PAGE_WITHIN_MS);
  return {
    context,
    async behindTab(page, work) {
      const other = await context.newPage();
      await other.bringToFront();
      await page.waitForFunction(() => document.hidden, null, { polling: 50 });
      try {
        await work();
      } finally {
        await page.bringToFront();
        await page.waitForFunction(() => !document.hidden, null, { polling: 50 });
        await other.close();
      }
    },
    async sleep(ms) {
      process.kill(group, 'SIGSTOP');
      try {
        await pause(ms);
      } finally {
        process.kill(group, 'SIGCONT');
      }
    },
    async [Symbol.asyncDispose]() {
      await browser.close();
      if (child.exitCode === null && child.signalCode === null) process.kill(group, 'SIGKILL');
      await exited;
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** The address of its debugger, which it prints when it has started. */
async function debuggerOf(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stderr! })) {
    const url = /ws:\/\/\S+/.exec(line)?.[0];
    if (!url) continue;
    child.stderr!.resume(); // otherwise it waits for a reader
    return url;
  }
  throw new Error('Chromium has ended.');
}
