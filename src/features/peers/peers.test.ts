import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { suite, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { FormatError } from '@oxbow/media/errors';
import { type ClientOptions, WebSocket } from 'ws';
import { RateLimits } from '../../accounts/rate-limit.ts';
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
import { PeerSockets, takePeerOffers } from './peer-sockets.ts';
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

  test('a peer that lied is not met again, and each who met it reports its network once', () => {
    const swarm = new Swarm(SWARM);
    const liar = member('liar', 'far');
    const reporters = ['r1', 'r2'].map((name) => member(name));
    swarm.join(liar.self);
    assert.equal(swarm.lied(liar.self, id('unknown')), undefined);
    for (const { self } of reporters) {
      swarm.join(self);
      assert.equal(swarm.lied(self, id('liar')), undefined, 'they were never introduced');
      swarm.announce(self, offers(5), 0);
    }
    const [first, second] = reporters.map(({ self }) => self) as [Member, Member];
    assert.deepEqual([swarm.lied(first, id('liar')), swarm.lied(first, id('liar'))], ['far', undefined]);
    const before = liar.got.length;
    swarm.announce(first, offers(5), 120_000);
    assert.equal(liar.got.length, before);
    swarm.leave(liar.self);
    assert.equal(swarm.lied(second, id('liar')), 'far', 'also when it has left');
  });

  test('those who have left are forgotten, also where their offers were not answered', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    // The second member of the list, where there are three.
    const swarm = new Swarm(SWARM, () => 0.4);
    const quiet = member('quiet');
    swarm.join(quiet.self);
    const join = (name: string) => {
      const { self } = member(name);
      swarm.join(self);
      assert.equal(swarm.announce(self, offers(1), 0), 1);
      return self;
    };
    const left = (() => {
      let before = join('0');
      for (let count = 1; count < 20; count++) {
        const next = join(`${count}`);
        swarm.leave(before);
        before = next;
      }
      swarm.leave(before);
      return new WeakRef(before);
    })();
    await setImmediate();
    collect();
    assert.equal(left.deref(), undefined);
    assert.equal(swarm.size, 1);
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
  async function connect(stream: string, options: ClientOptions = {}) {
    const url = `${server().url.replace('http', 'ws')}/api/v1/streams/${stream}/peers/socket`;
    const socket = new WebSocket(url, options);
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
    assert.equal((await connect('yard', { headers: { origin: 'https://elsewhere.example' } })).status, 403);
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
    // Without those of other tests, whose end the server may read a moment later.
    states.set('garden', 'open');
    const [a, b] = [await connect('garden'), await connect('garden')];
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

  test('a viewer that three networks report is out, also if it comes again by other ids', async () => {
    states.set('door', 'open');
    Object.assign(limits, { connections: 10, connectionsPerStream: 10 });
    // Not of this computer: those count as one network.
    const headers = { via: '1.1 test' };
    const from = (last: number) => connect('door', { localAddress: `127.0.0.${last}`, headers });
    let reports = 0;
    const reportBy = async (last: number, liar: string) => {
      const reporter = await from(last);
      const name = `r${++reports}`;
      const offers = ['1', '2', '3'].map((each) => ({ offer_id: id(each), offer }));
      reporter.socket.send(announce(name, { offers }));
      await reporter.next();
      reporter.socket.send(announce(name, { action: 'lie', to_peer_id: id(liar) }));
      reporter.socket.send(announce(name));
      await reporter.next(); // the report was read
      await closeAll(reporter);
    };
    const first = await from(9);
    first.socket.send(announce('l1'));
    await first.next();
    await reportBy(2, 'l1');
    await reportBy(2, 'l1');
    first.socket.send(announce('l1', { event: 'stopped' }));
    first.socket.send(announce('l2'));
    while ((await first.next()).complete === undefined);
    await reportBy(3, 'l2');
    await closeAll(first);
    const again = await from(9);
    again.socket.send(announce('l3'));
    await again.next();
    const ended = again.ended();
    await reportBy(4, 'l3');
    assert.equal(await ended, 4010);
    assert.equal((await from(9)).status, 409);
    await clock.advance(600_000);
    const later = await from(9);
    assert.equal(later.status, 101);
    await closeAll(later);
    Object.assign(limits, { connections: 4, connectionsPerStream: 3 });
  });

  test('the offers of an address are bounded, however often it connects', () => {
    let nowMs = 0;
    const rates = new RateLimits(() => nowMs);
    const client = { address: '203.0.113.7', isLocal: false };
    const takeAll = () => Array.from({ length: 100 }, () => takePeerOffers(rates, client, 5)).reduce((a, b) => a + b);
    assert.equal(takeAll(), 300);
    nowMs = 1000;
    assert.equal(takeAll(), 5);
    assert.equal(takePeerOffers(rates, { address: '203.0.113.8', isLocal: false }, 5), 5);
  });

  test('a client that does not answer the end of its connection is cut off', async () => {
    states.set('door', 'open');
    const socket = connectTcp(Number(new URL(server().url).port), '127.0.0.1');
    const fields = ['Host: 127.0.0.1', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
    const key = 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==';
    socket.write(['GET /api/v1/streams/door/peers/socket HTTP/1.1', ...fields, key, '', ''].join('\r\n'));
    await once(socket, 'data');
    socket.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x7b, 0x7d])); // {} is no message
    socket.resume();
    const closed = once(socket, 'close');
    const late = AbortSignal.timeout(15_000);
    await Promise.race([closed, once(late, 'abort').then(() => assert.fail('it is still connected'))]);
  });

  test('an answer with checksums has a bound on its work', () => {
    const body = [new Uint8Array(9 * 1024 * 1024)];
    const large = (msn: number) => textReply('', { etag: `${msn}`, length: body[0]!.length, body });
    const all = new Digests({ find: (({ msn }: { msn: number }) => large(msn)) as never }, () => {});
    const read = () => all.read({ stream: 'door', rendition: 'v0', from: 1, to: 5 }).items.map(({ msn }) => msn);
    assert.deepEqual(
      [read(), read(), read()],
      [
        [1, 2],
        [1, 2, 3, 4],
        [1, 2, 3, 4, 5],
      ],
    );
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
