import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { alarmCodes, alarmRulesOf, alarmTable, checkAlarmRules } from './alarm-rules.ts';

suite('rules of alarms', () => {
  test('the rules of a stream change those of all streams, which change the built-in ones', () => {
    const rules = alarmRulesOf('black for 5s, freeze off', 'freeze on, low-bitrate 500k for 10s clear 600k for 1m');
    assert.equal(rules.black.raise.forMs, 5_000);
    assert.equal(rules.black.raise.at, 98);
    assert.equal(rules.freeze.isOn, true);
    assert.deepEqual(rules['low-bitrate'], {
      isOn: true,
      raise: { at: 500_000, isShare: false, forMs: 10_000 },
      clear: { at: 600_000, isShare: false, forMs: 60_000 },
    });
    assert.equal(alarmRulesOf()['no-publisher'].isOn, false);
  });

  test('another threshold moves that of clearing along', () => {
    const rules = alarmRulesOf('loss 10, low-fps 20, silence -50dB, long-gop 5s, low-bitrate 40%');
    const both = (code: 'loss' | 'low-fps' | 'silence' | 'long-gop' | 'low-bitrate') => [
      rules[code].raise.at,
      rules[code].clear.at,
      rules[code].clear.isShare,
    ];
    assert.deepEqual(both('loss'), [10, 8, false]);
    assert.deepEqual(both('low-fps'), [20, 24, false]);
    assert.deepEqual(both('silence'), [-50, -45, false]);
    assert.deepEqual(both('long-gop'), [5, 4, false]);
    assert.deepEqual(both('low-bitrate'), [40, 48, true]);
  });

  test('every built-in rule is cleared on the other side of where it is raised', () => {
    for (const [code, { raise, clear }] of Object.entries(alarmRulesOf())) {
      assert.ok(Number.isFinite(raise.at) && Number.isFinite(clear.at), code);
      assert.equal(raise.isShare, clear.isShare, code);
    }
    assert.equal(alarmCodes.length, 18);
  });

  test('the page of alarms lists every rule as it is', () => {
    const page = readFileSync(join(import.meta.dirname, '..', '..', '..', 'docs', '9-run', 'alarms.md'), 'utf8');
    for (const code of alarmCodes) {
      const row = page.split('\n').find((line) => line.startsWith(`| \`${code}\` |`));
      assert.ok(row?.endsWith(`| \`${alarmTable[code].initial}\` |`), `${code}: ${row}`);
    }
  });

  test('text is kept in one form, and what is not understood is refused with an example', () => {
    assert.equal(checkAlarmRules('  black   for 5s ,freeze off,, '), 'black for 5s, freeze off');
    assert.equal(checkAlarmRules(''), '');
    for (const [text, message] of [
      ['blck off', /"blck" is not an alarm; there are no-media, /],
      ['black for ever', /"ever" is not a duration/],
      ['black for 5s please', /"please" is not understood after black; write "black 98 for 10s clear 95 for 2s"/],
      ['no-media 5', /"5" is not understood after no-media; write "no-media for 30s"/],
      ['loss 1 clear 5', /loss is cleared at 5, which is beyond 1/],
      ['black for 2d', /"2d" is not understood/],
      ['loss 5k', /"5k" is not understood/],
    ] as const) {
      assert.throws(() => checkAlarmRules(text), { name: 'FormatError', message });
    }
  });
});
