import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { countArrivals, numberedPayload } from '../srt/simulated-network.fixture.ts';
import type { SrtConnection } from '../srt/srt.ts';
import { GROUP_ID_BYTES, groupIdOf, printId, printType, srtlaType, typeOf } from './packet.ts';
import { parseRelayAnswer, parseRelayed } from './relay-packet.ts';
import { type BondedCaller, type ProcessName, RelayedProcesses } from './relayed-processes.fixture.ts';

const HALF = new Uint8Array(GROUP_ID_BYTES).fill(7);

/** Opens a caller; its connection at a process. */
async function connect(rig: RelayedProcesses, streamId: string, at: ProcessName) {
  const bonded = rig.call(streamId);
  const { connections } = rig.processes.get(at)!;
  const before = connections.length;
  await rig.run(2500);
  assert.equal(bonded.failure, undefined);
  assert.equal(connections.length, before + 1, `${streamId} is at ${at}`);
  return { bonded, there: connections.at(-1)! };
}

/** Counts what arrives; `each` sends 300 packets a second, which need both links. */
function counting({ connection }: BondedCaller, there: SrtConnection) {
  const counts = countArrivals(there);
  let sent = 0;
  const each = () => {
    for (let i = 0; i < 3; i++) if (connection!.send(numberedPayload(sent))) sent++;
  };
  return { each, assertComplete: () => assert.deepEqual(counts, { delivered: sent, lost: 0, wrong: 0 }) };
}

