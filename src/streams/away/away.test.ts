import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { videoTrack } from '@oxbow/media/isobmff/media.fixture';
import { openVirtualTime, type TestTime } from '../../../test/fixtures/virtual-time.ts';
import type { MakeStillGop, StillGopOptions } from '../../ffmpeg/engine.ts';
import type { Publisher } from '../../ingest/publisher.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { ManagedStream } from '../managed-stream.ts';
import { openStreams, PlayedSource, START_MS, type StreamsRig, temporaryFolder, timeline } from '../streams.fixture.ts';

const lastPicture = { type: 'push', whileAway: 'last-picture' } as const;
type Source = Parameters<StreamsRig['api']['create']>[1]['source'];

/** An engine that encodes nothing, and fails with some pictures. */
function engine(failing: readonly StillGopOptions['picture'][] = []) {
  const asked: StillGopOptions['picture'][] = [];
  const makeStillGop: MakeStillGop = async ({ picture, frames }) => {
    asked.push(picture);
    if (failing.includes(picture)) throw new OxbowError('engine-failed', 'no picture');
    const { config } = videoTrack as Extract<typeof videoTrack, { kind: 'video' }>;
    return { config, frames: Array.from({ length: frames }, (_, i) => Uint8Array.of(0, 0, 0, 2, 9, i)) };
  };
  return { asked, makeStillGop };
}

interface AwayRig extends AsyncDisposable {
  readonly rig: StreamsRig;
  readonly stream: ManagedStream;
  readonly asked: readonly string[];
  connect(remote?: string): Promise<{ publisher: Publisher; media: PlayedSource }>;
}

/** A stream `door`, whose clock moves with its timers, and with the media that its publishers play. */
async function open(
  source: Source,
  {
    time: { clock },
    folder,
    failing,
  }: { time: TestTime; folder: string; failing?: readonly StillGopOptions['picture'][] },
): Promise<AwayRig> {
  const { asked, makeStillGop } = engine(failing);
  const rig = await openStreams({ folder, makeStillGop, clock });
  if (!(await rig.api.get('door'))) await rig.api.create('door', { source });
  const stream = rig.catalog.get('door');
  return {
    rig,
    stream,
    asked,
    async connect(remote = 'a:1') {
      const { signal } = new AbortController();
      const publisher = await stream.publishers.claim({ protocol: 'rtmp', remote, signal });
      return { publisher, media: new PlayedSource(stream.definition, publisher, { signal }, rig.clock) };
    },
    [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose](),
  };
}

const filled = ({ served }: ManagedStream) => served.list.segments.filter(({ run, sealed }) => run.isFill && sealed);

const aways = ({ events }: StreamsRig) => events.filter(({ type }) => type === 'publish.away').map(({ data }) => data);

