// In real time where yt-dlp or a program in its place runs: a process has no virtual time.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, watch } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { need, pathOf } from '../../../test/fixtures/need.ts';
import { type Origin, openOrigin } from '../../../test/fixtures/origin.ts';
import { type Folder, openFolder } from '../../../test/fixtures/server.ts';
import { openVirtualTime } from '../../../test/fixtures/virtual-time.ts';
import { until } from '../../../test/fixtures/wait.ts';
import { livePage, type StandIn, writeStandIn } from '../../../test/fixtures/yt-dlp.ts';
import { createSystemClock } from '../../lib/clock.ts';
import { type OxbowError, refusalRow } from '../../lib/errors.ts';
import { createNet } from '../../net/net.ts';
import { createSilentLog } from '../../observe/log.ts';
import { type PageOptions, PageSource } from './page.ts';
import { parsePageMetadata } from './page-metadata.ts';
import { runYtDlp, type YtDlpRequest, ytDlpArguments } from './yt-dlp.ts';

const signal = new AbortController().signal;
const net = createNet({ allow: [] });
const page = (name: string) => `https://site.example/${name}`;

/** Whether a process has ended; it may be a zombie. */
async function hasEnded(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat === '' || /\) [ZX] /.test(stat);
}

suite('a page', () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let standIn: StandIn;
  before(async () => {
    folder = opened.use(await openFolder('page'));
    standIn = await writeStandIn(folder.path);
  });
  after(() => opened.disposeAsync());

  const source = (name: string, change: Partial<PageOptions> = {}) =>
    new PageSource({
      url: new URL(page(name)),
      net,
      trusted: false,
      program: standIn.path,
      timeoutMs: 10_000,
      format: '',
      clock: createSystemClock(),
      log: createSilentLog(),
      pauseMs: 1,
      minIntervalMs: 0,
      ...change,
    });
  const questionsFor = async (name: string) =>
    (await standIn.questions()).filter(({ args }) => args.at(-1) === page(name));

  test('is resolved to a Multivariant Playlist, with the headers for the site', async () => {
    await standIn.answer(page('live'), {
      json: livePage('A harbour', 'https://cdn.example/master.m3u8', { thumbnail: 'https://cdn.example/p.jpg' }),
    });
    const { kind, url, headers, facts } = await source('live').locate({ signal });
    assert.deepEqual([kind, url.href], ['hls', 'https://cdn.example/master.m3u8']);
    assert.deepEqual(headers, { 'user-agent': 'Mozilla/5.0 (stand-in)' });
    assert.deepEqual([facts.protocol, facts.title, facts.live], ['page', 'A harbour', true]);
    assert.equal(facts.thumbnail, 'https://cdn.example/p.jpg');
    assert.deepEqual(
      facts.qualities.map(({ name }) => name),
      ['720p', '360p'],
    );
  });

  test('is extracted without a shell, without configuration, and without the environment of oxbow', async () => {
    process.env.OXBOW_TEST_SECRET = 'do not tell';
    const name = "live?x=$(touch%20/tmp/x)&y='";
    await standIn.answer(new URL(page(name)).href, { json: livePage('x', 'https://cdn.example/m.m3u8') });
    await source(name, { format: 'best' })
      .locate({ signal })
      .catch(() => undefined);
    delete process.env.OXBOW_TEST_SECRET;
    const [call] = (await standIn.questions()).filter(({ args }) => args.at(-1) === new URL(page(name)).href);
    assert.deepEqual(call!.args, [...ytDlpArguments, '-f', 'best', '--', new URL(page(name)).href]);
    assert.equal(call!.env.OXBOW_TEST_SECRET, undefined);
    assert.notEqual(call!.env.HOME, process.env.HOME);
  });

  test('receives User-Agent, Referer and proxy, which the list of processes does not show', async () => {
    await standIn.answer(page('hidden'), { json: livePage('x', 'https://cdn.example/m.m3u8') });
    const headers = { Referer: "https://from.example/it's", authorization: 'Bearer s3cr3t', cookie: 'a=s3cr3t' };
    await source('hidden', { headers, userAgent: 'vsr' }).locate({ signal });
    await source('hidden', { headers: { 'user-agent': 'mine', referer: 'a\u00e4' } }).locate({ signal });
    const [first, second] = await questionsFor('hidden');
    assert.equal(
      first!.stdin,
      `--add-headers 'User-Agent:iptv/1.0'\n--add-headers 'Referer:https://from.example/it'"'"'s'\n`,
    );
    assert.equal(second!.stdin, "--add-headers 'User-Agent:mine'\n");
    const { http_proxy, https_proxy, ftp_proxy, all_proxy } = first!.env;
    assert.match(http_proxy!, /^http:\/\/oxbow:[0-9a-f]{48}@127\.0\.0\.1:\d+$/);
    assert.deepEqual([https_proxy, ftp_proxy, all_proxy], [http_proxy, http_proxy, http_proxy]);
    assert.doesNotMatch(JSON.stringify([first!.args, second!.args]), /proxy|iptv|from\.example|oxbow:/);
    assert.doesNotMatch(JSON.stringify([first, second]), /s3cr3t/);
    // The proxy was open while the child ran, and is closed now.
    const [error] = await once(connect(Number(new URL(http_proxy!).port), '127.0.0.1'), 'error');
    assert.equal((error as NodeJS.ErrnoException).code, 'ECONNREFUSED');
  });

  test('has no secrets of addresses in what yt-dlp complains about', async () => {
    const stderr = "ERROR: [generic] Something about https://user:s3cr3t@site.example/it's?key=s3cr3t#s3cr3t is odd";
    await standIn.answer(page('odd?key=s3cr3t'), { stderr });
    await assert.rejects(source('odd?key=s3cr3t').locate({ signal }), {
      message: "site.example: yt-dlp: Something about https://site.example/it's is odd.",
    });
  });

  test('that fails temporarily is retried; one that fails permanently is not', async () => {
    const slow = { stderr: 'ERROR: [generic] Unable to download webpage: <urlopen error timed out>' };
    await standIn.answer(page('again'), slow, slow, { json: livePage('x', 'https://cdn.example/m.m3u8') });
    await source('again').locate({ signal });
    assert.equal((await questionsFor('again')).length, 3);
    await standIn.answer(page('never'), slow);
    await assert.rejects(source('never').locate({ signal }), (error: OxbowError) => {
      assert.equal(error.code, 'page-failed');
      assert.match(error.message, /^site\.example: the site is unreachable/);
      return error.extra.retryable === true;
    });
    assert.equal((await questionsFor('never')).length, 3);
    await standIn.answer(page('private'), { stderr: 'ERROR: [youtube] abc: Private video. Sign in if you may see it' });
    await assert.rejects(source('private').locate({ signal }), {
      code: 'page-failed',
      message: /the video is private/,
    });
    assert.equal((await questionsFor('private')).length, 1);
  });

  test('whose URLs expire is extracted again, with a minimum interval', async () => {
    const at = (version: number) => ({ json: livePage('x', `https://cdn.example/${version}/m.m3u8`) });
    await standIn.answer(page('expires'), at(1), at(2));
    using time = openVirtualTime();
    const expiring = source('expires', { clock: time.clock, minIntervalMs: undefined });
    assert.match((await expiring.locate({ signal })).url.href, /\/1\//);
    const again = expiring.locate({ signal });
    await time.runFor(9999);
    assert.equal((await questionsFor('expires')).length, 1, 'it waits');
    await time.runFor(1);
    assert.match((await again).url.href, /\/2\//);
  });

  /** Runs yt-dlp until its time is over; gives what it was asked. */
  async function giveUp(name: string, timeoutMs: number) {
    using time = openVirtualTime();
    const asked = firstQuestion(name);
    const failure = assert.rejects(runYtDlp({ ...request(name), timeoutMs }, { signal }), {
      code: 'page-failed',
      message: `site.example: yt-dlp found nothing within ${timeoutMs / 1000} s.`,
    });
    const call = await asked;
    await time.runFor(timeoutMs);
    await failure;
    return call;
  }

  /** Resolves when the program runs, at an event of the folder: real time passes meanwhile. */
  async function firstQuestion(name: string) {
    for await (const _ of watch(folder.path)) {
      const [question] = await questionsFor(name);
      if (question) return question;
    }
    assert.fail('the folder is gone');
  }

  test('that takes too long is given up, and all processes of yt-dlp end', async () => {
    await standIn.answer(page('slow'), { delayMs: 60_000, child: true });
    const call = await giveUp('slow', 6000);
    await until('all of it has ended', async () => (await hasEnded(call.pid)) && (await hasEnded(call.childPid!)));
  });

  test('is given up at once on abort', async () => {
    await standIn.answer(page('unwanted'), { delayMs: 60_000, child: true });
    const controller = new AbortController();
    const asking = source('unwanted').locate({ signal: controller.signal });
    const call = await until('it runs', async () => (await questionsFor('unwanted'))[0]);
    controller.abort(new Error('enough'));
    await assert.rejects(asking, /enough/);
    await until('all of it has ended', async () => (await hasEnded(call.pid)) && (await hasEnded(call.childPid!)));
  });

  const request = (name: string) => ({
    program: standIn.path,
    url: new URL(page(name)),
    timeoutMs: 10_000,
    format: '',
    net,
    trusted: false,
  });

  test('with too long or invalid output is refused', async () => {
    await standIn.answer(page('endless'), { noise: 17 * 1024 * 1024 });
    await assert.rejects(runYtDlp(request('endless'), { signal }), { code: 'page-failed', message: /too long/ });
    await standIn.answer(page('words'), { text: 'Hello' });
    await assert.rejects(runYtDlp(request('words'), { signal }), { code: 'page-failed', message: /not JSON/ });
    await standIn.answer(page('list'), { json: [] });
    await assert.rejects(source('list').locate({ signal }), {
      code: 'page-failed',
      message: /output of yt-dlp is invalid/,
    });
  });

  test('without yt-dlp is refused with an installation hint', async () => {
    await assert.rejects(source('any', { program: 'no-such-yt-dlp' }).locate({ signal }), (error: OxbowError) => {
      assert.equal(error.code, 'page-tool-missing');
      assert.match(error.message, /no-such-yt-dlp is not installed/);
      return refusalRow(error).hint.includes('pipx install yt-dlp');
    });
    const text = `${folder.path}/answers.json`;
    await assert.rejects(source('any', { program: text }).locate({ signal }), { code: 'page-tool-missing' });
  });
});

suite('the real yt-dlp', { skip: need('yt-dlp') }, () => {
  const opened = new AsyncDisposableStack();
  const seen: IncomingHttpHeaders[] = [];
  let origin: Origin;
  before(async () => {
    origin = opened.use(await openOrigin());
    origin.put('/page', ({ headers }) => {
      seen.push(headers);
      const body = '<!doctype html><title>A harbour</title><video src="/film.mp4"></video>';
      return { status: 200, headers: { 'content-type': 'text/html' }, body };
    });
  });
  after(() => opened.disposeAsync());
  const ask = (path: string, more: Partial<YtDlpRequest> = {}) =>
    runYtDlp(
      {
        program: pathOf('yt-dlp')!,
        url: new URL(path, origin.url),
        timeoutMs: 90_000,
        format: '',
        net,
        trusted: true,
        ...more,
      },
      { signal },
    );

  test('supports every option that oxbow uses', async () => {
    // No server listens at this address: yt-dlp reports unknown options before it connects.
    const userAgent = `it's "me" #1 \\ $HOME`;
    await assert.rejects(ask('http://127.0.0.1:9/page', { format: 'best', userAgent }), {
      code: 'page-failed',
      message: /the site is unreachable/,
    });
  });

  test('extracts a page at a private address of an administrator, with User-Agent and Referer', async () => {
    const userAgent = `it's "me" #1 \\ $HOME`;
    const answer = parsePageMetadata(await ask('/page', { userAgent, referer: 'https://from.example/' }));
    assert.match(answer.title, /^A harbour/);
    const { url, headers } = answer.formats[0]!;
    assert.equal(url.href, `${origin.url}/film.mp4`);
    assert.equal(headers['user-agent'], userAgent);
    assert.deepEqual([seen[0]!['user-agent'], seen[0]!.referer], [userAgent, 'https://from.example/']);
    assert.deepEqual(
      Object.keys(seen[0]!).filter((name) => name.startsWith('proxy')),
      [],
    );
  });

  test('uses only the proxy, so that it reaches no private address', async () => {
    const before = origin.requests.length;
    const inside = origin.url.replace('127.0.0.1', '127.0.0.2');
    origin.put('/moved', () => ({ status: 302, headers: { location: `${inside}/page` } }));
    const refused = { code: 'address-refused', message: /127\.0\.0\.[12] is not a public address|not ftp/ };
    await Promise.all([
      assert.rejects(ask('/page', { trusted: false }), refused),
      assert.rejects(ask('https://127.0.0.1:9/page', { trusted: false }), refused),
      assert.rejects(ask('ftp://127.0.0.1:9/page.mp4'), refused),
      assert.rejects(ask('/moved'), refused),
    ]);
    assert.deepEqual(origin.requests.slice(before), ['/moved']);
  });

  test('does not bypass the proxy because of a page (CVE-2023-46121)', async () => {
    let arrived = 0;
    await using inside = createServer((socket) => {
      arrived++;
      socket.destroy();
    }).listen(0, '127.0.0.1');
    await once(inside, 'listening');
    const { port } = inside.address() as AddressInfo;
    const smuggled = JSON.stringify({ http_headers: { 'Ytdl-request-proxy': `http://127.0.0.1:${port}` } });
    const location = `${origin.url}/page#__youtubedl_smuggle=${encodeURIComponent(smuggled)}`;
    origin.put('/hostile', () => ({ status: 302, headers: { location } }));
    await ask('/hostile').catch((error: OxbowError) => assert.equal(error.code, 'page-failed'));
    assert.equal(arrived, 0);
  });
});
