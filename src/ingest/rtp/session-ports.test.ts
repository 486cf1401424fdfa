import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { openFixedPorts } from './fixed-ports.ts';
import { avSdp, mediaOf } from './rtp.fixture.ts';
import { closePorts, type MediaPorts, openSessionPorts, type PortHandlers } from './session-ports.ts';

const address = '127.0.0.1';
const ignore: PortHandlers = { receive: () => {}, onError: () => {} };

/** Closes ports at the end of a block. */
const closing = (ports: readonly MediaPorts[]) => ({ [Symbol.asyncDispose]: () => closePorts(ports) });

/** An even port that is free, with the next three. */
async function freePorts(): Promise<number> {
  const ports = await openSessionPorts({ address, port: 0 }, mediaOf(avSdp).slice(0, 1), ignore);
  await closePorts(ports);
  return ports[0]!.rtp.port;
}

suite('ports of RTP', () => {
  test('the system picks pairs: RTP even, RTCP the next one (RFC 3550 11)', async () => {
    const ports = await openSessionPorts({ address, port: 0 }, mediaOf(avSdp), ignore);
    await using _ = closing(ports);
    assert.deepEqual(
      ports.map(({ mediaIndex }) => mediaIndex),
      [0, 1],
    );
    for (const { rtp, rtcp } of ports) assert.deepEqual([rtp.port % 2, rtcp.port], [0, rtp.port + 1]);
  });

  test('from a first port on, the next free pair is taken', async () => {
    const port = await freePorts();
    const first = await openSessionPorts({ address, port }, mediaOf(avSdp), ignore);
    await using _first = closing(first);
    // An odd one begins with the next even one.
    const second = await openSessionPorts({ address, port: port - 1 }, mediaOf(avSdp), ignore);
    await using _second = closing(second);
    const numbers = [...first, ...second].flatMap(({ rtp, rtcp }) => [rtp.port, rtcp.port]);
    assert.equal(new Set(numbers).size, 8);
    assert.ok(numbers.every((number) => number >= port && number < port + 400));
    assert.ok([...first, ...second].every(({ rtp }) => rtp.port % 2 === 0));
  });

  test('with a=rtcp-mux there is one port (RFC 5761); media that are not usable have none', async () => {
    const sdp = avSdp.replace('m=audio', 'a=rtcp-mux\r\nm=audio').replace('opus/48000/2', 'L16/48000');
    const ports = await openSessionPorts({ address, port: 0 }, mediaOf(sdp), ignore);
    await using _ = closing(ports);
    assert.equal(ports.length, 1);
    assert.equal(ports[0]!.rtp, ports[0]!.rtcp);
  });

  test('without free ports it is refused, and nothing stays open', async () => {
    const refused = { code: 'not-ready', message: /no two free UDP ports .* 127.0.0.1:65534/ };
    await assert.rejects(openSessionPorts({ address, port: 65_534 }, mediaOf(avSdp), ignore), refused);
  });

  test('datagrams come with the kind of their port and their media', async () => {
    const received = Promise.withResolvers<unknown[]>();
    const receive: PortHandlers['receive'] = (kind, mediaIndex, packet, from) =>
      received.resolve([kind, mediaIndex, [...packet], from]);
    const ports = await openSessionPorts({ address, port: 0 }, mediaOf(avSdp), { ...ignore, receive });
    await using _ = closing(ports);
    const socket = createSocket('udp4');
    socket.send(Uint8Array.of(1, 2), ports[1]!.rtcp.port, address);
    assert.deepEqual(await received.promise, ['rtcp', 1, [1, 2], address]);
    socket.close();
  });
});

suite('ports of an SDP file', () => {
  const options = { senders: [], networkInterface: undefined };
  const at = (port: number, more = '') =>
    mediaOf(avSdp.replace('m=video 5004', `m=video ${port}`).replace(/m=audio.*/s, more));

  test('are those of the m= lines, and of a=rtcp; they send and receive', async () => {
    const port = await freePorts();
    const received = Promise.withResolvers<unknown[]>();
    const receive: PortHandlers['receive'] = (kind, mediaIndex, packet) =>
      received.resolve([kind, mediaIndex, [...packet]]);
    const ports = await openFixedPorts(at(port), options, { ...ignore, receive });
    await using _ = closing(ports);
    assert.deepEqual([ports[0]!.rtp.port, ports[0]!.rtcp.port], [port, port + 1]);
    const socket = createSocket('udp4').bind(0, address);
    await once(socket, 'listening');
    const answer = once(socket, 'message');
    ports[0]!.rtcp.transmit(Uint8Array.of(7), address, socket.address().port);
    assert.deepEqual([...((await answer)[0] as Buffer)], [7]);
    socket.send(Uint8Array.of(8), port, address);
    assert.deepEqual(await received.promise, ['rtp', 0, [8]]);
    socket.close();
    const other = await freePorts();
    const shared = await openFixedPorts(at(other, `a=rtcp:${other}\r\n`), options, ignore);
    await using _shared = closing(shared);
    assert.equal(shared[0]!.rtp, shared[0]!.rtcp);
  });

  test('that cannot be opened are refused with the reason', async () => {
    const refused = (message: RegExp) => ({ code: 'source-failed', message });
    await assert.rejects(openFixedPorts(at(0), options, ignore), refused(/has no port for its video/));
    const named = mediaOf(avSdp.replace('c=IN IP4 127.0.0.1', 'c=IN IP4 cam.example'));
    await assert.rejects(openFixedPorts(named, options, ignore), refused(/has no IP address for its video/));
    const port = await freePorts();
    const ports = await openFixedPorts(at(port), options, ignore);
    await using _ = closing(ports);
    await assert.rejects(openFixedPorts(at(port), options, ignore), refused(/another program, or another stream/));
  });
});
