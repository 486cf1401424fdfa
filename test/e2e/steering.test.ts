import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { PathwayView } from '../../src/api/steering/steering-shapes.ts';
import { readMultivariant } from '../conformance/multivariant-text.ts';
import { judge } from '../conformance/rules/rule.ts';
import { rulesOfMultivariant } from '../conformance/rules/rules-of-multivariant.ts';
import { rulesOfText } from '../conformance/rules/rules-of-text.ts';
import { freePort } from '../fixtures/free-port.ts';
import { need } from '../fixtures/need.ts';
import { startNginxCache, startVarnishCache } from '../fixtures/proxies/cache.ts';
import { EDGE_TOKEN, type RunningEdge, startEdge } from '../fixtures/proxies/edge.ts';
import { type Folder, openFolder, type Server, smallPicture, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';

const adminToken = 'let-me-in-please';

suite('a server whose viewers are steered between edges', () => {
  let folder: Folder;
  let server: Server;
  let edge: RunningEdge;
  let edgeHost: string;

  const pathway = async (id: string) => {
    const { items } = await server.json<{ readonly items: readonly PathwayView[] }>('/api/v1/steering');
    return items.find((item) => item.id === id)!;
  };
  const priority = async (base: string, query = '') => {
    const answer = await fetch(`${base}/live/cam/steering.json${query}`);
    assert.equal(answer.status, 200, await answer.clone().text());
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    return (await answer.json()) as { readonly 'PATHWAY-PRIORITY': readonly string[]; readonly 'RELOAD-URI': string };
  };

  before(async () => {
    folder = await openFolder('steering');
    edgeHost = `127.0.0.1:${await freePort()}`;
    const gone = `127.0.0.1:${await freePort()}`;
    const config = join(folder.path, 'oxbow.yaml');
    const pathways = `    near: { url: 'http://${edgeHost}', networks: [127.0.0.0/8] }\n    gone: { url: 'http://${gone}' }\n`;
    await writeFile(config, `edges:\n  token: ${EDGE_TOKEN}\nsteering:\n  pathways:\n${pathways}`);
    server = await startPlainServer({
      data: join(folder.path, 'data'),
      args: ['--config', config, ...smallPicture],
      adminToken,
      sample: false,
    });
    for (const [name, visibility] of [
      ['cam', 'public'],
      ['closed', 'signed'],
    ]) {
      const body = JSON.stringify({ name, source: { type: 'test' }, visibility });
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
      assert.ok((await server.fetch('/api/v1/streams', init)).ok);
      await server.stream(name!, 'live');
    }
    edge = await startEdge(server.url, { http: edgeHost, args: ['--pathway', 'near', '--only-media'] });
    await until('the edge reports, and the other is known as dead', async () => {
      const [near, gone] = [await pathway('near'), await pathway('gone')];
      return near.state === 'up' && near.load !== null && gone.state === 'dead';
    });
  });
  after(async () => {
    await edge?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  test('playlists of a stream for all name every edge, and hold to the standard', async () => {
    for (const path of ['/live/cam/index.m3u8', '/live/cam/dvr-30m/index.m3u8']) {
      const text = Buffer.from(await server.bytes(path)).toString();
      assert.match(text, /^#EXT-X-CONTENT-STEERING:SERVER-URI="(\.\.\/)?steering\.json",PATHWAY-ID="here"$/m);
      const findings = judge([...rulesOfText, ...rulesOfMultivariant], readMultivariant(path, text), path);
      const broken = findings.filter(({ severity }) => severity === 'must');
      assert.deepEqual(broken, []);
      const [, address] = /^(http:\S+m3u8)$/m.exec(text)!;
      assert.equal((await fetch(address!)).status, 200, address);
    }
    const manifest = Buffer.from(await server.bytes('/live/cam/index.mpd')).toString();
    assert.ok(manifest.includes(`<BaseURL serviceLocation="near">http://${edgeHost}/live/cam/</BaseURL>`), manifest);
    assert.match(manifest, /<ContentSteering defaultServiceLocation="here"/);
  });

  /** A playback token of the stream `closed`; each is another one. */
  const tokenOf = async (expires: string) => {
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ expires }),
    };
    const answer = await server.fetch('/api/v1/streams/closed/watch-tokens', init);
    assert.ok(answer.ok, await answer.clone().text());
    return ((await answer.json()) as { readonly token: string }).token;
  };
  /** All absolute addresses in a playlist or manifest. */
  const addressesIn = (text: string) => [...text.matchAll(/https?:\/\/127[^"<\s]+/g)].map(([address]) => address);

  test('playlists of a stream that needs a token have that of each viewer at every edge', async () => {
    const tokens = [await tokenOf('1h'), await tokenOf('2h')] as const;
    for (const base of [server.url, edge.url, edge.url]) {
      for (const file of ['index.m3u8', 'dvr-30m/index.m3u8', 'index.mpd', 'dvr-30m/index.mpd']) {
        const texts = await Promise.all(
          tokens.map(async (token) => {
            const answer = await fetch(`${base}/t/${token}/live/closed/${file}`);
            assert.equal(answer.status, 200, await answer.clone().text());
            assert.equal(answer.headers.get('cache-control'), 'no-store', 'no cache keeps a token');
            assert.equal(answer.headers.get('oxbow-sign-at'), null);
            return answer.text();
          }),
        );
        for (const [i, text] of texts.entries()) {
          const own = addressesIn(text);
          assert.ok(own.length >= 2, text);
          for (const address of own) assert.ok(address.includes(`/t/${tokens[i]}/live/closed/`), address);
          assert.ok(!text.includes(tokens[1 - i]!), 'of another viewer there is nothing');
          if (file.endsWith('.m3u8')) {
            const near = own.find((address) => address.startsWith(`http://${edgeHost}/`))!;
            assert.equal((await fetch(near)).status, 200, near);
          }
        }
      }
    }
    const { requests } = await edge.status();
    assert.ok(requests.hit! > 0, 'the edge has one copy for all viewers');
  });

  const caches = [
    ['nginx', 'nginx', startNginxCache],
    ['varnish', 'varnishd', startVarnishCache],
  ] as const;
  for (const [name, program, start] of caches) {
    fullTest(
      `behind ${name}, whose copies all tokens share, no viewer gets the token of another`,
      {
        skip: need(program),
      },
      async () => {
        const own = join(folder.path, name);
        await mkdir(own);
        await using cache = await start({ origin: server.url, folder: own });
        const tokens = [await tokenOf('1h'), await tokenOf('2h'), await tokenOf('3h')];
        for (const file of ['index.m3u8', 'index.mpd', 'dvr-30m/index.m3u8']) {
          await Promise.all(
            [...tokens, ...tokens, ...tokens].map(async (token) => {
              const answer = await fetch(`${cache.url}/t/${token}/live/closed/${file}`);
              const text = await answer.text();
              assert.equal(answer.status, 200, text);
              const addresses = addressesIn(text).filter((address) => address.includes('/live/'));
              assert.ok(addresses.length > 0, text);
              for (const address of addresses) assert.ok(address.includes(`/t/${token}/`), address);
            }),
          );
        }
      },
    );
  }

  test('a steering answer for such a stream needs the token, and keeps it', async () => {
    const token = await tokenOf('1h');
    for (const base of [server.url, edge.url]) {
      assert.equal((await fetch(`${base}/live/closed/steering.json`)).status, 404);
      assert.equal((await fetch(`${base}/t/${token.slice(0, -2)}xx/live/closed/steering.json`)).status, 403);
      const answer = await fetch(`${base}/t/${token}/live/closed/steering.json`);
      const manifest = (await answer.json()) as { readonly 'RELOAD-URI': string };
      assert.match(manifest['RELOAD-URI'], new RegExp(`^/t/${token}/live/closed/steering\\.json`));
    }
  });

  test('a viewer with another credential gets addresses next to the playlist only', async () => {
    for (const file of ['index.m3u8', 'index.mpd', 'dvr-30m/index.m3u8']) {
      const text = Buffer.from(await server.bytes(`/live/closed/${file}`)).toString();
      assert.doesNotMatch(text, /STEERING|ContentSteering|PATHWAY|http:\/\/127/, file);
    }
  });

  test('a player at the edge stays, and leaves it while it drains', async () => {
    const first = await priority(edge.url, '?_HLS_pathway=here');
    assert.deepEqual(first['PATHWAY-PRIORITY'], ['here', 'gone']);
    assert.equal(first['RELOAD-URI'], '/live/cam/steering.json?here=near');
    await edge.manage('/edge/drain', { draining: true });
    assert.equal((await fetch(`${edge.url}/ready`)).status, 503);
    await until('the server knows that it drains', async () => (await pathway('near')).state === 'draining');
    // The other one is dead, which is worse.
    assert.deepEqual((await priority(server.url))['PATHWAY-PRIORITY'], ['near', 'gone', 'here']);
    assert.equal((await fetch(`${edge.url}/live/cam/index.m3u8`)).status, 200);
    await edge.manage('/edge/drain', { draining: false });
    await until('it takes viewers again', async () => (await pathway('near')).state === 'up');
  });

  test('an edge that is stopped drains first: its viewers get everything until it ends in order', async () => {
    await edge.stop();
    await using ending = await startEdge(server.url, {
      http: edgeHost,
      args: ['--pathway', 'near', '--only-media', '--drain', '2s'],
    });
    await until('it takes viewers', async () => (await pathway('near')).state === 'up');
    const [, list] = /^(v0.*m3u8|av0.*m3u8)$/m.exec(
      Buffer.from(await server.bytes('/live/cam/index.m3u8')).toString(),
    )!;
    let isOver = false;
    const code = ending.stop('SIGTERM').finally(() => {
      isOver = true;
    });
    const statuses = new Map<string, number>();
    const look = async (path: string) => {
      // Once it has ended, connections are refused.
      const answer = await fetch(`${ending.url}${path}`).catch(() => undefined);
      if (!answer) return;
      await answer.arrayBuffer();
      const key = `${path.startsWith('/live') ? 'media' : path} ${answer.status}`;
      statuses.set(key, (statuses.get(key) ?? 0) + 1);
    };
    const isAnnounced = until('it is not ready', async () => (await fetch(`${ending.url}/ready`)).status === 503);
    const known = until('the server knows that it drains', async () => (await pathway('near')).state === 'draining');
    await isAnnounced;
    while (!isOver) for (const path of ['/ready', '/live/cam/index.m3u8', `/live/cam/${list}`]) await look(path);
    await known;
    assert.equal(await code, 0, ending.stderr);
    assert.deepEqual([...statuses.keys()].sort(), ['/ready 503', 'media 200']);
    assert.ok(statuses.get('media 200')! > 10, 'it was asked while it drained');
    edge = await startEdge(server.url, { http: edgeHost, args: ['--pathway', 'near', '--only-media'] });
    await until('the next one takes viewers', async () => (await pathway('near')).state === 'up');
  });

  test('a report without the signature is refused', async () => {
    const report = { pathway: 'near', at: Date.now(), load: 0, connections: 0, draining: true, signature: 'x' };
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(report) };
    const answer = await fetch(`${server.url}/api/v1/edge-reports`, init);
    assert.equal(answer.status, 403);
    assert.equal(((await answer.json()) as { code: string }).code, 'edge-report-refused');
    assert.equal((await pathway('near')).state, 'up');
  });
});
