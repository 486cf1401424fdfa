import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { AssetList, AssetSubtitleView, AssetView } from '../../src/api/library/asset-shapes.ts';
import { checkPresentation, printFindings } from '../conformance/checker.ts';
import { openHttpFetch } from '../conformance/http-fetch.ts';
import { checkManifest } from '../conformance/mpd.ts';
import { writeFilms } from '../fixtures/library/films.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const adminToken = 'let-me-in-please';

suite('assets over HTTP', { skip: need('ffmpeg') }, () => {
  let folder: Folder;
  let server: Server;
  let ids: string[];

  before(async () => {
    folder = await openFolder('assets');
    const data = `${folder.path}/data`;
    ids = await writeFilms(
      data,
      { title: 'Public film', visibility: 'public', rungs: ['90'], tags: ['river'] },
      { title: 'Unlisted film', visibility: 'unlisted' },
      { title: 'Private film', owner: 'token:other' },
    );
    const config = ['--test-picture-key-interval', '1s', ...smallPicture];
    server = await startServer({ data, adminToken, args: config });
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  /** A request without credentials. */
  const visit = (path: string, init?: RequestInit) => fetch(`${server.url}${path}`, init);
  const codeOf = async (response: Response) => {
    if (response.ok) return response.status;
    return `${response.status} ${((await response.json()) as { code: string }).code}`;
  };
  const send = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    server.fetch(path, {
      method,
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  const asset = (id: string) => server.json<AssetView>(`/api/v1/assets/${id}`);

  test('anonymous clients see public assets in the list, unlisted ones by id, and never what is for the owner', async () => {
    const list = (await (await visit('/api/v1/assets')).json()) as AssetList;
    assert.deepEqual(
      list.items.map(({ title }) => title),
      ['Public film'],
    );
    const shown = (await (await visit(`/api/v1/assets/${ids[1]}`)).json()) as AssetView;
    for (const view of [list.items[0]!, shown]) {
      const { owner, filename, sha256, facts, original } = view;
      assert.deepEqual([owner, filename, sha256, facts, original], [null, null, null, null, null]);
    }
    assert.equal(await codeOf(await visit(`/api/v1/assets/${ids[2]}`)), '404 asset-unknown');
    assert.equal((await server.json<AssetList>('/api/v1/assets')).items.length, 3);
    assert.deepEqual(
      (await server.json<AssetList>('/api/v1/assets?query=riv&sort=title')).items.map(({ id }) => id),
      [ids[0]],
    );
    assert.equal(await codeOf(await visit(`/api/v1/assets/${ids[0]}`, { method: 'DELETE' })), '401 unauthorized');
  });

  test('a private asset plays with credentials or the addresses that its owner gets', async () => {
    const [, , id] = ids as [string, string, string];
    const path = `/assets/${id}/av0.m3u8`;
    assert.equal(await codeOf(await visit(path)), '404 asset-unknown');
    assert.equal((await server.fetch(path)).headers.get('cache-control'), 'private, max-age=60');
    const { hls, original } = await asset(id);
    const signed = hls!.replace('index.m3u8', '');
    for (const file of ['index.m3u8', 'av0.m3u8', 'av0/init-1.mp4', 'av0/1.m4s', 'index.mpd', 'best.mp4']) {
      assert.equal(await codeOf(await visit(`${signed}${file}`)), 200, file);
    }
    assert.equal(
      await codeOf(await visit(`${signed}original`)),
      '403 watch-refused',
      'a token to watch is none to download',
    );
    assert.equal(await codeOf(await visit(signed.replace(id, ids[0]!).concat('av0.m3u8'))), '403 watch-refused');
    assert.equal(await (await visit(original!)).text(), 'filmed');
    assert.equal(
      await codeOf(await visit(`/assets/${ids[0]}/original`)),
      '404 asset-unknown',
      'also of a public asset',
    );
  });

  test('files are sent whole, by range, as HEAD and 304; playlists compressed; the name of a download is safe', async () => {
    const [id] = ids as [string];
    const whole = await server.fetch(`/assets/${id}/original`);
    assert.equal(
      whole.headers.get('content-disposition'),
      `attachment; filename="Film _ 1.mp4"; filename*=UTF-8''Film%20%E2%80%94%201.mp4`,
    );
    assert.deepEqual(
      [whole.headers.get('content-type'), whole.headers.get('x-content-type-options')],
      ['video/mp4', 'nosniff'],
    );
    const part = await server.fetch(`/assets/${id}/original`, { headers: { range: 'bytes=2-3' } });
    assert.deepEqual([part.status, await part.text()], [206, 'lm']);
    assert.equal((await server.fetch(`/assets/${id}/original`, { headers: { range: 'bytes=9-' } })).status, 416);
    const segment = `/assets/${id}/av0-90/1.m4s`;
    const head = await visit(segment, { method: 'HEAD' });
    const etag = head.headers.get('etag')!;
    assert.equal(Number(head.headers.get('content-length')), (await (await visit(segment)).bytes()).length);
    assert.equal((await visit(segment, { headers: { 'if-none-match': etag } })).status, 304);
    const list = await visit(`/assets/${id}/index.m3u8`);
    assert.equal(list.headers.get('content-type'), 'application/vnd.apple.mpegurl');
    const media = await (await visit(`/assets/${id}/av0-90.m3u8`)).text();
    assert.match(media, /^#EXT-X-MEDIA-SEQUENCE:0\n/m, 'tools take other numbers for a live list');
    assert.equal((await visit(`/assets/${id}/index.mpd`)).headers.get('content-encoding'), 'gzip');
    const poster = await visit(`/assets/${id}/poster.jpg`);
    assert.deepEqual([...(await poster.bytes()).subarray(0, 2)], [0xff, 0xd8]);
  });

  test('its playlists follow RFC 8216bis, its manifest ISO 23009-1, also with subtitles that were added', async () => {
    const path = `/api/v1/assets/${ids[0]}/subtitles`;
    const script = '[Script Info]\n[Events]\nDialogue: 0,0:00:00.50,0:00:02.50,Default,,0,0,0,,{\\i1}Rain';
    const add = (query: string, body: Uint8Array | string, by = server.fetch) =>
      by(`${path}?${query}`, { method: 'POST', body, headers: { 'content-type': 'application/x-subrip' } });
    const times = Buffer.from('1\n00:00:01,000 --> 00:00:02,000\n', 'latin1');
    const russian = Buffer.concat([times, Buffer.of(0xc4, 0xee, 0xe6, 0xe4, 0xfc)]);
    assert.equal(await codeOf(await add('language=en', script, visit)), '401 unauthorized');
    assert.equal(await codeOf(await add('language=en', 'no subtitles')), '415 unsupported-media');
    assert.equal(await codeOf(await add('language=e/n', script)), '400 bad-request');
    assert.equal(await codeOf(await add('language=en', 'x'.repeat(4 * 1024 * 1024 + 1))), '413 payload-too-large');
    assert.equal((await add('language=ru&charset=windows-1251&forced=true', russian)).status, 201);
    const added = (await (await add('language=en&title=Signs', script)).json()) as AssetSubtitleView;
    assert.deepEqual([added.cues, added.charset, added.forced], [1, 'utf-8', false]);
    const { subtitles } = await asset(ids[0]!);
    assert.deepEqual(
      subtitles.map(({ language, title, forced, ass }) => [language, title, forced, ass !== null]),
      [
        ['ru', '', true, false],
        ['en', 'Signs', false, true],
      ],
    );
    assert.match(await (await visit(subtitles[0]!.vtt!)).text(), /Дождь/);
    const kept = await visit(added.ass!);
    assert.deepEqual([await kept.text(), kept.headers.get('content-type')], [script, 'text/x-ssa; charset=utf-8']);
    using http = openHttpFetch(server.url);
    const found = await checkPresentation(http.fetch, `/assets/${ids[0]}/index.m3u8`, { still: true });
    assert.equal(printFindings(found.filter(({ severity }) => severity === 'must')), '');
    const plain = async (path: string) => {
      const { status, headers, body } = await http.fetch(path);
      return { status, headers, body, text: Buffer.from(body).toString() };
    };
    const { problems, periods } = await checkManifest(plain, `/assets/${ids[0]}/index.mpd`);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      periods[0]!.representations.map(({ id, segments }) => [id, segments.length]),
      [
        ['v0', 2],
        ['v0-90', 2],
        ['a0', 2],
        [subtitles[0]!.id, 2],
        [added.id, 2],
      ],
    );
    for (const { id } of subtitles) assert.equal((await send('DELETE', `${path}/${id}`)).status, 204);
    assert.equal(await codeOf(await send('DELETE', `${path}/${added.id}`)), '404 not-found');
    assert.equal(await codeOf(await visit(added.vtt!)), '404 not-found');
  });

  test('a change needs the version that was read; what became private or deleted is refused at once', async () => {
    const [, id] = ids as [string, string];
    const path = `/api/v1/assets/${id}`;
    const segment = `/assets/${id}/av0/1.m4s`;
    assert.equal(await codeOf(await visit(segment)), 200);
    const etag = (await server.fetch(path)).headers.get('etag')!;
    const changed = await send('PATCH', path, { visibility: 'private', title: 'Mine' }, { 'if-match': etag });
    assert.equal(changed.status, 200);
    assert.equal(
      await codeOf(await send('PATCH', path, { title: 'x' }, { 'if-match': etag })),
      '412 precondition-failed',
    );
    assert.equal(await codeOf(await visit(segment)), '404 asset-unknown');
    await send('PATCH', path, { visibility: 'public' });
    assert.equal(await codeOf(await send('DELETE', path, undefined, { 'if-match': etag })), '412 precondition-failed');
    assert.equal((await send('DELETE', path)).status, 204);
    assert.equal(await codeOf(await visit(segment)), '410 asset-deleted');
    assert.equal(await codeOf(await visit(path)), '404 asset-unknown');
    const trash = await server.json<AssetList>('/api/v1/assets?trash=true');
    assert.deepEqual(
      trash.items.map(({ title, hls }) => [title, hls]),
      [['Mine', null]],
    );
    const picture = trash.items[0]!.poster!;
    const shown = await visit(picture);
    assert.deepEqual([...(await shown.bytes()).subarray(0, 2)], [0xff, 0xd8]);
    assert.match(shown.headers.get('cache-control')!, /private/);
    assert.equal(await codeOf(await visit(picture.replace(/^\/t\/[^/]+/, ''))), '410 asset-deleted');
    assert.equal(await codeOf(await visit(picture.replace('poster.jpg', 'index.m3u8'))), '403 watch-refused');
    const others = (await (await visit('/api/v1/assets?trash=true')).json()) as AssetList;
    assert.deepEqual(others.items, []);
    assert.equal((await send('POST', `${path}/restore`)).status, 200);
    assert.equal(await codeOf(await visit(segment)), 200);
    assert.equal((await send('DELETE', `${path}?purge=true`)).status, 204);
    assert.equal(await codeOf(await visit(segment)), '404 asset-unknown');
    assert.equal(await codeOf(await send('DELETE', path)), '404 asset-unknown');
  });

  test('a range of a recording becomes an asset that plays; its media stays while the asset exists', async () => {
    await server.fetch('/api/v1/streams/cam', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ source: { type: 'test' }, record: true }),
    });
    const { from } = await until('three seconds are recorded', async () => {
      const { recorded } = await server.stream('cam');
      return recorded.seconds > 3 && recorded;
    });
    const made = await send('POST', '/api/v1/assets', { stream: 'cam', from, to: '2s', title: 'Kept' });
    assert.equal(made.status, 201);
    const { id, hls, seconds } = (await made.json()) as AssetView;
    assert.ok(seconds! >= 2);
    using http = openHttpFetch(server.url);
    const found = await checkPresentation(http.fetch, hls!, { still: true });
    assert.equal(printFindings(found.filter(({ severity }) => severity === 'must')), '');
    const { items } = await server.json<{ items: { id: string }[] }>('/api/v1/streams/cam/pins');
    assert.equal(
      await codeOf(await send('DELETE', `/api/v1/streams/cam/pins/${items[0]!.id}`)),
      '409 recording-in-use',
    );
    assert.equal(await codeOf(await send('DELETE', '/api/v1/streams/cam?recordings=delete')), '409 recording-in-use');
    assert.equal((await send('DELETE', `/api/v1/assets/${id}?purge=true`)).status, 204);
    await until('the pin is gone', async () => {
      return (await server.json<{ items: unknown[] }>('/api/v1/streams/cam/pins')).items.length === 0;
    });
    assert.equal((await send('DELETE', '/api/v1/streams/cam?recordings=delete')).status, 204);
    assert.equal(
      await codeOf(await send('POST', '/api/v1/assets', { stream: 'cam', from, to: '2s' })),
      '404 stream-unknown',
    );
  });
});