suite('while the publisher is away', () => {
  test('its last picture is in the live playlist, which continues; state, timeline and recording are as without it', async () => {
    using time = openVirtualTime({ startMs: START_MS });
    await using folder = await temporaryFolder();
    await using away = await open(lastPicture, { time, folder: folder.path });
    const { rig, stream } = away;
    const first = await away.connect();
    first.media.flow(5000);
    const { number } = stream.served.list.generation!;
    await time.runFor(2000);
    first.publisher.close('the connection was lost');
    await time.runFor(8000);
    assert.equal(filled(stream).length, 4);
    assert.deepEqual([stream.status.state, stream.status.problem], ['unpublished', 'the connection was lost']);
    assert.deepEqual(away.asked, ['media']);
    assert.equal((await rig.api.get('door'))!.away, true, 'open pages show it');
    assert.deepEqual(aways(rig), [{ picture: 'last-picture', detail: 'the publisher is away' }]);
    const second = await away.connect();
    second.media.flow(5000);
    assert.equal(stream.status.state, 'live');
    assert.equal((await rig.api.get('door'))!.away, undefined);
    assert.equal(stream.served.list.generation!.number, number);
    const runs = stream.served.list.segments.map(({ run }) => run.isFill === true);
    assert.deepEqual(
      [runs[0], runs.at(-1), runs.filter((isFill, i) => i > 0 && isFill !== runs[i - 1]).length],
      [false, false, 2],
    );
    await rig.settle();
    assert.deepEqual(await timeline(rig), ['media 0…5', 'offline 5…15', 'media 15…19']);
    assert.deepEqual((await rig.api.get('door'))!.recorded.seconds, 9);
    assert.equal(rig.events.filter(({ type }) => type === 'stream.offline').length, 2);
  });

  test('nothing is shown by default, after a publisher that said goodbye, and after one that oxbow ended', async () => {
    using time = openVirtualTime({ startMs: START_MS });
    await using folder = await temporaryFolder();
    for (const [source, leave] of [
      [{ type: 'push' }, (publisher: Publisher) => publisher.close('lost')],
      [
        lastPicture,
        (publisher: Publisher) => {
          publisher.connection.isOver = true;
          publisher.close('the publisher left');
        },
      ],
      [
        lastPicture,
        (publisher: Publisher) => publisher.close('revoked', new OxbowError('publish-denied', 'The key was revoked.')),
      ],
    ] as const) {
      await using away = await open(source, { time, folder: folder.path });
      const { publisher, media } = await away.connect();
      media.flow(5000);
      await time.runFor(2000);
      leave(publisher);
      await time.runFor(10_000);
      assert.deepEqual([away.asked, aways(away.rig), filled(away.stream)], [[], [], []]);
      assert.equal(away.stream.served.list.ended, false);
      await away.rig.api.remove('door', { recordings: 'delete' });
    }
  });

  test('a standby publisher with media takes over instead', async () => {
    using time = openVirtualTime({ startMs: START_MS });
    await using folder = await temporaryFolder();
    await using away = await open({ ...lastPicture, onSecondPublisher: 'standby' }, { time, folder: folder.path });
    const first = await away.connect();
    first.media.flow(5000);
    const second = await away.connect('b:1');
    second.media.flow(5000);
    await time.runFor(2000);
    first.publisher.close('lost');
    await time.runFor(3000);
    assert.equal(away.stream.status.state, 'live');
    assert.deepEqual([away.asked, aways(away.rig)], [[], []]);
  });

  test('a publisher that returns within two seconds comes before the picture', async () => {
    using time = openVirtualTime({ startMs: START_MS });
    await using folder = await temporaryFolder();
    await using away = await open(lastPicture, { time, folder: folder.path });
    const first = await away.connect();
    first.media.flow(5000);
    first.publisher.close('lost');
    const second = await away.connect();
    second.media.flow(5000);
    await time.runFor(3000);
    assert.equal(away.stream.status.state, 'live');
    assert.deepEqual([away.asked, aways(away.rig)], [[], []]);
  });

  for (const [what, act] of [
    ['a pause', (rig: StreamsRig) => rig.api.pause('door')],
    ['a stop', (rig: StreamsRig) => rig.api.stop('door')],
  ] as const) {
    test(`${what} ends it`, async () => {
      using time = openVirtualTime({ startMs: START_MS });
      await using folder = await temporaryFolder();
      await using away = await open(lastPicture, { time, folder: folder.path });
      const { rig, stream } = away;
      const { publisher, media } = await away.connect();
      media.flow(5000);
      await time.runFor(2000);
      publisher.close('lost');
      await time.runFor(8000);
      assert.equal(filled(stream).length, 4);
      await act(rig);
      const { length } = stream.served.list.segments;
      await time.runFor(29_999);
      assert.equal(stream.served.list.segments.length, length);
      assert.equal(stream.served.list.ended, what === 'a stop');
      await time.runFor(1);
      assert.equal(stream.served.list.ended, true, 'after the linger time');
    });
  }

  test('after its limit the live playlist ends', async () => {
    using time = openVirtualTime({ startMs: START_MS });
    await using folder = await temporaryFolder();
    await using away = await open({ ...lastPicture, awayLimit: '20s' }, { time, folder: folder.path });
    const { rig, stream } = away;
    const { publisher, media } = await away.connect();
    media.flow(5000);
    await time.runFor(2000);
    publisher.close('lost');
    await time.until('the live playlist ends', () => stream.served.list.ended);
    assert.equal(time.clock.nowMs(), START_MS + 25_001, '20 s after its last media, at the next tick');
    const lastsUs = filled(stream).reduce((sum, { sealed }) => sum + sealed!.durationUs, 0);
    assert.equal(lastsUs, 20_000_000);
    assert.deepEqual(aways(rig).at(-1), { picture: null, detail: 'the publisher has not returned in time' });
  });

  test('where the last picture cannot be encoded its text is shown, and nothing where the engine fails', async () => {
    using time = openVirtualTime({ startMs: START_MS });
    await using folder = await temporaryFolder();
    for (const [failing, picture, detail] of [
      [['media'], 'last-picture', 'the publisher is away'],
      [['media', 'text'], null, 'the media engine made no picture'],
    ] as const) {
      await using away = await open(lastPicture, { time, folder: folder.path, failing });
      const { publisher, media } = await away.connect();
      media.flow(5000);
      await time.runFor(2000);
      publisher.close('lost');
      await time.runFor(200);
      assert.deepEqual(away.asked, ['media', 'text']);
      assert.deepEqual(aways(away.rig), [{ picture, detail }]);
      await away.rig.api.remove('door', { recordings: 'delete' });
    }
  });

  test('after a restart no playlist goes back to segments before the picture (RFC 8216bis 6.2.2)', async () => {
    using time = openVirtualTime({ startMs: START_MS });
    await using folder = await temporaryFolder();
    let number: number;
    {
      await using away = await open(lastPicture, { time, folder: folder.path });
      const { publisher, media } = await away.connect();
      media.flow(5000);
      await time.runFor(2000);
      publisher.close('lost');
      await time.runFor(8000);
      assert.equal(filled(away.stream).length, 4);
      ({ number } = away.stream.served.list.generation!);
    }
    await using away = await open(lastPicture, { time, folder: folder.path });
    assert.equal(away.stream.served.list.view(number), undefined);
    const { media } = await away.connect();
    media.flow(5000);
    assert.ok(away.stream.served.list.generation!.number > number);
  });
});
