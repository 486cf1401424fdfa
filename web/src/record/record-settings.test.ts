import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newStream, suggestSettings } from './record-settings.ts';

const url = 'https://example.com/harbour/index.m3u8';
const settings = { name: ' harbour ', title: ' ', quality: 'best', keep: '', fromStart: false };

test('a source with a title suggests its name and title, and a name that is not taken', () => {
  const { name, title } = suggestSettings({ title: 'The harbour' }, url, ['the-harbour']);
  assert.equal(name, 'the-harbour-2');
  assert.equal(title, 'The harbour');
});

test('a source without a probe is named after its address', () => {
  assert.deepEqual(suggestSettings(null, url, []), { name: 'harbour', title: '', quality: 'best', fromStart: false });
});

test('what is left as it was is left to the server', () => {
  assert.deepEqual(newStream(settings, ` ${url} `, 90), { name: 'harbour', source: { type: 'pull', url } });
});

test('chosen settings are sent, the past in whole seconds', () => {
  const chosen = { name: 'harbour', title: ' The harbour ', quality: '720p', keep: '7d', fromStart: true };
  assert.deepEqual(newStream(chosen, url, 90.7), {
    name: 'harbour',
    source: { type: 'pull', url, quality: '720p', from: '90s' },
    title: 'The harbour',
    keep: '7d',
  });
});

test('a source without a past starts now', () => {
  assert.deepEqual(newStream({ ...settings, fromStart: true }, url, 0.4).source, { type: 'pull', url });
});
