import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { parseClockStart, parseRtpInfo, printClockRange } from './replay-fields.ts';

test('a range of UTC is printed and read (RFC 2326 3.7)', () => {
  const fromMs = Date.UTC(2026, 10, 30, 0, 29, 5, 40);
  const range = printClockRange(fromMs, fromMs + 90_000);
  assert.equal(range, 'clock=20261130T002905.040Z-20261130T003035.040Z');
  assert.equal(parseClockStart(range), fromMs);
  assert.equal(parseClockStart('clock=20261130T002905Z-'), fromMs - 40);
  assert.equal(parseClockStart('clock=20261130T002905.25Z'), fromMs + 210);
});

test('other ranges have no start', () => {
  for (const text of [undefined, '', 'npt=0-', 'clock=-20261130T002905Z', 'clock=yesterday-', 'smpte=10:12:33:20-']) {
    assert.equal(parseClockStart(text), undefined);
  }
});

test('RTP-Info gives the timestamp of each media (RFC 2326 12.33)', () => {
  const value =
    'url=rtsp://h/a,b/track1;seq=45102;rtptime=12345678,url="track2";seq=1, url=rtsp://h/3;rtptime=9999999999';
  assert.deepEqual(parseRtpInfo(value), [
    { url: 'rtsp://h/a,b/track1', rtpTime: 12345678 },
    { url: 'track2', rtpTime: undefined },
    { url: 'rtsp://h/3', rtpTime: undefined },
  ]);
  assert.deepEqual(parseRtpInfo(undefined), []);
});

test('random text throws nothing', () => {
  const random = seeded(8);
  const words = ['url=', 'rtptime=', '12', ';', ',', 'clock=', '20261130T002905Z', '-', '"', ' '];
  for (let i = 0; i < 2000; i++) {
    const text = Array.from({ length: random(12) }, () => words[random(words.length)]!).join('');
    assert.ok(parseRtpInfo(text).length <= 16);
    parseClockStart(text);
  }
});
