import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openUdp } from '../udp.ts';
import { SrtlaGroup } from './group.ts';
import { type OpenRelay, openRelay, openRelayedGroups } from './open-relay.ts';
import { GROUP_ID_BYTES, groupIdOf, printId, srtlaType, typeOf } from './packet.ts';
import { printRelayAnswer, printRelayed, printRelayPrefix } from './relay-packet.ts';

const HALF = new Uint8Array(GROUP_ID_BYTES).fill(7);

/** A socket, and what it received. */
async function openSocket(address: string, port: number, receive: (packet: Uint8Array) => void = () => {}) {
  const socket = await openUdp({ address, port }, undefined, {
    receive,
    tick: () => false,
    onError: (error) => assert.fail(error),
  });
  return { ...socket, [Symbol.asyncDispose]: () => socket.close() };
}

/** A sender with one link; resolves with the length of its first datagram that is no registration, bytes. */
async function openLink(relay: OpenRelay) {
  const answered = Promise.withResolvers<number>();
  const registered = Promise.withResolvers<void>();
  const link = await openSocket('127.0.0.1', 0, (packet) => {
    const type = typeOf(packet);
    if (type === srtlaType.identify) {
      link.transmit(printId(srtlaType.identify, Uint8Array.from(groupIdOf(packet))), '127.0.0.1', relay.port);
    } else if (type === srtlaType.accepted) registered.resolve();
    else answered.resolve(packet.length);
  });
  link.transmit(printId(srtlaType.register, HALF), '127.0.0.1', relay.port);
  await registered.promise;
  return { answered: answered.promise, [Symbol.asyncDispose]: () => link.close() };
}

async function open(onTick: () => boolean, onError: (error: unknown) => void) {
  const none = { maxGroups: 25, names: ['process-1'], restored: [] };
  const relay = await openRelay({ address: '127.0.0.1', port: 0, ...none, onTick, onError });
  return { ...relay, [Symbol.asyncDispose]: () => relay.close() };
}

// Only Linux has all of 127.0.0.0/8, and several processes.
suite('both ends of the relay', { skip: process.platform !== 'linux' }, () => {
  const group = (number: number) =>
    new SrtlaGroup(number, '203.0.113.9', 9, { now: () => 1, transmit: () => assert.fail('nothing is sent') });

  test('a process takes datagrams of the relay, not of another program with the same port', async () => {
    await using relay = await openSocket('127.0.0.1', 0);
    await using stranger = await openSocket('127.0.0.2', relay.port);
    const taken: string[] = [];
    const arrived = Promise.withResolvers<void>();
    const opened = await openRelayedGroups({
      relayPort: relay.port,
      maxGroups: 25,
      listener: {
        receiveThrough(channel) {
          taken.push(channel.name);
          if (channel.name === 'srtla/2') arrived.resolve();
        },
        closeThrough: () => {},
      },
      move: () => assert.fail('it is not moved'),
      onError: (error) => assert.fail(String(error)),
    });
    await using end = { ...opened, [Symbol.asyncDispose]: () => opened.close() };
    for (const [number, from] of [stranger, relay].entries()) {
      const { link } = group(number + 1).members.join('203.0.113.9', 9)!;
      from.transmit(printRelayed(printRelayPrefix(link), false, new Uint8Array(100)), '127.0.0.1', end.port);
    }
    await arrived.promise;
    assert.deepEqual(taken, ['srtla/2']);
  });

  test('the relay takes answers of a process, not of another program with the same port', async () => {
    await using relay = await open(
      () => false,
      (error) => assert.fail(String(error)),
    );
    await using end = await openSocket('127.0.0.1', 0);
    await using stranger = await openSocket('127.0.0.2', end.port);
    relay.attach('process-1', end.port);
    await using link = await openLink(relay);
    stranger.transmit(printRelayAnswer(group(1), 1, new Uint8Array(50)), '127.0.0.1', relay.relayPort);
    end.transmit(printRelayAnswer(group(1), 1, new Uint8Array(60)), '127.0.0.1', relay.relayPort);
    assert.equal(await link.answered, 60);
  });

  test('a bug in a tick is reported, and the relay continues', async () => {
    const failed = Promise.withResolvers<unknown>();
    const bug = new Error('a bug');
    await using relay = await open(() => {
      throw bug;
    }, failed.resolve);
    await using _ = await openLink(relay);
    assert.equal(await failed.promise, bug);
  });
});
