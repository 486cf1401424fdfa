import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { asAdmin, shareTestServer, signedInAs, startTestServer, type TestServer } from '../../http/fixture.ts';
import { iptv } from './feature.ts';
import { Guides } from './guides.ts';
import { readChannels } from './player-rules.fixture.ts';

const HOUR_MS = 3_600_000;
const { routes } = iptv;
/** The guides of a server, which are made with its clock. */
const guidesOf = ({ clock }: Pick<TestServer, 'clock'>) => new Guides({ clock, signal: new AbortController().signal });
const paths = ['/playlist.m3u', '/playlist.m3u8', '/xmltv.xml', '/xmltv.xml.gz'] as const;

suite('the channel list and the guide of IPTV players', () => {
  const own = new Map<string, Guides>();
  const shared = shareTestServer(() => ({ features: own }), { routes });
  before(() => void own.set('iptv', guidesOf(shared())));
  const listAt = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(shared().url + path, { headers });
    assert.equal(response.status, 200, path);
    return readChannels(await response.text());
  };
  const addressesAt = async (path: string, headers?: Record<string, string>) => {
    const { url } = shared();
    return (await listAt(path, headers)).channels.map(({ address }) => address.replace(url, ''));
  };
  const channelsIn = (guide: string) => [...guide.matchAll(/<channel id="([^"]+)">/g)].map(([, id]) => id);
  const guideAt = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(shared().url + path, { headers });
    assert.equal(response.status, 200, path);
    return response.text();
  };
  const tokenFor = (stream: string, forMs = HOUR_MS) => {
    const { deps, clock } = shared();
    return deps.access.watch.sign(stream, clock.nowMs() + forMs);
  };

  test('have the public streams for everyone, at the address by which the player came', async () => {
    const { url } = shared();
    const { guide, channels } = await listAt('/playlist.m3u');
    assert.equal(guide, `${url}/xmltv.xml`);
    assert.deepEqual(
      channels.map(({ address }) => address),
      [`${url}/live/public/ts/index.m3u8`],
    );
    assert.deepEqual(await addressesAt('/playlist.m3u8?format=hls&nocache=1'), ['/live/public/index.m3u8']);
    assert.deepEqual(channelsIn(await guideAt('/xmltv.xml')), ['public']);
    const behindProxy = { 'x-forwarded-host': 'tv.example', 'x-forwarded-proto': 'https' };
    assert.equal((await listAt('/playlist.m3u', behindProxy)).guide, 'https://tv.example/xmltv.xml');
  });

  test('a playback token adds its stream, and every address of that stream has it', async () => {
    for (const stream of ['signed', 'private', 'unlisted']) {
      const token = tokenFor(stream);
      const path = `/t/${token}/playlist.m3u?catchup=default`;
      assert.deepEqual(await addressesAt(path), [
        '/live/public/ts/index.m3u8',
        `/t/${token}/live/${stream}/ts/index.m3u8`,
      ]);
      const { guide, channels } = await listAt(path);
      assert.equal(guide, `${shared().url}/t/${token}/xmltv.xml`);
      const source = channels.find(({ name }) => name === stream)!.value('catchup-source');
      assert.ok(source.startsWith(`${shared().url}/t/${token}/live/${stream}/`), source);
      const text = await guideAt(`/t/${token}/xmltv.xml`);
      assert.deepEqual(channelsIn(text), ['public', stream]);
      assert.ok(text.includes(`/t/${token}/thumb/${stream}/`) && !text.includes(`${shared().url}/thumb/${stream}/`));
    }
  });

  test('one stream can be requested alone, also one that is in no list; of a restricted one nothing is said', async () => {
    const { url } = shared();
    const { guide, channels } = await listAt('/playlist.m3u?stream=unlisted');
    assert.equal(guide, `${url}/xmltv.xml?stream=unlisted`);
    assert.deepEqual(
      channels.map(({ name }) => name),
      ['unlisted'],
    );
    assert.deepEqual(channelsIn(await guideAt('/xmltv.xml?stream=unlisted')), ['unlisted']);
    for (const path of paths) {
      for (const name of ['signed', 'private', 'nothing']) {
        const response = await fetch(`${url}${path}?stream=${name}`);
        const { code } = (await response.json()) as { code: string };
        assert.deepEqual([response.status, code], [404, 'stream-unknown'], name);
      }
    }
  });

  test('a token that has expired, of another server or of a stream that is gone is refused; the list is not that without it', async () => {
    for (const path of paths) {
      for (const [token, code] of [
        [tokenFor('signed', -1000), 'watch-expired'],
        [tokenFor('signed').replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A')), 'watch-refused'],
        [tokenFor('gone'), 'watch-refused'],
      ]) {
        const response = await fetch(`${shared().url}/t/${token}${path}`);
        assert.deepEqual([response.status, ((await response.json()) as { code: string }).code], [403, code], path);
      }
    }
  });

  test('credentials give what their owner finds, with playback tokens of a day: players do not send them with media', async () => {
    const { deps, clock, url } = shared();
    const forAdmin = (await listAt('/playlist.m3u', asAdmin)).channels.map(({ address }) => address.replace(url, ''));
    assert.equal(forAdmin.length, 4);
    for (const stream of ['signed', 'private']) {
      const token = forAdmin
        .map((one) => /^\/t\/([\w-]+)\/live\/(\w+)\//.exec(one))
        .find((one) => one?.[2] === stream)![1]!;
      const verify = (inMs: number) => deps.access.watch.verify(token, stream, 'playlist', clock.nowMs() + inMs);
      assert.deepEqual([verify(22 * HOUR_MS), verify(24 * HOUR_MS)], ['ok', 'expired']);
    }
    assert.deepEqual(channelsIn(await guideAt('/xmltv.xml', asAdmin)).length, 4);
    const user = await signedInAs(shared(), 'user', 'a user');
    assert.deepEqual(await addressesAt('/playlist.m3u', user.headers), ['/live/public/ts/index.m3u8']);
  });

  test('are validated by ETag, never stored by shared caches, and gzipped for those that accept it', async () => {
    const { url } = shared();
    for (const path of paths) {
      const first = await fetch(url + path);
      assert.match(first.headers.get('cache-control')!, /^private, max-age=60$/);
      const etag = first.headers.get('etag')!;
      const body = Buffer.from(await first.arrayBuffer());
      const again = await fetch(url + path, { headers: { 'if-none-match': etag } });
      assert.deepEqual([again.status, (await again.arrayBuffer()).byteLength], [304, 0], path);
      const head = await fetch(url + path, { method: 'HEAD' });
      assert.deepEqual([head.status, Number(head.headers.get('content-length')) > 0], [200, true]);
      if (path === '/xmltv.xml.gz') assert.equal(gunzipSync(body).toString(), await guideAt('/xmltv.xml'));
    }
    const zipped = await fetch(`${url}/xmltv.xml`, { headers: { 'accept-encoding': 'gzip' } });
    assert.equal(zipped.headers.get('content-encoding'), 'gzip');
    assert.equal(zipped.headers.get('content-type'), 'application/xml; charset=utf-8');
    await zipped.arrayBuffer();
  });

  test('a form that does not exist is refused', async () => {
    for (const query of ['format=dash', 'catchup=xc']) {
      const response = await fetch(`${shared().url}/playlist.m3u?${query}`);
      assert.equal(response.status, 400);
      await response.arrayBuffer();
    }
  });
});

test('a guide is made once in five minutes for all who request it, and a client may request sixty a minute', async () => {
  const own = new Map<string, Guides>();
  await using server = await startTestServer({ features: own }, undefined, { routes });
  own.set('iptv', guidesOf(server));
  const get = async () => {
    const response = await fetch(`${server.url}/xmltv.xml`, { headers: { 'x-forwarded-for': '192.0.2.9' } });
    return { status: response.status, text: await response.text() };
  };
  const all = await Promise.all(Array.from({ length: 60 }, get));
  assert.ok(all.every(({ status, text }) => status === 200 && text === all[0]!.text));
  assert.equal(server.calls.filter((call) => call.startsWith('timeline')).length, 1);
  assert.equal((await get()).status, 429);
  server.clock.advance(300_000);
  await get();
  assert.equal(server.calls.filter((call) => call.startsWith('timeline')).length, 2);
});
