/*
 * Media servers in the pages: connect them, walk through folders, add films to a room and watch them there.
 */
import assert from 'node:assert/strict';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { run } from '../fixtures/ffmpeg.ts';
import { makeFilm } from '../fixtures/library/film.ts';
import { davUser, startWebDav } from '../fixtures/library/web-dav.ts';
import { need } from '../fixtures/need.ts';
import { serveFolder } from '../fixtures/rooms/folder-server.ts';
import { jellyfinUser, startJellyfin } from '../fixtures/rooms/jellyfin.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { violations } from './axe.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
import { overflowing } from './overflow.ts';

const adminToken = 'let-me-in-please';
const ann = { name: 'ann', password: 'correct horse battery' } as const;
const missing = need('chromium') || need('ffmpeg') || need('apache2');

suite('the pages of media servers', { skip: missing }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let dav: { readonly url: string };
  /** A web site with files, of another origin, without CORS. */
  let foreign: string;
  let jellyfin: { readonly url: string };

  before(async () => {
    folder = opened.use(await openFolder('media-servers'));
    const files = join(folder.path, 'files');
    const show = join(files, 'Shows', 'Harbour & sea');
    await mkdir(show, { recursive: true });
    const film = join(files, 'Harbour.mp4');
    await makeFilm(film, { seconds: 60 });
    await writeFile(join(files, 'Harbour.en.srt'), '1\n00:00:00,000 --> 00:01:00,000\nRain & wind\n');
    await writeFile(join(files, 'Harbour.vtt'), 'WEBVTT\n\n00:00.000 --> 01:00.000\nRain & wind\n');
    await copyFile(film, join(files, 'Sea.mp4'));
    for (let number = 1; number <= 10; number++) await copyFile(film, join(show, `Part ${number}.mp4`));
    await mkdir(join(files, 'dash'));
    const dash = ['-f', 'dash', '-seg_duration', '2', join(files, 'dash', 'index.mpd')];
    assert.equal((await run('ffmpeg', ['-v', 'error', '-i', film, '-c', 'copy', ...dash])).code, 0);
    const site = opened.use(await serveFolder(files));
    foreign = site.url;
    dav = opened.use(await startWebDav(join(folder.path, 'apache'), files));
    jellyfin = opened.use(await startJellyfin(files));
    const args = ['--net-allow', '127.0.0.1/32'];
    server = opened.use(await startServer({ data: join(folder.path, 'data'), args, sample: false, adminToken }));
    const body = JSON.stringify(ann);
    const headers = { 'content-type': 'application/json' };
    assert.equal((await server.fetch('/api/v1/users', { method: 'POST', headers, body })).status, 201);
    browser = await openBrowser();
    opened.defer(() => browser.close());
  });
  after(() => opened.disposeAsync());

  async function signIn(visitor: BrowserContext): Promise<void> {
    assert.equal((await visitor.request.post(`${server.url}/api/v1/sessions`, { data: ann })).status(), 201);
  }

  async function openPage(visitor: BrowserContext, path: string): Promise<{ page: Page; faults: readonly string[] }> {
    const page = await visitor.newPage();
    const faults = collectFaults(page);
    await page.goto(server.url + path);
    return { page, faults };
  }

  async function createRoom(visitor: BrowserContext): Promise<string> {
    const headers = { origin: server.url };
    const made = await visitor.request.post(`${server.url}/api/v1/rooms`, { headers, data: { name: 'Films' } });
    return ((await made.json()) as { id: string }).id;
  }

  async function enterRoom(page: Page): Promise<void> {
    await page.getByRole('button', { name: 'Join without sound' }).click();
    await page.getByRole('tab', { name: 'Playlist' }).click();
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('tab', { name: 'Media servers' }).click();
  }

  /** A text is shown over the picture. */
  async function showsCue(page: Page, text: string): Promise<void> {
    await page.waitForFunction((expected) => {
      const tracks = [...document.querySelector<HTMLVideoElement>('.room video')!.textTracks];
      const cues = tracks.filter(({ mode }) => mode === 'showing').flatMap(({ activeCues }) => [...(activeCues ?? [])]);
      return cues.some((cue) => (cue as VTTCue).getCueAsHTML().textContent === expected);
    }, text);
  }

  /** The position of the picture moves. */
  async function plays(page: Page): Promise<void> {
    await page.waitForFunction(() => {
      const video = document.querySelector('.room video');
      return video instanceof HTMLVideoElement && !video.paused && video.currentTime > 0.5 && video.videoWidth > 0;
    });
  }

  test('a WebDAV server is connected, renamed, signed in at and removed on the page of the account', async () => {
    await using visitor = await openVisitor(browser);
    await signIn(visitor);
    const { page, faults } = await openPage(visitor, '/me');
    const section = page.locator('section').filter({ hasText: 'No media server is connected.' });
    await section.getByRole('button', { name: 'Connect a media server' }).click();
    const dialog = page.locator('dialog[open]');
    assert.deepEqual(await violations(page, 'connect', { within: ['dialog[open]'] }), []);
    const connect = dialog.getByRole('button', { name: 'Connect', exact: true });
    await dialog.getByLabel('Address').fill('media.example');
    await connect.click();
    await dialog.getByText('Enter an address that starts with http:// or https://.').waitFor();
    await dialog.getByLabel('Address').fill('http://10.255.255.1/dav');
    await connect.click();
    await dialog.getByText('This address is in a private network').waitFor();
    await dialog.getByText('net.allow (--net-allow)').waitFor();
    await dialog.getByLabel('Address').fill('http://127.0.0.1:9/');
    await connect.click();
    await dialog.getByText('The server did not answer as a media server').waitFor();
    await dialog.getByLabel('Address').fill(dav.url);
    await dialog.getByLabel('User').fill(davUser.username);
    await dialog.getByLabel('Password').fill('no');
    await connect.click();
    await dialog.getByText('Wrong user or password').waitFor();
    assert.deepEqual(await violations(page, 'wrong password', { within: ['dialog[open]'] }), []);
    await dialog.getByLabel('Password').fill(davUser.password);
    await dialog.getByLabel('Password').press('Enter');
    const row = page.getByRole('list', { name: 'Media servers' }).getByRole('listitem');
    const host = new URL(dav.url).host;
    await row.filter({ hasText: host }).waitFor();
    await page.getByRole('button', { name: `Actions: ${host}` }).click();
    await page.getByRole('menuitem', { name: 'Rename' }).click();
    await dialog.getByLabel('Name').fill('The NAS');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await row.filter({ hasText: 'The NAS' }).waitFor();
    assert.deepEqual(await violations(page, 'account'), []);
    await page.getByRole('button', { name: 'Actions: The NAS' }).click();
    await page.getByRole('menuitem', { name: 'Sign in again' }).click();
    await dialog.getByLabel('User').fill(davUser.username);
    await dialog.getByLabel('Password').fill(davUser.password);
    await dialog.getByRole('button', { name: 'Sign in again' }).click();
    await page.getByText('Signed in at The NAS').last().waitFor();
    await page.getByRole('button', { name: 'Actions: The NAS' }).click();
    await page.getByRole('menuitem', { name: 'Remove' }).click();
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await page.getByText('No media server is connected.').waitFor();
    // What the server refused is in the console; nothing else is.
    const expected = /media-servers 4(?:03|22)|media-servers 502|Failed to load resource/;
    assert.deepEqual(
      faults.filter((fault) => !expected.test(fault)),
      [],
    );
  });

  test('films of WebDAV are found, a whole folder is added, and a friend on a phone watches with the owner', async () => {
    await using visitor = await openVisitor(browser);
    await signIn(visitor);
    const room = await createRoom(visitor);
    const { page, faults } = await openPage(visitor, `/rooms/${room}`);
    await enterRoom(page);
    const dialog = page.locator('dialog[open]');
    await dialog.getByLabel('Address').fill(dav.url);
    await dialog.getByLabel('User').fill(davUser.username);
    await dialog.getByLabel('Password').fill(davUser.password);
    await dialog.getByRole('button', { name: 'Connect', exact: true }).click();

    // By keyboard: into the folders, one film, then back to the top.
    await dialog.getByRole('button', { name: 'Open folder Shows' }).press('Enter');
    await dialog.getByRole('button', { name: 'Open folder Harbour & sea' }).press('Enter');
    await dialog.getByRole('checkbox', { name: 'Select Part 1.mp4' }).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('aria-label')), 'Select Part 1.mp4');
    assert.deepEqual(await violations(page, 'folder', { within: ['dialog[open]'] }), []);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Space');
    assert.equal(await dialog.getByRole('checkbox', { name: 'Select Part 2.mp4' }).isChecked(), true);
    await page.keyboard.press('Backspace');
    await page.keyboard.press('Backspace');
    await dialog.getByRole('button', { name: 'Open folder Shows' }).waitFor();

    // One film and a whole folder with a folder in it.
    await dialog.getByRole('checkbox', { name: 'Select Harbour.mp4' }).check();
    await dialog.getByRole('checkbox', { name: 'Select Shows' }).check();
    await dialog.getByRole('button', { name: 'Add 2 to the playlist' }).click();
    await page.getByText('Entries added: 11').last().waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: /^Harbour & sea/ }).waitFor();
    await page.getByRole('button', { name: 'Play Part 10.mp4' }).waitFor();
    await page.getByRole('button', { name: 'Play Harbour.mp4', exact: true }).click();
    await plays(page);

    await using onPhone = await openVisitor(browser, { width: 390, height: 844, colorScheme: 'dark' });
    const { page: friend, faults: friendFaults } = await openPage(onPhone, `/rooms/${room}`);
    await friend.getByLabel('Your name').fill('Ben');
    await friend.getByRole('button', { name: 'Join without sound' }).click();
    await plays(friend);
    // Subtitles beside the film, in the menu of the player; the next film keeps the choice.
    await friend.getByRole('button', { name: 'Subtitles: Off' }).click();
    await friend.getByRole('menuitemradio', { name: 'English' }).click();
    await showsCue(friend, 'Rain & wind');
    await page
      .getByRole('button', { name: 'Play Harbour.mp4' })
      .or(page.getByRole('button', { name: /^Now playing: Harbour/ }))
      .click();
    await showsCue(friend, 'Rain & wind');
    const source = await friend.evaluate(() => document.querySelector<HTMLVideoElement>('.room video')!.currentSrc);
    assert.match(source, new RegExp(`^${server.url}/api/v1/rooms/${room}/media/`), 'without the address of the server');
    assert.deepEqual([faults, friendFaults], [[], []]);
  });

  test('a link to DASH plays through the server for everyone in step, with its own subtitles', async () => {
    await using visitor = await openVisitor(browser);
    await using other = await openVisitor(browser);
    await signIn(visitor);
    const room = await createRoom(visitor);
    const { page, faults } = await openPage(visitor, `/rooms/${room}`);
    await page.getByRole('button', { name: 'Join without sound' }).click();
    await page.getByRole('tab', { name: 'Playlist' }).click();
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('tab', { name: 'Links' }).click();
    await page.getByRole('textbox', { name: 'Links' }).fill(`Ferry | ${foreign}/dash/index.mpd`);
    await page.getByRole('textbox', { name: 'Subtitles' }).fill(`English | ${foreign}/Harbour.en.srt`);
    assert.deepEqual(await violations(page, 'link', { within: ['dialog[open]'] }), []);
    await page.locator('dialog[open]').getByRole('button', { name: 'Add', exact: true }).click();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Play Ferry', exact: true }).click();
    await plays(page);
    const { page: friend, faults: friendFaults } = await openPage(other, `/rooms/${room}`);
    await friend.getByLabel('Your name').fill('Ben');
    await friend.getByRole('button', { name: 'Join without sound' }).click();
    await plays(friend);
    await friend.getByRole('button', { name: 'Subtitles: Off' }).click();
    await friend.getByRole('menuitemradio', { name: 'English' }).click();
    await showsCue(friend, 'Rain & wind');
    await page.getByRole('tab', { name: 'Members (2)' }).click();
    const ben = page.getByRole('listitem').filter({ hasText: 'Ben' });
    await ben.getByText('In step').waitFor();
    await page.keyboard.press('l'); // ten seconds forward, for both
    await friend.waitForFunction(() => document.querySelector<HTMLVideoElement>('.room video')!.currentTime > 10);
    await ben.getByText('In step').waitFor();
    assert.deepEqual([faults, friendFaults], [[], []]);

    // A link to a file that is not there says so, instead of blaming the browser.
    await page.getByRole('tab', { name: 'Playlist' }).click();
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('tab', { name: 'Links' }).click();
    await page.getByRole('textbox', { name: 'Links' }).fill(`${foreign}/missing%20film.mp4`);
    await page.locator('dialog[open]').getByRole('button', { name: 'Add', exact: true }).click();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Play missing film.mp4' }).click();
    await page.getByRole('alert').getByText('The source did not answer as expected').waitFor();
  });

  test('films of Jellyfin are listed page by page with their lengths and play', async () => {
    await using visitor = await openVisitor(browser, { width: 390, height: 844 });
    await signIn(visitor);
    const headers = { origin: server.url };
    const data = { kind: 'webdav', name: 'NAS', url: dav.url, ...davUser };
    await visitor.request.post(`${server.url}/api/v1/media-servers`, { headers, data });
    const room = await createRoom(visitor);
    const { page, faults } = await openPage(visitor, `/rooms/${room}`);
    await enterRoom(page);
    const dialog = page.locator('dialog[open]').last();
    await dialog.getByRole('button', { name: 'Connect a media server' }).click();
    const second = page.locator('dialog[open]').last();
    await second.getByLabel('Kind').selectOption('Jellyfin');
    await second.getByLabel('Address').fill(jellyfin.url);
    await second.getByLabel('User').fill(jellyfinUser.username);
    await second.getByLabel('Password').fill(jellyfinUser.password);
    await second.getByLabel('Name').fill('Living room');
    await second.getByRole('button', { name: 'Connect', exact: true }).click();
    await dialog.getByRole('button', { name: 'Open folder Films' }).click();
    await dialog.getByText('1:00').waitFor();
    await dialog.getByRole('button', { name: 'Show more' }).click();
    await dialog.getByRole('checkbox', { name: 'Select Sea' }).waitFor();
    assert.deepEqual(await violations(page, 'films', { within: ['dialog[open]'] }), []);
    assert.deepEqual(await overflowing(page), []);
    await dialog.getByRole('checkbox', { name: 'Select all' }).check();
    await dialog.getByRole('button', { name: 'Add 2 to the playlist' }).click();
    await page.getByText('Entries added: 2').last().waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Play Sea' }).click();
    await plays(page);
    assert.deepEqual(faults, []);
  });
});
