/**
 * Random and damaged datagrams for a receiver of bonded senders.
 * In: a seed. Out: how many links were accepted, or what failed. Used by tests and `npm run fuzz`.
 */
import assert from 'node:assert/strict';
import { seeded } from '@oxbow/media/random.fixture';
import { HEADER_BYTES } from '../srt/packet/header.ts';
import { MAX_LINKS } from './group-members.ts';
import { GROUP_ID_BYTES, groupIdOf, parseAck, printAck, printId, srtlaType, typeOf } from './packet.ts';
import { SrtlaReceiver } from './receiver.ts';

const TYPES = Object.values(srtlaType);
const MAX_GROUPS = 5;
const ADDRESSES = 4;
/** Eight of each address: those without a connection have a separate bound. */
const MOST_GROUPS = 8 * ADDRESSES;

/**
 * Any datagrams in any order: the receiver never throws, answers are never larger than requests, its bounds
 * hold, and only complete SRT headers of registered links are passed on.
 */
export function fuzzSrtla(seed: number, count: number): number {
  const random = seeded(seed);
  let nowUs = 1_000_000;
  let requestBytes = 0;
  let accepted = 0;
  const ids: Uint8Array[] = [];
  const receiver = new SrtlaReceiver(
    {
      maxGroups: MAX_GROUPS,
      receive(link, packet) {
        const channel = link.group;
        channel.note(link, packet);
        assert.ok(packet.length >= HEADER_BYTES && channel.links().length <= MAX_LINKS);
        const socketId = random(3);
        const change = random(20);
        if (change === 0) channel.opened(socketId);
        else if (change === 1) channel.closed(socketId);
        channel.transmit(packet);
      },
      dropped: () => {},
    },
    {
      now: () => nowUs,
      transmit(packet) {
        if (typeOf(packet) === srtlaType.identify) ids.push(Uint8Array.from(groupIdOf(packet)));
        if (typeOf(packet) === srtlaType.accepted) accepted++;
        if (typeOf(packet) !== srtlaType.ack) assert.ok(packet.length <= Math.max(requestBytes, 44));
      },
    },
  );
  for (let round = 0; round < count; round++) {
    const packet = randomDatagram(random, ids);
    requestBytes = packet.length;
    receiver.receive(packet, `192.0.2.${random(ADDRESSES)}`, 1 + random(12));
    nowUs += random(20) === 0 ? random(3_000_000) : random(5000);
    if (random(8) === 0) receiver.tick();
    if (ids.length > 20) ids.shift();
    const { groups, links } = receiver.stats;
    assert.ok(groups <= MOST_GROUPS && links <= groups * MAX_LINKS && links <= 48, `round ${round}`);
  }
  receiver.close();
  assert.deepEqual([receiver.stats.groups, receiver.stats.links], [0, 0]);
  const numbers = Array.from({ length: 10 }, () => random(2 ** 31));
  assert.deepEqual(parseAck(printAck(numbers)), numbers);
  return accepted;
}

function randomDatagram(random: (below: number) => number, ids: readonly Uint8Array[]): Uint8Array {
  const bytes = (length: number) => Uint8Array.from({ length }, () => random(256));
  const kind = random(10);
  if (kind < 3) return printId(srtlaType.identify, ids[random(ids.length + 1)] ?? bytes(GROUP_ID_BYTES));
  if (kind === 3) return printId(srtlaType.register, bytes(GROUP_ID_BYTES));
  const packet = bytes(random(3) === 0 ? random(300) : HEADER_BYTES + random(60));
  if (kind === 4 && packet.length >= 2) {
    const type = TYPES[random(TYPES.length)]!;
    packet.set([type >> 8, type & 0xff]);
  }
  if (kind > 6 && packet.length > 0) packet[0]! &= 0x7f; // data
  return packet;
}
