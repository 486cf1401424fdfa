import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Frame } from '@oxbow/media/frame';
import { audioTrack, videoTrack } from '@oxbow/media/isobmff/media.fixture';
import { type LeaseStore, Leases } from '../cluster/lease/lease.ts';
import { createLocalLeases } from '../cluster/lease/local-leases.ts';
import type { SecondPublisher } from '../config/schema.ts';
import { createManualClock, type ManualClock } from '../lib/clock.ts';
import { OxbowError } from '../lib/errors.ts';
import type { Publisher } from './publisher.ts';
import { PublisherSlot } from './publisher-slot.ts';

const tracks = [videoTrack, audioTrack];

function frame(second: number, { key = true, trackId = videoTrack.id, by = 'a' } = {}): Frame {
  const { timescale } = trackId === videoTrack.id ? videoTrack : audioTrack;
  const dts = second * timescale;
  return { trackId, dts, pts: dts, duration: timescale, key, data: new TextEncoder().encode(by) };
}

/** What the slots of one test share. */
function newProcess(t: TestContext): { readonly clock: ManualClock; readonly store: LeaseStore } {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  const clock = createManualClock();
  return { clock, store: createLocalLeases(clock) };
}

/** A slot whose stream records its calls. */
function openSlot(t: TestContext, policy: SecondPublisher = 'refuse', { clock, store } = newProcess(t)) {
  const calls: string[] = [];
  const events: string[] = [];
  /** Publishers of which a key frame was requested. */
  const keyFrameRequests: string[] = [];
  const failed = (error: unknown) => {
    throw error;
  };
  const now = { policy, mediaEndUs: undefined as number | undefined, refused: '' };
  const slot = new PublisherSlot({
    streamId: 'x',
    clock,
    leases: new Leases({ store, clock, failed }),
    failed,
    bug: (error) => (now.refused === '' ? failed(error) : calls.push('bug')),
    input: {
      get placement() {
        return { mediaEndUs: now.mediaEndUs, utcOffsetUs: undefined };
      },
      startRun({ utcOffsetUs, clock, requestKeyFrame }) {
        calls.push(`run ${clock} ${utcOffsetUs / 1e6 - clock0 / 1000}`);
        requestKeyFrame?.();
      },
      publish({ data }) {
        const text = new TextDecoder().decode(data);
        assert.notEqual(text, now.refused);
        calls.push(text);
      },
      flush: () => calls.push('flush'),
      absent: (cause, detail) => calls.push(`${cause}: ${detail}`),
      offline: (detail) => calls.push(`offline: ${detail}`),
      damage: (reason) => calls.push(`damage: ${reason}`),
    },
    policy: () => now.policy,
    watches: true,
    onEvent: (event) => {
      const { remote } = event.type === 'refused' ? event.request : event.publisher.connection;
      events.push(`${event.type} ${remote}${event.type === 'switched' ? ` ${event.reason}` : ''}`);
    },
  });
  const clock0 = clock.nowMs();
  /** The same while the timers of a busy process are late. */
  const passUnnoticed = (seconds: number, ...sending: Publisher[]) => {
    for (let second = 0; second < seconds; second++) {
      clock.advance(1000);
      for (const publisher of sending)
        publisher.publish(frame((clock.nowMs() - clock0) / 1000, { by: publisher.connection.remote }));
    }
  };
  return {
    clock,
    slot,
    calls,
    events,
    keyFrameRequests,
    now,
    async claim(remote: string, { signal = new AbortController().signal } = {}): Promise<Publisher> {
      const publisher = await slot.claim({
        protocol: 'rtmp',
        remote,
        signal,
        requestKeyFrame: () => keyFrameRequests.push(remote),
      });
      publisher.startTracks(tracks);
      return publisher;
    },
    /** Lets seconds pass; each publisher sends a frame in each of them. */
    pass(seconds: number, ...sending: Publisher[]) {
      for (let second = 0; second < seconds; second++) {
        passUnnoticed(1, ...sending);
        t.mock.timers.tick(1000);
      }
    },
    passUnnoticed,
  };
}

