/**
 * Headless Firefox, driven by WebDriver BiDi over its own WebSocket, with a temporary profile.
 * In: the machine's Firefox. Out: pages that evaluate expressions, and their faults. W3C WebDriver BiDi.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Bidi, openBidi, type Params } from './bidi.ts';

/** Debian's name of the program. */
export const FIREFOX = 'firefox-esr';
/** Timeout of its start, which takes about four seconds on an idle machine. */
const READY_WITHIN_MS = 60_000;
const END_WITHIN_MS = 10_000;

/** No first run, no updates, no requests to Mozilla's services; video may start by itself. */
const preferences: Readonly<Record<string, string | number | boolean>> = {
  'app.normandy.enabled': false,
  'app.update.auto': false,
  'browser.aboutwelcome.enabled': false,
  'browser.newtabpage.enabled': false,
  'browser.safebrowsing.downloads.enabled': false,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'browser.search.update': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.page': 0,
  'captivedetect.canonicalURL': '',
  'datareporting.policy.dataSubmissionEnabled': false,
  'datareporting.healthreport.uploadEnabled': false,
  'dom.push.connection.enabled': false,
  'extensions.getAddons.cache.enabled': false,
  'extensions.systemAddon.update.enabled': false,
  'extensions.update.enabled': false,
  'media.autoplay.default': 0,
  'media.gmp-manager.updateEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'data:,#remote-settings-dummy/v1',
  'toolkit.telemetry.enabled': false,
};

/** CSS pixels, from the top left corner of the page. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface FirefoxPage {
  goto(url: string): Promise<void>;
  /** Evaluates an expression, whose value must be JSON; a promise is awaited. */
  evaluate(expression: string): Promise<unknown>;
  /** Activates its tab. */
  show(): Promise<void>;
  /** Presses and releases a key. @param key a letter, or a code point of WebDriver's keys */
  press(key: string): Promise<void>;
  /** Presses the mouse at a point, and releases it at another one. */
  drag(from: Point, to: Point): Promise<void>;
  /** A PNG screenshot. */
  screenshot(): Promise<Uint8Array>;
  /** Errors and warnings in the console, exceptions, failed and refused requests so far. */
  readonly faults: readonly string[];
}

/** A running Firefox; disposing ends it and deletes its profile. */
export interface Firefox extends AsyncDisposable {
  readonly version: string;
  /** @param size in CSS pixels */
  newPage(size?: { readonly width: number; readonly height: number }): Promise<FirefoxPage>;
}

/** An aborted test leaves no browser process. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * Starts Firefox.
 *
 * @throws AssertionError with its output if it is not ready within a minute
 */
