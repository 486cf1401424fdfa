/**
 * Players of the browser where two threads serve (docs/decisions/0014): each kind of answer once, in a player
 * that needs it. Live parts and held reloads, a DVR playlist, the past and assets as HLS and DASH, a guest's
 * rights, events, clips and jumps of oxbow's player. The suites of one thread prove the players:
 * players.test.ts, now-and-then.test.ts, guest.test.ts. test/threads/ and test/e2e/threads.test.ts prove the
 * answers themselves, and that each thread gives them.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { canSharePorts } from '../../src/serve/hot/listeners.ts';
import { writeFilms } from '../fixtures/library/films.ts';
import { need } from '../fixtures/need.ts';
import { openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';
import { collectFaults, openBrowser, openVisitor, withoutEarlyWindows } from './chromium.ts';
import { frameWhen, type Look } from './frames.ts';
import { readPicture, type Shown } from './picture.ts';
import { type PlayerName, type PlayerPage, readPlayed, seekPlayer, servePlayers, startPlayer } from './player-page.ts';
import { newestStretch, type Stretch } from './stretch.ts';

const adminToken = 'let-me-in-please';
/** Length of the live playlist, so that the past begins soon. */
const LIST_S = 10;
const FILM_S = 3;
const LIVE_S = 4;
/** Errors of hls.js that are not faults, see players.test.ts. */
const OWN_WAYS = /^(bufferSeekOverHole|aborted|bufferStalledError) false/;

const isLive = ({ utcMs, paused, nowMs }: Look) => !paused && nowMs - utcMs < 6_000;
const small = { width: 640, height: 400 } as const;
const noThreads = canSharePorts ? false : 'this system gives a port to one listener';