/** Other tracks of the same ids. */
const inGerman = [
  { ...videoTrack, language: 'de' },
  { ...audioTrack, language: 'de' },
];

suite('a publisher', () => {
  test('that announces a change of its tracks all the time is delayed a few times, not always', async (t) => {
    const { claim, calls, pass } = openSlot(t);
    const publisher = await claim('a');
    let held = 0;
    for (let second = 0; second < 60; second++) {
      publisher.connection.expectChange();
      calls.splice(0);
      pass(1, publisher);
      if (!calls.includes('a')) held++;
    }
    assert.ok(held > 0 && held < 15, `${held} of 60 pictures wait for sound that does not come`);
  });

  test('delivers frames while its session is active; UTC is the arrival of the first one, whatever its timestamp', async (t) => {
    const { slot, calls, claim, pass } = openSlot(t);
    const publisher = await claim('a');
    assert.deepEqual([publisher.turn.role, slot.active], ['active', publisher]);
    pass(3);
    publisher.publish(frame(100));
    publisher.publish(frame(101));
    publisher.close('the publisher left');
    publisher.publish(frame(102));
    publisher.close('again');
    assert.deepEqual(calls, ['run arrival -97', 'a', 'a', 'offline: the publisher left']);
    assert.deepEqual([publisher.turn.role, publisher.signal.aborted, slot.active], ['ended', true, undefined]);
  });

  test('whose picture changes before its first frame loses no sound that follows', async (t) => {
    const { calls, claim } = openSlot(t);
    const publisher = await claim('a');
    publisher.publish(frame(0, { trackId: audioTrack.id, by: 'early sound' }));
    publisher.startTracks(inGerman);
    publisher.publish(frame(1, { trackId: audioTrack.id, by: 'sound' }));
    publisher.publish(frame(2, { by: 'picture' }));
    assert.deepEqual(calls, ['run arrival 0', 'early sound', 'run arrival -1', 'sound', 'picture']);
  });

  test('that brings its own clock begins its runs itself', async (t) => {
    const { slot, calls } = openSlot(t);
    const publisher = await slot.claim({ protocol: 'rtp', remote: 'a', signal: new AbortController().signal });
    const pace = { kind: 'continuous' } as const;
    publisher.startRun({ tracks, utcOffsetUs: 0, clock: 'source', pace });
    publisher.publish(frame(1));
    assert.deepEqual(calls.slice(1), ['a']);
  });

  test('reads where the media of its stream ends: a stream without media has no end, one with media always has', async (t) => {
    const { claim, now } = openSlot(t);
    const publisher = await claim('a');
    assert.equal(publisher.placement?.mediaEndUs, undefined);
    now.mediaEndUs = 5_000_000;
    assert.equal(publisher.placement?.mediaEndUs, 5_000_000);
  });

  test('whose connection is lost has left', async (t) => {
    const { slot, calls, events, claim } = openSlot(t);
    const connection = new AbortController();
    await claim('a', { signal: connection.signal });
    connection.abort();
    assert.deepEqual(calls, ['offline: the connection of the publisher was lost']);
    assert.deepEqual([slot.active, events], [undefined, ['started a', 'ended a']]);
    await assert.rejects(claim('b', { signal: AbortSignal.abort(new Error('gone')) }), /gone/);
  });

  test('that sends nothing for five seconds is reported once; its next frame flows again', async (t) => {
    const { calls, claim, pass } = openSlot(t);
    const publisher = await claim('a');
    pass(1, publisher);
    pass(20);
    pass(1, publisher);
    assert.deepEqual(calls, ['run arrival 0', 'a', 'source-down: the publisher has sent no media for 5 s', 'a']);
  });

  test('loses nothing that waits at a change of its tracks when the stream stops', async (t) => {
    const { slot, claim, calls } = openSlot(t);
    const publisher = await claim('a');
    publisher.publish(frame(0, { by: 'old' }));
    publisher.startTracks(inGerman);
    publisher.publish(frame(1, { by: 'new' }));
    assert.equal(calls.includes('new'), false, 'it waits for the other track');
    await slot.close(new OxbowError('publish-refused', 'Stopped.'));
    assert.equal(calls.at(-1), 'new');
  });

  test('is ended with the reason when the stream stops', async (t) => {
    const { slot, calls, claim } = openSlot(t, 'standby');
    const [a, b] = [await claim('a'), await claim('b')];
    const reason = new OxbowError('publish-refused', 'stopped');
    await slot.close(reason);
    assert.deepEqual([a.signal.reason, b.signal.reason, calls], [reason, reason, []]);
    assert.deepEqual([slot.active, slot.standby], [undefined, []]);
    await assert.rejects(claim('c'), reason);
    slot.open();
    await claim('c');
  });
});

