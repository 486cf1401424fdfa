import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, smallPicture, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { perTier } from '../full.ts';
import { checkForms, checkLive, checkPresentation, type Fetch, type Finding, printFindings } from './checker.ts';
import { openHttpFetch } from './http-fetch.ts';

/** How long live is walked, ms; a busy machine walks until it has reloaded each rendition this often. */
const WALK_MS = perTier({ first: 6000, full: 12_000 });
const RELOADS = perTier({ first: 8, full: 11 });

/** What must be, and was not. */
const broken = (findings: readonly Finding[]) => printFindings(findings.filter(({ severity }) => severity === 'must'));

suite('the checker on a complete oxbow with the test source', { skip: need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let fetch: Fetch;

  before(async () => {
    folder = opened.use(await openFolder('conformance'));
    server = opened.use(await startPlainServer({ args: [...smallPicture], data: join(folder.path, 'data') }));
    ({ fetch } = opened.use(openHttpFetch(server.url)));
    await server.stream('demo');
  });
  after(() => opened.disposeAsync());

  test('live playback with blocking reloads and hinted parts satisfies every rule', async () => {
    const endAt = performance.now() + WALK_MS;
    const seen: string[] = [];
    const recorded: Fetch = (url, headers) => {
      seen.push(url);
      return fetch(url, headers);
    };
    const isWalked = () =>
      ['av0', 'v0', 'a0'].every((rendition) => {
        const reload = new RegExp(`/${rendition}/g\\d+\\.m3u8\\?_HLS_msn=\\d+&_HLS_part`);
        return seen.filter((url) => reload.test(url)).length >= RELOADS;
      });
    const findings = await checkLive(recorded, '/live/demo/index.m3u8', {
      goOn: () => performance.now() < endAt || !isWalked(),
      overHttp: true,
    });
    assert.equal(broken(findings), '');
    assert.ok(seen.some((url) => url.includes('_HLS_skip=YES')));
  });

  test('playlists and media satisfy the rules for every form of a request', async () => {
    const index = await (await server.fetch('/live/demo/index.m3u8')).text();
    const list = `/live/demo/${/^av0.*$/m.exec(index)![0]}`;
    const text = await (await server.fetch(list)).text();
    const names = [/^\d+\.m4s$/m.exec(text)![0], /MAP:URI="(.+?)"/.exec(text)![1]!];
    const lists = ['/live/demo/index.m3u8', list];
    const media = names.map((name) => list.replace(/g\d+\.m3u8$/, name));
    const findings: Finding[] = [];
    for (const url of lists) findings.push(...(await checkForms(fetch, url, { isList: true })));
    for (const url of media) findings.push(...(await checkForms(fetch, url, { isList: false })));
    assert.equal(broken(findings), '');
  });

  test('a window of the past satisfies every rule', async () => {
    const view = await until('six seconds are recorded', async () => {
      const { recorded } = await server.stream('demo');
      return recorded.seconds >= 6 && recorded;
    });
    const from = Math.floor(Date.parse(view.from!) / 1000);
    const index = `/vod/demo/${from}/${from + 6}/index.m3u8`;
    const list = (rendition: string) => `/vod/demo/${from}/${from + 6}/${rendition}.m3u8`;
    const findings = await checkPresentation(fetch, index, { also: [list('v0'), list('a0')], overHttp: true });
    assert.equal(broken(findings), '');
  });

  test('the checker finds an error in a manipulated copy of the same stream', async () => {
    const spoiled: Fetch = async (url, headers) => {
      const answer = await fetch(url, headers);
      if (!/\/g\d+\.m3u8$/.test(url)) return answer;
      const text = Buffer.from(answer.body)
        .toString()
        .replace(/^#EXT-X-TARGETDURATION:.*$/m, '#EXT-X-TARGETDURATION:1');
      return { ...answer, body: Buffer.from(text) };
    };
    const findings = await checkPresentation(spoiled, '/live/demo/index.m3u8', { media: false });
    assert.ok(findings.some(({ rule }) => rule === 'targetduration-holds'));
  });
});