suite('one port of SRTLA in front of several processes', () => {
  test('takes all links of a sender to the process of its stream, which has their figures', async () => {
    const rig = new RelayedProcesses();
    rig.owners.set('second', 'process-2');
    for (const [streamId, at] of [
      ['first', 'process-1'],
      ['second', 'process-2'],
    ] as const) {
      const { bonded, there } = await connect(rig, streamId, at);
      const { each, assertComplete } = counting(bonded, there);
      await rig.run(3000, each);
      await rig.run(800);
      assertComplete();
      const { channel } = rig.processes.get(at)!.requests.at(-1)!;
      const links = channel!.links();
      assert.deepEqual(
        links.map(({ number, isUp }) => [number, isUp]),
        [
          [1, true],
          [2, true],
        ],
      );
      assert.ok(
        links.every(({ packets }) => packets > 50),
        JSON.stringify(links),
      );
      assert.ok((bonded.sender.answers.get(srtlaType.ack) ?? 0) > 20, 'packets are acknowledged on their links');
    }
    assert.equal(rig.processes.get('process-1')!.connections.length, 1);
    assert.deepEqual([rig.relay.stats.groups, rig.relay.stats.links], [2, 4]);
  });

  test('a process that is killed takes no packet of the streams of others', async () => {
    const rig = new RelayedProcesses();
    rig.owners.set('second', 'process-2');
    const { bonded, there } = await connect(rig, 'second', 'process-2');
    const { each, assertComplete } = counting(bonded, there);
    await rig.run(1000, each);
    rig.kill('process-1');
    await rig.run(1000, each);
    // The first process does not run: a new sender begins at the second one, and stays there.
    const other = await connect(rig, 'other', 'process-2');
    const counts = counting(other.bonded, other.there);
    rig.start('process-1');
    await rig.run(6000, () => {
      each();
      counts.each();
    });
    await rig.run(800);
    assertComplete();
    counts.assertComplete();
  });

  test('the caller of a process that is killed is notified, and connects again over the same links', async () => {
    const rig = new RelayedProcesses();
    rig.owners.set('second', 'process-2');
    const { bonded } = await connect(rig, 'second', 'process-2');
    await rig.run(500, () => bonded.connection!.send(numberedPayload(0)));
    rig.kill('process-2');
    assert.equal(await bonded.connection!.closed, 'closed by the peer');
    rig.owners.delete('second');
    assert.equal(bonded.sender.answers.get(srtlaType.identify), 1, 'it registered once');
    assert.equal(bonded.sender.up, 2);
  });

  test('a group is at the first process until its key was accepted, and when its connection has ended', async () => {
    const rig = new RelayedProcesses();
    rig.owners.set('second', 'process-2');
    rig.call('refused');
    await rig.run(9000);
    assert.equal(rig.passed.get('process-2') ?? 0, 0);
    const { bonded } = await connect(rig, 'second', 'process-2');
    await rig.run(3000);
    bonded.connection!.close();
    await rig.run(2000);
    const before = rig.passed.get('process-2');
    await rig.run(2000);
    assert.equal(rig.passed.get('process-2'), before);
  });

  test('a stream that moves while its sender is moved is taken where the sender is: nothing loops', async () => {
    const rig = new RelayedProcesses();
    rig.owners.set('odd', 'process-2');
    const bonded = rig.call('odd');
    await rig.run(10, () => rig.owners.set('odd', 'process-2'));
    const { requests } = rig.processes.get('process-2')!;
    await rig.run(4000, () => {
      if (requests.length === 0) return;
      rig.owners.set('odd', 'process-1');
    });
    assert.ok(bonded.connection, 'it is connected');
    assert.ok(requests.length <= 1 && rig.processes.get('process-1')!.requests.length <= 2);
  });

  test('a stream of a process that takes no senders comes to where the sender is', async () => {
    const rig = new RelayedProcesses();
    rig.owners.set('odd', 'process-3');
    const bonded = rig.call('odd');
    await rig.run(4000);
    assert.ok(bonded.connection, 'it is connected');
    assert.equal(rig.processes.get('process-1')!.connections.length, 1);
  });

  test('senders that registered before keep their groups for as long as no process runs, and connect then', async () => {
    const before = new RelayedProcesses();
    const { bonded } = await connect(before, 'first', 'process-1');
    const rig = new RelayedProcesses();
    rig.kill('process-1');
    rig.kill('process-2');
    rig.relay.restore(before.relay.save());
    const links = bonded.ports.map((port, link) => [`198.51.100.${link}`, port] as const);
    const keepAlive = () => {
      for (const [address, port] of links) rig.relay.receive(printType(srtlaType.keepAlive), address, port);
    };
    for (let second = 0; second < 25; second++) {
      keepAlive();
      await rig.run(1000);
    }
    assert.deepEqual([rig.relay.stats.groups, rig.relay.stats.links], [1, 2]);
    rig.start('process-1');
    keepAlive();
    await rig.run(1000);
    assert.equal(rig.processes.get('process-1')!.groups.size, 1);
    for (let second = 0; second < 11; second++) {
      keepAlive();
      await rig.run(1000);
    }
    assert.equal(rig.relay.stats.groups, 0, 'it did not connect');
  });

  test('a link whose address hops stays in its group, and the bound of links holds', async () => {
    const rig = new RelayedProcesses();
    rig.owners.set('second', 'process-2');
    const { bonded, there } = await connect(rig, 'second', 'process-2');
    const { each, assertComplete } = counting(bonded, there);
    for (let hop = 1; hop <= 4; hop++) {
      bonded.ports[1] = 2000 + hop;
      await rig.run(6500, each);
      assert.equal(bonded.sender.up, 2);
    }
    await rig.run(800);
    assertComplete();
    assert.ok(rig.relay.stats.links <= 16);
    const { channel } = rig.processes.get('process-2')!.requests.at(-1)!;
    assert.ok(channel!.links().length <= 16);
  });
});

