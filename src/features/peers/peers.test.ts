import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { FormatError } from '@oxbow/media/errors';
import { WebSocket } from 'ws';
import type { PeerDigestsView, PeersView } from '../../api/peers/peer-shapes.ts';
import type { Reply } from '../../delivery/reply.ts';
import { shareTestServer, textReply } from '../../http/fixture.ts';
import { routesWith } from '../../http/routes/table.ts';
import { createManualClock } from '../../lib/clock.ts';
import { createSilentLog } from '../../observe/log.ts';
import { createMetrics } from '../../observe/metrics.ts';
import type { StreamDefinition } from '../../streams/definition.ts';
import { givesToPeers, type PeerConditions } from '../../streams/peer-delivery.ts';
import { Digests } from './digests.ts';
import { peers } from './feature.ts';
import { parsePeerMessage } from './peer-message.ts';
import { PeerSockets } from './peer-sockets.ts';
import type { Peers } from './routes.ts';
import { type Member, Swarm } from './swarm.ts';

const id = (text: string) => text.padEnd(20, '.');
const SWARM = id('swarm');
const offer = { type: 'offer', sdp: 'v=0 offer' } as const;
const answer = { type: 'answer', sdp: 'v=0 answer' } as const;
const announce = (peer: string, more: object = {}) =>
  JSON.stringify(Object.assign({ action: 'announce', info_hash: SWARM, peer_id: id(peer) }, more));

suite('messages of viewers', () => {
  test('an announcement, an answer, the end and the report of a lie are read', () => {
    const offers = [{ offer_id: id('1'), offer }];
    const named = { swarm: SWARM, peer: id('a') };
    assert.deepEqual(parsePeerMessage(announce('a', { offers, downloaded: 12.5 })), {
      ...named,
      kind: 'announce',
      receivedBytes: 12,
      offers: [{ id: id('1'), offer }],
    });
    const to = { to_peer_id: id('b'), offer_id: id('1'), answer };
    assert.deepEqual(parsePeerMessage(announce('a', to)), {
      ...named,
      kind: 'answer',
      to: id('b'),
      offer: id('1'),
      answer,
    });
    assert.equal(parsePeerMessage(announce('a', { event: 'stopped' })).kind, 'stopped');
    assert.deepEqual(parsePeerMessage(announce('a', { action: 'lie', to_peer_id: id('b') })), {
      ...named,
      kind: 'lie',
      liar: id('b'),
    });
  });

  test('what a page says that it received counts up to a bound', () => {
    const bytesOf = (downloaded: unknown) => {
      const message = parsePeerMessage(announce('a', { downloaded }));
      return message.kind === 'announce' && message.receivedBytes;
    };
    assert.deepEqual([1e300, -5, 'x', null].map(bytesOf), [4e9, 0, 0, 0]);
  });

  test('everything else is refused', () => {
    const wrong = [
      '',
      'null',
      '[]',
      '{}',
      announce('a', { peer_id: 'short' }),
      announce('a', { peer_id: `${id('a')}x` }),
      announce('a', { info_hash: '€'.repeat(20) }),
      announce('a', { action: 'scrape' }),
      announce('a', { offers: {} }),
      announce('a', { offers: [null] }),
      announce('a', { offers: [{ offer_id: id('1'), offer: answer }] }),
      announce('a', { offers: [{ offer_id: id('1'), offer: { type: 'offer', sdp: 'x' } }] }),
      announce('a', { offers: [{ offer_id: id('1'), offer: { type: 'offer', sdp: `v=0${'x'.repeat(20_000)}` } }] }),
      announce('a', { offers: Array.from({ length: 6 }, () => ({ offer_id: id('1'), offer })) }),
      announce('a', { answer }),
      announce('a', { action: 'lie' }),
    ];
    for (const text of wrong) assert.throws(() => parsePeerMessage(text), FormatError, text);
  });
});

/** A member that keeps what it gets. */
function member(name: string, network = name) {
  const got: Record<string, unknown>[] = [];
  const self: Member = { peer: id(name), network, send: (text) => got.push(JSON.parse(text)) };
  return { self, got };
}

