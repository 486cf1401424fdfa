import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { StreamView } from '../../src/api/shapes.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { violations } from './axe.ts';
import { collectFaults, openBrowser, openVisitor, withoutEarlyWindows } from './chromium.ts';
import { overflowing } from './overflow.ts';

const adminToken = 'let-me-in-please';
/** Seconds of each key frame interval that the tests publish. */
const KEY_S = { good: 1, bad: 10 };

/** An encoder: a test picture with a tone, from ffmpeg. */
function publish(url: string, keyS: number, out = ['-f', 'flv']): ChildProcess {
  const input = [
    '-re',
    '-f',
    'lavfi',
    '-i',
    'testsrc2=size=320x180:rate=25',
    '-f',
    'lavfi',
    '-i',
    'sine=sample_rate=48000',
  ];
  const video = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p'];
  const keys = ['-g', String(25 * keyS), '-keyint_min', String(25 * keyS), '-sc_threshold', '0'];
  const audio = ['-c:a', 'aac', '-b:a', '64k'];
  const args = ['-hide_banner', '-loglevel', 'error', ...input, ...video, ...keys, ...audio, ...out, url];
  return spawn('ffmpeg', args, { stdio: 'ignore' });
}

suite('the page Go live', { skip: need('chromium') || need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let visitor: BrowserContext;
  let page: Page;
  let faults: string[];
  let encoder: ChildProcess | undefined;

  before(async () => {
    folder = opened.use(await openFolder('go-live'));
    const args = ['--rtmp', '127.0.0.1:0', '--srt', '127.0.0.1:0'];
    server = opened.use(await startServer({ data: join(folder.path, 'data'), adminToken, args }));
    browser = await openBrowser();
    opened.defer(() => browser.close());
    visitor = await openVisitor(browser);
    page = await visitor.newPage();
    faults = collectFaults(page);
  });
  after(async () => {
    encoder?.kill('SIGKILL');
    await opened.disposeAsync();
  });

  /** The light, in words. */
  const light = (words: string, on = page) => on.locator('.status .word', { hasText: words }).waitFor();
  const field = (label: string, on = page) => on.getByLabel(label, { exact: true }).inputValue();
  /**
   * Creates a stream key with the form as it is, and waits until the fields have it instead of KEY or another
   * one.
   */
  const createKey = async () => {
    const name = page.getByLabel('Stream key', { exact: true });
    const before = (await name.count()) === 0 ? '' : await name.inputValue();
    const make = page.getByRole('button', { name: 'Create stream key' });
    const another = page.getByRole('button', { name: 'Create another key' });
    await make.or(another).waitFor();
    if (await another.isVisible()) await another.click();
    await make.click();
    await until('the key is shown', async () => {
      const now = await name.inputValue();
      return now !== before && /key=ok_/.test(now);
    });
  };
  const stop = async () => {
    encoder?.kill('SIGKILL');
    encoder = undefined;
    await until('the publisher has left', async () => {
      const { publisher } = await server.json<StreamView>('/api/v1/streams/studio');
      return publisher === null;
    });
  };

  async function shot(on: Page, name: string): Promise<void> {
    const { LOOK } = process.env;
    if (LOOK === undefined) return;
    await mkdir(LOOK, { recursive: true });
    await on.screenshot({ path: join(LOOK, `${name}.png`), fullPage: true });
  }

  test('is reached from the Create menu, requires signing in, and creates a stream with its key', async () => {
    await page.goto(`${server.url}/`);
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('menuitem', { name: 'Go live' }).click();
    await page.waitForURL('**/go-live');
    await page.getByRole('button', { name: 'Sign in on this computer' }).click();
    await page.getByLabel('Name', { exact: true }).fill('Not a name');
    await page.getByRole('alert').getByText('Start with a letter or digit').waitFor();
    await page.getByLabel('Name', { exact: true }).fill('studio');
    await page.getByLabel('Title for viewers').fill('Evening show');
    await page.getByLabel('Who can watch').selectOption('unlisted');
    assert.deepEqual(await violations(page, 'the form'), []);
    await page.getByRole('button', { name: 'Create stream key' }).click();
    await page.waitForURL('**/go-live/studio');
    await page.getByRole('heading', { name: 'Go live: Evening show' }).waitFor();
    const view = await server.json<StreamView>('/api/v1/streams/studio');
    assert.deepEqual([view.source.type, view.visibility, view.title], ['push', 'unlisted', 'Evening show']);
  });

  test('shows the fields of OBS once, with the key hidden, and commands for other programs', async () => {
    await light('Waiting for publisher');
    await page.getByText('it is shown only once').waitFor();
    await page.getByText('accepts connections from this computer only').waitFor();
    const key = page.getByLabel('Stream key', { exact: true });
    assert.match(await field('Server'), /^rtmp:\/\/127\.0\.0\.1:\d+\/live$/);
    assert.match(await key.inputValue(), /^studio\?key=ok_\S+$/);
    assert.equal(await key.getAttribute('type'), 'password');
    await page.getByRole('tab', { name: 'ffmpeg' }).click();
    await page.getByText('ffmpeg -re -i video.mp4').waitFor();
    assert.equal(await page.getByText('ok_').count(), 0, 'the key is hidden in commands too');
    await page.getByRole('radio', { name: 'SRT' }).check();
    await page.getByText('-f mpegts').first().waitFor();
    await page.getByRole('tab', { name: 'Phone' }).click();
    await page.getByRole('button', { name: 'Show QR code' }).click();
    await page.getByRole('img', { name: 'QR code' }).waitFor();
    assert.deepEqual(await violations(page, 'the QR code'), []);
    await page.getByRole('tab', { name: 'OBS' }).click();
    assert.match(await field('Server'), /^srt:\/\/127\.0\.0\.1:\d+\?streamid=publish:studio:ok_/);
    await page.getByRole('radio', { name: 'RTMP' }).check();
  });

  test('the light turns green when an encoder publishes, with figures and the picture that viewers see', async () => {
    assert.deepEqual(faults, [], 'before the player requests anything');
    encoder = publish(`${await field('Server')}/${await field('Stream key')}`, KEY_S.good);
    await light('Live');
    await page.getByText('H.264 320 × 180').waitFor();
    await page.getByText('25 fps').first().waitFor();
    await page.getByText('The settings of your encoder are good.').waitFor();
    await until('the preview plays', () =>
      page
        .locator('.preview video')
        .evaluateAll((all) => all.some((video) => (video as HTMLVideoElement).currentTime > 0)),
    );
    await page.locator('.host canvas').first().waitFor();
    const canScroll = await page.evaluate(() => document.documentElement.scrollHeight > window.innerHeight);
    assert.ok(canScroll, 'the style of the embedded page, whose parts show the picture, holds there alone');
    await shot(page, 'live-light');
    assert.deepEqual(await violations(page, 'live, light'), []);
    await page.emulateMedia({ colorScheme: 'dark' });
    await shot(page, 'live-dark');
    assert.deepEqual(await violations(page, 'live, dark'), []);
    await page.emulateMedia({ colorScheme: 'light' });
  });

  test('nothing is wider than a phone, also in Chinese and in the dark', async () => {
    for (const [locale, colorScheme, words] of [
      ['en-US', 'light', 'Live'],
      ['zh-CN', 'dark', '直播中'],
    ] as const) {
      await using other = await openVisitor(browser, { width: 390, height: 844, locale, colorScheme });
      await other.request.post(`${server.url}/api/v1/sessions`, { data: { token: adminToken } });
      const phone = await other.newPage();
      await phone.goto(`${server.url}/go-live/studio`);
      await light(words, phone);
      await phone.locator('.host canvas').first().waitFor();
      await phone.locator('.old .button').click();
      await phone.locator('form .button.main').first().click();
      await phone.locator('.tools').waitFor();
      await phone.locator('.buttons .danger').nth(1).waitFor();
      await shot(phone, `phone-${locale}`);
      assert.deepEqual(await overflowing(phone), [], locale);
      assert.deepEqual(await violations(phone, `phone in ${locale}`), []);
    }
  });

  test('the charts are on the watch page too, with a table for screen readers', async () => {
    const watch = await visitor.newPage();
    await watch.goto(`${server.url}/watch/studio`);
    await watch.getByRole('tab', { name: 'Signal' }).click();
    await watch.getByRole('img', { name: /^Bitrate: lowest/ }).waitFor();
    await watch.getByText('Show as table').click();
    await watch.getByRole('rowheader').first().waitFor();
    assert.deepEqual(await violations(watch, 'the tab Signal', { within: ['aside'] }), []);
    await watch.close();
  });

  test('a wrong key is refused in words, and a key frame every 10 s is reported with what to set', async () => {
    await stop();
    await light('Waiting for publisher');
    encoder = publish(`${await field('Server')}/studio?key=ok_wrong`, KEY_S.good);
    await light('Refused');
    await page.getByRole('alert').getByText('The stream key is not valid').waitFor();
    await shot(page, 'refused');
    encoder.kill('SIGKILL');

    encoder = publish(`${await field('Server')}/${await field('Stream key')}`, KEY_S.bad);
    await page.getByText('Keyframe every 10 s').waitFor();
    await page.getByText(/Set the keyframe interval to 2 s\. In OBS/).waitFor();
    await light('Live, needs attention');
    await shot(page, 'key-frames');
    assert.deepEqual(await violations(page, 'needs attention'), []);
  });

  test('with SRT the page shows round trip and packet loss', async () => {
    await stop();
    await page.getByRole('radio', { name: 'SRT' }).check();
    encoder = publish(await field('Server'), KEY_S.good, ['-f', 'mpegts']);
    await page.locator('dt', { hasText: 'Round trip' }).waitFor();
    await page.locator('dt', { hasText: 'Packet loss' }).waitFor();
    await page.getByText('SRT', { exact: true }).and(page.locator('dd')).waitFor();
    await light('Live');
    await page.getByRole('radio', { name: 'RTMP' }).check();
  });

  test('a relay to another stream is added, shows its state, and is deleted', async () => {
    await server.fetch('/api/v1/streams/copy', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ source: { type: 'push' } }),
    });
    const made = await server.fetch('/api/v1/streams/copy/keys', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    const { publish } = (await made.json()) as { publish: { rtmp: { url: string } } };
    await page.getByRole('button', { name: 'Add relay' }).click();
    await page.getByLabel('Platform').selectOption('Another server');
    await page.getByLabel('Address with key').last().fill(publish.rtmp.url);
    assert.deepEqual(await violations(page, 'the relay', { within: ['dialog'] }), []);
    await page.getByRole('dialog').getByRole('button', { name: 'Add relay' }).click();
    const row = page.getByRole('row').filter({ hasText: '/live/' });
    await row.getByText('Live', { exact: true }).waitFor();
    assert.equal(await page.getByText('ok_').count(), 0, 'the key of the target is not shown');
    await server.stream('copy', 'live');
    await row.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await row.waitFor({ state: 'detached' });
  });

  test('a pause keeps the encoder connected', async () => {
    await page.getByRole('button', { name: 'Pause', exact: true }).last().click();
    await light('Paused');
    assert.equal(encoder!.exitCode, null);
    await page.getByRole('button', { name: 'Resume' }).click();
    await light('Live');
  });

  test('ending a stream disconnects the encoder and refuses it until publishing is allowed again', async () => {
    await page.getByRole('button', { name: 'End stream' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'End stream' }).click();
    await page.getByRole('button', { name: 'Allow publishing' }).waitFor();
    await until('the encoder has ended', () => encoder!.exitCode !== null);
    await page.getByRole('button', { name: 'Allow publishing' }).click();
    await light('Waiting for publisher');
  });

  test('a key is rotated with an overlap and revoked after a confirmation, by keyboard', async () => {
    const row = (label: string) => page.getByRole('row').filter({ hasText: label });
    const before = await field('Stream key');
    await page.getByRole('button', { name: 'Rotate First key' }).first().focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate' }).click();
    await until('another key is shown', async () => (await field('Stream key')) !== before);
    await until('both are listed', async () => (await row('First key').count()) === 2);
    await page.getByRole('button', { name: 'Revoke First key' }).first().focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await until('one is listed', async () => (await row('First key').count()) === 1);
  });

  test('a key has an expiry and allowed addresses; wrong ones are explained at their field', async () => {
    await page.getByRole('button', { name: 'New key' }).click();
    await page.getByLabel('Label').fill('Truck');
    await page.getByLabel('Expires', { exact: true }).selectOption('On a date…');
    await page.getByLabel('Date and time').fill('2020-01-01T00:00');
    await page.getByLabel('Allowed addresses').fill('203.0.113.0/24, example.com');
    await page.getByLabel('Label').press('Enter');
    await page.getByText('Choose a time in the future.').waitFor();
    await page.getByText('“example.com” is not an address.').waitFor();
    assert.deepEqual(await violations(page, 'wrong key options'), []);
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('type')), 'datetime-local');
    await page.getByLabel('Date and time').fill('2099-01-01T00:00');
    await page.getByLabel('Allowed addresses').fill('203.0.113.0/24');
    await shot(page, 'key-options');
    await createKey();
    const row = page.getByRole('row').filter({ hasText: 'Truck' });
    await row.getByText('only from 203.0.113.0/24').waitFor();
    assert.match(await row.innerText(), /2099/);
    // This computer is outside the range.
    encoder = publish(`${await field('Server')}/${await field('Stream key')}`, KEY_S.good);
    await light('Refused');
    encoder.kill('SIGKILL');
    await row.getByRole('button', { name: 'Revoke Truck' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await row.waitFor({ state: 'detached' });
  });

  test('an encrypted stream: its address for SRT has latency and passphrase, and an encoder publishes with it', async () => {
    await createKey();
    await page.getByLabel('A second encoder').selectOption('Waits as a backup');
    await page.getByLabel('Picture of the stream').fill('720p');
    await page.getByLabel('SRT latency (ms)').fill('300');
    await page.getByLabel('Encrypt SRT').check();
    await page.getByLabel('Passphrase', { exact: true }).fill('too short');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Enter 10 to 79 letters').waitFor();
    assert.deepEqual(await violations(page, 'the settings'), []);
    await page.getByLabel('Passphrase', { exact: true }).fill('correct-horse');
    await shot(page, 'settings-light');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Settings saved').first().waitFor();
    assert.ok(await page.getByRole('button', { name: 'Save' }).isDisabled(), 'nothing is left to save');
    const { body: source } = await server
      .fetch('/api/v1/streams/studio/source')
      .then(async (r) => ({ body: await r.json() }));
    assert.deepEqual(source, {
      type: 'push',
      audioOffset: '0s',
      audio: 'auto',
      onSecondPublisher: 'standby',
      quality: '720p',
      qualities: null,
      whileAway: 'nothing',
      awayLimit: '10m',
      latency: '300ms',
      address: null,
      backup: null,
      hasPassphrase: true,
    });
    await page.getByRole('radio', { name: 'SRT' }).check();
    assert.match(await field('Server'), /latency=300000&passphrase=correct-horse$/);
    assert.equal(await page.getByLabel('Server', { exact: true }).getAttribute('type'), 'password');
    encoder = publish(await field('Server'), KEY_S.good, ['-f', 'mpegts']);
    await light('Live');
    await stop();
    await page.reload();
    await page.getByRole('radio', { name: 'SRT' }).check();
    await page.getByText('replace PASSPHRASE in the address').waitFor();
    assert.match(await field('Server'), /:KEY&latency=300000&passphrase=PASSPHRASE$/);
    await page.getByLabel('Encrypt SRT').uncheck();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('replace PASSPHRASE in the address').waitFor({ state: 'detached' });
  });

  test('an administrator pauses and resumes a stream on the page of all streams', async () => {
    await page.getByRole('radio', { name: 'RTMP' }).check();
    await createKey();
    encoder = publish(`${await field('Server')}/${await field('Stream key')}`, KEY_S.good);
    await light('Live');
    const admin = await visitor.newPage();
    await admin.goto(`${server.url}/admin/streams`);
    await admin.getByRole('button', { name: 'Actions for studio' }).click();
    await admin.getByRole('menuitem', { name: 'Pause' }).click();
    await shot(admin, 'admin-pause');
    await admin.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
    await admin.getByRole('button', { name: 'Resume studio' }).waitFor();
    await light('Paused');
    assert.equal(encoder.exitCode, null, 'the encoder stays connected');
    await shot(page, 'paused');
    assert.deepEqual(await violations(admin, 'all streams, one paused'), []);
    await admin.getByRole('button', { name: 'Resume studio' }).click();
    await admin.getByRole('button', { name: 'Stop studio' }).waitFor();
    await light('Live');
    await admin.close();
    await stop();
  });

  test('the watch page of a stream without publisher leads administrators here', async () => {
    const watch = await visitor.newPage();
    await watch.goto(`${server.url}/watch/studio`);
    await watch.getByRole('link', { name: 'Go live' }).click();
    await watch.waitForURL('**/go-live/studio');
    await watch.close();
  });

  test('no console error, no failed request', () => {
    // The playlist exists a moment after the first picture arrived: the player requests it again.
    const isEarly = (fault: string) => fault.endsWith('/live/studio/index.m3u8 404');
    let early = faults.filter(isEarly).length; // each once more, in the console
    const others = withoutEarlyWindows(faults.filter((fault) => !isEarly(fault)));
    assert.deepEqual(
      others.filter((fault) => !(fault.includes(' 404 ') && early-- > 0)),
      [],
    );
  });
});
