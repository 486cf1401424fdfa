import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countArrivals, numberedPayload } from '../srt/simulated-network.fixture.ts';
import type { SrtConnection } from '../srt/srt.ts';
import { LinkLosses } from './link-losses.ts';
import { type SimulatedLink, SimulatedLinks } from './simulated-links.fixture.ts';

/** Sends numbered payloads of 1,316 bytes for a while, then lets the links run empty. */
function sendFor(network: SimulatedLinks, caller: SrtConnection, seconds: number, bitrate: number, first = 0): number {
  const everyUs = (1316 * 8 * 1e6) / bitrate;
  let sent = 0;
  let nextUs = network.nowUs;
  network.run(seconds * 1e6, () => {
    for (; nextUs <= network.nowUs; nextUs += everyUs) caller.send(numberedPayload(first + sent++));
  });
  network.run(3_000_000);
  return sent;
}

const lossOf = (network: SimulatedLinks) =>
  network.channel!.links().map(({ packets, lost }) => lost / Math.max(1, packets + lost));

test('two links of 3 Mbps carry 5 Mbps, one dies and comes back, and no packet is lost', async () => {
  const links: SimulatedLink[] = [
    { delayMs: 20, jitterMs: 5, rate: 3.6e6 },
    { delayMs: 60, jitterMs: 10, rate: 3.6e6 },
  ];
  const network = new SimulatedLinks(1, links, 3000);
  const { caller, listener } = await network.connect();
  const arrivals = countArrivals(listener);
  let sent = sendFor(network, caller, 10, 5e6);
  assert.deepEqual(arrivals, { delivered: sent, lost: 0, wrong: 0 });
  links[1]!.isDead = true;
  links[0]!.rate = 6e6;
  sent += sendFor(network, caller, 8, 5e6, sent);
  const down = network.channel!.links();
  assert.deepEqual(
    down.map(({ isUp }) => isUp),
    [true, false],
  );
  links[1]!.isDead = false;
  sent += sendFor(network, caller, 10, 5e6, sent);
  assert.deepEqual(arrivals, { delivered: sent, lost: 0, wrong: 0 });
  const back = network.channel!.links();
  assert.deepEqual(
    back.map(({ number, isUp }) => [number, isUp]),
    [
      [1, true],
      [2, true],
    ],
  );
  assert.ok(back[1]!.bytes > down[1]!.bytes + 1e6, 'the second link carries again');
});

test('lost packets are attributed to the link that lost them, and each link has its round trip time', async () => {
  const links: SimulatedLink[] = [
    { delayMs: 20, jitterMs: 4, loss: 0 },
    { delayMs: 60, jitterMs: 4, loss: 0.08 },
    { delayMs: 100, jitterMs: 4, loss: 0.01 },
  ];
  const network = new SimulatedLinks(5, links, 2000);
  const { caller, listener } = await network.connect();
  const arrivals = countArrivals(listener);
  const sent = sendFor(network, caller, 40, 5e6);
  assert.deepEqual(arrivals, { delivered: sent, lost: 0, wrong: 0 });
  const [first, second, third] = lossOf(network);
  const figures = `${lossOf(network)} of ${network.lost}`;
  assert.ok(first! < 0.01 && third! < 0.02, figures);
  assert.ok(second! > 0.05 && second! < 0.1, figures);
  const times = network.channel!.links().map(({ rttMs }) => Math.round(rttMs!));
  for (const [index, expected] of [44, 124, 204].entries()) {
    assert.ok(Math.abs(times[index]! - expected) <= 4, `${times}`);
  }
});

test('a sender whose sequence numbers jump with each packet costs a bounded time', () => {
  const losses = new LinkLosses(16);
  const judgedOf = () => losses.counts.reduce((sum, { received, lost }) => sum + received + lost, 0);
  let sequence = 0;
  for (; sequence < 1000; sequence++) losses.note(sequence, 1 + (sequence % 2), false);
  for (let s = 0; s < 3; s++) losses.second();
  for (let second = 1; second <= 3; second++) {
    const before = judgedOf();
    for (let packet = 0; packet < 100; packet++) {
      sequence += 16_000;
      losses.note(sequence, 1, false);
    }
    assert.ok(judgedOf() - before < 40_000, `${judgedOf() - before} packets were judged`);
    losses.second();
  }
});