suite('a swarm', () => {
  const offers = (count: number) => Array.from({ length: count }, (_, at) => ({ id: id(`offer${at}`), offer }));

  test('passes each offer to another member, and an answer only to the member whose offer it is', () => {
    const swarm = new Swarm(SWARM);
    const [a, b, c] = [member('a'), member('b'), member('c')];
    for (const { self } of [a, b, c]) assert.ok(swarm.join(self));
    assert.equal(swarm.announce(a.self, offers(5), 0), 2, 'never to itself, and one for each');
    assert.deepEqual(a.got, [{ action: 'announce', info_hash: SWARM, interval: 20, complete: 3, incomplete: 0 }]);
    const toB = b.got[0]!;
    assert.deepEqual([toB.peer_id, toB.offer], [id('a'), offer]);
    const offerId = toB.offer_id as string;
    assert.equal(swarm.answer(c.self, id('a'), { id: offerId, answer }), false, 'it was not offered this');
    assert.equal(swarm.answer(b.self, id('a'), { id: offerId, answer }), true);
    assert.equal(swarm.answer(b.self, id('a'), { id: offerId, answer }), false, 'once');
    assert.deepEqual(a.got[1], { action: 'announce', info_hash: SWARM, peer_id: id('b'), answer, offer_id: offerId });
  });

  test('an id belongs to the member that had it first', () => {
    const swarm = new Swarm(SWARM);
    const [a, thief] = [member('a'), member('a')];
    assert.ok(swarm.join(a.self));
    assert.ok(swarm.join(a.self));
    assert.equal(swarm.join(thief.self), false);
    swarm.leave(thief.self);
    assert.equal(swarm.size, 1);
    assert.equal(swarm.announce(thief.self, offers(1), 0), 0);
    swarm.leave(a.self);
    assert.equal(swarm.size, 0);
  });

  test('a member has a bounded number of offers that it has not answered, each for a minute', () => {
    const swarm = new Swarm(SWARM);
    const quiet = member('quiet');
    const others = Array.from({ length: 20 }, (_, at) => member(`other${at}`));
    swarm.join(quiet.self);
    const only = (one: ReturnType<typeof member>, atMs: number) => {
      swarm.join(one.self);
      swarm.announce(one.self, offers(1), atMs);
      swarm.leave(one.self);
    };
    for (const one of others) only(one, 0);
    assert.equal(quiet.got.length, 8);
    only(others[0]!, 60_000);
    assert.equal(quiet.got.length, 9);
  });

  test('a peer that lied is not met again, and the networks that report it are counted', () => {
    const swarm = new Swarm(SWARM);
    const liar = member('liar');
    const reporters = ['n1', 'n1', 'n2'].map((network, at) => member(`r${at}`, network));
    swarm.join(liar.self);
    assert.equal(swarm.lied(liar.self, id('unknown')).networks, 0);
    const counts = reporters.map(({ self }) => {
      swarm.join(self);
      assert.equal(swarm.lied(self, id('liar')).networks, 0, 'they were never introduced');
      swarm.announce(self, offers(5), 0);
      return swarm.lied(self, id('liar')).networks;
    });
    assert.deepEqual(counts, [1, 1, 2]);
    const before = liar.got.length;
    for (const { self } of reporters) swarm.announce(self, offers(5), 120_000);
    assert.equal(liar.got.length, before);
  });
});

suite('which streams', () => {
  const settings = {
    peers: { enabled: true },
    watchRules: { allow: [], deny: [] },
    encryption: { streams: 'none' },
  } as unknown as PeerConditions;
  const open = { visibility: 'public', peerDelivery: true } as StreamDefinition;

  test('only those that everyone gets the same bytes of, if it is set for both', () => {
    assert.ok(givesToPeers(open, settings));
    assert.ok(givesToPeers({ ...open, visibility: 'unlisted' }, settings));
    const not: readonly (StreamDefinition | undefined)[] = [
      undefined,
      { ...open, peerDelivery: undefined },
      { ...open, visibility: 'signed' },
      { ...open, visibility: 'private' },
      { ...open, encryption: 'aes-128' },
      { ...open, watchRules: { allow: ['10.0.0.0/8'], deny: [] } },
      { ...open, past: { delayMs: 60_000 } },
    ];
    for (const definition of not) assert.ok(!givesToPeers(definition, settings), JSON.stringify(definition));
    assert.ok(!givesToPeers(open, { ...settings, peers: { ...settings.peers, enabled: false } }));
    assert.ok(!givesToPeers(open, { ...settings, watchRules: { ...settings.watchRules, deny: ['10.0.0.0/8'] } }));
    const encrypted = { ...settings, encryption: { ...settings.encryption, streams: 'cbcs' as const } };
    assert.ok(!givesToPeers(open, encrypted));
    assert.ok(givesToPeers({ ...open, encryption: 'none' }, encrypted));
  });
});

