import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { SegmentGroup, TrackSegment } from '@oxbow/media/segment';
import { alarmRulesOf } from '../../api/alarms/alarm-rules.ts';
import { groupAt } from '../../recording/recording.fixture.ts';
import { ContentCheck } from '../../streams/content/content-check.ts';
import { ContentMode } from '../../streams/content/content-mode.ts';
import type { ContentSample } from '../../streams/content/content-sample.ts';
import { StoryboardQueue } from '../../streams/record/storyboard-queue.ts';
import { START_MS } from '../../streams/streams.fixture.ts';
import { watchedStream } from './alarms.fixture.ts';
import { StreamAlarmSet } from './stream-alarms.ts';

const GROUP_S = 2;
type Content = 'usual' | 'black' | 'frozen' | 'silent';

/** Bytes of a key frame, of the other frames together, and of the sound of a group. */
const bytesOf: Readonly<Record<Content, readonly [key: number, others: number, sound: number]>> = {
  usual: [80_000, 500_000, 32_000],
  black: [250, 2_300, 32_000],
  frozen: [80_000, 3_000, 32_000],
  silent: [80_000, 500_000, 1_900],
};

/** A group whose sizes are those of its content. */
function groupOf(second: number, content: Content): SegmentGroup {
  const group = groupAt({ msn: 1 + second / GROUP_S, startUs: (START_MS + second * 1000) * 1000 });
  const [key, others, sound] = bytesOf[content];
  const tracks = group.tracks.map((track, i): TrackSegment => {
    if (i > 0) return { ...track, bytes: new Uint8Array(sound) };
    const samples = Float64Array.of(0, key, 0, 1, 1, others, 0, 0);
    return { ...track, rows: { samples, fragments: new Float64Array(2), lastDuration: 1 } };
  });
  return { ...group, tracks };
}

interface Film {
  readonly content: (second: number) => Content;
  /** What the sizes look like; as the content by default. */
  readonly sizes?: (second: number) => Content;
  readonly seconds: number;
  /** Processor time of a picture that is not black, ms. */
  readonly pictureMs: number;
  readonly soundMs?: number;
}

/** Checks a film as it comes. Returns when alarms were raised and cleared, s, and the processor time. */
async function watch({ content, sizes = content, seconds, pictureMs, soundMs = 2 }: Film) {
  let second = 0;
  let cpuMs = 0;
  const cost = (ms: number) => {
    cpuMs += ms;
    return ms * 1000;
  };
  const queue = new StoryboardQueue({ monotonicMs: () => 0, failed: assert.ifError });
  const contentCheck = { mode: 'auto', pictureEvery: 2_000, soundEvery: 10_000 } as const;
  const check = new ContentCheck({
    mode: new ContentMode({ now: { contentCheck, alarms: { rules: '', mail: [], mailLanguage: 'en', keep: 1 } } }),
    queue,
    async readLuma() {
      const kind = content(second);
      const moving = (i: number) => 60 + ((second * second + 31 * second * i + i * i) % 151);
      const luma = Uint8Array.from({ length: 64 }, (_, i) =>
        kind === 'black' ? 2 : kind === 'frozen' ? 120 : moving(i),
      );
      return { luma, cpuUs: cost(kind === 'black' ? 1.5 : pictureMs) };
    },
    async measureSound() {
      const rms = content(second) === 'silent' ? 0 : 0.1;
      return { level: { rms, peak: rms, clipped: 0, seconds: 1 }, cpuUs: cost(soundMs) };
    },
    counted: () => {},
  });
  let samples: ContentSample[] = [];
  check.onSample((sample) => samples.push(sample));
  const set = new StreamAlarmSet([]);
  const stream = watchedStream();
  const rules = alarmRulesOf('');
  const changes: string[] = [];
  const atS = new Map<string, number>();
  for (; second < seconds; second += GROUP_S) {
    check.take(groupOf(second, sizes(second)), '');
    await queue.idle();
    stream.content = samples;
    samples = [];
    // A group comes when it is complete.
    const monotonicMs = (second + GROUP_S) * 1000;
    const tick = { monotonicMs, nowMs: START_MS + monotonicMs, rules, isMuted: false, noRoom: false };
    for (const { code, to } of set.tick(stream, tick)) {
      changes.push(`${code} ${to}`);
      atS.set(`${code} ${to}`, monotonicMs / 1000);
    }
  }
  await check.close();
  return { changes, atS, share: cpuMs / 1000 / seconds };
}

const HOUR_S = 3600;
/** Before a passage: what the beginning spends ahead has been paid. */
const USUAL_S = 900;
const alarms = [
  { content: 'black', code: 'black', forS: 10 },
  { content: 'frozen', code: 'freeze', forS: 20 },
  { content: 'silent', code: 'silence', forS: 30 },
] as const;

suite('alarms about pictures and sound of which little is decoded', () => {
  for (const { content: wrong, code, forS } of alarms) {
    /** A passage of this length after usual media, and what it looks like. */
    const film = (from: number, length: number, sizes?: Film['sizes']) => ({
      content: (second: number): Content => (second >= from && second < from + length ? wrong : 'usual'),
      ...(sizes && { sizes }),
      seconds: from + length + 120,
    });

    for (const [size, pictureMs] of [
      ['360p', 5],
      ['720p', 14],
      ['1080p', 31],
      ['2160p', 87],
    ] as const) {
      test(`${wrong} is reported in time, ${size}`, async () => {
        for (let shift = 0; shift < 60; shift += 6) {
          const from = USUAL_S + shift;
          const { changes, atS } = await watch({ ...film(from, 90), pictureMs });
          assert.deepEqual(changes, [`${code} raised`, `${code} cleared`], `at ${from}`);
          // The group in which it begins; a piece of sound in ten seconds as ever.
          const lateS = code === 'silence' ? 10 : size === '2160p' ? 6 : 2;
          const raisedS = atS.get(`${code} raised`)! - from;
          assert.ok(raisedS >= forS && raisedS <= forS + lateS, `raised after ${raisedS} s`);
          const clearedS = atS.get(`${code} cleared`)! - from - 90;
          assert.ok(clearedS <= 10, `cleared after ${clearedS} s`);
        }
      });
    }

    test(`${wrong} whose sizes say nothing is reported too, one distance later`, async () => {
      for (let shift = 0; shift < 60; shift += 6) {
        const from = USUAL_S + shift;
        const { changes, atS } = await watch({ ...film(from, 90, () => 'usual'), pictureMs: 14 });
        assert.deepEqual(changes, [`${code} raised`, `${code} cleared`], `at ${from}`);
        const raisedS = atS.get(`${code} raised`)! - from;
        assert.ok(raisedS >= forS && raisedS <= forS + 24, `raised after ${raisedS} s`);
      }
    });
  }

  test('they take at most 0.1 % of a core, with one wrong passage in ten minutes', async () => {
    const kinds = ['black', 'frozen', 'silent'] as const;
    const content = (second: number): Content =>
      second % 600 < 540 ? 'usual' : kinds[Math.floor(second / 600) % kinds.length]!;
    const { share, changes } = await watch({ content, seconds: 6 * HOUR_S, pictureMs: 14, soundMs: 5 });
    assert.equal(changes.length, 2 * 36 - 1);
    assert.ok(share <= 0.001, `${100 * share} %`);
  });
});
