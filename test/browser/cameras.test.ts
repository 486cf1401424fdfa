/*
 * A camera in a browser: found and added in three steps, moved by mouse, keys and touch.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { need } from '../fixtures/need.ts';
import { type LiveCamera, openLiveCamera } from '../fixtures/rtsp/live-camera.ts';
import { openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';
import { violations } from './axe.ts';
import { collectFaults, type Looks, openBrowser, openVisitor } from './chromium.ts';
import { overflowing } from './overflow.ts';

const adminToken = 'let-me-in-please';
const shots = process.env.OXBOW_SHOTS;
const login = { user: 'admin', password: 'p@ss' };
/** 32 × 18 pixels. */
const picture = Buffer.from(
  [
    '/9j/4AAQSkZJRgABAgAAAQABAAD//gAQTGF2YzU5LjM3LjEwMAD/2wBDAAgUFBcUFxsbGxsbGyAeICEhISAgICAhISEkJCQqKiok',
    'JCQhISQkKCgqKi4vLisrKisvLzIyMjw8OTlGRkhWVmf/xAB6AAADAQAAAAAAAAAAAAAAAAAEBgUHAQEBAQEAAAAAAAAAAAAAAAAG',
    'BAUCEAACAQMCBAcAAwEAAAAAAAABAhEAEgNBUQQhEzFhM7GBMiIUcSNCUhEAAQIEBgEFAQEAAAAAAAAAARECEgAEA0FxMjEiIWGB',
    'sVGyNBMz/8AAEQgAEgAgAwEiAAIRAAMRAP/aAAwDAQACEQMRAD8Ay4nM+RlTQT/kAACSSTyA/k04YuL4/GxUPBKhvjii3/q6LY8Z',
    'qTiIJ4hIuZukQkwXCGWAO8bc9qYFK9Do2/f59KTNt91s726fLwrGrao1LubAQvQdyhDkK94DbYDred27Tt/tyKlkcJ8qRCOihIGB',
    'XxOaf3YMgn6mJB+pBBHcESCPEUzcNxXFywxvpJ5JAA1JIgCh8pt/IgjE6s7WsZ6Qd7kuJ2HMzz3FG8Obv0qYyMzK0A+Za5LWkbjt',
    'HPYUifV3nW4i4nNx2jhi3RE5avXGY3Wg60+0SYCQS3AlA5E+VCad8JXMvnH29KJTWhsvnH29KJTWj50jITzWfrdm77OlcXuKrprU',
    'he4qumtLXzA7/F2Y9xP/2Q==',
  ].join(''),
  'base64',
);

