import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { alarmRulesOf } from '../../api/alarms/alarm-rules.ts';
import { Hysteresis } from './hysteresis.ts';

const rule = alarmRulesOf('loss 5 for 10s clear 1 for 30s').loss;

/** Feeds a value for some seconds, one a second; returns the changes with their second. */
function feeder(state = new Hysteresis('loss'), given = rule) {
  let s = 0;
  return {
    state,
    get s() {
      return s;
    },
    skip(seconds: number) {
      s += seconds;
    },
    feed(value: number | undefined, seconds: number, { mayRaise = true, rule = given } = {}) {
      const changes: string[] = [];
      for (const end = s + seconds; s < end; s++) {
        const change = state.take(value, { atMs: s * 1000, rule, mayRaise });
        if (change) changes.push(`${change.to} at ${s} since ${change.sinceMs / 1000}`);
      }
      return changes;
    },
  };
}

suite('hysteresis of an alarm', () => {
  test('it is raised after its time, and cleared after another time at another threshold', () => {
    const { feed, state } = feeder();
    assert.deepEqual(feed(0, 5), []);
    assert.deepEqual(feed(6, 9), []);
    assert.deepEqual(feed(4, 1), [], 'below the threshold for a moment: it counts from the beginning');
    assert.deepEqual(feed(6, 20), ['raised at 25 since 15']);
    assert.deepEqual(feed(3, 100), [], 'between the thresholds it stays');
    assert.deepEqual(feed(0, 29), []);
    assert.deepEqual(feed(9, 1), []);
    assert.equal(state.worst, 9);
    assert.deepEqual(feed(0, 40), ['cleared at 195 since 165']);
    assert.equal(state.isRaised, false);
  });

  test('without a measurement nothing is raised, and what was raised is cleared', () => {
    const { feed } = feeder();
    assert.deepEqual(feed(6, 9), []);
    assert.deepEqual(feed(undefined, 1), []);
    assert.deepEqual(feed(6, 11), ['raised at 20 since 10']);
    assert.deepEqual(feed(undefined, 40), ['cleared at 51 since 21']);
  });

  test('one that flaps takes twice as long to clear each time, and as before after a quiet time', () => {
    const one = feeder();
    const durations: number[] = [];
    for (let i = 0; i < 4; i++) {
      const raised = one.feed(6, 11);
      assert.equal(raised.length, 1);
      const began = one.s;
      while (one.state.isRaised) one.feed(0, 1);
      durations.push(one.s - began);
    }
    assert.deepEqual(durations, [31, 61, 121, 241]);
    one.feed(0, 700);
    one.feed(6, 11);
    const began = one.s;
    while (one.state.isRaised) one.feed(0, 1);
    assert.equal(one.s - began, 31);
  });

  test('changes an hour are bounded however the value changes', () => {
    const one = feeder(new Hysteresis('loss'), alarmRulesOf('loss 5 for 0s clear 1 for 0s').loss);
    let changes = 0;
    for (let s = 0; s < 3600; s++) changes += one.feed(s % 2 === 0 ? 9 : 0, 1).length;
    assert.ok(changes <= 8, `${changes} changes`);
  });

  test('a muted one is raised when that is over, if it still is the case', () => {
    const { feed } = feeder();
    assert.deepEqual(feed(6, 60, { mayRaise: false }), []);
    assert.deepEqual(feed(6, 1), ['raised at 60 since 0']);
    assert.deepEqual(feed(0, 60, { mayRaise: false }), ['cleared at 91 since 61']);
  });

  test('a sleeping computer, or media that jumps, is no stretch of time', () => {
    const one = feeder();
    one.feed(6, 5);
    one.skip(3600);
    assert.deepEqual(one.feed(6, 5), []);
    assert.deepEqual(one.feed(6, 10), ['raised at 3615 since 3605']);
  });

  test('a rule that is switched off clears at once; an alarm of an earlier process is continued', () => {
    const off = { ...rule, isOn: false };
    const one = feeder(new Hysteresis('loss', { isRaised: true, worst: 7 }));
    assert.deepEqual(one.feed(6, 5), []);
    assert.equal(one.state.worst, 7);
    assert.deepEqual(one.feed(6, 1, { rule: off }), ['cleared at 5 since 5']);
  });
});
