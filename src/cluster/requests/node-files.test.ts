import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { type Folder, openFolder } from '../../../test/fixtures/server.ts';
import { openLocalSegmentStore } from '../../archive/local-segment-store.ts';
import { isMissing, segmentLocation } from '../../archive/segment-store.ts';
import { createSystemClock } from '../../lib/clock.ts';
import { createNet } from '../../net/net.ts';
import type { NodeView } from '../placement/placement.ts';
import { createInternalRequests, internalTarget, MAX_RANGE_BYTES, type PurgedThing } from './internal-requests.ts';
import { NodeClient } from './node-client.ts';
import { purgeCopies } from './node-copies.ts';
import { NodeFiles } from './node-files.ts';
import { NODE_HEADER, NodeSignature } from './node-signature.ts';

const clock = createSystemClock();
const signatureOf = (node: string) =>
  new NodeSignature({ secret: 'a-secret-of-the-cluster-that-is-long', node, clock });
const location = segmentLocation('recordings/1/a.mp4');
const content = Buffer.alloc(MAX_RANGE_BYTES + 1000, 'abc');

suite('the files of another node', () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let url: URL;
  let files: NodeFiles;
  /** As this node sees the other one. */
  let other: NodeView;
  const purged: PurgedThing[] = [];
  const released: string[] = [];
  /** Resolved by a request that gets no answer. */
  let frozen: PromiseWithResolvers<void> | undefined;
  let client: NodeClient;
  before(async () => {
    folder = opened.use(await openFolder('node-files'));
    const theirs = opened.use(openLocalSegmentStore({ folder: `${folder.path}/b` }));
    await theirs.put(location, content);
    const never = () => assert.fail('it was not requested');
    const signature = signatureOf('b');
    const internal = createInternalRequests({
      files: theirs,
      give: never,
      publishUrls: never,
      edge: never,
      span: never,
      sinks: never,
      signal: new AbortController().signal,
      release: (prefix) => void released.push(prefix),
      purge: async (thing) => void purged.push(thing),
      look: never,
      failed: (error) => assert.fail(String(error)),
    });
    const server = createServer((request, response) => {
      if (frozen) return frozen.resolve();
      const { method = '', url: target = '', headers } = request;
      try {
        request.nodeSender = signature.senderOf({ method, target, headers });
      } catch {
        return response.writeHead(503).end();
      }
      if (!internal(request, response)) response.writeHead(418).end();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    opened.defer(() => {
      server.close();
      server.closeAllConnections();
    });
    url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    other = { name: 'b', url, roles: ['ingest'], version: '1', isAlive: true };
    const net = createNet({ allow: [], userAgent: 'test' });
    opened.defer(() => net.close());
    client = new NodeClient({ net, signature: signatureOf('a') });
    files = opened.use(
      new NodeFiles({
        own: openLocalSegmentStore({ folder: `${folder.path}/a` }),
        client,
        placement: {
          get others() {
            return [other];
          },
        },
        failed: (_, error) => assert.fail(String(error)),
      }),
    );
  });
  after(() => opened.disposeAsync());

  test('are read as if they were here, also ranges that are longer than one answer', async () => {
    assert.equal(await files.size(location), content.length);
    assert.deepEqual(Buffer.from(await files.read(location, { offset: 1, length: 4 })), content.subarray(1, 5));
    const whole = await files.read(location, { offset: 0, length: content.length });
    assert.ok(content.equals(whole), `${whole.length} bytes`);
    const end = await files.read(location, { offset: content.length - 2, length: MAX_RANGE_BYTES * 2 });
    assert.deepEqual(Buffer.from(end), content.subarray(-2), 'fewer bytes at the end');
    await assert.rejects(files.read(segmentLocation('recordings/1/b.mp4'), { offset: 0, length: 1 }), isMissing);
  });

  test('are not ready while that node does not run', async () => {
    other = { ...other, isAlive: false };
    await assert.rejects(files.read(location, { offset: 0, length: 1 }), { code: 'not-ready' });
    other = { ...other, isAlive: true };
  });

  test('of a process on the same folder are there, or nowhere, also while it does not run', async () => {
    await using process = new NodeFiles({
      own: openLocalSegmentStore({ folder: `${folder.path}/b` }),
      client,
      placement: { others: [{ ...other, isAlive: false }] },
      isOneFolder: true,
      failed: (_, error) => assert.fail(String(error)),
    });
    assert.equal(await process.size(location), content.length);
    const absent = segmentLocation('recordings/1/b.mp4');
    await assert.rejects(process.read(absent, { offset: 0, length: 1 }), isMissing);
    await assert.rejects(process.size(absent), isMissing);
  });

  test('are not ready as soon as a node that has stopped answering is declared dead', async () => {
    frozen = Promise.withResolvers();
    const reading = files.read(location, { offset: 0, length: 1 });
    await frozen.promise;
    other = { ...other, isAlive: false };
    await assert.rejects(reading, { code: 'not-ready', message: 'The node b does not run.' });
    other = { ...other, isAlive: true };
    frozen = undefined;
  });

  test('are given only to nodes, and only those below the data folder', async () => {
    const statusOf = async (target: string, { signed = target, to = 'b' } = {}) => {
      const headers = { [NODE_HEADER]: signatureOf('a').sign(to, { method: 'GET', target: signed }) };
      return (await fetch(url.origin + target, { headers })).status;
    };
    const target = internalTarget.range(location, 0, 1);
    assert.equal(await statusOf(target), 200);
    assert.equal((await fetch(url.origin + target)).status, 404, 'no signature');
    assert.equal(await statusOf(target, { signed: internalTarget.range(location, 1, 1) }), 503, 'of another request');
    assert.equal(await statusOf(target, { to: 'c' }), 503, 'for another node');
    for (const path of ['..%2f..%2fetc/passwd', '%2e%2e%2fx', 'recordings/1/..%2f..%2f..%2fx', '%00', '%']) {
      assert.equal(await statusOf(`/internal/files/${path}`), 404, path);
    }
    assert.equal(await statusOf(internalTarget.range(location, 0, MAX_RANGE_BYTES + 1)), 400);
  });

  test('are deleted there, with what is in memory of them; copies of other media are dropped by their names', async () => {
    assert.deepEqual(await files.deleteElsewhere(location), []);
    assert.deepEqual(released, [location]);
    await assert.rejects(files.read(location, { offset: 0, length: 1 }), isMissing);
    const { signal } = new AbortController();
    const things = [
      { kind: 'stream', id: 'door' },
      { kind: 'clip', id: 'a/b' },
    ] as const;
    const placement = { others: [other, { ...other, name: 'c', url: new URL('http://127.0.0.1:1') }] };
    assert.deepEqual(await purgeCopies({ client, placement }, things, { signal, only: 'b' }), []);
    assert.deepEqual(purged, things);
    assert.deepEqual(await purgeCopies({ client, placement }, things, { signal, only: 'gone' }), []);
    assert.deepEqual(await purgeCopies({ client, placement }, things, { signal }), [
      { node: 'c', problem: 'The node c does not answer.' },
    ]);
    const target = internalTarget.copies(things[0]);
    const headers = { [NODE_HEADER]: signatureOf('a').sign('b', { method: 'DELETE', target }) };
    purged.splice(0);
    const statuses: number[] = [];
    for (let i = 0; i < 2; i++) {
      statuses.push((await fetch(url.origin + target, { method: 'DELETE', headers })).status);
    }
    assert.deepEqual([statuses, purged.length], [[204, 503], 1], 'the same request is received once');
    const unsigned = await fetch(url.origin + internalTarget.copies(things[0]), { method: 'DELETE' });
    assert.equal(unsigned.status, 404);
  });
});
