/**
 * `npm run gallery -- [--out DIR] [--pages home,watch] [--widths 390,1280]`: pictures of every page in both
 * themes and languages, and a page that shows them together. `--docs` writes the pictures of docs/ instead;
 * `--stay` prints the address and waits for Ctrl-C. For people who look; no test.
 * In: oxbow as its user starts it, with the content of gallery/content.ts. Out: PNG files and index.html.
 */
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { adminTabs, paths } from '../../web/src/routes.ts';
import { openFolder, startServer } from '../fixtures/server.ts';
import { launchBrowser, openVisitor } from './chromium.ts';
import { fillServer, visitor as signedIn } from './gallery/content.ts';
import { photographDocs } from './gallery/docs.ts';
import { overflowing } from './overflow.ts';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'coverage/gallery' },
    pages: { type: 'string' },
    widths: { type: 'string' },
    docs: { type: 'boolean', default: false },
    stay: { type: 'boolean', default: false },
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

const chosen = values.pages?.split(',');

/** What is photographed: a name and a path. */
function shots({ asset, clip, room }: Awaited<ReturnType<typeof fillServer>>): readonly (readonly [string, string])[] {
  return [
    ['home', '/'],
    ['watch', '/watch/harbour'],
    ['watch-past', `/watch/harbour?t=${Math.round(Date.now() / 1000) - 20}`],
    ['watch-off', '/watch/studio'],
    ['watch-unknown', '/watch/unknown'],
    ...Object.entries(paths)
      .filter(([name]) => !['home', 'watch', 'asset', 'room', 'clip', 'admin', 'multi'].includes(name))
      .map(([name, path]) => [name, path.replace(/\/:\w+\??/g, '')] as const),
    ['asset', `/library/${asset}`],
    ['clip', `/c/${clip}`],
    ['room', `/rooms/${room}`],
    ['go-live-harbour', '/go-live/harbour'],
    ['go-live-studio', '/go-live/studio'],
    ['multi', '/multi?s=harbour,gate,hut'],
    ...adminTabs.map((tab) => [`admin-${tab}`, `/admin/${tab}`] as const),
    ['missing', '/no-such-page'],
  ];
}

async function photograph(page: Page, base: string, name: string, path: string, file: string): Promise<string[]> {
  await page.goto(base + path);
  await page.locator('main').waitFor();
  if (name === 'room') await page.getByRole('button', { name: /^(Join without sound|静音进入)$/ }).click();
  if (name.startsWith('watch') && path.includes('harbour')) {
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
await using server = await startServer({
  data: join(folder.path, 'data'),
  args: ['--log-level', 'info'],
  adminToken,
  ingest: ['rtmp'],
});
const browser = await launchBrowser();
const rows: string[] = [];
try {
  await using content = await fillServer(server, browser, folder.path);
  if (values.docs) await photographDocs(server, browser, content, SETTLES_MS);
  else if (values.stay) {
    process.stdout.write(`${server.url} (${signedIn.name}, ${signedIn.password}) ${JSON.stringify(content)}\n`);
    await once(process, 'SIGINT');
  } else
    for (const look of looks) {
      for (const width of widths) {
        const size = { width, height: width < 600 ? 844 : width * 0.5625 };
        await using visitor = await openVisitor(browser, { ...look, ...size });
        const headers = { origin: server.url };
        await visitor.request.post(`${server.url}/api/v1/sessions`, { data: signedIn, headers });
        const page = await visitor.newPage();
        for (const [name, path] of shots(content)) {
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
if (rows.length > 0) {
  const style = 'body{font:14px sans-serif;display:flex;flex-wrap:wrap;gap:1rem;align-items:start}figure{margin:0}';
  const head = `<!doctype html><title>Pages of oxbow</title><style>${style}</style>`;
  await writeFile(join(values.out, 'index.html'), `${head}${rows.join('\n')}\n`);
  process.stdout.write(`${join(values.out, 'index.html')}: ${rows.length} pictures\n`);
}