suite('what strangers send to the port in front of several processes', () => {
  const open = (rig: RelayedProcesses, address: string, port: number): Uint8Array | undefined => {
    const before = rig.strangers.length;
    rig.relay.receive(printId(srtlaType.register, HALF), address, port);
    const answer = rig.strangers[before];
    if (!answer || typeOf(answer) !== srtlaType.identify) return undefined;
    rig.relay.receive(printId(srtlaType.identify, Uint8Array.from(groupIdOf(answer))), address, port);
    return answer;
  };

  test('registrations reach no process, and have one bound for all', async () => {
    const rig = new RelayedProcesses(25, ['process-1', 'process-2', 'process-3']);
    let answered = 0;
    for (let i = 0; i < 5000; i++) {
      const before = rig.strangers.length;
      rig.relay.receive(printId(srtlaType.register, HALF), `203.0.113.${i % 250}`, 1 + i);
      answered += rig.strangers.length - before;
    }
    assert.equal(answered, 100);
    assert.equal(rig.passed.size, 0);
    for (let i = 0; i < 30; i++) {
      await rig.run(10);
      for (let j = 0; j < 10; j++) open(rig, '203.0.113.9', 10_000 + 10 * i + j);
    }
    assert.equal(rig.relay.stats.groups, 4, 'of one address, over all processes');
    for (let i = 0; i < 200; i++) {
      await rig.run(10);
      open(rig, `198.18.0.${i}`, 20_000 + i);
    }
    assert.equal(rig.relay.stats.groups, 64, 'without a connection, over all processes');
    assert.deepEqual([...rig.passed.keys()], ['process-1']);
    await rig.run(24_000);
    assert.deepEqual([rig.relay.stats.groups, rig.processes.get('process-1')!.groups.size], [0, 0]);
  });

  test('a group without a connection passes few datagrams, and a live stream loses none', async () => {
    const rig = new RelayedProcesses();
    rig.owners.set('second', 'process-2');
    const { bonded, there } = await connect(rig, 'second', 'process-2');
    open(rig, '203.0.113.9', 9);
    const before = rig.passed.get('process-1')!;
    const flood = () => {
      for (let i = 0; i < 500; i++) rig.relay.receive(new Uint8Array(1316), '203.0.113.9', 9);
    };
    const { each, assertComplete } = counting(bonded, there);
    await rig.run(1000, () => {
      flood();
      each();
    });
    await rig.run(800);
    assertComplete();
    assert.ok(rig.passed.get('process-1')! - before <= 100 * 16 + 10, `${rig.passed.get('process-1')}`);
  });

  test('groups without a connection that send much keep no other sender from connecting', async () => {
    const rig = new RelayedProcesses();
    rig.owners.set('second', 'process-2');
    const flooders = ['203.0.113.9', '203.0.113.10'].flatMap((address) =>
      [1, 2, 3, 4].map((at) => [address, at] as const),
    );
    for (const [address, port] of flooders) open(rig, address, port);
    const second = rig.call('second');
    let before = rig.passed.get('process-1')!;
    await rig.run(3000, () => {
      for (let i = 0; i < 30; i++) {
        for (const [address, port] of flooders) rig.relay.receive(new Uint8Array(1316), address, port);
      }
      const passed = rig.passed.get('process-1')!;
      assert.ok(passed - before <= 128 + 10, `${passed - before} in 10 ms`);
      before = passed;
    });
    assert.ok(second.connection, 'it is connected');
  });

  test('senders with a connection have one bound over all processes, also for those that registered before', async () => {
    const rig = new RelayedProcesses(2);
    rig.owners.set('second', 'process-2');
    open(rig, '203.0.113.9', 9);
    await connect(rig, 'first', 'process-1');
    const packet = new Uint8Array(100);
    const passes = () => {
      const before = rig.passed.get('process-1');
      rig.relay.receive(packet, '203.0.113.9', 9);
      return rig.passed.get('process-1') !== before;
    };
    assert.equal(passes(), true);
    await connect(rig, 'second', 'process-2');
    assert.equal(passes(), false);
    const third = rig.call('third');
    await rig.run(1000);
    assert.ok((third.sender.answers.get(srtlaType.error) ?? 0) > 0, 'it is refused, and tries again');
  });

  test('ids that were not created here begin no group, and links of no group pass nothing', async () => {
    const rig = new RelayedProcesses();
    rig.relay.receive(printId(srtlaType.identify, HALF), '203.0.113.9', 9);
    assert.equal(typeOf(rig.strangers.at(-1)!), srtlaType.noGroup);
    rig.relay.receive(new Uint8Array(1316), '203.0.113.9', 9);
    rig.relay.receive(printType(srtlaType.keepAlive), '203.0.113.9', 9);
    assert.deepEqual([rig.relay.stats.groups, rig.passed.size], [0, 0]);
  });

  test('answers are taken only from the process of a group, and malformed ones are ignored', async () => {
    const rig = new RelayedProcesses();
    rig.owners.set('second', 'process-2');
    await connect(rig, 'second', 'process-2');
    const strangers = rig.strangers.length;
    const used = Uint8Array.of(0, 0, 0, 1, 0, 0);
    for (const port of [1, 3, 99]) rig.relay.receiveAnswer(used, port);
    assert.equal(rig.relay.move('process-1', 1, 'process-1'), false);
    for (let length = 0; length < 40; length++) {
      rig.relay.receiveAnswer(new Uint8Array(length).fill(255), 2);
      rig.processes.get('process-2')!.groups.receive(new Uint8Array(length).fill(length));
      parseRelayed(new Uint8Array(length).fill(1));
      parseRelayAnswer(new Uint8Array(length));
    }
    assert.equal(rig.strangers.length, strangers);
    assert.ok(rig.processes.get('process-2')!.groups.size < 10);
  });
});
