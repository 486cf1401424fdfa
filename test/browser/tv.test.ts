/**
 * The pages of a television, driven by arrow keys and OK: a phone connects it by the code that it shows, it
 * plays a room in step with another page, and streams.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { need } from '../fixtures/need.ts';
import { openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { isFull } from '../full.ts';
import { violations } from './axe.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
import { lookAt, takeFrames } from './frames.ts';
import { overflowing } from './overflow.ts';
import { createStepRoom, distances, figuresOf, inStep, joinRoom, type StepRoom } from './room-step.ts';

/** The promise is 50 ms; a busy machine draws frames late. */
const NEAR_MS = 100;
/** Seconds that are measured. */
const MEASURED_S = isFull ? 20 : 2;
const shots = process.env.OXBOW_SHOTS;

suite('a television', { skip: need('chromium') || need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let server: Server;
  let browser: Browser;
  let room: StepRoom;
  let tv: Page;
  let faults: string[];

  before(async () => {
    const folder = opened.use(await openFolder('tv'));
    const args = [...smallPicture, '--accounts-sign-up', 'open'];
    server = opened.use(await startServer({ data: join(folder.path, 'data'), args }));
    await server.stream('demo');
    room = opened.use(await createStepRoom(server, 'demo'));
    browser = await openBrowser();
    opened.defer(() => browser.close());
    const context = await openVisitor(browser, { width: 1920, height: 1080, colorScheme: 'dark' });
    tv = await context.newPage();
    faults = collectFaults(tv);
  });
  after(() => opened.disposeAsync());

  const shot = async (page: Page, name: string) => {
    if (shots) await page.screenshot({ path: join(shots, `tv-${name}.png`) });
  };
  const focused = () =>
    tv.evaluate(() => document.activeElement?.getAttribute('href') ?? document.activeElement?.tagName);

  test('a phone connects it to a room by the code that it shows, and it is in step there', async () => {
    await tv.goto(`${server.url}/tv`);
    await tv.getByRole('heading', { name: 'Sign in with your phone' }).waitFor();
    await tv.locator('a[href="/tv/watch/demo"]').waitFor();
    const code = (await tv.locator('.code').innerText()).trim();
    assert.match(code, /^[A-Z]{4} [A-Z]{4}$/);
    assert.deepEqual(await violations(tv, 'the first page'), []);
    await shot(tv, 'code');

    const context = await openVisitor(browser, { width: 390, height: 844, colorScheme: 'dark', touch: true });
    const phone = await context.newPage();
    const answer = await context.request.post(`${server.url}/api/v1/users`, {
      data: { name: 'Ann', password: 'a long password for a test' },
      headers: { origin: server.url },
    });
    assert.equal(answer.status(), 201);
    await phone.goto(`${server.url}/rooms/${room.id}`);
    await phone.getByRole('button', { name: 'Join without sound' }).click();
    await phone.locator('section.player').first().waitFor();
    await phone.goto(`${server.url}/tv/link#${code.replace(' ', '')}`);
    await phone.getByRole('option', { name: 'Step' }).waitFor({ state: 'attached' });
    await phone.getByLabel('It opens').selectOption({ label: 'Step' });
    assert.deepEqual(await violations(phone, 'the page of the phone'), []);
    assert.deepEqual(await overflowing(phone), []);
    await shot(phone, 'link');
    await takeFrames(tv, 5);
    const pressedMs = Date.now();
    await phone.getByRole('button', { name: 'Connect' }).click();
    await phone.getByText('The television is connected.').waitFor();
    await context.close();

    await tv.waitForURL(`**/tv/rooms/${room.id}`);
    await inStep(tv, room, pressedMs);
    await shot(tv, 'room');
    const { page: bob, pressedMs: bobMs } = await joinRoom(browser, server.url, room, 'Bob', 5);
    await inStep(bob, room, bobMs);
    await until('both show the same frame at the same time', async () => {
      const { p95 } = figuresOf(await distances([tv, bob], room, MEASURED_S));
      if (!(p95 <= NEAR_MS)) throw new Error(`p95 is ${p95} ms`);
      if (shots) console.log(`p95 between the television and a page: ${p95} ms`);
      return true;
    });
    await bob.context().close();
    await room.command('pause');
    await tv.getByRole('heading', { name: 'Control and chat' }).waitFor();
    await shot(tv, 'paused');
    assert.deepEqual(await violations(tv, 'a room on the television'), []);
    await room.command('play');
  });

  test('arrows and OK choose a stream, step in it and reach its controls; Back leaves', async () => {
    await tv.keyboard.press('Escape');
    await tv.waitForURL('**/tv');
    await until('the first card has the focus', async () => (await focused()) === '/tv/watch/demo');
    assert.equal(await tv.locator('.code').count(), 0, 'it is signed in');
    await tv.keyboard.press('ArrowDown');
    assert.equal(await focused(), `/tv/rooms/${room.id}`, 'the room of its person');
    await tv.keyboard.press('ArrowUp');
    await shot(tv, 'home');
    await tv.keyboard.press('Enter');
    await tv.waitForURL('**/tv/watch/demo');
    const shown = () => lookAt(tv);
    const before = await until('it plays', async () => {
      const look = await shown();
      return look?.utcMs !== null && look?.paused === false && look;
    });
    assert.ok(before);
    await tv.keyboard.press('ArrowLeft');
    await until('it shows what was ten seconds ago', async () => {
      const look = await shown();
      return look?.utcMs != null && Date.now() - look.utcMs > 9_000;
    });
    await tv.keyboard.press('Enter');
    await until('OK has paused it', async () => (await shown())?.paused === true);
    await tv.keyboard.press('ArrowDown');
    await until('its controls have the focus', () =>
      tv.evaluate(() => document.activeElement?.closest('.controls') !== null),
    );
    await shot(tv, 'watch');
    await tv.keyboard.press('ArrowUp');
    assert.equal(await focused(), 'BODY');
    await tv.keyboard.press('Escape');
    await tv.waitForURL('**/tv');
    assert.deepEqual(faults, []);
  });
});
