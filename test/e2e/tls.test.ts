import assert from 'node:assert/strict';
import { copyFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { collectFaults, openBrowser, PAGE_WITHIN_MS } from '../browser/chromium.ts';
import { type CertificatePair, makeCertificate } from '../fixtures/certificate.ts';
import { hold } from '../fixtures/hold.ts';
import { openHttp2 } from '../fixtures/http2.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, runOxbow, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

suite('oxbow --tls-cert --tls-key', { skip: need('openssl') }, () => {
  let folder: Folder;
  let server: Server;
  let first: CertificatePair;
  /** Certificate files of the settings; the test replaces them. */
  let shown: CertificatePair;

  async function put(kind: 'cert' | 'key', from: string): Promise<void> {
    await copyFile(from, `${shown[kind]}.new`);
    await rename(`${shown[kind]}.new`, shown[kind]);
  }

  before(async () => {
    folder = await openFolder('tls');
    first = await makeCertificate(folder.path, 'first');
    shown = { cert: join(folder.path, 'shown.crt'), key: join(folder.path, 'shown.key') };
    await put('cert', first.cert);
    await put('key', first.key);
    const args = ['--tls-cert', shown.cert, '--tls-key', shown.key, ...smallPicture];
    server = await startServer({ data: join(folder.path, 'data'), args });
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  /** The name on the certificate that a new connection is shown. */
  function commonName(): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const socket: TLSSocket = connect({ port: Number(new URL(server.url).port), rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.once('error', reject);
    return promise;
  }

  test('serves HTTPS, and a low-latency stream works over one HTTP/2 connection', async () => {
    assert.match(server.url, /^https:\/\/127\.0\.0\.1:\d+$/);
    await using client = await openHttp2(server.url);
    const index = await until('the stream is live', async () => {
      const answer = await client.ask('/live/demo/index.m3u8');
      return answer.status === 200 && String(answer.body);
    });
    const list = `/live/demo/${index.trim().split('\n').at(-1)}`;
    let { body } = await client.ask(list);
    for (let i = 0; i < 6; i++) {
      const [, uri, msn, part] = /PRELOAD-HINT:TYPE=PART,URI="((\d+)\.(\d+)\.m4s)"/.exec(String(body))!;
      const [reload, hinted] = await Promise.all([
        client.ask(`${list}?_HLS_msn=${msn}&_HLS_part=${part}`),
        client.ask(`${list.replace(/[^/]+$/, '')}${uri}`),
      ]);
      assert.deepEqual([reload.status, hinted.status], [200, 200]);
      assert.ok(String(reload.body).includes(uri!));
      assert.equal(String(hinted.body.subarray(4, 8)), 'moof');
      body = reload.body;
    }
  });

  test('the page plays live in Chromium over HTTP/2 without errors', { skip: need('chromium') }, async () => {
    const browser = await openBrowser();
    try {
      const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
      const faults = collectFaults(page);
      const inspector = await page.context().newCDPSession(page);
      await inspector.send('Network.enable');
      const protocols = new Set<string | undefined>();
      inspector.on('Network.responseReceived', ({ response: { protocol, url } }) => {
        if (url.startsWith('https:')) protocols.add(protocol);
      });
      await page.goto(`${server.url}/watch/demo`);
      const plays = `(() => {
        const video = document.querySelector('video[data-front]');
        return video && !video.paused && video.getVideoPlaybackQuality().totalVideoFrames > 50;
      })()`;
      await until('it plays', () => page.evaluate(plays), { withinMs: PAGE_WITHIN_MS });
      assert.deepEqual([[...protocols], faults], [['h2'], []]);
    } finally {
      await browser.close();
    }
  });

  test('a new certificate is used without a restart; an invalid one changes nothing', async () => {
    assert.equal(await commonName(), 'first');
    await using before = await openHttp2(server.url);
    const second = await makeCertificate(folder.path, 'second');
    await put('cert', second.cert);
    await put('key', second.key);
    await until('the new certificate is shown', async () => (await commonName()) === 'second');
    await until('it is logged', () => server.log('info').some(({ msg }) => msg === 'the certificate was replaced'));
    assert.equal((await before.ask('/version')).status, 200, 'connections that are open stay');

    const logged = server.log('error').length;
    await put('key', first.key);
    const line = await until('the reason is logged', () => server.log('error')[logged]);
    assert.match(`${line.msg}: ${line.error}`, /keeping the current one: .* is not the key of the certificate/);
    assert.equal(await commonName(), 'second');
    await put('cert', first.cert);
    await until('a good pair is shown again', async () => (await commonName()) === 'first');
  });

  test('answers held reloads at shutdown', async () => {
    await using client = await openHttp2(server.url);
    const index = String((await client.ask('/live/demo/index.m3u8')).body);
    const list = `/live/demo/${index.trim().split('\n').at(-1)}`;
    const held = await hold({
      ask: async () => {
        const [, msn] = /PRELOAD-HINT:TYPE=PART,URI="(\d+)\./.exec(String((await client.ask(list)).body))!;
        return { answer: client.ask(`${list}?_HLS_msn=${Number(msn) + 1}`) };
      },
      metrics: async () => String((await client.ask('/metrics')).body),
    });
    const ended = server.stop();
    const { status, headers } = await held.answer;
    // The segment may be complete a moment before the server gets its signal.
    if (status !== 200) assert.deepEqual([status, headers['cache-control']], [503, 'no-store']);
    assert.equal((await ended).code, 0);
  });

  test('invalid files fail the start with the file and a hint', async () => {
    const locked = await makeCertificate(folder.path, 'locked', { passphrase: 'secret' });
    const noise = join(folder.path, 'noise.pem');
    await writeFile(noise, 'noise');
    const cases: readonly [args: readonly string[], said: RegExp][] = [
      [['--tls-cert', first.cert], /tls\.cert is set, but tls\.key is not.*--tls-key FILE/s],
      [['--tls-cert', noise, '--tls-key', first.key], /noise\.pem has no PEM certificate/],
      [['--tls-cert', first.cert, '--tls-key', locked.key], /encrypted.*openssl pkey -in/s],
    ];
    const data = join(folder.path, 'other');
    await Promise.all(
      cases.map(async ([args, said], i) => {
        const { code, stderr } = await runOxbow(['serve', ...args, '--data', `${data}${i}`, '--http', '127.0.0.1:0']);
        assert.equal(code, 2, stderr);
        assert.match(stderr, said);
      }),
    );
  });
});
