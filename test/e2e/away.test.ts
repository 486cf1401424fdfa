import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { StreamView } from '../../src/api/shapes.ts';
import { checkLive, printFindings } from '../conformance/checker.ts';
import { openHttpFetch } from '../conformance/http-fetch.ts';
import { allSegments, readMedia } from '../conformance/media-text.ts';
import { pictureHashes, run } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { makeFilm, type PublishingProcess, publishByFfmpeg } from '../fixtures/publishers/publishers.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const TOKEN = 'a-token-for-this-test';
/** For waits of seconds. */
const seldom = { everyMs: 250 };
const json = { 'content-type': 'application/json' };

suite('the picture while a publisher is away', { skip: need('ffmpeg'), concurrency: true }, () => {
  let folder: Folder;
  let server: Server;
  const film = () => join(folder.path, 'film.mp4');
  let filmPictures: ReadonlySet<string>;

  before(async () => {
    folder = await openFolder('away');
    await makeFilm(film(), { seconds: 40, bFrames: 2 });
    filmPictures = new Set(await pictureHashes(film()));
    server = await startServer({ data: join(folder.path, 'data'), adminToken: TOKEN, ingest: ['rtmp'] });
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const post = async <T>(path: string, body: object): Promise<T> => {
    const response = await server.fetch(path, { method: 'POST', headers: json, body: JSON.stringify(body) });
    assert.ok(response.ok, `${path}: ${response.status}`);
    return (await response.json()) as T;
  };
  /** Creates a stream; returns the address for its publishers. */
  const create = async (name: string, source: object): Promise<string> => {
    await post('/api/v1/streams', { name, source: { type: 'push', ...source } });
    const { key } = await post<{ key: string }>(`/api/v1/streams/${name}/keys`, { label: 'test' });
    return `${server.ingest.rtmp}/${name}?key=${key}`;
  };
  const publish = (url: string, fromS = 0): PublishingProcess => publishByFfmpeg(film(), url, { fromS });
  const recorded = async (name: string) => (await server.json<StreamView>(`/api/v1/streams/${name}`)).recorded;
  const listOf = async (name: string) => {
    const index = await (await server.fetch(`/live/${name}/index.m3u8`)).text();
    const url = new URL(
      index.split('\n').find((line) => /^[^#].*video|^[^#]/.test(line))!,
      `${server.url}/live/${name}/`,
    );
    return readMedia(url.href, await (await fetch(url)).text());
  };

  for (const whileAway of ['last-picture', 'slate'] as const) {
    test(`${whileAway}: viewers get it after kill -9, without a break, until the publisher returns; it is not recorded`, async () => {
      const name = whileAway;
      const url = await create(name, { whileAway });
      await using first = publish(url);
      await server.stream(name, 'live');
      using http = openHttpFetch(server.url);
      let goesOn = true;
      const walk = checkLive(http.fetch, `${server.url}/live/${name}/index.m3u8`, { goOn: () => goesOn });
      await until('six seconds', async () => (await recorded(name)).seconds >= 6, seldom);
      await first.kill();
      await server.stream(name, 'unpublished');
      const before = await listOf(name);
      const endOf = ({ mediaSequence, segments }: typeof before) => mediaSequence + segments.length;
      const shown = await until(
        'ten seconds without the publisher',
        async () => {
          const list = await listOf(name);
          return endOf(list) >= endOf(before) + 5 && list;
        },
        seldom,
      );
      assert.equal(shown.url, before.url); // the same generation
      const gone = await recorded(name);
      await using second = publish(url, 20);
      await server.stream(name, 'live');
      await until('six more seconds', async () => (await recorded(name)).seconds >= gone.seconds + 6, seldom);
      goesOn = false;
      const findings = (await walk).filter(({ severity }) => severity === 'must');
      assert.equal(printFindings(findings), '');

      // All of it decodes, video and audio; the list continues from the first publisher to the second one.
      const list = await listOf(name);
      assert.equal(list.url, before.url);
      assert.equal(list.ended, false);
      const discontinuities = allSegments(list).filter(({ discontinuity }) => discontinuity).length;
      assert.equal(discontinuities, 2);
      const lasts = list.segments.reduce((sum, { durationS }) => sum + durationS, 0);
      await second.kill();
      await server.stream(name, 'unpublished');
      const read = ['-v', 'error', '-live_start_index', '0', '-t', String(Math.floor(lasts) - 2)];
      const decoded = await run('ffmpeg', [...read, '-i', list.url, '-f', 'null', '-']);
      assert.equal(decoded.stderr.slice(0, 600), '');

      // The timeline is that of a stream without the picture, and the recording is the film alone.
      const { spans, offline, gaps } = await server.timeline(name);
      const [one, two] = spans;
      assert.equal(spans.length, 2);
      // Before the first span, the stream waited for its publisher.
      const between = offline.filter(({ from }) => from >= one!.from);
      assert.deepEqual(between[0], { from: one!.to, to: two!.from });
      assert.deepEqual(gaps, []);
      assert.ok(Date.parse(two!.from) - Date.parse(one!.to) > 5000);
      const { from, to } = await recorded(name);
      const pictures = await pictureHashes(`${server.url}/clip/${name}/${Date.parse(from!)}/${Date.parse(to!)}.mp4`);
      assert.deepEqual(
        pictures.filter((hash) => !filmPictures.has(hash)),
        [],
      );
    });
  }
});
