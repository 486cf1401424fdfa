/**
 * Streams of another node, over real connections.
 * Waits for wall time: the connections are of the system, and the pauses before an owner is looked up again.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, suite, test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import { until } from '../../../../test/fixtures/wait.ts';
import { createSystemClock } from '../../../lib/clock.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { RunContext } from '../../../live/sink.ts';
import { audio, film, start, video } from '../../../live/stream.fixture.ts';
import { Stream } from '../../../live/stream.ts';
import { createNet } from '../../../net/net.ts';
import type { NodeView } from '../../placement/placement.ts';
import { createInternalRequests, type InternalRequestDeps } from '../internal-requests.ts';
import { NodeClient } from '../node-client.ts';
import { NodeSignature } from '../node-signature.ts';
import { RemoteStreams } from './remote-streams.ts';
import { sendFrames } from './send-frames.ts';

const clock = createSystemClock();
const signatureOf = (node: string) =>
  new NodeSignature({ secret: 'a-secret-of-the-cluster-that-is-long', node, clock });
const never = () => assert.fail('it was not requested');

/** A stream of a node whose frames come at once. */
const openStream = () => {
  const nowUs = Math.round(clock.nowMs() * 1000);
  return new Stream({ clock, past: { endUs: nowUs - 60_000_000, hasMedia: false, lastRun: 0, gaps: [] } });
};

