import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { ticksToUs } from '@oxbow/media/run';
import { videoFrames } from './frames.fixture.ts';
import { bursty, film, NOW_US, open, publish, start, video } from './stream.fixture.ts';

suite('gaps (rule 5)', () => {
  test('a hole of more than half a second has its causes, a smaller one joins', () => {
    for (const [ms, gaps] of [
      [500, []],
      [501, [{ fromUs: NOW_US + 3_000_000, toUs: NOW_US + 3_501_000, cause: 'source-down', detail: 'HTTP 503' }]],
    ] as const) {
      const heard = open();
      heard.stream.startRun(start());
      publish(heard, film(2));
      heard.stream.absent('source-down', 'HTTP 503');
      heard.stream.startRun(start({ utcOffsetUs: NOW_US + ms * 1000 }));
      publish(heard, film(1, 3));
      assert.deepEqual(heard.runs[1]!.gaps, gaps);
      assert.deepEqual(heard.calls, ['run 1', 'end', 'run 2']);
    }
  });

  test('before the first run the stream is offline since its creation', () => {
    const offline = { fromUs: NOW_US, toUs: NOW_US, cause: 'offline', detail: 'not yet started' } as const;
    const heard = open({ gaps: [offline] });
    assert.deepEqual(heard.stream.edge.gap, { cause: 'offline', detail: 'not yet started' });
    heard.stream.startRun(start());
    publish(heard, film(1));
    assert.deepEqual(heard.runs[0]!.gaps, [{ ...offline, toUs: NOW_US + 1_000_000 }]);
    assert.equal(heard.stream.edge.gap, undefined);
  });

  test('while media is missing the stream has a cause and its time, and no run', () => {
    const heard = open();
    heard.stream.startRun(start());
    publish(heard, film(2));
    assert.deepEqual(heard.stream.edge.gapsSince(0), []);
    heard.stream.offline('stopped');
    heard.clock.advance(5000);
    assert.equal(heard.stream.placement.context, undefined);
    assert.deepEqual(heard.stream.edge.gapsSince(NOW_US + 3_000_000), [
      { fromUs: NOW_US + 3_000_000, toUs: NOW_US + 7_000_000, cause: 'offline', detail: 'stopped' },
    ]);
    const emitted = heard.events.map((event) => (event.type === 'absent' ? [event.cause, event.atUs] : event.type));
    assert.deepEqual(emitted, ['run', ['offline', NOW_US + 3_000_000]]);
  });

  test('after a gap the same media may come back without a new start, under the same UTC offset', () => {
    const heard = open();
    heard.stream.startRun(start());
    const frames = film(12);
    publish(heard, frames.slice(0, 50));
    heard.stream.absent('bad-media', 'unreadable');
    publish(heard, frames.slice(130));
    assert.deepEqual(
      heard.runs.map(({ run, startUs }) => [run.id, run.utcOffsetUs, startUs - NOW_US]),
      [
        [1, NOW_US, 1_000_000],
        [2, NOW_US, 7_000_000],
      ],
    );
    assert.equal(heard.runs[1]!.gaps[0]!.cause, 'bad-media');
    heard.stream.offline('unpublished');
    assert.throws(() => heard.stream.publish(frames[0]!), { name: 'AssertionError' });
  });

  test('a jump of more than half a second is a new run of the same UTC offset, from the next key frame', () => {
    const heard = open();
    heard.stream.startRun(start());
    const frames = film(10);
    publish(heard, [...frames.slice(0, 60), ...frames.slice(90)]);
    assert.deepEqual(
      heard.runs.map(({ run, startUs }) => [run.id, run.utcOffsetUs, startUs - NOW_US]),
      [
        [1, NOW_US, 1_000_000],
        [2, NOW_US, 5_000_000],
      ],
    );
    const [gap] = heard.runs[1]!.gaps;
    assert.deepEqual([gap!.cause, gap!.fromUs, gap!.toUs], ['source-skipped', NOW_US + 3_400_000, NOW_US + 5_000_000]);
    assert.equal(heard.stream.placement.context, heard.runs[1]);
  });

  const aSecond = (s: number) => film(1, s);
  const seconds = (count: number, startS: number) => film(count, startS);

  test('timestamps that jump ahead without so much time having passed are filed at their arrival, whatever the jump', () => {
    for (const jumpS of [2.5, 3, 12, 384, 3600, 86_400, 25 * 86_400]) {
      const heard = open();
      heard.stream.startRun(start({ clock: 'arrival' }));
      publish(heard, [...seconds(10, 1), ...seconds(5, 11 + jumpS)]);
      assert.equal(heard.runs.length, 2, `${jumpS} s`);
      assert.equal(heard.runs[1]!.startUs, NOW_US + 11_000_000, `${jumpS} s`);
      assert.deepEqual(heard.runs[1]!.gaps, [], `${jumpS} s`);
      assert.equal(heard.stream.edge.endUs, NOW_US + 16_000_000, `${jumpS} s`);
    }
  });

  test('a jump ahead of a publisher that was silent for as long keeps the UTC offset', () => {
    for (const [silentS, jumpS] of [
      [10, 10],
      [10, 11.5],
      [12, 10],
      [3600, 3600],
    ] as const) {
      const heard = open();
      heard.stream.startRun(start({ clock: 'arrival' }));
      publish(heard, seconds(10, 1));
      heard.clock.advance(silentS * 1000);
      publish(heard, seconds(5, 11 + jumpS));
      assert.equal(heard.runs[1]!.run.utcOffsetUs, heard.runs[0]!.run.utcOffsetUs, `${silentS} s, ${jumpS} s`);
    }
  });

  test('after a silence that was reported, timestamps that jumped meanwhile are filed at their arrival, ahead and back', () => {
    for (const startS of [1, 19, 26, 28.5, 3600]) {
      const heard = open();
      heard.stream.startRun(start({ clock: 'arrival', utcOffsetUs: NOW_US - 10_000_000 }));
      publish(heard, seconds(10, 10));
      heard.stream.absent('source-down', 'the publisher has sent no media for 5 s');
      heard.clock.advance(6000);
      publish(heard, seconds(3, startS));
      assert.equal(heard.runs[1]!.startUs, NOW_US + 16_000_000, `${startS} s`);
    }
  });

  test('many small jumps ahead do not add up to a recording in the future', () => {
    const heard = open();
    heard.stream.startRun(start({ clock: 'arrival' }));
    for (let i = 0; i < 100; i++) publish(heard, aSecond(1 + i * 2.7));
    const aheadUs = heard.stream.edge.endUs - heard.clock.nowMs() * 1000;
    assert.ok(aheadUs <= 3_000_000, `${aheadUs} µs ahead`);
  });

  test('a jump ahead before the first key frame of a publisher is filed at its arrival', () => {
    const heard = open();
    heard.stream.startRun(start({ clock: 'arrival', utcOffsetUs: NOW_US - 1_000_000 }));
    publish(heard, [...seconds(2, 1).slice(1, 20), ...seconds(5, 3601)]);
    assert.equal(heard.runs.length, 1);
    assert.equal(heard.runs[0]!.startUs, NOW_US + 800_000);
  });

  test('a burst after a stall, with what the encoder dropped missing in it, keeps the UTC offset', () => {
    const heard = open();
    heard.stream.startRun(start({ clock: 'arrival' }));
    publish(heard, seconds(10, 1));
    heard.clock.advance(20_000);
    // Of 20 s the encoder kept the last 15.
    for (const frame of seconds(15, 16)) heard.stream.publish(frame);
    publish(heard, seconds(5, 31));
    assert.equal(heard.runs.length, 2);
    assert.equal(heard.runs[1]!.run.utcOffsetUs, heard.runs[0]!.run.utcOffsetUs);
    assert.equal(heard.stream.edge.endUs, NOW_US + 36_000_000);
  });

  test('what is recorded ahead of the clock holds a run back by its own length, and by no jump', () => {
    const heard = open();
    heard.stream.startRun(start({ clock: 'arrival' }));
    // A file that is sent as fast as it goes: 100 s of media in an instant.
    for (const frame of seconds(100, 1)) heard.stream.publish(frame);
    for (const frame of seconds(10, 4000)) heard.stream.publish(frame);
    assert.equal(heard.stream.edge.endUs, NOW_US + 111_000_000);
  });

  test('timestamps that begin again before the first key frame do not move the run into the past', () => {
    const heard = open();
    heard.stream.startRun(start({ utcOffsetUs: NOW_US - 100_000_000 }));
    const [early, late] = [film(3, 100), film(3)];
    publish(heard, [...early.slice(1, 20), ...late]);
    assert.equal(heard.runs.length, 1);
    assert.equal(heard.runs[0]!.startUs, NOW_US + 800_000, 'when the key frame came');
    assert.equal(heard.frames.length, late.length);
  });

  test('a publisher that asks before it publishes begins the run itself, with the UTC that it knows', () => {
    const heard = open();
    heard.stream.startRun(start({ pace: bursty }));
    const [before, after] = [film(3), film(3, 100)];
    publish(heard, before);
    assert.equal(heard.stream.jumps(film(4)[75]!), false);
    assert.equal(heard.stream.jumps(after[0]!), true);
    heard.stream.startRun(start({ pace: bursty, utcOffsetUs: NOW_US - 90_000_000 }));
    publish(heard, after);
    assert.equal(heard.runs[1]!.startUs, NOW_US + 10_000_000);
    assert.equal(heard.runs[1]!.gaps[0]!.detail, 'the source jumped ahead by 96.0 s');
    heard.stream.absent('source-down', 'HTTP 503');
    assert.equal(heard.stream.jumps(before[0]!), false, 'the next frame begins a run anyway');
  });

  test('a jump of more than two frames is damage, less is not', () => {
    for (const [missing, damages] of [
      [2, 0],
      [3, 1],
      [12, 1],
    ] as const) {
      const heard = open();
      heard.stream.startRun(start());
      publish(heard, film(4).toSpliced(30, missing));
      assert.equal(heard.calls.filter((call) => call === 'damage').length, damages);
      assert.equal(heard.runs.length, 1);
    }
  });

  test('frames of a variable rate, whose durations are guesses, are all taken', () => {
    const heard = open();
    heard.stream.startRun(start());
    const frames = videoFrames({ track: video, seconds: 20, rate: 'variable', gopS: 2, startS: 1 });
    publish(heard, frames);
    assert.equal(heard.frames.length, frames.length);
  });

  test('a frame at or before the last one is dropped and counted', () => {
    const heard = open();
    heard.stream.startRun(start());
    const frames = film(2);
    publish(heard, [...frames.slice(0, 30), frames[29]!, frames[20]!, ...frames.slice(30)]);
    assert.equal(heard.frames.length, 50);
    assert.equal(heard.events.filter((event) => event.type === 'damage').length, 2);
  });

  test('timestamps that begin again are a new run where the old one ended, as late as the old one was', () => {
    for (const pace of [{ kind: 'continuous' }, bursty] as const) {
      const heard = open();
      heard.stream.startRun(start({ pace, clock: 'arrival' }));
      publish(heard, film(20));
      heard.clock.advance(2000);
      publish(heard, film(5));
      assert.equal(heard.runs.length, 2);
      const joinUs = NOW_US + 21_000_000 + (pace === bursty ? 0 : 2_040_000 - 40_000);
      assert.ok(Math.abs(heard.runs[1]!.startUs - joinUs) <= 40_000, `${heard.runs[1]!.startUs - NOW_US}`);
      assert.equal(heard.frames.length, 625);
    }
  });

  test('a new start while media flows ends the run at the next key frame, and the hole in between is a gap', () => {
    const heard = open();
    heard.stream.startRun(start());
    publish(heard, film(2));
    heard.stream.startRun(start({ utcOffsetUs: NOW_US + 3_000_000 }));
    publish(heard, film(3, 1).slice(1));
    assert.equal(heard.runs[1]!.startUs, NOW_US + 5_000_000);
    assert.equal(heard.runs[1]!.gaps[0]!.cause, 'source-skipped');
  });

  test('every instant from the first frame to the last is media or has a cause (rule 5)', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = seeded(seed);
      const heard = open();
      let atS = 1;
      for (let i = 0; i < 8; i++) {
        const seconds = 1 + random(4);
        const utcOffsetUs = NOW_US + (random(3) - 1) * 200_000;
        if (i === 0 || random(2)) heard.stream.startRun(start({ utcOffsetUs }));
        publish(heard, film(seconds, atS));
        if (random(2)) heard.stream.absent('source-down', '');
        atS += seconds + random(5) / 2;
      }
      let endUs = NOW_US;
      for (const context of heard.runs) {
        const own = heard.frames.filter(({ run }) => run === context.run.id).map(({ frame }) => frame);
        for (const { fromUs, toUs } of context.gaps) {
          assert.equal(fromUs, endUs);
          endUs = toUs;
        }
        const joint = context.startUs - endUs;
        assert.ok(joint >= 0 && joint <= 500_000, `seed ${seed}: ${joint}`);
        endUs = context.run.utcOffsetUs + ticksToUs(own.at(-1)!.pts + own.at(-1)!.duration, 90_000);
      }
      assert.equal(heard.stream.edge.endUs, endUs);
    }
  });
});