suite('two serving threads, in a browser', { skip: need('chromium') || noThreads }, () => {
  const opened = new AsyncDisposableStack();
  let server: Server;
  let browser: Browser;
  let players: PlayerPage;
  let visitor: BrowserContext;
  let film: string;
  /** A guest's token for the stream `door`, and their link. */
  let token: string;
  let link: string;
  /** The beginning of the recording. */
  let recorded: Stretch;

  before(async () => {
    const folder = opened.use(await openFolder('two-threads'));
    const data = `${folder.path}/data`;
    [film] = (await writeFilms(data, { visibility: 'public', seconds: FILM_S, rungs: ['90'] })) as [string];
    const config = `${folder.path}/oxbow.yaml`;
    const names = { door: '{ type: test }', attic: '{ type: push }' };
    const streams = Object.entries(names).map(
      ([name, source]) => `${name}: { source: ${source}, visibility: private }`,
    );
    await writeFile(config, `streams: { ${streams.join(', ')} }\n`);
    const args = [...smallPicture, '--hls-window', `${LIST_S}s`, '--threads', '2', '--config', config];
    server = opened.use(await startServer({ data, args, adminToken, sample: false }));
    players = opened.use(await servePlayers());
    browser = opened.adopt(await openBrowser(), (one) => one.close());
    visitor = opened.use(await openVisitor(browser, small));
    const answer = await post('/api/v1/streams/door/watch-tokens', { expires: '1h' });
    ({ token, url: link } = (await answer.json()) as { token: string; url: string });
    recorded = await newestStretch(server, 6, 'door');
  });
  after(() => opened.disposeAsync());

  async function post(path: string, body: object = {}): Promise<Response> {
    const headers = { 'content-type': 'application/json' };
    const answer = await server.fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
    assert.ok(answer.ok, `${path}: ${answer.status}`);
    return answer;
  }

  const shows = (page: Page, what: string, isIt: (shown: Shown) => boolean): Promise<Shown> =>
    until(
      what,
      async () => {
        const shown = await readPicture(page);
        if (shown && !isIt(shown)) throw new Error(`it shows ${JSON.stringify(shown)}`);
        return shown;
      },
      { everyMs: 100 },
    );
  const ends = (page: Page) =>
    until('it reaches the end', async () => (await readPlayed(page)).ended, { everyMs: 100 });

  /** Plays an address, looks at it, and expects no faults. */
  async function play(player: PlayerName, path: string, look: (page: Page) => Promise<void>): Promise<void> {
    const page = await visitor.newPage();
    const faults = collectFaults(page);
    await page.goto(players.url);
    await startPlayer(page, player, `${server.url}${path}`, true);
    await look(page);
    const errors = (await readPlayed(page)).errors.filter((error) => !OWN_WAYS.test(error));
    assert.deepEqual([...errors, ...faults], [], `${player}: ${path}`);
    await page.close();
  }

  test('live: hls.js holds reloads, plays parts, and goes back in a DVR playlist', async () => {
    await play('hls.js', `/t/${token}/live/door/index.m3u8`, async (page) => {
      const first = await shows(page, 'it plays', () => true);
      await shows(page, 'it continues', ({ utcMs }) => utcMs > first.utcMs + LIVE_S * 1000);
      await until('it entered another segment', async () => (await readPlayed(page)).boundaries > 0);
    });
    // hls.js begins such a playlist three segments before its end.
    await until('the live playlist has moved on', async () => {
      const { to } = (await server.stream('door')).recorded;
      return Date.parse(to!) > recorded.fromMs + (LIST_S + 8) * 1000;
    });
    await play('hls.js', `/t/${token}/live/door/dvr-1h/index.m3u8`, async (page) => {
      const live = await shows(page, 'it plays live', () => true);
      await page.locator('video').evaluate((video: HTMLVideoElement) => video.pause()); // it stays where it is sent
      await seekPlayer(page, (await readPlayed(page)).seekableFrom + 1);
      await shows(page, 'it shows what was before', ({ utcMs }) => utcMs < live.utcMs - LIST_S * 1000 + 4_000);
    });
  });

  fullTest('the past and an asset play to their ends, as HLS and as DASH', async () => {
    const from = Math.ceil(recorded.fromMs / 1000);
    const past = `/t/${token}/vod/door/${from}/${from + 3}`;
    const isThere = ({ utcMs }: Shown) => utcMs > (from - 3) * 1000 && utcMs < (from + 6) * 1000;
    for (const [player, list] of [
      ['hls.js', 'index.m3u8'],
      ['shaka-player', 'index.mpd'],
    ] as const) {
      await play(player, `${past}/${list}`, async (page) => {
        await shows(page, 'it shows the window', isThere);
        await ends(page);
      });
      await play(player, `/assets/${film}/${list}`, async (page) => {
        await ends(page);
        const { currentTime, decodedFrames } = await readPlayed(page);
        assert.ok(Math.abs(currentTime - FILM_S) < 0.2, `it ended at ${currentTime}`);
        assert.ok(decodedFrames > 0);
      });
    }
  });

  fullTest('the page of a guest plays live, goes to the past and back, and downloads a clip', async () => {
    const page = await visitor.newPage();
    const faults = collectFaults(page);
    const received: string[] = [];
    page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => received.push(String(payload))));
    await page.goto(link);
    await frameWhen(page, 'it plays live', isLive);
    await until('the connection is open', () => received.some((text) => text.includes('events.ready')));
    await post('/api/v1/streams/attic/markers', { at: new Date().toISOString(), text: 'not theirs' });
    await post('/api/v1/streams/door/markers', { at: new Date().toISOString(), text: 'theirs' });
    await until('the event arrives', () => received.some((text) => text.includes('marker.added')));
    assert.ok(!received.some((text) => text.includes('attic')), received.join('\n'));

    await until('the past has begun', () => Date.now() > recorded.toMs + (LIST_S + 8) * 1000);
    await page.locator('.track').focus();
    await page.keyboard.press('Home');
    const past = await frameWhen(page, 'it plays the past', ({ utcMs }) => utcMs < recorded.toMs);
    await page.keyboard.press('i');
    await frameWhen(page, 'it continues', ({ utcMs }) => utcMs > past.utcMs + 1_000);
    await page.keyboard.press('o');
    await page.keyboard.press('e');
    const href = await page.locator('aside a[download]').first().getAttribute('href');
    const clip = await fetch(new URL(href!, server.url));
    assert.equal(clip.status, 200);
    assert.ok((await clip.arrayBuffer()).byteLength > 1000);
    await page.locator('.track').focus();
    await page.keyboard.press('End');
    await frameWhen(page, 'it is live again', isLive);
    assert.deepEqual(withoutEarlyWindows(faults), []);

    const other = await visitor.newPage();
    await other.goto(`${server.url}/watch/attic?token=${token}`);
    await other.getByText('This link is not valid').first().waitFor();
    await other.close();
    await post('/api/v1/streams/door/watch-tokens/revoke');
    await page.getByText('This link is not valid').first().waitFor();
  });
});
