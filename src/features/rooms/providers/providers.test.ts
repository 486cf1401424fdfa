import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { suite, test } from 'node:test';
import { FormatError } from '@oxbow/media/errors';
import { seeded } from '@oxbow/media/random.fixture';
import { SecretBox } from '../../../accounts/secret-box.ts';
import type { OxbowError } from '../../../lib/errors.ts';
import { createNet, type Net } from '../../../net/net.ts';
import { openTemporaryStore } from '../../../store/store.fixture.ts';
import { alist } from './alist.ts';
import { bilibili } from './bilibili.ts';
import { jellyfin } from './jellyfin.ts';
import { MediaServers } from './media-servers.ts';
import { parseMultistatus } from './multistatus.ts';
import { ProviderClient } from './provider-client.ts';

interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
}

type Answers = (received: Received) => unknown;

/** A media server whose answers are functions of the request; a number is a status. */
async function openServer(answers: Answers) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    const one = { path: request.url!, headers: request.headers, body: body === '' ? {} : JSON.parse(body) } as Received;
    received.push(one);
    const answer = answers(one);
    if (typeof answer === 'number') response.writeHead(answer).end();
    else response.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const net = createNet({ allow: ['127.0.0.0/8'] });
  return {
    received,
    net,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    client: new ProviderClient(net, { signal: new AbortController().signal }),
    async [Symbol.asyncDispose]() {
      await net.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The interface of Jellyfin, with one user, one library and two films. */
const jellyfinAnswers: Answers = ({ path, headers, body }) => {
  if (path === '/Users/AuthenticateByName') {
    return body.Pw === 'right' ? { User: { Id: 'u1', Name: 'Ann' }, AccessToken: 'token1', ServerId: 's' } : 401;
  }
  if (!headers.authorization?.includes('Token="token1"')) return 401;
  if (path === '/Users/u1/Views')
    return { Items: [{ Id: 'v1', Name: 'Films', IsFolder: true, Type: 'CollectionFolder' }] };
  if (path.startsWith('/Users/u1/Items?ParentId=v1')) {
    const film = { Id: 'f1', Name: 'Film', IsFolder: false, Type: 'Movie', RunTimeTicks: 900_000_000 };
    const episode = { Id: 'f2', Name: 'Pilot', IsFolder: false, Type: 'Episode', ParentIndexNumber: 1, IndexNumber: 2 };
    return path.includes('StartIndex=0')
      ? { Items: [film], TotalRecordCount: 2 }
      : { Items: [episode], TotalRecordCount: 2 };
  }
  const streams = [
    { Type: 'Video', Codec: 'h264', Index: 0 },
    { Type: 'Subtitle', Codec: 'subrip', Index: 2, IsTextSubtitleStream: true, DisplayTitle: 'English' },
    { Type: 'Subtitle', Codec: 'pgssub', Index: 3, IsTextSubtitleStream: false },
  ];
  if (path.startsWith('/Items/f1/'))
    return { MediaSources: [{ Id: 'm1', SupportsDirectPlay: true, MediaStreams: streams }] };
  const TranscodingUrl = '/videos/f2/master.m3u8?ApiKey=k';
  return { MediaSources: [{ Id: 'm2', SupportsDirectPlay: false, TranscodingUrl, MediaStreams: [] }] };
};

const code = (expected: string) => (error: OxbowError) => error.code === expected;

suite('media servers', () => {
  test('of Jellyfin: sign-in, libraries, pages of films, the file or its transcode', async () => {
    await using server = await openServer(jellyfinAnswers);
    const { url, client } = server;
    const login = { url: `${url}/`, username: 'ann', password: 'right' };
    await assert.rejects(jellyfin.connect({ ...login, password: 'wrong' }, client), code('media-server-refused'));
    const session = await jellyfin.connect(login, client);
    assert.deepEqual(await jellyfin.list(session, '', undefined, client), {
      entries: [{ id: 'v1', name: 'Films', isFolder: true }],
      next: undefined,
    });
    const first = await jellyfin.list(session, 'v1', undefined, client);
    assert.deepEqual(first, { entries: [{ id: 'f1', name: 'Film', isFolder: false, duration: 90 }], next: '1' });
    const second = await jellyfin.list(session, 'v1', first.next, client);
    assert.deepEqual([second.entries[0]!.name, second.next], ['S01E02 Pilot', undefined]);
    const direct = await jellyfin.open(session, 'f1', client);
    assert.deepEqual([direct.type, direct.url], ['file', `${url}/Videos/f1/stream?static=true&mediaSourceId=m1`]);
    assert.deepEqual(direct.subtitles, [{ name: 'English', url: `${url}/Videos/f1/m1/Subtitles/2/Stream.vtt` }]);
    const transcoded = await jellyfin.open(session, 'f2', client);
    assert.deepEqual([transcoded.type, transcoded.url], ['hls', `${url}/videos/f2/master.m3u8?ApiKey=k`]);
  });

  test('of Alist: sign-in, pages, the address of the storage with related subtitles', async () => {
    await using server = await openServer(({ path, headers, body }) => {
      if (path === '/api/auth/login') {
        return body.password === 'right'
          ? { code: 200, data: { token: 't' } }
          : { code: 400, message: 'password is incorrect', data: null };
      }
      if (headers.authorization !== 't') return { code: 401, message: 'token is invalidated' };
      if (path === '/api/fs/list') {
        const content = [
          { name: 'more', size: 0, is_dir: true, type: 1 },
          { name: 'a.mp4', size: 10, is_dir: false, type: 2 },
          { name: 'a.txt', size: 1, is_dir: false, type: 4 },
        ];
        return { code: 200, data: { content, total: 3 } };
      }
      const raw_url = body.path === '/films/a.mp4' ? 'https://storage.example/a.mp4?sign=1' : '/d/films/a.srt';
      return { code: 200, data: { name: 'x', raw_url, related: [{ name: 'a.srt' }, { name: 'a.nfo' }] } };
    });
    const { url, client } = server;
    const login = { url, username: 'ann', password: 'right' };
    await assert.rejects(alist.connect({ ...login, password: 'wrong' }, client), code('media-server-refused'));
    const session = await alist.connect(login, client);
    const { entries, next } = await alist.list(session, '/films', undefined, client);
    assert.deepEqual(entries, [
      { id: '/films/more', name: 'more', isFolder: true, size: 0 },
      { id: '/films/a.mp4', name: 'a.mp4', isFolder: false, size: 10 },
    ]);
    assert.equal(next, undefined);
    const media = await alist.open(session, '/films/a.mp4', client);
    assert.deepEqual([media.url, media.headers], ['https://storage.example/a.mp4?sign=1', {}]);
    assert.deepEqual(media.subtitles, [{ name: 'a.srt', url: `${url}/d/films/a.srt` }]);
  });

  test('of Bilibili: the pages of a video, one file of each, live rooms; the cookie stays at the API', async () => {
    const asked: string[] = [];
    const answers: Readonly<Record<string, unknown>> = {
      '/x/web-interface/nav': { code: 0, data: {} },
      '/x/web-interface/view': {
        code: 0,
        message: '0',
        data: {
          title: 'T',
          pages: [
            { cid: 11, part: 'one', duration: 60 },
            { cid: 12, part: 'two', duration: 61 },
          ],
        },
      },
      '/x/player/playurl': { code: 0, data: { durl: [{ url: 'https://media.example/1.mp4' }] } },
      '/room/v1/Room/playUrl': { code: 0, data: { durl: [{ url: 'https://live.example/1.m3u8' }] } },
    };
    await using server = await openServer(({ path }) => answers[path.split('?')[0]!]);
    // The same requests, to the server of the test.
    const net: Pick<Net, 'fetch'> = {
      fetch(url, request) {
        asked.push(new URL(url).host);
        const { pathname, search } = new URL(url);
        return server.net.fetch(`${server.url}${pathname}${search}`, request);
      },
    };
    const client = new ProviderClient(net, { signal: new AbortController().signal });
    const session = await bilibili.connect({ url: '', username: '', password: 'a%2Cb\r\nx: y' }, client);
    assert.equal(server.received[0]!.headers.cookie, 'SESSDATA=a%2Cbxy');
    const { entries } = await bilibili.list(
      session,
      'https://www.bilibili.com/video/BV1xx411c7mD?p=1',
      undefined,
      client,
    );
    assert.deepEqual(entries[1], { id: 'BV1xx411c7mD/12', name: 'T · two', isFolder: false, duration: 61 });
    const media = await bilibili.open(session, entries[1]!.id, client);
    assert.deepEqual(
      [media.url, media.type, media.headers],
      ['https://media.example/1.mp4', 'file', { referer: 'https://www.bilibili.com/' }],
    );
    const live = await bilibili.open(session, 'live/123', client);
    assert.deepEqual([live.url, live.type, live.live], ['https://live.example/1.m3u8', 'hls', true]);
    await assert.rejects(bilibili.open(session, 'BV1/../../x', client), code('bad-request'));
    assert.deepEqual([...new Set(asked)], ['api.bilibili.com', 'api.live.bilibili.com']);
  });

  test('belong to their user: others neither list nor remove them; sign-ins are stored encrypted', async () => {
    await using server = await openServer(jellyfinAnswers);
    await using store = await openTemporaryStore();
    const box = new SecretBox(Buffer.from('a secret of this server'), 'media servers');
    const servers = new MediaServers({ db: store.db, net: server.net, box, nowMs: () => 0 });
    const { signal } = new AbortController();
    const login = { kind: 'jellyfin', name: '', url: server.url, username: 'ann', password: 'right' } as const;
    const { id, name } = await servers.connect('u-ann', login, { signal });
    assert.equal(name, new URL(server.url).host);
    const [row] = await store.db.selectFrom('media_server').selectAll().execute();
    assert.ok(!JSON.stringify(row).includes('token1'));
    const page = { folder: 'v1', cursor: undefined };
    assert.equal((await servers.entries('u-ann', id, page, { signal })).entries.length, 1);
    await assert.rejects(servers.entries('u-bob', id, page, { signal }), code('media-server-unknown'));
    await assert.rejects(servers.remove('u-bob', id), code('media-server-unknown'));
    await assert.rejects(servers.check('u-bob', id), code('media-server-unknown'));
    assert.deepEqual(await servers.list('u-bob'), []);

    const before = server.received.length;
    await Promise.all([servers.open(id, 'f1'), servers.open(id, 'f1')]);
    await servers.open(id, 'f1');
    assert.equal(server.received.length, before + 1, 'an entry is opened once for everyone');
    await servers.remove('u-ann', id);
    assert.deepEqual(await servers.list('u-ann'), []);
    await assert.rejects(servers.open(id, 'f1'), code('media-server-unknown'), 'an opened entry ends with its server');
  });

  test('get another name or another sign-in from their user; entries stay', async () => {
    await using server = await openServer(jellyfinAnswers);
    await using store = await openTemporaryStore();
    const box = new SecretBox(Buffer.from('a secret of this server'), 'media servers');
    // The clock of the server has fractions of a microsecond.
    const servers = new MediaServers({ db: store.db, net: server.net, box, nowMs: () => 1_795_160_400_000.0305 });
    const waiting = { signal: new AbortController().signal };
    const login = { username: 'ann', password: 'right' };
    const { id } = await servers.connect('u-ann', { kind: 'jellyfin', name: '', url: server.url, ...login }, waiting);
    await servers.open(id, 'f1');
    const renamed = await servers.update('u-ann', id, { name: 'Films' }, waiting);
    assert.deepEqual([renamed.id, renamed.name, renamed.url], [id, 'Films', server.url]);
    await assert.rejects(servers.update('u-bob', id, { name: 'Mine' }, waiting), code('media-server-unknown'));
    const wrong = servers.update('u-ann', id, { login: { ...login, password: 'wrong' } }, waiting);
    await assert.rejects(wrong, code('media-server-refused'));
    const before = server.received.length;
    await servers.open(id, 'f1');
    assert.equal(server.received.length, before, 'what was opened stays');
    await servers.update('u-ann', id, { login }, waiting);
    await servers.open(id, 'f1');
    assert.equal(server.received.length, before + 2, 'a new sign-in opens it again');
    assert.deepEqual(
      (await servers.list('u-ann')).map(({ name }) => name),
      ['Films'],
    );
  });

  test('that answer with anything give entries or an error with a code', async () => {
    const random = seeded(7);
    const values = [
      null,
      '',
      'x',
      [],
      {},
      [null],
      [{ Id: 1 }],
      { Items: 3 },
      { data: [] },
      { code: 200 },
      { code: 200, data: { content: [{}] } },
    ];
    await using server = await openServer(() => values[random(values.length)]);
    const session = { url: server.url, user: 'u', headers: {} };
    for (let i = 0; i < 100; i++) {
      for (const provider of [jellyfin, alist]) {
        const tried = [
          provider.list(session, 'v', undefined, server.client),
          provider.open(session, 'v', server.client),
        ];
        for (const result of await Promise.allSettled(tried)) {
          if (result.status === 'rejected')
            assert.equal((result.reason as OxbowError).name, 'OxbowError', String(result.reason));
        }
      }
    }
  });
});

suite('an answer to PROPFIND', () => {
  test('has resources in any namespace prefix, with entities', () => {
    const resource = (
      prefix: string,
    ) => `<${prefix}response xmlns:x="y"><${prefix}href>/dav/a%20b&amp;c.mp4</${prefix}href><${prefix}propstat><${prefix}prop>
<${prefix}getcontentlength>12</${prefix}getcontentlength><${prefix}resourcetype/></${prefix}prop></${prefix}propstat></${prefix}response>`;
    for (const prefix of ['', 'D:', 'lp1:']) {
      const found = parseMultistatus(
        `<?xml version="1.0"?><${prefix}multistatus xmlns="DAV:">${resource(prefix)}</${prefix}multistatus>`,
      );
      assert.deepEqual(found, [{ href: '/dav/a%20b&c.mp4', name: '', isFolder: false, size: 12 }]);
    }
  });

  test('has names in CDATA and with numbers of characters; what a resource does not have is left out', () => {
    const xml = (
      name: string,
    ) => `<D:multistatus xmlns:D="DAV:"><!-- <D:response> --><D:response><D:href>/dav/a/</D:href>
<D:propstat><D:prop><D:displayname>${name}</D:displayname><D:resourcetype><D:collection/></D:resourcetype></D:prop>
<D:status>HTTP/1.1 200 OK</D:status></D:propstat>
<D:propstat><D:prop><D:getcontentlength>7</D:getcontentlength></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>
</D:response></D:multistatus>`;
    const names = { '<![CDATA[Films & more <3]]>': 'Films & more <3', 'Caf&#233; &#x4e2d;': 'Café 中', ' ': '' };
    for (const [written, name] of Object.entries(names)) {
      assert.deepEqual(parseMultistatus(xml(written)), [{ href: '/dav/a/', name, isFolder: true, size: undefined }]);
    }
  });

  /** The resources; none of malformed text. */
  const resourcesOf = (xml: string) => {
    try {
      return parseMultistatus(xml);
    } catch (error) {
      assert.ok(error instanceof FormatError);
      return [];
    }
  };

  test('with very many elements that never end has no resource, and is read as quickly as any other', () => {
    for (const tag of ['<D:response>', '<D:response ', '<D:response><D:href '])
      assert.deepEqual(resourcesOf(`<D:multistatus>${tag.repeat(400_000)}`), [], tag);
    assert.deepEqual(resourcesOf(`<multistatus><response>${'<href '.repeat(400_000)}</response>`), []);
  });

  test('with entities that expand into many is malformed', () => {
    const levels = Array.from({ length: 20 }, (_, i) => `<!ENTITY e${i + 1} "${`&e${i};`.repeat(10)}">`).join('');
    const xml = `<!DOCTYPE m [<!ENTITY e0 "x">${levels}]><multistatus><response><href>&e20;</href></response></multistatus>`;
    const text = JSON.stringify(resourcesOf(xml));
    assert.ok(text.length < 1000, `${text.length} characters`);
  });

  test('of any text is resources or malformed', () => {
    const random = seeded(8);
    const pieces = [
      '<multistatus>',
      '<D:response>',
      '</D:response>',
      '<href>',
      '</href>',
      '&#0;',
      '&#xfffffff;',
      '<collection/>',
      'x',
      '<',
      '>',
    ];
    for (let i = 0; i < 2000; i++) {
      const xml = Array.from({ length: 15 }, () => pieces[random(pieces.length)]).join('');
      resourcesOf(xml);
    }
  });
});
