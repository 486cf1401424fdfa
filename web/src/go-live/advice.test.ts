import '../text/go-live.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adviceCodes } from '../../../src/api/advice.ts';
import { isTextKey, text } from '../text/text.ts';
import { adviceWords, type Finding, isWeak, measureText, toChange } from './advice.ts';

const english = {
  isKey: isTextKey,
  t: (key: Parameters<typeof text>[1], values: Record<string, string | number>) => text('en', key, values),
};
const chinese = {
  ...english,
  t: (key: Parameters<typeof text>[1], values: Record<string, string | number>) => text('zh-CN', key, values),
};

test('a known refusal is shown in the language of the viewer', () => {
  const refusal = { code: 'publish-denied', text: 'the key is unknown', hint: 'create another' };
  assert.match(adviceWords('refusal', refusal, english).text, /key/);
  assert.match(adviceWords('refusal', refusal, chinese).text, /密钥/);
});

test('an unknown code keeps the words of the server', () => {
  const refusal = { code: 'something-new', text: 'a text', hint: 'a hint' };
  assert.deepEqual(adviceWords('refusal', refusal, chinese), { text: 'a text', hint: 'a hint' });
});

test('a finding has its figures with their units, and says what to set', () => {
  const finding = { code: 'key-frame-interval', text: '', hint: '', value: 10.01, target: 2, unit: 's' };
  const words = adviceWords('finding', finding, english);
  assert.equal(words.text, 'Keyframe every 10 s');
  assert.match(words.hint, /interval to 2 s\. In OBS/);
  assert.match(adviceWords('finding', finding, chinese).text, /10 s/);
});

test('figures are short and without sign', () => {
  assert.deepEqual(
    (
      [
        [-312.4, 'ms'],
        [4_480_000, 'bit/s'],
        [22_050, 'Hz'],
        [3.24, '%'],
        [29.97, 'fps'],
        [7, 'count'],
        [2.5, 'x'],
      ] as const
    ).map(([value, unit]) => measureText(value, unit)),
    ['312 ms', '4.5 Mbit/s', '22.05 kHz', '3.2 %', '30 fps', '7', '2.5×'],
  );
});

test('B-frames and a codec that some browsers cannot play leave the light green; a long key frame interval does not', () => {
  const finding = (code: Finding['code'], severity: Finding['severity']): Finding => ({
    code,
    severity,
    text: '',
    hint: '',
    value: null,
    target: null,
    unit: '',
  });
  const minor = [finding('b-frames', 'warn'), finding('codec-support', 'warn'), finding('packet-loss', 'good')];
  assert.equal(isWeak(minor), false);
  const all = [...minor, finding('key-frame-interval', 'warn'), finding('no-key-frame', 'bad')];
  assert.equal(isWeak(all), true);
  assert.deepEqual(
    toChange(all).map(({ code }) => code),
    ['no-key-frame', 'key-frame-interval', 'b-frames', 'codec-support'],
  );
});

test('every finding of the server has its words in the catalogue', () => {
  for (const code of adviceCodes) {
    assert.ok(isTextKey(`finding.${code}`), code);
    assert.ok(isTextKey(`finding.${code}.hint`), code);
  }
});
