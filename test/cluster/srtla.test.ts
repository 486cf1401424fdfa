import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { connectSrt } from '@oxbow/wire/srt/connect';
import { SrtRejectedError } from '@oxbow/wire/srt/rejection';
import type { StreamStats } from '../../src/api/measure/stats-shapes.ts';
import { encode, filmArgs } from '../fixtures/encoder.ts';
import { needPostgres } from '../fixtures/engines/postgres.ts';
import { need } from '../fixtures/need.ts';
import { type BondedLink, openBondedSender } from '../fixtures/publishers/bonded-sender.ts';
import { publishAgain } from '../fixtures/publishers/publish-again.ts';
import { createPush } from '../fixtures/publishers/push-streams.ts';
import { freeUdpPort } from '../fixtures/publishers/udp-sender.ts';
import { until } from '../fixtures/wait.ts';
import { openCluster, type TestCluster, type TestNode } from './cluster.fixture.ts';

const skip = needPostgres() || need('redis-server') || need('ffmpeg');
const LINKS: readonly BondedLink[] = [{ delayMs: 5 }, { delayMs: 30 }];

suite('bonded senders of a cluster', { skip }, () => {
  const opened = new AsyncDisposableStack();
  let cluster: TestCluster;
  let film: string;
  const nodes = new Map<string, TestNode & { readonly srt: number; readonly srtla: number }>();
  let key: string;

  before(async () => {
    cluster = opened.use(await openCluster());
    for (const name of ['a', 'b']) {
      const [srt, srtla] = [await freeUdpPort(), await freeUdpPort()];
      const args = ['--srt', `127.0.0.1:${srt}`, '--srtla', `127.0.0.1:${srtla}`];
      nodes.set(name, { ...(await cluster.start(name, { args })), srt, srtla });
    }
    film = await encode(filmArgs(60), join(cluster.folderOf('a'), 'film.ts'));
    key = await createPush(nodes.get('a')!.server, 'phone');
  });
  after(() => opened.disposeAsync());

  const publish = (port: number) => publishAgain(film, `srt://127.0.0.1:${port}?streamid=publish:phone:${key}`);
  const linksAt = (name: string) =>
    until(`the links at ${name}`, async () => {
      const { link } = await nodes.get(name)!.server.json<StreamStats>('/api/v1/streams/phone/stats');
      return link.links.map(({ number, up }) => `${number} ${up}`).join() === '1 true,2 true';
    });

  test('take their stream to the node that they reach, unless it has a publisher, and after the end of that one', async () => {
    const [a, b] = [nodes.get('a')!, nodes.get('b')!];
    await using atB = await openBondedSender(b.srtla, 1, LINKS);
    await using publisher = publish(atB.port);
    await a.server.stream('phone', 'live');
    const moved = b.server.log().filter(({ msg }) => msg === 'this node runs the stream now');
    assert.deepEqual(
      moved.map(({ stream }) => stream),
      ['phone'],
    );
    for (const name of ['a', 'b']) await linksAt(name);

    await using atA = await openBondedSender(a.srtla, 2, LINKS);
    await until('the links are accepted', () => atA.sender.up === 2);
    const codes = await Promise.all(
      [a.srt, atA.port].map((port) =>
        connectSrt({
          address: '127.0.0.1',
          port,
          streamId: `publish:phone:${key}`,
          signal: AbortSignal.timeout(20_000),
        }).then(
          () => assert.fail('it was accepted'),
          (error: unknown) => (error instanceof SrtRejectedError ? error.code : assert.fail(String(error))),
        ),
      ),
    );
    assert.deepEqual(codes, [codes[0], codes[0]], 'as a caller of SRT');
    assert.equal(codes[0], 2409);

    const sinceMs = Date.now();
    await b.server.stop('SIGKILL');
    await publisher[Symbol.asyncDispose]();
    await using _ = publish(atA.port);
    await until('it is recorded again', async () => {
      const { spans } = await a.server.timeline('phone');
      return Date.parse(spans.at(-1)!.from) > sinceMs;
    });
    await linksAt('a');
  });
});
