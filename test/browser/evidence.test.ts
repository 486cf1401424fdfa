/**
 * The page that verifies files: an exported file is proved in the browser, a changed one is not, and nothing
 * is sent.
 */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, runOxbow, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { firstOf } from '../full.ts';
import { violations } from './axe.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
import { overflowing } from './overflow.ts';

const adminToken = 'let-me-in-please';
const shots = process.env.OXBOW_SHOTS;

const looks = [
  {
    ...({ width: 390, height: 844, colorScheme: 'dark', locale: 'zh-CN' } as const),
    names: {
      ok: 'door.mp4 完整且未被改动。',
      bad: 'bent.mp4 无法得到证明。',
      changed: '媒体被改动',
      known: '本服务器的密钥',
    },
  },
  {
    ...({ width: 1440, height: 900, colorScheme: 'light', locale: 'en-US' } as const),
    names: {
      ok: 'door.mp4 is complete and unchanged.',
      bad: 'bent.mp4 is not proved.',
      changed: 'Media was changed',
      known: 'a key of this server',
    },
  },
  {
    ...({ width: 390, height: 844, colorScheme: 'light', locale: 'en-US' } as const),
    names: {
      ok: 'door.mp4 is complete and unchanged.',
      bad: 'bent.mp4 is not proved.',
      changed: 'Media was changed',
      known: 'a key of this server',
    },
  },
] as const;

suite('verifying a file, in a browser', { skip: need('chromium') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  const file = (name: string) => join(folder.path, name);

  before(async () => {
    folder = await openFolder('evidence-page');
    const data = file('data');
    server = await startServer({ args: smallPicture, data, adminToken });
    await until('some of it is recorded', async () => (await server.stream('demo')).recorded.seconds > 12);
    const { from } = (await server.stream('demo')).recorded;
    const args = ['export', 'demo', '--from', from!, '--duration', '10s', '-o', file('door.mp4'), '--data', data];
    const exported = await runOxbow(args);
    assert.equal(exported.code, 0, exported.stderr);
    const apart = await runOxbow(args.map((arg) => arg.replace('door.mp4', 'door.ts')));
    assert.equal(apart.code, 0, apart.stderr);
    const fromMs = Date.parse(from!);
    await writeFile(file('clip.mkv'), await server.bytes(`/clip/demo/${fromMs}/${fromMs + 8000}.mkv`));
    await writeFile(file('clip.mp4'), await server.bytes(`/clip/demo/${fromMs}/${fromMs + 8000}.mp4`));
    const bent = await readFile(file('door.mp4'));
    bent[bent.indexOf('mdat') + 60_000]! ^= 1;
    await writeFile(file('bent.mp4'), bent);
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  for (const { width, height, colorScheme, locale, names } of firstOf(2, looks)) {
    test(`an exported file is proved, and a changed one is not, ${width} wide in ${locale}`, async () => {
      await using context = await openVisitor(browser, { width, height, colorScheme, locale });
      const page = await context.newPage();
      const faults = collectFaults(page);
      const posted: string[] = [];
      page.on('request', (request) => {
        if (request.method() !== 'GET') posted.push(request.url());
      });
      await page.goto(`${server.url}/verify`);
      const chooser = page.locator('input[type=file]');
      await chooser.waitFor({ state: 'attached' });
      if (shots)
        await page.screenshot({ path: `${shots}/verify-${locale}-${width}-${colorScheme}.png`, fullPage: true });
      const found = [...(await violations(page, 'verify')), ...(await overflowing(page))];
      await chooser.setInputFiles(file('door.mp4'));
      await page.getByText(names.ok).waitFor();
      await page.getByText(names.known).waitFor();
      if (shots)
        await page.screenshot({ path: `${shots}/proved-${locale}-${width}-${colorScheme}.png`, fullPage: true });
      found.push(...(await violations(page, 'proved')), ...(await overflowing(page)));
      for (const clip of ['clip.mp4', 'clip.mkv']) {
        await chooser.setInputFiles(file(clip));
        await page.getByText(names.ok.replace('door.mp4', clip)).waitFor();
      }
      await chooser.setInputFiles([file('door.ts'), file('door.ts.evidence')]);
      await page.getByText(names.ok.replace('door.mp4', 'door.ts')).waitFor();
      if (shots)
        await page.screenshot({ path: `${shots}/apart-${locale}-${width}-${colorScheme}.png`, fullPage: true });
      found.push(...(await overflowing(page)));
      await chooser.setInputFiles(file('bent.mp4'));
      await page.getByText(names.bad).waitFor();
      await page.getByText(names.changed).first().waitFor();
      if (shots) await page.screenshot({ path: `${shots}/bent-${locale}-${width}-${colorScheme}.png`, fullPage: true });
      found.push(...(await violations(page, 'bent')), ...(await overflowing(page)));
      assert.deepEqual(posted, [], 'nothing is uploaded');
      assert.deepEqual(found, []);
      assert.deepEqual(faults, []);
    });
  }
});
