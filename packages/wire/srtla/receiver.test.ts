import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SrtChannel } from '../srt/srt.ts';
import { fuzzSrtla } from './fuzz.fixture.ts';
import { GROUP_ID_BYTES, groupIdOf, HALF_ID_BYTES, printId, printType, srtlaType, typeOf } from './packet.ts';
import { SrtlaReceiver } from './receiver.ts';

const HALF = new Uint8Array(GROUP_ID_BYTES).fill(7);

/** A receiver whose time a test moves. */
function open(maxGroups = 25) {
  let nowUs = 1_000_000;
  const answers: { packet: Uint8Array; to: string }[] = [];
  const passed: SrtChannel[] = [];
  const dropped: SrtChannel[] = [];
  const receiver = new SrtlaReceiver(
    {
      maxGroups,
      receive(link, packet) {
        link.group.note(link, packet);
        passed.push(link.group);
      },
      dropped: (channel) => dropped.push(channel),
    },
    { now: () => nowUs, transmit: (packet, address, port) => answers.push({ packet, to: `${address}:${port}` }) },
  );
  const send = (packet: Uint8Array, address = '192.0.2.1', port = 5000) => {
    const before = answers.length;
    receiver.receive(packet, address, port);
    return answers.slice(before).map(({ packet: answer }) => answer);
  };
  return {
    receiver,
    answers,
    passed,
    dropped,
    send,
    /** The type of the answer to a packet. */
    typeFor: (...args: Parameters<typeof send>) => typeOf(send(...args)[0] ?? new Uint8Array(0)),
    /** Registers a group; returns its id. */
    register(address?: string, port?: number): Uint8Array {
      const id = Uint8Array.from(groupIdOf(send(printId(srtlaType.register, HALF), address, port)[0]!));
      send(printId(srtlaType.identify, id), address, port);
      return id;
    },
    /** Seconds pass, with a tick each. */
    pass(seconds: number, each: () => void = () => {}) {
      for (let s = 0; s < seconds; s++) {
        nowUs += 1_000_000;
        each();
        receiver.tick();
      }
    },
  };
}

const identify = (id: Uint8Array) => printId(srtlaType.identify, id);
const keepAlive = printType(srtlaType.keepAlive);
const data = () => new Uint8Array(100);

test('a sender gets an id with its half, and nothing is kept until it returns it', () => {
  const { receiver, send, typeFor, passed } = open();
  const id = groupIdOf(send(printId(srtlaType.register, HALF))[0]!);
  assert.deepEqual(id.subarray(0, HALF_ID_BYTES), HALF.subarray(0, HALF_ID_BYTES));
  assert.notDeepEqual(id.subarray(HALF_ID_BYTES), HALF.subarray(HALF_ID_BYTES));
  assert.deepEqual([receiver.stats.groups, send(data()), passed.length], [0, [], 0]);
  assert.equal(typeFor(identify(id)), srtlaType.accepted);
  assert.equal(typeFor(identify(id)), srtlaType.accepted, 'the answer was lost');
  assert.equal(typeFor(identify(id), '192.0.2.2', 6000), srtlaType.accepted);
  assert.deepEqual([receiver.stats.groups, receiver.stats.links], [1, 2]);
  send(data());
  send(data(), '192.0.2.2', 6000);
  assert.equal(passed.length, 2);
  assert.equal(passed[0], passed[1]);
});

test('keep-alives are returned as they came, to links only', () => {
  const { register, send } = open();
  const long = Uint8Array.of(...keepAlive, 1, 2, 3);
  assert.deepEqual(send(long), []);
  register();
  assert.deepEqual(send(long), [long]);
  assert.deepEqual(send(Uint8Array.of(...keepAlive, ...new Uint8Array(1000))), [], 'it is none');
});

test('an id that was not created here, is changed or is old begins no group', () => {
  const { send, typeFor, pass, receiver } = open();
  const made = () => Uint8Array.from(groupIdOf(send(printId(srtlaType.register, HALF))[0]!));
  assert.equal(typeFor(identify(HALF)), srtlaType.noGroup);
  for (const at of [0, 127, 128, 136, 138, 139, 145, 191, 192, 255]) {
    const id = made();
    id[at]! ^= 1;
    assert.equal(typeFor(identify(id)), srtlaType.noGroup, `byte ${at}`);
  }
  const old = made();
  pass(11);
  assert.equal(typeFor(identify(old)), srtlaType.noGroup);
  assert.equal(receiver.stats.groups, 0);
});

test('a group has the address that its id was sent to, whichever source returns it first', () => {
  const { send, passed } = open();
  const id = groupIdOf(send(printId(srtlaType.register, HALF), '2001:db8::7', 65_535)[0]!);
  send(identify(id), '203.0.113.9', 1);
  send(identify(id), '2001:db8::7', 65_535);
  send(data(), '2001:db8::7', 65_535);
  assert.deepEqual([passed[0]?.address, passed[0]?.port], ['2001:db8::7', 65_535]);
});

test('groups have a bound in all, for each address, and for each address while they are unused', () => {
  const { register, typeFor, receiver, passed, send } = open(6);
  for (let i = 0; i < 6; i++) register('192.0.2.1', 5000 + i);
  assert.equal(receiver.stats.groups, 4, 'unused ones of an address');
  for (let i = 0; i < 4; i++) {
    send(data(), '192.0.2.1', 5000 + i);
    passed[i]!.opened(i + 1);
  }
  for (let i = 10; i < 20; i++) register('192.0.2.1', 5000 + i);
  assert.equal(receiver.stats.groups, 8, 'of an address');
  for (let i = 0; i < 8; i++) register(`2001:db8::${i}`, 5000);
  assert.equal(receiver.stats.groups, 12, 'all addresses of a /64 network count as one');
  for (const [i, port] of [10, 11].entries()) {
    send(data(), '192.0.2.1', 5000 + port);
    passed[4 + i]!.opened(5 + i);
  }
  assert.equal(typeFor(printId(srtlaType.register, HALF), '198.51.100.1'), srtlaType.error, 'with a connection');
});

