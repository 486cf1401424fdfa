import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RunTimeline } from './run-timeline.ts';
import { SenderClock } from './sender-clock.ts';

/** A clock whose first unit arrived at 0, with a report of the same moment if `utcMs` is given. */
function clockOf(rate: number, utcMs?: number, timestamp = 0): SenderClock {
  const clock = new SenderClock(rate);
  if (utcMs !== undefined) clock.report(utcMs, timestamp);
  clock.take(timestamp, 0);
  return clock;
}

function begin(utcMs: number | undefined, audioUtcMs: number | undefined) {
  const video = clockOf(90_000, utcMs);
  const audio = clockOf(48_000, audioUtcMs);
  const timeline = new RunTimeline();
  timeline.begin([
    { clock: video, firstTicks: 0 },
    { clock: audio, firstTicks: 0 },
  ]);
  const tracks = [video, audio].map((clock) => ({ clock, offset: timeline.place(clock) }));
  /** Both report again, `errorMs` apart from what they said first. */
  const round = (errorMs: number) => {
    video.report(1_000_000, 0);
    audio.report(1_000_000 + errorMs, 0);
    return timeline.isOff(tracks);
  };
  return { timeline, video, audio, tracks, round };
}

test('one round of reports that differ is not enough where reports placed the tracks', () => {
  const { round } = begin(1_000_000, 1_000_000);
  assert.deepEqual([round(0), round(100), round(0), round(100), round(100)], [false, false, false, false, true]);
});

test('the first round of reports counts where arrivals placed the tracks', () => {
  assert.equal(begin(undefined, undefined).round(100), true);
  assert.equal(begin(undefined, undefined).round(30), false);
});

test('a sender that sets its clock between the reports of its tracks changes nothing', () => {
  const { timeline, video, audio, tracks } = begin(1_000_000, 1_000_000);
  video.report(1_000_500, 0);
  assert.equal(timeline.isOff(tracks), false);
  audio.report(1_000_000, 0);
  assert.equal(timeline.isOff(tracks), false);
  for (let n = 0; n < 3; n++) {
    for (const clock of [video, audio]) clock.report(1_000_500, 0);
    assert.equal(timeline.isOff(tracks), false);
  }
});

test('a track that joins is placed by its report against those of the reference, or by its arrival', () => {
  const { timeline, tracks } = begin(1_000_000, 1_000_000);
  timeline.follow(tracks[0]!);
  assert.equal(timeline.place(clockOf(48_000, 1_000_250)), (10_000 + 250) * 48);
  assert.equal(timeline.place(clockOf(48_000)), 10_000 * 48);
});

test('timestamps are unwrapped, and a jump is a step that the arrivals do not have', () => {
  const clock = new SenderClock(90_000);
  assert.equal(clock.take(2 ** 32 - 9000, 0), 2 ** 32 - 9000);
  assert.equal(clock.take(9000, 200), 2 ** 32 + 9000);
  assert.equal(clock.isJump(9000 + 9 * 90_000, 9200), false); // a pause of the sender
  assert.equal(clock.isJump(9000 + 3600, 9200), false); // a pause of the network
  assert.equal(clock.isJump(9000 + 9 * 90_000, 240), true);
  assert.equal(clock.isJump((9000 - 3 * 90_000) >>> 0, 240), true);
  assert.equal(clock.isJump((9000 - 3 * 3600) >>> 0, 240), false); // reordered pictures
});

test('a report without NTP time is ignored (RFC 3550 6.4.1)', () => {
  const clock = clockOf(90_000);
  clock.report(-2_208_988_800_000, 0);
  assert.deepEqual([clock.reports, clock.senderOrigin], [0, undefined]);
});
