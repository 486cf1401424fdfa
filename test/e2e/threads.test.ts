import assert from 'node:assert/strict';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { after, before, suite, test } from 'node:test';
import { canSharePorts } from '../../src/serve/hot/listeners.ts';
import { hold } from '../fixtures/hold.ts';
import { type Folder, openFolder, type Server, smallPicture, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest, isFull } from '../full.ts';

const noProc = existsSync('/proc/self/fd') ? false : 'this system does not show open files in /proc';

/** What a descriptor in /proc is open on; empty when it was closed meanwhile. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Asks on its own connection, which the system gives to one thread or the other. */
function ask(agent: Agent, url: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    get(url, { agent, headers }, (response) => {
      let body = '';
      response.setEncoding('latin1');
      response.on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode!, body }));
      response.on('error', reject);
    }).on('error', reject);
  });
}

suite('two serving threads', { skip: canSharePorts ? false : 'this system gives a port to one listener' }, () => {
  const adminToken = 'let-me-in-please';
  let folder: Folder;
  let server: Server;
  let agents: Agent[];
  before(async () => {
    folder = await openFolder('threads');
    server = await startPlainServer({
      data: folder.path,
      args: [...smallPicture, '--threads', '2', '--accounts-watch', 'signed'],
      adminToken,
      sample: false,
    });
    await create('door', 'public');
    if (isFull) await create('gone', 'public');
    await server.stream('door', 'live');
    if (isFull) await server.stream('gone', 'live');
    // Enough connections that no thread is without one.
    agents = Array.from({ length: 12 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  });
  after(async () => {
    for (const agent of agents ?? []) agent.destroy();
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  const post = (path: string, body: object, method = 'POST') =>
    server.fetch(path, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

  async function create(name: string, visibility: string): Promise<void> {
    const made = await post('/api/v1/streams', { name, source: { type: 'test' }, visibility });
    assert.equal(made.status, 201, await made.text());
  }

  const askAll = (path: string, headers?: Record<string, string>) =>
    Promise.all(agents.map((agent) => ask(agent, `${server.url}${path}`, headers)));

  /** How many answers of a class were counted. */
  async function counted(kind: string): Promise<number> {
    const text = Buffer.from(await server.bytes('/metrics')).toString();
    return Number(
      new RegExp(`^oxbow_http_requests_total\\{class="${kind}",status="200"\\} (\\d+)`, 'm').exec(text)?.[1] ?? 0,
    );
  }

  async function listPath(): Promise<string> {
    const index = Buffer.from(await server.bytes('/live/door/index.m3u8')).toString();
    return `/live/door/${index.split('\n').find((line) => line.endsWith('.m3u8'))}`;
  }

  test('both answer a held reload with the same playlist, and then the part in it', async () => {
    const path = await listPath();
    await askAll(path); // from now on both have a copy
    await until('both have the list', async () => (await askAll(path)).every(({ status }) => status === 200));
    for (let i = 0; i < 5; i++) {
      const list = Buffer.from(await server.bytes(path)).toString();
      const [, msn, part] = /#EXT-X-PRELOAD-HINT:TYPE=PART,URI="(\d+)\.(\d+)\.m4s"/.exec(list)!;
      const answers = await askAll(`${path}?_HLS_msn=${msn}&_HLS_part=${part}`);
      // A thread may hear of the next change before it was asked: what ends with the same part is the same
      // playlist.
      const endOf = (text: string) => /#EXT-X-PRELOAD-HINT:.*/.exec(text)![0];
      const texts = new Map(answers.map(({ body }) => [endOf(body), body]));
      for (const { body } of answers) assert.equal(body, texts.get(endOf(body)));
      for (const { status, body } of answers) {
        assert.equal(status, 200);
        assert.ok(body.includes(`"${msn}.${part}.m4s"`) || body.includes(`${msn}.m4s`), body);
      }
      const bytes = await askAll(`${path.replace(/\/g\d+\.m3u8$/, '')}/${msn}.${part}.m4s`);
      assert.equal(new Set(bytes.map(({ body }) => body)).size, 1);
      assert.ok(bytes[0]!.status === 200 && bytes[0]!.body.length > 0);
    }
    for (const { status } of await askAll(path, { host: 'evil.example' })) assert.equal(status, 421);
  });

  fullTest('requests of both threads are counted once, and players are distinguished across both', async () => {
    const path = await listPath();
    const before = await counted('playlist');
    await askAll(path);
    await until('all are counted', async () => (await counted('playlist')) >= before + agents.length);
    assert.ok((await counted('playlist')) <= before + agents.length + 2);
    // Players of one address and program are distinguished by their repeated requests: until now each has
    // requested a part once.
    const view = await until('they are seen', async () => {
      const stream = await server.json<{ viewers: number }>('/api/v1/streams/door');
      return stream.viewers > 0 && stream;
    });
    assert.ok(view.viewers <= agents.length, `${view.viewers} viewers`);
    const metrics = Buffer.from(await server.bytes('/metrics')).toString();
    for (const thread of ['main', 'serving-1', 'serving-2']) {
      assert.match(metrics, new RegExp(`oxbow_event_loop_lag_seconds\\{thread="${thread}",quantile="0.99"\\}`));
    }
  });

  fullTest(
    'reports of players are counted by both threads, and by the main thread for a stream that they have no copy of',
    async () => {
      const report = async (stream: string, sid: string, state: string) => {
        const cmcd = encodeURIComponent(`sid="${sid}",sta=${state}`);
        const { status } = await fetch(`${server.url}/live/${stream}/session?CMCD=${cmcd}`, { method: 'POST' });
        assert.equal(status, 204);
      };
      const players = async (stream: string) => {
        const { items } = await server.json<{ items: { state: string | null }[] }>(
          `/api/v1/streams/${stream}/sessions`,
        );
        return items.filter(({ state }) => state === 'paused').length;
      };
      const sids = Array.from({ length: 20 }, (_, i) => `threads-${i}`);
      for (const stream of ['door', 'gone']) {
        await Promise.all(sids.map((sid) => report(stream, sid, 'a')));
        await until('all are counted', async () => (await players(stream)) === sids.length);
        await Promise.all(sids.map((sid) => report(stream, sid, 'e')));
        await until('all have left', async () => (await players(stream)) === 0);
      }
    },
  );

  fullTest('all other responses are those of one thread: the past, the interface, the API, 404', async () => {
    const { from } = await until('something is recorded', async () => {
      const span = (await server.timeline('door')).spans.at(-1);
      return span && Date.parse(span.to) - Date.parse(span.from) > 6000 && span;
    });
    const second = Math.ceil(Date.parse(from) / 1000);
    for (const [path, status] of [
      [`/vod/door/${second}/${second + 4}/av0.m3u8`, 200],
      [`/thumb/door/${second + 1}.jpg`, 200],
      ['/api/v1/streams', 200],
      ['/', 200],
      [`/clip/door/${second}/${second + 2}.mp4`, 200],
      ['/live/gone/ts/index.m3u8', 200],
      ['/live/gone/dvr-1h/index.m3u8', 200],
      ['/health', 200],
      ['/live/unknown/index.m3u8', 404],
      ['/live/door/av0/1.m4s', 404],
      [`${await listPath()}?_HLS_msn=9007199254740000`, 400],
    ] as const) {
      const answers = await askAll(path);
      assert.deepEqual(new Set(answers.map((answer) => answer.status)), new Set([status]), path);
    }
    const list = Buffer.from(await server.bytes(`/vod/door/${second}/${second + 4}/av0.m3u8`)).toString();
    const segment = /(\/live\/door\/av0\/\d+\.m4s)$/m.exec(list)![1]!;
    const seen = new Set<string>();
    // The first of each thread goes the long way; all are the same bytes.
    for (let i = 0; i < 3; i++) for (const { body } of await askAll(segment)) seen.add(body);
    assert.equal(seen.size, 1);
  });

  fullTest('a revoked permission ends at once in both', async () => {
    await create('guests', 'signed');
    await server.stream('guests', 'live');
    const given = await post('/api/v1/streams/guests/watch-tokens', { expires: '1h' });
    const { token } = (await given.json()) as { token: string };
    const index = `/t/${token}/live/guests/index.m3u8`;
    const list = await until('both play it', async () => {
      const answers = await askAll(index);
      const path = answers[0]!.body.split('\n').find((line) => line.endsWith('.m3u8'));
      return answers.every(({ status }) => status === 200) && `/t/${token}/live/guests/${path}`;
    });
    for (let i = 0; i < 3; i++) for (const { status } of await askAll(list)) assert.equal(status, 200);
    for (const { status } of await askAll(list.replace(`/t/${token}`, ''))) assert.equal(status, 404);
    const revoked = await post('/api/v1/streams/guests/watch-tokens/revoke', {});
    assert.ok(revoked.ok);
    for (const { status } of await askAll(list)) assert.equal(status, 403);

    // A link that a user made ends with the account.
    const account = { name: 'ann', password: 'correct horse battery' };
    const { id } = (await (await post('/api/v1/users', account)).json()) as { id: string };
    const headers = { 'content-type': 'application/json', origin: server.url };
    const send = (path: string, body: object, cookie = '') =>
      fetch(server.url + path, { method: 'POST', headers: { ...headers, cookie }, body: JSON.stringify(body) });
    const entered = await send('/api/v1/sessions', account);
    const cookie = entered.headers.get('set-cookie')!.split(';')[0]!;
    const made = await send('/api/v1/streams/guests/watch-tokens', {}, cookie);
    assert.equal(made.status, 201, await made.clone().text());
    const own = list.replace(token, ((await made.json()) as { token: string }).token);
    for (let i = 0; i < 3; i++) for (const { status } of await askAll(own)) assert.equal(status, 200);
    assert.ok((await post(`/api/v1/users/${id}`, { state: 'banned' }, 'PATCH')).ok);
    await until('both refuse it', async () => (await askAll(own)).every(({ status }) => status === 403));
  });

  fullTest('a deleted stream leaves no open file and no cached block in any thread', { skip: noProc }, async () => {
    const { from } = await until('its first segment has left memory', async () => {
      const span = (await server.timeline('gone')).spans.at(-1);
      return span && Date.parse(span.to) - Date.parse(span.from) > 16_000 && span;
    });
    const openRecordings = () =>
      readdirSync(`/proc/${server.pid}/fd`).filter((fd) => {
        const target = linkOf(`/proc/${server.pid}/fd/${fd}`);
        return target.includes('/recordings/') && target.endsWith(' (deleted)');
      });
    const cached = async () =>
      Number(/^oxbow_block_cache_bytes (\d+)/m.exec(Buffer.from(await server.bytes('/metrics')).toString())![1]);
    const before = await cached();
    const second = Math.ceil(Date.parse(from) / 1000);
    const list = Buffer.from(await server.bytes(`/vod/gone/${second}/${second + 4}/av0.m3u8`)).toString();
    const segment = /(\/live\/gone\/av0\/\d+\.m4s)$/m.exec(list)![1]!;
    for (let i = 0; i < 5; i++) for (const { status } of await askAll(segment)) assert.equal(status, 200);
    assert.ok((await cached()) > before, 'blocks of it are cached');
    const removed = await server.fetch('/api/v1/streams/gone?recordings=delete', { method: 'DELETE' });
    assert.ok(removed.ok, await removed.text());
    await until('every thread let go of it', async () => openRecordings().length === 0 && (await cached()) <= before);
  });

  fullTest('a removed stream is gone in both, also for held requests', async () => {
    await create('short', 'public');
    await server.stream('short', 'live');
    const list = await until('both have it', async () => {
      const answers = await askAll('/live/short/index.m3u8');
      const path = answers[0]!.body.split('\n').find((line) => line.endsWith('.m3u8'));
      return answers.every(({ status }) => status === 200) && `/live/short/${path}`;
    });
    await askAll(list);
    const { body } = (await askAll(list))[0]!;
    const msn = Number(/#EXT-X-PRELOAD-HINT:TYPE=PART,URI="(\d+)\./.exec(body)![1]) + 1;
    const waiting = askAll(`${list}?_HLS_msn=${msn}&_HLS_part=3`);
    const removed = await server.fetch('/api/v1/streams/short?recordings=delete', { method: 'DELETE' });
    assert.ok(removed.ok, await removed.text());
    for (const { status } of await waiting) assert.ok(status === 404 || status === 200, `${status}`);
    for (const { status } of await askAll(list)) assert.equal(status, 404);
  });

  test('at shutdown held requests are answered, and no process is left', async () => {
    const path = await listPath();
    const waiting = await hold({
      ask: async () => {
        const { body } = (await askAll(path))[0]!;
        const [, msn] = /#EXT-X-PRELOAD-HINT:TYPE=PART,URI="(\d+)\./.exec(body)!;
        return { answer: askAll(`${path}?_HLS_msn=${Number(msn) + 1}`) };
      },
      metrics: async () => Buffer.from(await server.bytes('/metrics')).toString(),
      requests: agents.length,
    });
    const ended = server.stop();
    for (const { status } of await waiting.answer) assert.ok(status === 503 || status === 200, `${status}`);
    assert.equal((await ended).code, 0);
  });
});