suite('cameras, in a browser', { skip: need('chromium') }, () => {
  const opened = new AsyncDisposableStack();
  let camera: LiveCamera;
  let server: Server;
  let browser: Browser;

  before(async () => {
    const folder = opened.use(await openFolder('cameras-page'));
    // Nothing answers there: the page does not wait for the picture.
    const media = { main: 'rtsp://192.0.2.9:9/main', sub: 'rtsp://192.0.2.9:9/sub' };
    camera = opened.use(await openLiveCamera({ media, ...login, picture, aheadMs: 3_600_000 }));
    const args = [...smallPicture, '--cameras-probe', `127.0.0.1:${camera.probePort}`];
    server = opened.use(await startServer({ data: join(folder.path, 'data'), adminToken, args }));
    browser = await openBrowser();
    opened.defer(() => browser.close());
  });
  after(() => opened.disposeAsync());

  async function signedIn(looks: Looks = {}): Promise<BrowserContext> {
    const context = await openVisitor(browser, looks);
    const answer = await context.request.post(`${server.url}/api/v1/sessions`, {
      data: { token: adminToken },
      headers: { origin: server.url },
    });
    assert.equal(answer.status(), 201);
    return context;
  }
  const what = () => camera.movements.map(({ what: kind }) => kind);
  const look = async (page: Page, name: string) => {
    if (shots) await page.screenshot({ path: `${shots}/cameras-${name}.png` });
    return [...(await violations(page, name)), ...(await overflowing(page))];
  };

  test('a camera is found, opened with its password and added; it is moved by mouse and keys and stops', async () => {
    await using context = await signedIn();
    const page = await context.newPage();
    const faults = collectFaults(page);
    await page.goto(`${server.url}/record`);
    await page.getByRole('button', { name: 'Find cameras' }).click();
    const dialog = page.getByRole('dialog', { name: 'Find cameras' });
    await dialog.getByRole('button', { name: 'Door camera' }).click();
    await dialog.getByRole('textbox', { name: 'User name of the camera' }).fill(login.user);
    await dialog.getByLabel('Password').fill(login.password);
    await dialog.getByRole('button', { name: 'Connect' }).click();
    await dialog.getByRole('img', { name: 'Picture of the camera' }).waitFor();
    await page.waitForFunction(() => document.querySelector<HTMLImageElement>('dialog img')!.naturalWidth > 0);
    // A slow answer makes it a few seconds less.
    await dialog.getByText(/^Its clock is (?:1 h|59 min)/).waitFor();
    const found = await look(page, 'profiles');
    assert.equal(await dialog.getByRole('textbox', { name: 'Name of the stream' }).inputValue(), 'door-camera');
    await dialog.getByRole('button', { name: 'Add the camera' }).click();
    await page.waitForURL(/\/watch\/door-camera$/);
    await until('events are read', () => camera.subscriptions() === 1);

    await page.getByRole('tab', { name: 'Camera' }).click();
    const right = page.getByRole('button', { name: 'Right' });
    await right.hover();
    await page.mouse.down();
    await until('two repetitions', () => what().length >= 2);
    await page.mouse.up();
    await until('the stop', () => what().at(-1) === 'stop');
    assert.equal(camera.movements[0]?.detail, '0.5 0 0 PT3S');
    // The focus moves from one button to another one: that one is held all the same.
    const before = what().length;
    await page.getByRole('button', { name: 'Down' }).hover();
    await page.mouse.down();
    await until('two repetitions of the second button', () =>
      what()
        .slice(before + 1)
        .includes('move'),
    );
    assert.ok(!what().slice(before).includes('stop'), what().slice(before).join());
    await page.mouse.up();
    await until('the stop', () => what().at(-1) === 'stop');
    await right.focus();
    await page.keyboard.down('ArrowUp');
    await until('up', () => camera.movements.at(-1)?.detail === '0 0.5 0 PT3S');
    await page.keyboard.up('ArrowUp');
    await until('the stop', () => what().at(-1) === 'stop');
    await page.getByRole('button', { name: 'Yard' }).click();
    await until('the place', () => camera.movements.at(-1)?.detail === '2');
    found.push(...(await look(page, 'watch')));
    // A page that goes while a button is held.
    await right.hover();
    await page.mouse.down();
    await until('it moves', () => what().at(-1) === 'move');
    await page.goto('about:blank');
    await until('the stop', () => what().at(-1) === 'stop');
    assert.deepEqual(found, []);
    assert.deepEqual(faults, []);
  });

  fullTest('the narrow dark pages in Chinese; the pad by touch', async () => {
    const looks = { width: 390, height: 844, colorScheme: 'dark', locale: 'zh-CN', touch: true } as const;
    await using context = await signedIn(looks);
    const page = await context.newPage();
    const faults = collectFaults(page);
    await page.goto(`${server.url}/record`);
    await page.getByRole('button', { name: '查找摄像机' }).click();
    await page.getByRole('button', { name: 'Door camera' }).waitFor();
    const found = await look(page, 'list-narrow');
    await page.getByRole('button', { name: 'Door camera' }).click();
    await page.getByLabel('摄像机的用户名').fill(login.user);
    await page.getByLabel('密码').fill('wrong');
    await page.getByRole('button', { name: '连接' }).click();
    await page.getByRole('alert').waitFor();
    found.push(...(await look(page, 'user-narrow')));
    await page.getByLabel('密码').fill(login.password);
    await page.getByRole('button', { name: '连接' }).click();
    await page.getByRole('button', { name: '添加摄像机' }).waitFor();
    found.push(...(await look(page, 'profiles-narrow')));
    await page.goto(`${server.url}/watch/door-camera`);
    await page.getByRole('tab', { name: '摄像机' }).click();
    const before = camera.movements.length;
    await page.getByRole('group', { name: '转动摄像机' }).getByRole('button', { name: '放大' }).tap();
    await until('a stop follows', () => what().slice(before).includes('stop'));
    found.push(...(await look(page, 'watch-narrow')));
    assert.deepEqual(found, []);
    // Of the wrong password.
    assert.deepEqual(
      faults.filter((fault) => !/502/.test(fault)),
      [],
    );
  });
});