suite('a second publisher', () => {
  test('is refused, and the first one continues', async (t) => {
    const { events, claim, calls, pass } = openSlot(t, 'refuse');
    const first = await claim('a');
    await assert.rejects(claim('b'), { code: 'publisher-active' });
    pass(1, first);
    assert.deepEqual(events, ['started a', 'refused b']);
    assert.deepEqual(calls.at(-1), 'a');
  });

  test('replaces the first one at its own first key frame of a picture', async (t) => {
    const { events, claim, calls } = openSlot(t, 'replace');
    const first = await claim('a');
    first.publish(frame(1));
    const second = await claim('b');
    second.publish(frame(5, { by: 'b', key: false }));
    second.publish(frame(5, { by: 'b', trackId: audioTrack.id }));
    first.publish(frame(2));
    second.publish(frame(6, { by: 'b' }));
    first.publish(frame(3));
    second.publish(frame(7, { by: 'b' }));
    assert.deepEqual(calls, ['run arrival -1', 'a', 'a', 'run arrival -6', 'b', 'b']);
    assert.equal((first.signal.reason as OxbowError).code, 'publisher-replaced');
    assert.deepEqual(events, ['started a', 'started b', 'switched b replaced', 'ended a']);
  });

  test('replaces the first one after what waits at a change of its tracks', async (t) => {
    const { claim, calls } = openSlot(t, 'replace');
    const first = await claim('a');
    first.publish(frame(0, { by: 'old' }));
    first.startTracks(inGerman);
    first.publish(frame(1, { by: 'new' }));
    assert.equal(calls.includes('new'), false, 'it waits for the other track');
    const second = await claim('b');
    second.publish(frame(6, { by: 'b' }));
    assert.match(calls.join(), /,new,run [^,]*,b$/);
  });

  test('follows one that stalls: what waits at a change of its tracks comes before the hole', async (t) => {
    const { claim, calls, pass } = openSlot(t);
    const first = await claim('a');
    first.publish(frame(0, { by: 'old' }));
    first.startTracks(inGerman);
    first.publish(frame(1, { by: 'new' }));
    pass(8);
    assert.match(calls.join(), /,new,source-down/);
  });

  test('follows one that stalls also where the stream does not take what waits', async (t) => {
    const { claim, calls, pass, now } = openSlot(t);
    const first = await claim('a');
    first.publish(frame(0, { by: 'old' }));
    first.startTracks(inGerman);
    first.publish(frame(1, { by: 'new' }));
    now.refused = 'new';
    pass(8);
    assert.match(calls.join(), /,bug,source-down/);
  });

  test('that would replace the first one is itself replaced by a third', async (t) => {
    const { slot, claim } = openSlot(t, 'replace');
    const [first, second, third] = [await claim('a'), await claim('b'), await claim('c')];
    assert.deepEqual([first.turn.role, second.turn.role, third.turn.role], ['active', 'ended', 'standby']);
    assert.deepEqual(slot.standby, [third]);
    first.close('left');
    assert.equal(third.turn.role, 'active');
  });

  test('is standby and takes over when the first one leaves', async (t) => {
    const { keyFrameRequests, events, claim, calls, pass } = openSlot(t, 'standby');
    const first = await claim('a');
    const second = await claim('b');
    pass(2, first, second);
    assert.deepEqual(calls, ['run arrival 0', 'a', 'a']);
    first.close('the publisher left');
    pass(1, second);
    assert.deepEqual(calls.slice(3), ['run arrival 0', 'b', 'b'], 'its last GOP, without a gap');
    assert.deepEqual(events, ['started a', 'started b', 'switched b left', 'ended a']);
    assert.deepEqual(keyFrameRequests, ['a', 'b'], 'key frames are requested from the publisher of each run');
    second.close('the publisher left');
    assert.equal(calls.at(-1), 'offline: the publisher left');
  });

  test('takes over when the first one stalls, which is then standby and can take over after 30 s', async (t) => {
    const { slot, events, claim, calls, pass } = openSlot(t, 'standby');
    const [first, second] = [await claim('a'), await claim('b')];
    pass(1, first, second);
    pass(5, second);
    assert.deepEqual([slot.active, slot.standby], [second, [first]]);
    pass(10, first);
    assert.equal(slot.active, second, 'stays with one for a while');
    pass(20, first);
    assert.equal(slot.active, first);
    assert.deepEqual(events.slice(2), ['switched b stalled', 'switched a stalled']);
    assert.equal(calls.filter((call) => call.startsWith('source-down')).length, 2, 'each stall is reported once');
  });

  test('takes over where the media of the first one ended, even if the stall is noticed two seconds late', async (t) => {
    const { clock, slot, now, claim, calls, pass, passUnnoticed } = openSlot(t, 'standby');
    const [first, second] = [await claim('a'), await claim('b')];
    pass(3, first, second);
    now.mediaEndUs = (clock.nowMs() + 1000) * 1000;
    passUnnoticed(2, second);
    pass(4, second);
    assert.equal(slot.active, second);
    assert.deepEqual(calls.slice(-6), [...'bbbbbb'], 'the frames of 4 s to 9 s');
  });

  test('that replaced the first one is not active again by a key frame once it has stalled', async (t) => {
    const { slot, now, claim, pass } = openSlot(t, 'replace');
    const first = await claim('a');
    const second = await claim('b');
    pass(1, first, second);
    now.policy = 'standby';
    const third = await claim('c');
    pass(6, third);
    assert.deepEqual([slot.active, slot.standby], [third, [second]]);
    pass(1, second, third);
    assert.equal(slot.active, third);
  });

  test('that sends nothing itself does not take over from one that stalls', async (t) => {
    const { slot, claim, pass } = openSlot(t, 'standby');
    const first = await claim('a');
    await claim('b');
    pass(1, first);
    pass(60);
    assert.equal(slot.active, first);
  });

  test('is refused where three stand by already', async (t) => {
    const { claim } = openSlot(t, 'standby');
    for (const remote of ['a', 'b', 'c', 'd']) await claim(remote);
    await assert.rejects(claim('e'), { code: 'publisher-active' });
  });
});

