import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { need } from '../fixtures/need.ts';
import { openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { FIREFOX, type Firefox, type FirefoxPage, openFirefox, type Point } from './firefox.ts';
import { frameWhen, type Look, names, takeFrames } from './frames.ts';
import { createTestStreams } from './multi-view.ts';
import { newestStretch } from './stretch.ts';

/** WebDriver's code of the key. */
const END = '\uE010';
/** Generous, because the machine may be busy; the real figure is in docs/performance/README.md. */
const MAX_BEHIND_MS = 6_000;

const isLive = ({ utcMs, paused, nowMs }: Look) => !paused && nowMs - utcMs < MAX_BEHIND_MS;

suite('the watch page, in Firefox', { skip: need(FIREFOX) }, () => {
  const opened = new AsyncDisposableStack();
  let server: Server;
  let firefox: Firefox;
  let page: FirefoxPage;

  before(async () => {
    const folder = opened.use(await openFolder('firefox'));
    server = opened.use(await startServer({ args: smallPicture, data: folder.path, adminToken: 'let-me-in-please' }));
    firefox = opened.use(await openFirefox());
    page = await firefox.newPage();
  });
  after(() => opened.disposeAsync());

  test('plays live, and stays close to now', async (t) => {
    await newestStretch(server, 6);
    await page.goto(`${server.url}/watch/demo`);
    const first = await frameWhen(page, 'it plays live', isLive);
    await takeFrames(page);
    const last = await frameWhen(page, 'it continues', (look) => isLive(look) && look.utcMs > first.utcMs + 5_000);
    const frames = (await takeFrames(page)).filter(({ front, utcMs }) => front && utcMs !== null);
    const behind = frames.map(({ atMs, utcMs }) => atMs - utcMs!).sort((a, b) => a - b);
    t.diagnostic(
      `Firefox ${firefox.version}: ${frames.length} pictures, ${Math.round(behind[behind.length >> 1]!)} ms behind`,
    );
    assert.ok(frames.length > 25, `${frames.length} pictures were reported up to ${last.utcMs}`);
    const times = frames.map(({ utcMs }) => utcMs!);
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
      'time never runs back',
    );
  });

  test('while paused, the page shows the time of the exact picture', async () => {
    await page.press('k');
    await frameWhen(page, 'it is paused and shows its time', (look) => look.paused && names(look));
    await page.press('k');
  });

  test('after some time in a hidden tab it is live when it is shown again', async () => {
    const isHidden = () => page.evaluate('document.hidden');
    await page.press(END);
    await frameWhen(page, 'it plays live', isLive);
    const other = await firefox.newPage();
    await other.show();
    await until('it is hidden', isHidden);
    const hidden = Date.now();
    await until('eight seconds pass', () => Date.now() > hidden + 8_000);
    await page.show();
    await until('it is shown', async () => !(await isHidden()));
    await frameWhen(page, 'it plays live', (look) => isLive(look) && look.utcMs > hidden + 8_000);
    const isAtEdge = () => page.evaluate(`document.querySelector('.golive').classList.contains('edge')`);
    await until('it is at the live edge', isAtEdge);
  });

  test('plays the past from a shared link', async () => {
    const { fromMs } = await newestStretch(server, 7);
    const t = Math.ceil(fromMs / 1000) + 1;
    await page.goto(`${server.url}/watch/demo?t=${t}`);
    const first = await frameWhen(
      page,
      'it opens there',
      ({ utcMs }) => utcMs >= t * 1000 - 300 && utcMs < t * 1000 + 8_000,
    );
    await frameWhen(page, 'it plays on', ({ utcMs, paused }) => !paused && utcMs > first.utcMs + 2_000);
  });

  test('two streams of a page are at the same time, and a drag swaps them', async () => {
    await createTestStreams(server, ['other']);
    await page.goto(`${server.url}/multi?s=demo,other`);
    await until('their drift is small', () =>
      page.evaluate(`(() => {
        const drifts = [...document.querySelectorAll('.facts [title]')].map((each) => Number.parseInt(each.textContent.replace(/[±+]/, '').replace('−', '-')));
        return drifts.length === 2 && drifts.every((ms) => Math.abs(ms) < 200);
      })()`),
    );
    const centre = (name: string) =>
      page.evaluate(`(() => {
        const { x, y, width, height } = document.querySelector('[data-stream="${name}"]').getBoundingClientRect();
        return { x: Math.round(x + width / 2), y: Math.round(y + height / 3) };
      })()`) as Promise<Point>;
    await page.drag(await centre('demo'), await centre('other'));
    await until('they are swapped', () => page.evaluate(`location.search.startsWith('?s=other,demo')`));
  });

  test('no console messages, no failed requests', () => assert.deepEqual(page.faults, []));
});