/** A node with streams, over real connections. */
async function openNode(streams: ReadonlyMap<string, Stream>) {
  const opened = new AsyncDisposableStack();
  const signature = signatureOf('b');
  const ends = new AbortController();
  const deps: Partial<InternalRequestDeps> = {
    sinks(name) {
      const stream = streams.get(name);
      if (!stream) throw new OxbowError('stream-unknown', `There is no stream ${name}.`);
      return stream.sinks;
    },
    edge: (name) => ({ isLive: streams.has(name) }),
    signal: ends.signal,
    failed: (error) => assert.fail(String(error)),
  };
  const internal = createInternalRequests({ look: never, give: never, span: never, ...deps } as InternalRequestDeps);
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const { method = '', url: target = '', headers } = request;
    requests.push(`${method} ${target}`);
    request.nodeSender = signature.senderOf({ method, target, headers });
    internal(request, response);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const kill = () => {
    server.close();
    server.closeAllConnections();
  };
  opened.defer(kill);
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const view: NodeView = { name: 'b', url, roles: ['ingest'], version: '1', isAlive: true };
  return { view, requests, kill, ends, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** A sink that remembers what it gets. */
function listen() {
  const heard = { runs: [] as RunContext[], frames: [] as Frame[], calls: [] as string[] };
  const sink = {
    startRun(context: RunContext) {
      heard.runs.push(context);
      heard.calls.push(context.soft ? 'soft' : 'run');
    },
    write: (frame: Frame) => void heard.frames.push(frame),
    flush: never,
    endRun: () => void heard.calls.push('end'),
    damage: never,
  };
  return { ...heard, sink };
}

suite('a stream of another node', () => {
  const opened = new AsyncDisposableStack();
  const streams = new Map<string, Stream>();
  let owner: NodeView | 'own' | undefined;
  let node: Awaited<ReturnType<typeof openNode>>;
  let remote: RemoteStreams;
  const failures: unknown[] = [];
  before(async () => {
    node = opened.use(await openNode(streams));
    owner = node.view;
    const net = createNet({ allow: [], userAgent: 'test' });
    opened.defer(() => net.close());
    const ends = new AbortController();
    opened.defer(() => ends.abort());
    remote = new RemoteStreams({
      client: new NodeClient({ net, signature: signatureOf('a') }),
      placement: { lookUp: async () => owner },
      clock,
      signal: ends.signal,
      failed: (_, error) => failures.push(error),
    });
  });
  after(() => opened.disposeAsync());

  /** Attached, and followed by the owner. */
  async function follow(name: string, stream: Stream, fromKeyFrame = false) {
    const heard = listen();
    const attached = remote.of(name, { fromKeyFrame })!.sinks.attach(heard.sink, { name: 'test', fromKeyFrame });
    await until('it is followed', () => stream.sinks.pressure().sinks.some((sink) => sink.name === 'node'));
    return { ...heard, attached };
  }

  test('gives the runs and frames of its picture and sound, byte by byte', async () => {
    const cam = openStream();
    streams.set('cam', cam);
    const { runs, frames, calls, attached } = await follow('cam', cam);
    using _attached = attached;
    const rung = { ...video, id: 3, rung: '180' } as typeof video;
    cam.startRun(start({ tracks: [video, audio, rung], utcOffsetUs: clock.nowMs() * 1000 }));
    const sent = film(2);
    for (const frame of sent) {
      cam.publish(frame);
      cam.publish({ ...frame, trackId: 3 });
    }
    await until('all have come', () => frames.length === sent.length);
    assert.deepEqual(
      frames.map(({ data, ...frame }) => ({ ...frame, data: Buffer.from(data) })),
      sent.map(({ data, ...frame }) => ({ ...frame, data: Buffer.from(data) })),
    );
    assert.deepEqual(
      runs[0]!.tracks.map(({ id }) => id),
      [1, 2],
    );
    assert.deepEqual(runs[0]!.pace, { kind: 'continuous' });
    assert.equal(runs[0]!.reference.id, 1);
    cam.absent('source-down', 'it left');
    await until('the run has ended', () => calls.at(-1) === 'end');
    assert.deepEqual(failures, []);
  });

  test('is read once for all its sinks, and not at all without one', async () => {
    const cam = openStream();
    streams.set('door', cam);
    const first = await follow('door', cam);
    const second = listen();
    const also = remote.of('door', { fromKeyFrame: false })!.sinks.attach(second.sink, { name: 'test' });
    cam.startRun(start({ utcOffsetUs: clock.nowMs() * 1000 }));
    for (const frame of film(1)) cam.publish(frame);
    await until('both have all', () => first.frames.length === 25 && second.frames.length === 25);
    assert.equal(node.requests.filter((line) => line.includes('/door/')).length, 1);
    first.attached[Symbol.dispose]();
    assert.equal(cam.sinks.pressure().sinks.length, 1);
    also[Symbol.dispose]();
    await until('it is left', () => cam.sinks.pressure().sinks.length === 0);
  });

  test('is left when its only sink fails, which is reported', async () => {
    const cam = openStream();
    streams.set('shaky', cam);
    const { sink } = listen();
    const bug = new Error('the sink failed');
    const broken = {
      ...sink,
      write: () => {
        throw bug;
      },
    };
    remote.of('shaky', { fromKeyFrame: false })!.sinks.attach(broken, { name: 'test' });
    await until('it is followed', () => cam.sinks.pressure().sinks.length === 1);
    cam.startRun(start({ utcOffsetUs: clock.nowMs() * 1000 }));
    for (const frame of film(1)) cam.publish(frame);
    await until('it is left', () => cam.sinks.pressure().sinks.length === 0);
    assert.deepEqual(failures.splice(0), [bug]);
  });

  test('begins with the last key frame where that is requested', async () => {
    const cam = openStream();
    streams.set('gate', cam);
    using _kept = cam.sinks.bufferGop();
    cam.startRun(start({ utcOffsetUs: clock.nowMs() * 1000 }));
    const sent = film(2).slice(0, 40);
    for (const frame of sent) cam.publish(frame);
    const { frames, attached } = await follow('gate', cam, true);
    using _attached = attached;
    await until('the last GOP has come', () => frames.length === 15);
    assert.equal(frames[0]!.dts, sent[25]!.dts);
  });

  test('passes requests for key frames to its publisher', async () => {
    const cam = openStream();
    streams.set('phone', cam);
    const { frames, attached } = await follow('phone', cam);
    using _attached = attached;
    let requests = 0;
    cam.startRun({ ...start({ utcOffsetUs: clock.nowMs() * 1000 }), requestKeyFrame: () => void requests++ });
    cam.publish(film(1)[0]!);
    await until('it has begun', () => frames.length === 1);
    assert.equal(remote.of('phone', { fromKeyFrame: false })!.sinks.requestKeyFrame(), true);
    await until('the publisher is asked', () => requests === 1);
  });

  test('whose node dies ends its run at once, and continues at the next owner', async () => {
    const [before, later] = [openStream(), openStream()];
    await using dying = await openNode(new Map([['roof', before]]));
    owner = { ...dying.view, name: 'b' };
    const { calls, runs, frames, attached } = await follow('roof', before);
    using _attached = attached;
    before.startRun(start({ utcOffsetUs: clock.nowMs() * 1000 }));
    before.publish(film(1)[0]!);
    await until('it has begun', () => frames.length === 1);
    owner = { ...dying.view, isAlive: false };
    dying.kill();
    await until('its run has ended', () => calls.at(-1) === 'end');
    streams.set('roof', later);
    owner = node.view;
    await until('it is followed again', () => later.sinks.pressure().sinks.length === 1);
    later.startRun(start({ utcOffsetUs: clock.nowMs() * 1000 + 60_000_000 }));
    later.publish(film(1)[0]!);
    await until('its frames come', () => frames.length === 2);
    assert.equal(runs.length, 2);
  });

  test('is live as its owner says, and not while no node has it', async () => {
    streams.set('yard', openStream());
    assert.equal(remote.isLive('yard'), false, 'nothing is known yet');
    await until('it is known', () => remote.isLive('yard'));
    assert.equal(await remote.askLive('nothing'), false);
    owner = undefined;
    assert.equal(await remote.askLive('yard'), false);
    assert.equal(remote.isLive('yard'), false);
    owner = node.view;
  });

  test('is asked about once at a time', async () => {
    streams.set('shed', openStream());
    assert.equal(remote.isLive('shed'), false);
    assert.deepEqual(await Promise.all([remote.askLive('shed'), remote.askLive('shed')]), [true, true]);
    assert.equal(node.requests.filter((line) => line.includes('/shed/')).length, 1);
  });

  test('is not sent to a node that has left before', async () => {
    const cam = openStream();
    const server = createServer((_, response) => {
      response.once('close', () => {
        sent.resolve(sendFrames(cam.sinks, response, { fromKeyFrame: false, signal: new AbortController().signal }));
      });
      request.destroy();
    });
    const sent = Promise.withResolvers<void>();
    opened.defer(() => void server.close());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const request = get({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
    request.on('error', () => {}); // it is destroyed
    await sent.promise;
    assert.equal(cam.sinks.pressure().sinks.length, 0);
  });

  test('passes each frame on as it comes', async (t) => {
    const cam = openStream();
    streams.set('late', cam);
    const { frames, attached } = await follow('late', cam);
    using _attached = attached;
    cam.startRun(start({ utcOffsetUs: clock.nowMs() * 1000 }));
    const took: number[] = [];
    for (const frame of film(8)) {
      const sentMs = performance.now();
      const count = frames.length + 1;
      cam.publish({ ...frame, data: new Uint8Array(20_000) });
      while (frames.length < count) await new Promise(setImmediate);
      took.push(performance.now() - sentMs);
    }
    took.sort((a, b) => a - b);
    const at = (share: number) => took[Math.floor(took.length * share)]!.toFixed(2);
    t.diagnostic(`a frame of 20 kB takes ${at(0.5)} ms, of 100 one takes ${at(0.99)} ms or more`);
    assert.equal(took.length, 200);
  });
});