export async function openFirefox(): Promise<Firefox> {
  const profile = await mkdtemp(join(tmpdir(), 'oxbow-firefox-'));
  const lines = Object.entries(preferences).map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});`);
  await writeFile(join(profile, 'user.js'), `${lines.join('\n')}\n`);
  const args = ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0', 'about:blank'];
  const child = spawn(FIREFOX, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, HOME: profile } });
  running.add(child);
  const closed = once(child, 'close').then(() => running.delete(child));
  const end = async () => {
    const timer = setTimeout(() => child.kill('SIGKILL'), END_WITHIN_MS);
    await closed;
    clearTimeout(timer);
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const bidi = await openBidi(`${await listening(child)}/session`);
    const { capabilities } = await bidi.ask<{ capabilities: { browserVersion: string } }>('session.new', {
      capabilities: {},
    });
    await bidi.ask('session.subscribe', {
      events: ['log.entryAdded', 'network.fetchError', 'network.responseCompleted'],
    });
    return {
      version: capabilities.browserVersion,
      newPage: (size) => openPage(bidi, size),
      async [Symbol.asyncDispose]() {
        await bidi.ask('browser.close', {}).catch(() => child.kill('SIGKILL'));
        bidi.close();
        await end();
      },
    };
  } catch (error) {
    child.kill('SIGKILL');
    await end();
    throw error;
  }
}

/** The address of its WebSocket, printed when it is ready. */
async function listening(child: ChildProcess): Promise<string> {
  const timer = setTimeout(() => child.kill('SIGKILL'), READY_WITHIN_MS);
  const printed: string[] = [];
  try {
    for await (const line of createInterface({ input: child.stderr! })) {
      const [, url] = /^WebDriver BiDi listening on (ws:\S+)$/.exec(line) ?? [];
      if (url) {
        child.stderr!.resume();
        return url;
      }
      printed.push(line);
    }
  } finally {
    clearTimeout(timer);
  }
  return assert.fail(`Firefox ended before it was ready:\n${printed.join('\n')}`);
}

async function openPage(bidi: Bidi, size = { width: 1440, height: 900 }): Promise<FirefoxPage> {
  const { context } = await bidi.ask<{ context: string }>('browsingContext.create', { type: 'tab' });
  await bidi.ask('browsingContext.setViewport', { context, viewport: size });
  const faults: string[] = [];
  bidi.onEvent((method, params) => {
    const fault = faultOf(method, params, context);
    if (fault !== undefined) faults.push(fault);
  });
  return {
    faults,
    async goto(url) {
      await bidi.ask('browsingContext.navigate', { context, url, wait: 'complete' });
    },
    async evaluate(expression) {
      // The value is passed as JSON, which is simpler than BiDi's remote values.
      const asText = `Promise.resolve(${expression}).then((value) => JSON.stringify(value) ?? '')`;
      const answer = await bidi.ask<Evaluated>('script.evaluate', {
        expression: asText,
        target: { context },
        awaitPromise: true,
      });
      if (answer.type === 'exception') assert.fail(`in Firefox: ${answer.exceptionDetails.text}`);
      return answer.result.value === '' ? undefined : JSON.parse(answer.result.value);
    },
    async show() {
      await bidi.ask('browsingContext.activate', { context });
    },
    async press(key) {
      const actions = [
        { type: 'keyDown', value: key },
        { type: 'keyUp', value: key },
      ];
      await bidi.ask('input.performActions', { context, actions: [{ type: 'key', id: 'keyboard', actions }] });
    },
    async drag(from, to) {
      const pause = { type: 'pause', duration: 100 };
      const move = ({ x, y }: Point) => ({ type: 'pointerMove', x, y });
      const [down, up] = [
        { type: 'pointerDown', button: 0 },
        { type: 'pointerUp', button: 0 },
      ];
      const steps = [move(from), down, pause, move(to), pause, up];
      await bidi.ask('input.performActions', { context, actions: [{ type: 'pointer', id: 'mouse', actions: steps }] });
    },
    async screenshot() {
      const { data } = await bidi.ask<{ data: string }>('browsingContext.captureScreenshot', { context });
      return Buffer.from(data, 'base64');
    },
  };
}

/** The response to `script.evaluate` of an expression with a string value. */
type Evaluated =
  | { readonly type: 'success'; readonly result: { readonly value: string } }
  | { readonly type: 'exception'; readonly exceptionDetails: { readonly text: string } };

/** The fault in an event of this page, if there is one; requests that the page aborted do not count. */
function faultOf(method: string, params: Params, context: string): string | undefined {
  const { level, text, source, request, response, errorText } = params as unknown as FaultParams;
  if ((source?.context ?? params.context) !== context) return undefined;
  if (method === 'log.entryAdded') return ['error', 'warn'].includes(level) ? `${level}: ${text}` : undefined;
  if (method === 'network.responseCompleted') {
    return response.status >= 400 ? `response: ${response.url} ${response.status}` : undefined;
  }
  const gaveUp = method !== 'network.fetchError' || errorText === 'NS_BINDING_ABORTED';
  return gaveUp ? undefined : `request: ${request.url} ${errorText}`;
}

/** The fields of the three kinds of events. */
interface FaultParams {
  readonly level: string;
  readonly text: string;
  readonly source?: { readonly context?: string };
  readonly request: { readonly url: string };
  readonly response: { readonly url: string; readonly status: number };
  readonly errorText: string;
}
