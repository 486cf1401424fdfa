import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { ROOT_CONTEXT } from '@oxbow/media/evidence/block';
import { need } from '../../../test/fixtures/need.ts';
import { openFolderClient } from '../../archive/objects/folder-client.ts';
import { openEvidenceRig, reportOn } from '../../delivery/export/evidence.fixture.ts';
import { createNet } from '../../net/net.ts';
import { groupsFrom, START_US } from '../../recording/recording.fixture.ts';
import { anchorPlaces } from './anchor-places.ts';
import { type AnchorDocument, Anchors } from './anchors.ts';
import { hashTree } from './hash-tree.ts';

const S = 1_000_000;
const never = new AbortController().signal;

/** A server that answers posts; `answer` may reject a request. */
async function openPosted(answer: (body: Buffer) => Buffer | undefined) {
  const bodies: Buffer[] = [];
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>));
    bodies.push(body);
    const reply = answer(body);
    response.writeHead(reply ? 200 : 503).end(reply);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    bodies,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A timestamp authority of OpenSSL in a folder. */
async function openAuthority() {
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-tsa-'));
  const file = (name: string) => join(folder, name);
  const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  await writeFile(
    file('tsa.cnf'),
    `[req]
distinguished_name = name
x509_extensions = tsa_cert
prompt = no
[name]
CN = authority
[tsa_cert]
extendedKeyUsage = critical,timeStamping
[tsa]
default_tsa = here
[here]
serial = ${file('serial')}
signer_cert = ${file('cert.pem')}
signer_key = ${file('key.pem')}
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
`,
  );
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    file('key.pem'),
    '-out',
    file('cert.pem'),
    '-days',
    '2',
    '-config',
    file('tsa.cnf'),
  );
  await writeFile(file('serial'), '01\n');
  return {
    answer(query: Buffer): Buffer {
      execFileSync('sh', ['-c', `cat > ${file('query')}`], { input: query });
      openssl('ts', '-reply', '-config', file('tsa.cnf'), '-queryfile', file('query'), '-out', file('reply'));
      return execFileSync('cat', [file('reply')]);
    },
    /** Whether OpenSSL accepts a token over a hash. @throws if it does not */
    async verify(token: Buffer, digest: Buffer) {
      await writeFile(file('token'), token);
      const how = ['-digest', digest.toString('hex'), '-in', file('token'), '-CAfile', file('cert.pem')];
      return openssl('ts', '-verify', ...how).toString();
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

test('each leaf of a tree of any size leads to its root', async () => {
  for (const count of [1, 2, 3, 4, 5, 7, 8, 100]) {
    const leaves = Array.from({ length: count }, (_, i) => new Uint8Array(32).fill(i));
    const { root, paths } = hashTree(leaves);
    assert.equal(paths.length, count);
    assert.equal(root.length, 32);
    assert.ok(Math.max(...paths.map((path) => path.length)) <= Math.ceil(Math.log2(Math.max(2, count))));
  }
});

suite('anchors', () => {
  test('that a process could not send are sent by the next one, once, also of a stream that records no more', async () => {
    await using opened = await openEvidenceRig();
    const { evidence } = opened;
    const sent: (readonly number[])[] = [];
    let isAway = true;
    const place = {
      name: 'witness',
      async send({ blocks }: AnchorDocument) {
        if (isAway) throw new Error('it is away');
        sent.push(blocks.map(({ seq }) => seq));
        return undefined;
      },
    } as const;
    const open = (streams: readonly string[]) => {
      const anchors = new Anchors({
        places: [place],
        node: 'a',
        nowUs: () => START_US,
        everyMs: () => 60_000,
        sign: (root) => evidence.sign(ROOT_CONTEXT, root),
        streams: () => streams,
        stored: (streamId) => evidence.blocks.newest(streamId, 0),
        store: ({ streamId, seq }, anchor) => evidence.blocks.anchor(streamId, seq, anchor),
        report: { anchored() {}, failed: (_, error) => assert.match(String(error), /it is away/) },
      });
      const unsubscribe = evidence.sealed.subscribe((block) => anchors.add(block));
      return { anchors, unsubscribe };
    };
    const record = async (msn: number) => {
      await opened.record(groupsFrom({ msn, startUs: START_US + msn * 2 * S }, 2));
      await evidence.seal('s');
    };
    const first = open([]);
    await record(1);
    await record(3);
    await first.anchors.anchor({ signal: never });
    first.unsubscribe();
    // The process ends; the next one seals a block, and the place answers.
    isAway = false;
    const second = open([]);
    await record(5);
    await second.anchors.anchor({ signal: never });
    await second.anchors.anchor({ signal: never });
    assert.deepEqual(sent, [[1, 2, 3]]);
    second.unsubscribe();
    await record(7);
    const third = open(['s']);
    await third.anchors.anchor({ signal: never });
    assert.deepEqual(sent.slice(1), [[4]], 'a stream without a new block');
  });

  test('of a bucket, a witness, an authority and an event travel with an exported file', {
    skip: need('openssl'),
  }, async () => {
    await using opened = await openEvidenceRig();
    await using authority = await openAuthority();
    let isWitnessAway = true;
    await using witness = await openPosted(() => (isWitnessAway ? undefined : Buffer.from('{}')));
    await using stamps = await openPosted((query) => authority.answer(query));
    const folder = await mkdtemp(join(tmpdir(), 'oxbow-anchors-'));
    await using client = await openFolderClient(folder);
    await using net = createNet({ allow: [] });
    const events: unknown[] = [];
    const failures: string[] = [];
    const { evidence, keys } = opened;
    const anchors = new Anchors({
      places: anchorPlaces(
        { enabled: true, every: 60_000, anchorTarget: 'vault', witnessUrl: witness.url, timestampUrl: stamps.url },
        {
          bus: { publish: (...event: unknown[]) => void events.push(event) },
          net,
          targets: { client: async () => client },
        },
      ),
      node: 'a',
      nowUs: () => START_US,
      everyMs: () => 60_000,
      sign: (root) => evidence.sign(ROOT_CONTEXT, root),
      streams: () => [],
      stored: async () => [],
      store: ({ streamId, seq }, anchor) => evidence.blocks.anchor(streamId, seq, anchor),
      report: { anchored() {}, failed: (place) => failures.push(place) },
    });
    evidence.sealed.subscribe((block) => anchors.add(block));
    await opened.record(groupsFrom({ msn: 1, startUs: START_US }, 5));
    await evidence.seal('s');
    await anchors.anchor({ signal: never });
    assert.deepEqual(failures, ['witness'], 'it was away');
    await opened.record(groupsFrom({ msn: 6, startUs: START_US + 10 * S }, 5));
    await evidence.seal('s');
    isWitnessAway = false;
    await anchors.anchor({ signal: never });

    const report = await reportOn(await opened.exported({ fromUs: START_US, toUs: START_US + 20 * S }), [keys.id]);
    assert.deepEqual(report.findings, []);
    const places = Map.groupBy(report.anchors, ({ place }) => place);
    assert.deepEqual([...places].map(([place, list]) => [place, list.length]).sort(), [
      ['bucket', 2],
      ['rfc3161', 2],
      ['webhook', 2],
      ['witness', 2],
    ]);
    for (const { root, token } of places.get('rfc3161')!) {
      const verified = await authority.verify(Buffer.from(token!, 'base64'), Buffer.from(root, 'base64url'));
      assert.match(verified, /Verification: OK/);
    }
    // The witness got both blocks in one tree.
    const documents = witness.bodies.map((body) => JSON.parse(body.toString()) as AnchorDocument);
    assert.deepEqual(
      documents.map(({ blocks }) => blocks.map(({ seq }) => seq)),
      [[1], [1, 2]],
    );
    assert.equal(places.get('witness')![0]!.root, documents[1]!.root);
    assert.equal(events.length, 2);
    const names = await readdir(folder, { recursive: true });
    const objects = names.filter((name) => name.endsWith('.json'));
    assert.equal(objects.length, 1, 'both at one instant of the clock of the test');
    assert.ok((await readFile(join(folder, objects[0]!), 'utf8')).includes('"root"'));
    await rm(folder, { recursive: true });
  });

  test('an answer that does not grant a token, or is over another hash, is a failure', async () => {
    await using opened = await openEvidenceRig();
    for (const reply of ['30053003020102', '3003020100', '']) {
      await using stamps = await openPosted(() => Buffer.from(reply, 'hex'));
      await using net = createNet({ allow: [] });
      const [, place] = anchorPlaces(
        { enabled: true, every: 60_000, anchorTarget: '', witnessUrl: undefined, timestampUrl: stamps.url },
        { bus: { publish() {} }, net, targets: undefined },
      );
      const root = Buffer.alloc(32, 7).toString('base64url');
      const document: AnchorDocument = { v: 1, at: 1, node: '', root, key: opened.keys.id, signature: '', blocks: [] };
      await assert.rejects(place!.send(document, { signal: never }), { name: 'OxbowError', code: 'source-failed' });
    }
  });
});
