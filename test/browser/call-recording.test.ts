/*
 * A call that a participant records as a stream: Chromium with fake devices, which show a counter on green
 * and beep once a second.
 */
import assert from 'node:assert/strict';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { StreamView } from '../../src/api/shapes.ts';
import { placesOf } from '../../web/src/rooms/call/record/grid.ts';
import { run } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { measureAlone } from './alone.ts';
import { violations } from './axe.ts';
import { connectToServer, joinCall as joinWithoutPage } from './call-page.ts';
import { collectFaults, fakeDevicesAt, type Looks, launchBrowser, openVisitor } from './chromium.ts';
import { overflowing } from './overflow.ts';
import { openEmptyPage } from './webrtc-page.ts';

const adminToken = 'let-me-in-please';
const password = 'a long password for a test';
const badge = 'Recorded by Administrator';
/** Between looks at the recording, which take a decoder. */
const LOOK_MS = 1_000;
/** A small picture: the machine also draws, encodes and decodes all cameras. */
const size = { width: 640, height: 360 };

suite('a recorded call', { skip: need('chromium') || need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let room: string;
  /** Records. */
  let ann: Page;
  let ben: Page;
  const faults: string[][] = [];

  before(async () => {
    opened.use(await measureAlone()); // many pages encode and decode at once
    folder = opened.use(await openFolder('call-recording'));
    server = opened.use(
      await startServer({
        data: join(folder.path, 'data'),
        sample: false,
        adminToken,
        ingest: ['webrtc'],
        args: ['--accounts-sign-up', 'open'],
      }),
    );
    browser = await launchBrowser(fakeDevicesAt(10)); // fewer pictures than the shared one's camera
    opened.defer(() => browser.close());
    const recorder = opened.use(await openVisitor(browser, { width: 1280, height: 800 }));
    const headers = { origin: server.url };
    await recorder.request.post(`${server.url}/api/v1/sessions`, { headers, data: { token: adminToken } });
    const created = await recorder.request.post(`${server.url}/api/v1/rooms`, { headers, data: { name: 'Den' } });
    ({ id: room } = (await created.json()) as { id: string });
    ann = await open(recorder);
    ben = await open(await signUp('ben'));
  });
  after(() => opened.disposeAsync());

  async function signUp(name: string, looks: Looks = {}): Promise<BrowserContext> {
    const context = opened.use(await openVisitor(browser, looks));
    const headers = { origin: server.url };
    const user = await context.request.post(`${server.url}/api/v1/users`, { headers, data: { name, password } });
    assert.equal(user.status(), 201);
    return context;
  }

  async function open(context: BrowserContext): Promise<Page> {
    const page = await context.newPage();
    faults.push(collectFaults(page));
    await enter(page);
    return page;
  }

  async function enter(page: Page): Promise<void> {
    await page.goto(`${server.url}/rooms/${room}`);
    await page.getByRole('button', { name: 'Join with sound' }).click();
    await page.getByRole('heading', { name: 'Den' }).waitFor();
  }

  const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();
  const bar = (page: Page, words: string) =>
    page.getByRole('region', { name: 'Recording', exact: true }).getByText(words, { exact: true });
  const view = (name: string) => server.json<StreamView>(`/api/v1/streams/${name}`);
  const keysOf = async (name: string) =>
    (await server.json<{ items: readonly unknown[] }>(`/api/v1/streams/${name}/keys`)).items.length;

  async function joinCall(page: Page, withCamera = true): Promise<void> {
    await press(page, 'Join call');
    await page.getByRole('button', { name: 'Turn microphone off' }).waitFor();
    if (withCamera) await press(page, 'Turn camera on');
  }

  async function record(page: Page, fill: () => Promise<void>): Promise<void> {
    await press(page, 'Record call');
    await page.getByRole('dialog', { name: 'Record call' }).waitFor();
    await fill();
    await page.getByLabel('Quality').selectOption('360');
    await press(page, 'Start recording');
    await bar(page, 'Recording').waitFor();
  }

  /** The last seconds of a stream as a file. */
  async function lastSeconds(name: string, seconds = 3): Promise<string> {
    const toMs = Date.parse((await view(name)).recorded.to!);
    const path = join(folder.path, `${toMs}.ts`);
    await writeFile(path, await server.bytes(`/clip/${name}/${toMs - seconds * 1000}/${toMs}.ts`));
    return path;
  }

  /**
   * Which of the pictures of this many people in the recording are of the fake camera: its green is at the
   * right, above the middle.
   */
  async function greenOf(name: string, people: number, look = ''): Promise<readonly boolean[]> {
    const file = await lastSeconds(name);
    const still = join(folder.path, 'still.png');
    await run('ffmpeg', [
      '-y',
      '-v',
      'error',
      '-skip_frame',
      'nokey',
      '-i',
      file,
      '-an',
      '-fps_mode',
      'passthrough',
      '-update',
      '1',
      still,
    ]);
    const { stdout } = await run('ffmpeg', ['-v', 'error', '-i', still, '-pix_fmt', 'rgb24', '-f', 'rawvideo', '-']);
    assert.equal(stdout.length, size.width * size.height * 3, 'the picture has the size that was chosen');
    if (look !== '') await keep(still, look);
    const isGreen = (x: number, y: number) => {
      const at = (Math.round(y) * size.width + Math.round(x)) * 3;
      const [red, green, blue] = stdout.subarray(at, at + 3) as unknown as [number, number, number];
      return green > 80 && green > red + 30 && green > blue + 30;
    };
    return placesOf(size, people, 0).people.map(({ x, y, width, height }) => {
      assert.ok(!isGreen(x - 2, y + height / 2), `there are ${people} pictures`);
      return isGreen(x + width * 0.85, y + height * 0.3);
    });
  }

  /** The loudest sample of the last seconds, dB. */
  async function loudnessOf(name: string): Promise<number> {
    const file = await lastSeconds(name);
    const { stderr } = await run('ffmpeg', ['-i', file, '-vn', '-af', 'volumedetect', '-f', 'null', '-']);
    return Number(/max_volume: (-?[\d.]+) dB/.exec(stderr)?.[1] ?? -100);
  }

  async function shows(name: string, expected: readonly boolean[], look = ''): Promise<void> {
    const wanted = expected.join();
    const sees = async () => {
      const found = (await greenOf(name, expected.length, look)).join();
      if (found !== wanted) throw new Error(found);
      return true;
    };
    await until(`the recording shows ${wanted}`, sees, { everyMs: LOOK_MS });
  }

  test('only who may create streams can record', async () => {
    await joinCall(ann);
    await joinCall(ben);
    await ann.getByRole('button', { name: 'Record call' }).waitFor();
    assert.equal(await ben.getByRole('button', { name: 'Record call' }).count(), 0);
    assert.equal(await ben.getByText(badge).count(), 0);
  });

  test('a call becomes a stream that is live and recorded, and everyone sees who records', async () => {
    await record(ann, async () => {
      await ann.getByLabel('Name', { exact: true }).waitFor();
      assert.equal(await ann.getByLabel('Name', { exact: true }).inputValue(), 'call-den');
      assert.deepEqual(await violations(ann, 'the dialog', { within: ['dialog[open]'] }), []);
      await shot(ann, 'dialog-1280');
    });
    await ben.locator('.recorded', { hasText: badge }).waitFor();
    await ben.getByRole('status').getByText(badge).waitFor();
    await ann.locator('.recorded', { hasText: badge }).waitFor();
    await server.stream('call-den');
    await until('the server names the tracks', async () => (await view('call-den')).tracks.length === 2);
    assert.deepEqual(
      (await view('call-den')).tracks.map(({ codecs }) => codecs.replace(/\..*/, '')),
      ['avc1', 'opus'],
    );
    await until('five seconds are recorded', async () => (await view('call-den')).recorded.seconds >= 5);
    await shows('call-den', [true, true], 'two');
    await until('a voice is heard', async () => (await loudnessOf('call-den')) > -50, { everyMs: LOOK_MS });
    assert.equal(
      await ann.getByRole('link', { name: 'Stream page' }).getAttribute('href'),
      '/watch/call-den',
      'the link to the stream',
    );
    assert.deepEqual(await violations(ann, 'recording'), []);
    assert.deepEqual(await violations(ben, 'recorded'), []);
    await shot(ann, 'room-1280');
  });

  test('the recording follows cameras and microphones, and has the voices of the others', async () => {
    await press(ben, 'Turn camera off');
    await press(ann, 'Turn microphone off');
    await shows('call-den', [true, false], 'without-camera');
    const isHeard = async () => (await loudnessOf('call-den')) > -50;
    await until('the voice of the other one is heard', isHeard, { everyMs: LOOK_MS });
    await press(ben, 'Turn microphone off');
    await until('both are silent', async () => (await loudnessOf('call-den')) < -60, { everyMs: LOOK_MS });
    await press(ben, 'Turn microphone on');
    await press(ann, 'Turn microphone on');
    await press(ben, 'Turn camera on');
    await shows('call-den', [true, true]);
  });

  test('who enters later sees it before joining; a phone shows all of it', async () => {
    const cleo = await open(await signUp('cleo', { width: 320, height: 640, colorScheme: 'dark', touch: true }));
    await cleo.locator('.recorded', { hasText: badge }).waitFor();
    assert.deepEqual(await overflowing(cleo), []);
    await shot(cleo, 'outside-320');
    await joinCall(cleo);
    await cleo.locator('.recorded', { hasText: badge }).waitFor();
    assert.deepEqual(await overflowing(cleo), []);
    assert.deepEqual(await violations(cleo, 'recorded, on a phone'), []);
    await shot(cleo, 'inside-320');
    await shows('call-den', [true, true, true], 'three');
    await press(cleo, 'Leave call');
    await shows('call-den', [true, true]);
    await cleo.close();
    await ann.setViewportSize({ width: 390, height: 844 });
    assert.deepEqual(await overflowing(ann), []);
    await shot(ann, 'room-390');
    await ann.setViewportSize({ width: 320, height: 640 });
    assert.deepEqual(await overflowing(ann), []);
    await ann.setViewportSize({ width: 1280, height: 800 });
  });

  test('the recording continues when the server forwards', async () => {
    const context = await signUp('dan');
    await context.grantPermissions(['local-network-access'], { origin: server.url });
    const pages: Page[] = [];
    for (let at = 0; at < 3; at++) {
      const page = await openEmptyPage(context, server.url);
      await joinWithoutPage(page, room);
      pages.push(page);
    }
    for (const page of pages) await connectToServer(page);
    await shows('call-den', [true, true, true, true, true], 'forwarded');
    await bar(ann, 'Recording').waitFor();
    await context.close();
    await shows('call-den', [true, true]);
  });

  test('leaving the page asks first', async () => {
    await ann.getByRole('link', { name: 'Library' }).click();
    await ann.getByRole('dialog').getByText('You are recording the call.').waitFor();
    assert.deepEqual(await violations(ann, 'the question', { within: ['dialog[open]'] }), []);
    await press(ann, 'Cancel');
    await bar(ann, 'Recording').waitFor();
  });

  test('Stop recording ends the stream, revokes its key and removes the note', async () => {
    await press(ann, 'Stop recording');
    await ben.locator('.recorded').waitFor({ state: 'detached' });
    await ben.getByRole('status').getByText('This call is no longer recorded').waitFor();
    await bar(ann, 'Recording ended').waitFor();
    await ann.getByRole('button', { name: 'Record call' }).waitFor();
    await until('the key is gone', async () => (await keysOf('call-den')) === 0);
    await until('it is over', async () => (await view('call-den')).state !== 'live');
    await until('the call continues', () =>
      ben
        .locator('.call video:not(.mirrored)')
        .evaluateAll((all) => (all as HTMLVideoElement[]).every(({ videoWidth }) => videoWidth > 0)),
    );
  });

  test('a stream that has a publisher is refused in words, and the note goes away', async () => {
    const other = await ann.context().newPage();
    await other.goto(`${server.url}/studio/call-den`);
    await press(other, 'Turn on camera');
    await press(other, 'Go live');
    await other.locator('.stage .word', { hasText: 'Live' }).waitFor();
    await press(ann, 'Record call');
    await ann.getByLabel('Stream', { exact: true }).selectOption('call-den');
    await press(ann, 'Start recording');
    await ann.getByText('Another publisher is live on this stream').waitFor();
    await ann.getByRole('button', { name: 'Record call' }).waitFor();
    await ben.locator('.recorded').waitFor({ state: 'detached' });
    await press(other, 'Stop');
    await until('the keys are gone', async () => (await keysOf('call-den')) === 0);
    await other.close();
    faults[0]!.length = 0; // the refused request
  });

  test('leaving the call and reloading the page end the recording', async () => {
    await record(ann, async () => void (await ann.getByLabel('Stream', { exact: true }).selectOption('call-den')));
    await ben.locator('.recorded', { hasText: badge }).waitFor();
    await press(ann, 'Leave call');
    await ben.locator('.recorded').waitFor({ state: 'detached' });
    await until('the key is gone', async () => (await keysOf('call-den')) === 0);
    await joinCall(ann);
    await record(ann, async () => void (await ann.getByLabel('Stream', { exact: true }).selectOption('call-den')));
    await ben.locator('.recorded', { hasText: badge }).waitFor();
    ann.on('dialog', (dialog) => void dialog.accept());
    await enter(ann);
    await ben.locator('.recorded').waitFor({ state: 'detached' });
    await until('it is over', async () => (await view('call-den')).state !== 'live');
    // A frame that was not closed is reported when it is collected.
    const inspector = await ann.context().newCDPSession(ann);
    await inspector.send('HeapProfiler.collectGarbage');
    for (const each of faults) assert.deepEqual(each, []);
  });
});

async function keep(file: string, name: string): Promise<void> {
  const { LOOK } = process.env;
  if (LOOK === undefined) return;
  await mkdir(LOOK, { recursive: true });
  await copyFile(file, join(LOOK, `${name}.png`));
}

async function shot(on: Page, name: string): Promise<void> {
  const { LOOK } = process.env;
  if (LOOK === undefined) return;
  await mkdir(LOOK, { recursive: true });
  await on.screenshot({ path: join(LOOK, `${name}.png`), fullPage: true });
}