suite('a publisher of another process', () => {
  function openTwo(t: TestContext, policy?: SecondPublisher) {
    const shared = newProcess(t);
    return { here: openSlot(t, policy, shared), there: openSlot(t, policy, shared) };
  }

  test('has the stream: one here is refused until that has left', async (t) => {
    const { here, there } = openTwo(t);
    const first = await there.claim('a');
    await assert.rejects(here.claim('b'), { code: 'publisher-active', message: /Another oxbow/ });
    assert.deepEqual(here.events, ['refused b']);
    first.close('the publisher left');
    await turn();
    assert.equal((await here.claim('b')).turn.role, 'active');
  });

  test('is ended when one here replaces it', async (t) => {
    const { here, there } = openTwo(t, 'replace');
    const first = await there.claim('a');
    const second = await here.claim('b');
    there.pass(5);
    await turn();
    assert.equal((first.signal.reason as OxbowError).code, 'publisher-replaced');
    assert.equal(there.calls.at(-1), 'offline: another oxbow publishes this stream');
    assert.deepEqual([second.turn.role, there.slot.active], ['active', undefined]);
  });

  test('leaves, and the client inside oxbow that waited for it begins', async (t) => {
    const { here, there } = openTwo(t);
    const first = await there.claim('a');
    const request = { protocol: 'pull', remote: '', signal: new AbortController().signal };
    const client = here.slot.claim(request, { ifHeld: 'wait' });
    first.close('the publisher left');
    await turn();
    here.pass(5);
    assert.equal((await client).turn.role, 'active');
  });
});