suite('connections of viewers', () => {
  const clock = createManualClock();
  const metrics = createMetrics();
  const states = new Map<string, 'open' | 'off'>();
  const limits = { connections: 4, connectionsPerStream: 3, connectionsPerAddress: 100 };
  const rules = { stateOf: (stream: string) => states.get(stream), limits: () => limits };
  const sockets = new PeerSockets(rules, { clock, metrics, log: createSilentLog() });
  const replies = new Map<number, Reply>([[7, textReply('seven', { etag: 'v0-7-aa' })]]);
  let calculated = 0;
  const find = ({ kind, msn }: { kind: string; msn?: number }) => (kind === 'segment' ? replies.get(msn!) : undefined);
  const digests = new Digests({ find: find as never }, () => calculated++);
  const own: Peers = { rules, sockets, digests, iceServers: () => ['stun:stun.example'] };
  const server = shareTestServer(() => ({ features: new Map([['peers', own]]) }), {
    routes: routesWith([peers]),
    additions: [peers.additions!],
  });

  /** Connects; an error is the status of the refusal. */
  async function connect(stream: string, headers: Record<string, string> = {}) {
    const url = `${server().url.replace('http', 'ws')}/api/v1/streams/${stream}/peers/socket`;
    const socket = new WebSocket(url, { headers });
    const got: Record<string, unknown>[] = [];
    socket.on('message', (text) => got.push(JSON.parse(String(text))));
    const refused = new Promise<number>((resolve) => {
      socket.on('error', () => {});
      socket.on('unexpected-response', (_, { statusCode }) => resolve(statusCode!));
    });
    const opened = once(socket, 'open').then(() => 101);
    const status = await Promise.race([opened, refused]);
    const next = async (): Promise<Record<string, unknown>> => {
      while (got.length === 0) await once(socket, 'message');
      return got.shift()!;
    };
    return { socket, status, next, ended: () => once(socket, 'close').then(([code]) => code as number) };
  }
  const closeAll = async (...all: { socket: WebSocket }[]) => {
    for (const { socket } of all) {
      const ended = socket.readyState === WebSocket.CLOSED ? undefined : once(socket, 'close');
      socket.close();
      await ended;
    }
  };

  test('viewers of one stream are introduced, and those of another are not', async () => {
    states.set('door', 'open').set('yard', 'open');
    const [a, b, other] = [await connect('door'), await connect('door'), await connect('yard')];
    for (const [at, { socket, next }] of [a, b, other].entries()) {
      socket.send(announce(String(at)));
      assert.equal((await next()).complete, at === 1 ? 2 : 1);
    }
    b.socket.send(announce('1', { offers: [{ offer_id: id('o'), offer }], downloaded: 1000 }));
    assert.equal((await b.next()).complete, 2);
    const offered = await a.next();
    assert.deepEqual([offered.peer_id, offered.offer], [id('1'), offer]);
    a.socket.send(announce('0', { to_peer_id: id('1'), offer_id: id('o'), answer }));
    assert.deepEqual((await b.next()).answer, answer);
    const text = await metrics.print();
    assert.match(text, /oxbow_peer_introductions_total\{kind="offer"\} 1/);
    assert.match(text, /oxbow_peer_reported_bytes_total\{stream="door"\} 1000/);
    assert.match(text, /oxbow_peer_connections 3/);
    const view = (await (await fetch(`${server().url}/api/v1/streams/door/peers`)).json()) as PeersView;
    assert.deepEqual(view, {
      socket: '/api/v1/streams/door/peers/socket',
      iceServers: ['stun:stun.example'],
      connected: 2,
    });
    await closeAll(a, b, other);
  });

  test('bounds, streams without it, and pages of other sites', async () => {
    states.set('door', 'open').set('yard', 'open').set('shut', 'off');
    const all = [await connect('door'), await connect('door'), await connect('door')];
    assert.equal((await connect('door')).status, 503, 'connections of a stream');
    all.push(await connect('yard'));
    assert.equal((await connect('yard')).status, 503, 'connections of all');
    assert.equal((await connect('shut')).status, 409);
    assert.equal((await connect('nothing')).status, 404);
    assert.equal((await connect('yard', { origin: 'https://elsewhere.example' })).status, 403);
    await closeAll(...all);
    limits.connectionsPerAddress = 1;
    const one = await connect('door');
    assert.ok([409, 429].includes((await connect('yard')).status), 'connections of an address');
    limits.connectionsPerAddress = 100;
    await closeAll(one);
  });

  test('a connection ends with wrong messages, with too many, and when the stream does not permit it any more', async () => {
    states.set('door', 'open');
    const wrong = await connect('door');
    wrong.socket.send('{}');
    assert.equal(await wrong.ended(), 4002);
    const binary = await connect('door');
    binary.socket.send(Buffer.from(announce('a')));
    assert.equal(await binary.ended(), 4002);
    const many = await connect('door');
    for (let count = 0; count < 70; count++) many.socket.send(announce('a'));
    assert.equal(await many.ended(), 4009);
    const twoIds = await connect('door');
    twoIds.socket.send(announce('a'));
    twoIds.socket.send(announce('b'));
    assert.equal(await twoIds.ended(), 4002);
    const large = await connect('door');
    large.socket.send('x'.repeat(70_000));
    assert.equal(await large.ended(), 1009);
    const closed = await connect('door');
    const ended = closed.ended();
    states.set('door', 'off');
    sockets.look();
    assert.equal(await ended, 4004);
    assert.equal(sockets.countOf('door'), 0);
  });

  test('a connection has a bounded number of offers passed, and more of them slowly', async () => {
    states.set('door', 'open');
    const [a, b] = [await connect('door'), await connect('door')];
    b.socket.send(announce('b'));
    await b.next();
    const passed = async (times: number) => {
      let count = 0;
      for (let time = 0; time < times; time++) {
        const offers = [{ offer_id: id(`${time}`), offer }];
        a.socket.send(announce('a', { offers }));
        await a.next();
        // Offered before the answer to the announcement was on its way.
        b.socket.send(announce('b'));
        for (let got = await b.next(); got.complete === undefined; got = await b.next()) {
          count++;
          b.socket.send(announce('b', { to_peer_id: id('a'), offer_id: got.offer_id, answer }));
          assert.deepEqual((await a.next()).answer, answer);
        }
      }
      return count;
    };
    assert.equal(await passed(25), 20);
    await clock.advance(9000);
    assert.equal(await passed(4), 2);
    await closeAll(a, b);
  });

  test('checksums are those of the bytes, each calculated once, only of streams that permit it', async () => {
    states.set('door', 'open');
    const read = (query: string, stream = 'door') =>
      fetch(`${server().url}/api/v1/streams/${stream}/peers/digests?rendition=v0&${query}`);
    const expected = createHash('sha256').update('seven').digest('base64');
    for (const _ of [1, 2]) {
      const view = (await (await read('from=5&to=9')).json()) as PeerDigestsView;
      assert.deepEqual(view, { items: [{ msn: 7, length: 5, sha256: expected }] });
    }
    assert.equal(calculated, 1);
    assert.deepEqual(await (await read('from=8')).json(), { items: [] });
    for (const query of ['from=0&to=32', 'from=9&to=8', 'from=x', '']) assert.equal((await read(query)).status, 400);
    assert.equal((await read('from=7', 'nothing')).status, 404);
    states.set('door', 'off');
    assert.equal((await read('from=7')).status, 409);
  });
});
