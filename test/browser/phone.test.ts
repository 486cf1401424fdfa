/**
 * oxbow on a phone: pages without a network, messages of the system, shared files, and the choice of
 * notifications.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext, CDPSession, Page } from 'playwright-core';
import type { PushSubscriptionView } from '../../src/api/push/push-shapes.ts';
import { PushBrowser } from '../../src/features/push/push-browser.fixture.ts';
import { need } from '../fixtures/need.ts';
import { openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { isFull } from '../full.ts';
import { violations } from './axe.ts';
import { openBrowser, openVisitor } from './chromium.ts';
import { overflowing } from './overflow.ts';

const adminToken = 'a-token-of-the-test-0123456789';
const shots = process.env.OXBOW_SHOTS;

suite('a phone', { skip: need('chromium') }, () => {
  const opened = new AsyncDisposableStack();
  let server: Server;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let cdp: CDPSession;

  before(async () => {
    const folder = opened.use(await openFolder('phone-pages'));
    server = opened.use(await startPlainServer({ data: join(folder.path, 'data'), adminToken }));
    browser = await openBrowser();
    opened.defer(() => browser.close());
    ({ context, page } = await openPhone());
    cdp = await context.newCDPSession(page);
  });
  after(() => opened.disposeAsync());

  /** A phone whose person is signed in; the push service of its browser is a stand-in. */
  async function openPhone(locale = 'en-US', colorScheme: 'light' | 'dark' = 'light') {
    const context = await openVisitor(browser, {
      width: 390,
      height: 844,
      touch: true,
      worker: true,
      locale,
      colorScheme,
    });
    await context.addInitScript(standIn, new PushBrowser('https://push.example/one').subscription());
    const page = await context.newPage();
    const signIn = await context.request.post(`${server.url}/api/v1/sessions`, {
      data: { token: adminToken },
      headers: { 'sec-fetch-site': 'same-origin' },
    });
    assert.equal(signIn.status(), 201);
    return { context, page };
  }
  const shot = async (of: Page, name: string) => {
    if (shots) await of.screenshot({ path: join(shots, `phone-${name}.png`), fullPage: true });
  };

  /** Addresses of everything that the service worker has stored. */
  const stored = () =>
    page.evaluate(async () => {
      const names = await caches.keys();
      const urls = await Promise.all(
        names.map(async (name) => (await (await caches.open(name)).keys()).map(({ url }) => url)),
      );
      return urls.flat();
    });

  test('pages open without a network, from files of the interface alone', async () => {
    await page.goto(server.url);
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    await until('the page is stored', async () => (await stored()).includes(`${server.url}/`));
    for (const url of await stored()) assert.match(url, /^http:\/\/[^/]+\/(?:$|ui\/)/);
    await context.setOffline(true);
    await page.goto(server.url);
    await page.getByText('No connection').waitFor();
    await page.getByRole('heading', { level: 1, name: 'Streams' }).waitFor();
    assert.deepEqual(await violations(page, 'the page without a network'), []);
    assert.deepEqual(await overflowing(page), []);
    await shot(page, 'offline');
    await context.setOffline(false);
    await page.getByText('No connection').waitFor({ state: 'detached' });
    await page.getByText('oxbow is not responding').waitFor({ state: 'detached' });
  });

  test('a message of the server is shown, also a malformed one', async () => {
    const registrationId = await new Promise<string>((resolve) => {
      cdp.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
        const mine = registrations.find(({ scopeURL }) => scopeURL === `${server.url}/`);
        if (mine) resolve(mine.registrationId);
      });
      void cdp.send('ServiceWorker.enable');
    });
    const [worker] = context.serviceWorkers();
    // A Chromium without windows shows no messages.
    await worker!.evaluate(() => {
      const scope = self as unknown as { shown: unknown[]; registration: ServiceWorkerRegistration };
      scope.shown = [];
      scope.registration.showNotification = async (title, options) => {
        scope.shown.push([title, options?.data.path]);
      };
    });
    const message = { kind: 'live', stream: 'door', title: 'Front door', url: '/watch/door', tag: 'live', atMs: 1 };
    for (const data of [JSON.stringify(message), '{']) {
      await cdp.send('ServiceWorker.deliverPushMessage', { origin: server.url, registrationId, data });
    }
    const shown = await until('both are shown', async () => {
      const all = await worker!.evaluate(() => (self as unknown as { shown: unknown[] }).shown);
      return all.length === 2 ? all : undefined;
    });
    assert.deepEqual(shown, [
      ['Front door is live', '/watch/door'],
      ['oxbow', '/'],
    ]);
  });

  /** Shares a file into the installed app, as the system does. */
  const share = (file: string) =>
    page.evaluate((file) => {
      const form = Object.assign(document.createElement('form'), {
        action: '/upload/share',
        method: 'POST',
        enctype: 'multipart/form-data',
      });
      const input = Object.assign(document.createElement('input'), { type: 'file', name: 'media' });
      const files = new DataTransfer();
      files.items.add(new File(['a film'], file, { type: 'video/mp4' }));
      input.files = files.files;
      form.append(input);
      document.body.append(form);
      form.submit();
    }, file);

  test('files that the system shares reach the upload page, and are sent after a press', async () => {
    await page.goto(`${server.url}/library`);
    await share('first.mp4');
    await page.getByText('first.mp4').waitFor();
    await share('holiday.mp4'); // the same service worker takes the next one
    await page.getByText('holiday.mp4').waitFor();
    assert.equal(new URL(page.url()).search, '', 'a reload does not look for it again');
    await shot(page, 'shared');
    await page.getByRole('button', { name: 'Upload', exact: true }).click();
    await page.getByRole('list', { name: 'Uploads' }).getByRole('article').waitFor();
  });

  test('a person turns notifications on for this browser, follows a stream, and turns them off', async () => {
    const listed = async () =>
      (
        (await (await context.request.get(`${server.url}/api/v1/push/subscriptions`)).json()) as {
          items: PushSubscriptionView[];
        }
      ).items;
    await page.goto(`${server.url}/me`);
    await page.getByRole('switch', { name: 'Notifications in this browser' }).check();
    await page.getByRole('checkbox', { name: 'Someone made a clip' }).uncheck();
    await until('it is changed', async () => (await listed())[0]?.kinds.join() === 'live,alarms');
    await page.getByRole('radio', { name: /^All streams/ }).check();
    await until('it is changed', async () => (await listed())[0]?.streams === 'all');
    assert.deepEqual(await violations(page, 'the page of the account'), []);
    assert.deepEqual(await overflowing(page), []);
    await shot(page, 'account');
    await page.getByRole('switch', { name: 'Notifications in this browser' }).uncheck();
    await until('it is removed', async () => (await listed()).length === 0);
    if (!isFull) return;
    for (const [locale, name] of [
      ['zh-CN', '在此浏览器中接收通知'],
      ['de-DE', 'Mitteilungen in diesem Browser'],
    ] as const) {
      const other = await openPhone(locale, 'dark');
      await other.page.goto(`${server.url}/me`);
      await other.page.getByRole('switch', { name }).check();
      await other.page.getByRole('radio').first().waitFor();
      assert.deepEqual(await overflowing(other.page), []);
      await shot(other.page, `account-${locale}`);
      await other.context.close();
    }
  });
});

/** In the page: the push manager of a browser whose push service is reached. */
function standIn({ endpoint, keys }: { readonly endpoint: string; readonly keys: object }): void {
  let subscription: object | null = null;
  Object.defineProperty(Notification, 'permission', { get: () => 'granted' });
  Notification.requestPermission = async () => 'granted';
  Object.assign(PushManager.prototype, {
    getSubscription: async () => subscription,
    subscribe: async (options: object) => {
      subscription = {
        options,
        toJSON: () => ({ endpoint, keys }),
        unsubscribe: async () => {
          subscription = null;
          return true;
        },
      };
      return subscription;
    },
  });
}
