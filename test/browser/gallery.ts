/**
 * `npm run gallery -- [--out DIR] [--pages home,watch] [--widths 390,1280]`: pictures of every page in both themes and languages, and a page
 * that shows them together. For people who look; no test.
 * In: oxbow as its user starts it, with a few streams. Out: PNG files and index.html.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { paths } from '../../web/src/routes.ts';
import { openFolder, startServer } from '../fixtures/server.ts';
import { openBrowser, openVisitor } from './chromium.ts';
import { overflowing } from './overflow.ts';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'coverage/gallery' },
    pages: { type: 'string' },
    widths: { type: 'string' },
  },
});
const adminToken = 'gallery-of-all-pages';
const widths = (values.widths ?? '320,390,1280,1920').split(',').map(Number);
const looks = [
  { colorScheme: 'light', locale: 'en-US' },
  { colorScheme: 'dark', locale: 'zh-CN' },
] as const;
/** The page has settled: pictures are loaded, transitions have ended; milliseconds. */
const SETTLES_MS = 1_500;

/** What is photographed: a name and a path. */
const shots: readonly (readonly [string, string])[] = [
  ['home', '/'],
  ['watch', '/watch/demo'],
  ['watch-past', '/watch/demo?t=-8s'],
  ['watch-off', '/watch/studio'],
  ['watch-unknown', '/watch/unknown'],
  ...Object.entries(paths)
    .filter(([name]) => !['home', 'watch', 'asset', 'room', 'clip', 'admin', 'multi'].includes(name))
    .map(([name, path]) => [name, path.replace(/\/:\w+\??/g, '')] as const),
  ['go-live-studio', '/go-live/studio'],
  ['multi', '/multi?s=demo,gate'],
  ...[
    '',
    '/streams',
    '/storage',
    '/jobs',
    '/workers',
    '/users',
    '/invitations',
    '/access',
    '/audit',
    '/logs',
    '/settings',
  ].map((tab) => [`admin${tab.replace('/', '-')}`, `/admin${tab}`] as const),
  ['missing', '/no-such-page'],
];
const chosen = values.pages?.split(',');

async function photograph(page: Page, base: string, name: string, path: string, file: string): Promise<string[]> {
  await page.goto(base + path);
  await page.locator('main').waitFor();
  if (name.startsWith('watch') && path.includes('demo')) {
    await page.waitForFunction(() =>
      [...document.querySelectorAll('video')].some(({ currentTime }) => currentTime > 0.5),
    );
  }
  await new Promise((resolve) => setTimeout(resolve, SETTLES_MS));
  await page.screenshot({ path: file });
  return overflowing(page);
}

await mkdir(values.out, { recursive: true });
await using folder = await openFolder('gallery');
await using server = await startServer({ data: folder.path, args: ['--log-level', 'warn'], adminToken });
for (const body of [
  { name: 'demo', source: { type: 'test' } },
  { name: 'gate', source: { type: 'test' }, title: 'North gate', description: 'The street in front of the house.' },
  { name: 'studio', source: { type: 'push' }, title: 'Studio' },
]) {
  const made = await server.fetch('/api/v1/streams', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!made.ok) throw new Error(await made.text());
}
const browser = await openBrowser();
const rows: string[] = [];
try {
  for (const look of looks) {
    for (const width of widths) {
      await using visitor = await openVisitor(browser, { ...look, width, height: width < 600 ? 844 : width * 0.5625 });
      await visitor.request.post(`${server.url}/api/v1/sessions`, { data: { token: adminToken } });
      const page = await visitor.newPage();
      for (const [name, path] of shots) {
        if (chosen && !chosen.includes(name)) continue;
        const file = `${name}-${width}-${look.colorScheme}-${look.locale.slice(0, 2)}.png`;
        for (const fault of await photograph(page, server.url, name, path, join(values.out, file))) {
          process.stderr.write(`${file}: ${fault}\n`);
        }
        rows.push(
          `<figure><img src="${file}" loading="lazy" width="${width / 3}" alt=""><figcaption>${file}</figcaption></figure>`,
        );
      }
    }
  }
} finally {
  await browser.close();
}
const style = 'body{font:14px sans-serif;display:flex;flex-wrap:wrap;gap:1rem;align-items:start}figure{margin:0}';
await writeFile(
  join(values.out, 'index.html'),
  `<!doctype html><title>Pages of oxbow</title><style>${style}</style>${rows.join('\n')}\n`,
);
process.stdout.write(`${join(values.out, 'index.html')}: ${rows.length} pictures\n`);
