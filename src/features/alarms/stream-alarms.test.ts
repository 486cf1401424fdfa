import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { alarmCodes, alarmRulesOf } from '../../api/alarms/alarm-rules.ts';
import { goodFigures, watchedStream } from './alarms.fixture.ts';
import { StreamAlarmSet } from './stream-alarms.ts';

/** A stream that counts how often it is measured. */
function openRig() {
  const stream = watchedStream();
  const rig = { stream, reads: 0, nowMs: 1_000_000, tick };
  const set = new StreamAlarmSet([]);
  const measured = {
    ...stream,
    get measure() {
      const { measure } = stream;
      return {
        ...measure,
        takeContent: measure.takeContent,
        get figures() {
          rig.reads++;
          return goodFigures({ gopS: 20 });
        },
      };
    },
  };
  function tick(rules: ReturnType<typeof alarmRulesOf>, times = 1): string[] {
    return Array.from({ length: times }, () => {
      rig.nowMs += 1000;
      return set
        .tick(measured, { monotonicMs: rig.nowMs, nowMs: rig.nowMs, rules, isMuted: false, noRoom: false })
        .map(({ code, to }) => `${code} ${to}`);
    }).flat();
  }
  return rig;
}

suite('the alarms of one stream', () => {
  test('a stream without a rule is not measured, and its samples do not pile up', () => {
    const rig = openRig();
    const none = alarmRulesOf(alarmCodes.map((code) => `${code} off`).join());
    rig.tick(none);
    rig.reads = 0;
    rig.stream.content = [{ kind: 'sound', fromUs: 0, toUs: 1, levelDb: -120, peakDb: -120, clipped: 0 }];
    assert.deepEqual(rig.tick(none, 60), []);
    assert.deepEqual([rig.reads, rig.stream.content], [0, []]);
  });

  test('a rule that is switched off clears its alarm, and one that is switched on is in force at once', () => {
    const rig = openRig();
    const on = alarmRulesOf();
    const none = alarmRulesOf(alarmCodes.map((code) => `${code} off`).join());
    assert.deepEqual(rig.tick(on, 3), ['long-gop raised']);
    assert.deepEqual(rig.tick(none, 3), ['long-gop cleared']);
    assert.deepEqual(rig.tick(on, 1), ['long-gop raised']);
  });
});
