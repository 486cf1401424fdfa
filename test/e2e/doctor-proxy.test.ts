/**
 * `oxbow doctor --proxy`: what it finds behind proxies as they are shipped, and behind some that were set up
 * wrong.
 */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Finding } from '../../src/cli/doctor/finding.ts';
import { type CertificatePair, makeCertificate } from '../fixtures/certificate.ts';
import { freePort } from '../fixtures/free-port.ts';
import { need } from '../fixtures/need.ts';
import { startCaddyProxy, startNginx } from '../fixtures/proxies/proxy.ts';
import { openFolder, runOxbow, type Server, smallPicture, startServer } from '../fixtures/server.ts';

suite('oxbow doctor --proxy', { skip: need('openssl') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: string;
  let server: Server;
  let certificate: CertificatePair;

  before(async () => {
    folder = opened.use(await openFolder('doctor-proxy')).path;
    certificate = await makeCertificate(folder, 'doctor-proxy');
    process.env.NODE_EXTRA_CA_CERTS = certificate.cert; // the verb accepts it, as browsers do those of authorities
    server = opened.use(await startServer({ data: join(folder, 'data'), args: smallPicture }));
    await server.stream('demo');
  });
  after(() => opened.disposeAsync());

  /** Runs it: the exit code, and the findings by their name. */
  async function look(url: string, ...args: string[]) {
    const { code, stdout, stderr } = await runOxbow(['doctor', '--proxy', url, '--json', ...args]);
    assert.equal(stderr, '');
    const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: Finding[] };
    assert.equal(ok, code === 0);
    return { code, found: new Map(checks.map((each) => [each.name, each])) };
  }

  /** Names of the findings that are not ok, with their state. */
  const problems = (found: ReadonlyMap<string, Finding>) =>
    [...found.values()].filter(({ state }) => state !== 'ok').map(({ name, state }) => `${state} ${name}`);

  const plan = async (name: string) => {
    const own = join(folder, name);
    await mkdir(own);
    return { origin: new URL(server.url).host, certificate, folder: own };
  };

  test('behind Caddy with its file all is well, HTTP/3 too', { skip: need('caddy') }, async () => {
    await using proxy = await startCaddyProxy(await plan('caddy'));
    const { code, found } = await look(proxy.url);
    // That of the test is good for two days.
    assert.deepEqual([code, problems(found)], [0, ['warning certificate']]);
    assert.match(found.get('certificate')!.text, /^valid until /);
    assert.match(
      found.get('HTTP/3')!.text,
      /^announced \(h3=":\d+"; ma=\d+\); UDP port \d+ answers, QUIC versions 1\b/,
    );
    assert.match(found.get('held reload')!.text, /^held for \d+\.\d s until segment \d+ was whole/);
    assert.match(found.get('parts')!.text, /^part \d+\.\d came \d+ ms before its segment was whole/);
    assert.deepEqual(
      [...found.keys()],
      [
        ...['address', 'certificate', 'HTTP/2', 'oxbow', 'HTTP/3', 'client address', 'server-sent events'],
        ...['WebSocket', 'links', 'live stream', 'held reload', 'parts', 'caching'],
      ],
    );
  });

  test('behind nginx with its file only HTTP/3 is missing', { skip: need('nginx') }, async () => {
    await using proxy = await startNginx(await plan('nginx'));
    const { code, found } = await look(proxy.url, '--stream', 'demo');
    assert.deepEqual([code, problems(found)], [0, ['warning certificate', 'warning HTTP/3']]);
  });

  test('a proxy that hides clients, cuts reloads, refuses WebSockets and changes fields fails for each', {
    skip: need('nginx'),
  }, async () => {
    const edit = (text: string) =>
      text
        .replace(/listen (\S+) ssl http2;/, 'listen $1 ssl;')
        .replaceAll(/^ *proxy_set_header (X-Forwarded-\w+|Upgrade|Connection) .*$/gm, '')
        .replace('proxy_read_timeout 120s', 'proxy_read_timeout 1s')
        .replaceAll(
          /proxy_ignore_headers Vary;/g,
          'proxy_hide_header Cache-Control; add_header Cache-Control "max-age=5";',
        );
    await using proxy = await startNginx({ ...(await plan('wrong')), edit });
    const { code, found } = await look(proxy.url);
    assert.equal(code, 1);
    assert.deepEqual(problems(found), [
      ...['warning certificate', 'warning HTTP/2', 'warning HTTP/3', 'failed client address'],
      ...['failed WebSocket', 'warning links', 'failed held reload', 'failed caching'],
    ]);
    assert.match(found.get('held reload')!.text, /^it ended after 1\.\d s with HTTP 504/);
    assert.match(found.get('caching')!.text, /^a multivariant playlist has Cache-Control "max-age=5" instead of/);
  });

  test('a cache that ignores the position of a reload fails, with its key as the hint', {
    skip: need('nginx'),
  }, async () => {
    const edit = (text: string) =>
      text.replace('$uri|$arg__HLS_msn|$arg__HLS_part|$arg__HLS_skip|$oxbow_coding', '$uri|$oxbow_coding');
    await using proxy = await startNginx({ ...(await plan('key')), edit });
    const { code, found } = await look(proxy.url);
    const held = found.get('held reload')!;
    assert.deepEqual([code, held.state], [1, 'failed']);
    assert.match(`${held.text} ${held.hint}`, /with an older playlist .*_HLS_msn/);
  });

  test('a proxy that sends another host name, an address without a server, and what is no address', {
    skip: need('nginx'),
  }, async () => {
    const edit = (text: string) =>
      text.replace('proxy_set_header Host localhost;', 'proxy_set_header Host tv.example;');
    await using proxy = await startNginx({ ...(await plan('host')), edit });
    const { code, found } = await look(proxy.url);
    assert.deepEqual([code, problems(found)], [1, ['warning certificate', 'failed oxbow']]);
    assert.match(found.get('oxbow')!.text, /^HTTP 421: the proxy sends a host name that oxbow does not accept/);
    const none = await look(`https://127.0.0.1:${await freePort()}`);
    assert.deepEqual([none.code, problems(none.found)], [1, ['failed address']]);
    const wrong = await runOxbow(['doctor', '--proxy', 'tv.example']);
    assert.deepEqual([wrong.code, wrong.stdout], [2, '']);
    assert.match(wrong.stderr, /`--proxy` \(tv\.example\) is not the address of a server, such as https:/);
  });

  test('people read lines, with a hint below each problem', { skip: need('caddy') }, async () => {
    await using proxy = await startCaddyProxy(await plan('lines'));
    const { code, stdout } = await runOxbow(['doctor', '--proxy', proxy.url, '--stream', 'nothing']);
    assert.equal(code, 0);
    assert.match(stdout, /^ok {7}HTTP\/3: announced/m);
    assert.match(stdout, /^warning {2}live stream: nothing is not played .*404\n {9}Name a public stream/m);
  });
});