test('strangers without a connection take no place of other senders', () => {
  const { register, typeFor, receiver } = open(25);
  for (let i = 0; i < 40; i++) register(`192.0.2.${i % 10}`, 5000 + i);
  assert.equal(receiver.stats.groups, 40);
  assert.equal(typeFor(printId(srtlaType.register, HALF), '198.51.100.1'), srtlaType.identify);
});

test('the figures of the links are those of the newest connection', () => {
  const { register, send, passed, pass } = open();
  register();
  send(data());
  const channel = passed[0]!;
  const packets = (destination: number) => {
    for (let sequence = 0; sequence < 50; sequence++) {
      const packet = new Uint8Array(100);
      new DataView(packet.buffer).setUint32(0, sequence === 20 ? 19 : sequence);
      new DataView(packet.buffer).setUint32(12, destination);
      send(packet);
    }
    pass(4, () => send(keepAlive));
    return channel.links().map(({ bytes, packets, lost }) => [bytes, packets, lost]);
  };
  channel.opened(5);
  assert.deepEqual(packets(5), [[5000, 48, 1]]);
  channel.closed(5);
  channel.opened(6);
  assert.deepEqual(packets(6), [[5000, 48, 1]]);
});

test('a group has at most 16 links, and a link belongs to one group', () => {
  const { register, typeFor, pass, receiver } = open();
  const id = register();
  for (let i = 1; i < 16; i++) assert.equal(typeFor(identify(id), `198.51.100.${i}`), srtlaType.accepted);
  assert.equal(typeFor(identify(id), '198.51.100.99'), srtlaType.error);
  const other = register('203.0.113.1', 1);
  assert.equal(typeFor(identify(other), '192.0.2.1', 5000), srtlaType.error, 'it is of the first one');
  pass(4);
  assert.equal(typeFor(identify(other), '192.0.2.1', 5000), srtlaType.accepted, 'which is silent');
  assert.equal(receiver.stats.links, 17);
});

test('a group without an SRT connection is dropped after ten seconds, also when its connection has ended', () => {
  const { register, send, pass, passed, dropped, receiver } = open();
  const alive = () => send(keepAlive);
  register();
  pass(9, alive);
  assert.equal(receiver.stats.groups, 1);
  pass(1, alive);
  assert.equal(receiver.stats.groups, 0);
  register();
  send(data());
  passed[0]!.opened(5);
  pass(60, alive);
  assert.equal(receiver.stats.groups, 1);
  passed[0]!.closed(5);
  pass(11, alive);
  assert.deepEqual([receiver.stats.groups, receiver.stats.links, dropped.length], [0, 0, 2]);
  assert.deepEqual(send(keepAlive), [], 'the sender begins again');
});

test('a group whose links are all silent is dropped with its connection', () => {
  const { register, send, pass, passed, dropped } = open();
  register();
  send(data());
  passed[0]!.opened(5);
  pass(11);
  assert.deepEqual(dropped, [passed[0]]);
});

test('a link whose port has changed keeps its number', () => {
  const { register, typeFor, send, pass, passed } = open();
  const id = register();
  typeFor(identify(id), '192.0.2.2', 6000);
  pass(3, () => send(data()));
  assert.equal(typeFor(identify(id), '192.0.2.2', 6001), srtlaType.accepted);
  assert.deepEqual(
    passed[0]!.links().map(({ number, isUp }) => [number, isUp]),
    [
      [1, true],
      [2, true],
    ],
  );
  assert.deepEqual(send(keepAlive, '192.0.2.2', 6000), [], 'the old port is none of it');
});

test('registrations of a moment have a bound', () => {
  const { send, receiver } = open();
  let answered = 0;
  for (let i = 0; i < 300; i++) answered += send(printId(srtlaType.register, HALF), `192.0.2.${i % 250}`).length;
  assert.equal(answered, 100);
  receiver.tick();
  assert.equal(send(printId(srtlaType.register, HALF)).length, 1);
});

test('any datagrams in any order keep the bounds', () => {
  let accepted = 0;
  for (let seed = 1; seed <= 4; seed++) accepted += fuzzSrtla(seed, 500);
  assert.ok(accepted > 50, `${accepted} links`);
});

test('the receiver that follows knows the groups, and links notice nothing', () => {
  const [before, after] = [open(), open()];
  const id = before.register();
  before.send(identify(id), '192.0.2.2', 6000);
  after.receiver.restore(JSON.parse(JSON.stringify(before.receiver.save())));
  assert.deepEqual([after.receiver.stats.groups, after.receiver.stats.links], [1, 2]);
  assert.deepEqual(after.send(keepAlive), [keepAlive]);
  assert.equal(after.typeFor(identify(id), '192.0.2.3', 7000), srtlaType.accepted, 'a link that comes later');
  after.send(data(), '192.0.2.2', 6000);
  const channel = after.passed[0]!;
  assert.deepEqual([channel.address, channel.port], ['192.0.2.1', 5000]);
  assert.deepEqual(
    channel.links().map(({ number, bytes }) => [number, bytes]),
    [
      [1, 0],
      [2, 100],
      [3, 0],
    ],
  );
  after.pass(10);
  assert.equal(after.receiver.stats.groups, 0, 'without a connection it is dropped like any other');
});
