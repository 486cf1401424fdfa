import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { HealthReport } from '../../src/observe/health.ts';
import { checkMediaPlaylist, checkReload, printFindings } from '../conformance/checker.ts';
import { allSegments, readMedia } from '../conformance/media-text.ts';
import { freePort } from '../fixtures/free-port.ts';
import { need } from '../fixtures/need.ts';
import { makeHls, type Origin, openOrigin } from '../fixtures/origin.ts';
import { PlaylistRecorder } from '../fixtures/playlist-recorder.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { readListed, slidingList } from '../fixtures/sliding-list.ts';
import { assertCovered, stretchesOf } from '../fixtures/timeline.ts';
import { until } from '../fixtures/wait.ts';

const HOUR_S = 3600;
const ADMIN_TOKEN = 'only-for-this-test';
/** Of the source; it begins again. */
const SOURCE_S = 20;
/** Longer than any test. */
const SOURCE_ROUNDS = 30;
/**
 * A day before and after the true time, and what a clock that is four days ahead gives; a request has at most
 * 31 days.
 */
const around = () => `?from=${dayFromNow(-1)}&to=${dayFromNow(6)}`;
const dayFromNow = (days: number) => new Date(Date.now() + days * 24 * HOUR_S * 1000).toISOString();
/** A step falls between two segments, and the day before the true time began before the test. */
const SLACK_S = 60;
const skip = need('faketime') || need('ffmpeg');

/**
 * The wall clock of a process, as its library shows it: the monotonic clock and the source have the true
 * time.
 */
class WrongClock {
  readonly #file: string;

  constructor(folder: Folder, name: string) {
    this.#file = join(folder.path, `${name}.offset`);
  }

  get env(): NodeJS.ProcessEnv {
    const [library] = globSync('/usr/lib/*/faketime/libfaketimeMT.so.1');
    return {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    };
  }

  /** @param offsetS from the true time */
  async set(offsetS: number): Promise<void> {
    await writeFile(`${this.#file}.new`, `${offsetS < 0 ? '' : '+'}${offsetS}`);
    await rename(`${this.#file}.new`, this.#file);
  }
}

/** A live source at the speed of time: segments of one second, ten in its list. */
async function openSource(origin: Origin, folder: string): Promise<void> {
  await makeHls({ folder, seconds: SOURCE_S, size: '128x72' });
  const round = await readListed(folder);
  const segments = Array.from({ length: SOURCE_ROUNDS }, (_, n) =>
    round.map((segment, i) => ({ ...segment, discontinuity: n > 0 && i === 0 })),
  ).flat();
  const beganMs = performance.now();
  const released = () => 5 + (performance.now() - beganMs) / 1000;
  origin.put('/live.m3u8', slidingList({ segments, window: 10, released, ends: false }));
}

suite('a wall clock that is wrong', { skip, concurrency: true }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let config: string;
  before(async () => {
    folder = opened.use(await openFolder('clock'));
    const origin = opened.use(await openOrigin({ folder: folder.path }));
    await openSource(origin, folder.path);
    config = join(folder.path, 'oxbow.yaml');
    await writeFile(
      config,
      [
        'hls: { segmentDuration: 1s, window: 10s }',
        'record: { keep: 15m }',
        'streams:',
        `  pulled: { source: { type: pull, url: "${origin.url}/live.m3u8" } }`,
      ].join('\n'),
    );
  });
  after(() => opened.disposeAsync());

  const start = (data: string, clock: WrongClock, port = 0) =>
    startServer({
      data: join(folder.path, data),
      args: ['--config', config],
      adminToken: ADMIN_TOKEN,
      env: clock.env,
      http: `127.0.0.1:${port}`,
    });

  test('steps, a suspended computer and starts at wrong times: viewers get on, nothing is deleted, UTC and MSNs only rise', async () => {
    const clock = new WrongClock(folder, 'steps');
    const recorder = new PlaylistRecorder(['pulled']);
    const grown = async (count: number) => {
      const { size } = recorder.liveMsns('pulled');
      await until('live viewers get on', () => recorder.liveMsns('pulled').size >= size + count);
    };
    let cookie = '';
    // The name of a cookie has the port.
    const port = await freePort();
    await clock.set(0);
    {
      await using server = await start('steps', clock, port);
      await using following = recorder.follow(server);
      await server.stream('pulled');
      await grown(3);
      cookie = await signIn(server);

      process.kill(server.pid, 'SIGSTOP');
      await pause(3000);
      await clock.set(HOUR_S / 3);
      process.kill(server.pid, 'SIGCONT');
      await grown(3);
      await hasClockGaps(server, [HOUR_S / 3]);
      await reports(server, 'clock', /stepped by 1[12]\d\d\.\d s/);

      await clock.set(HOUR_S + HOUR_S / 3);
      await grown(3);
      await hasClockGaps(server, [HOUR_S / 3, HOUR_S]);
      await reports(server, 'clock', /stepped by 3[56]\d\d\.\d s/);
      await reports(server, 'retention', /paused for \d+ more minutes: the clock was set forward by 60 minutes/);

      await clock.set(HOUR_S / 3);
      await grown(3);
      await hasClockGaps(server, [HOUR_S / 3, HOUR_S]);
      await reports(server, 'clock', /stepped by -3[56]\d\d\.\d s/);
      assert.equal(await statusOf(server, cookie), 200, 'the session');
      following.over();
      await server.stop('SIGKILL');
    }
    // At first an hour before the newest recording, then four days after it: all is older than `keep` by that
    // clock.
    for (const [offsetS, why] of [
      [0, /\d+ (minutes|hours) before the newest recording/],
      [96 * HOUR_S, /4 days after the newest recording/],
    ] as const) {
      await clock.set(offsetS);
      await using server = await start('steps', clock, port);
      await recorder.recheck(server, { killed: offsetS === 0 });
      await using following = recorder.follow(server);
      await grown(3);
      await reports(server, 'retention', why);
      assert.equal(await statusOf(server, cookie), 200, 'the session');
      following.over();
      await recorder.recheck(server, { killed: false });
      assertCovered(await server.timeline('pulled', around()));
      await server.stop();
    }
    assertLists(recorder);
  });

  for (const [year, date] of [
    ['1970', '1970-01-01T01:00:00Z'],
    ['2023', '2023-06-01T00:00:00Z'],
  ] as const) {
    test(`a start in ${year}, and then the right time: live, recorded, and administrators can sign in`, async () => {
      const clock = new WrongClock(folder, year);
      const recorder = new PlaylistRecorder(['pulled']);
      const grown = async (count: number) => {
        const { size } = recorder.liveMsns('pulled');
        await until('live viewers get on', () => recorder.liveMsns('pulled').size >= size + count);
      };
      const offsetS = Math.round((Date.parse(date) - Date.now()) / 1000);
      await clock.set(offsetS);
      await using server = await start(year, clock);
      await using following = recorder.follow(server);
      await grown(3);
      const before = await signIn(server);
      assert.equal(await statusOf(server, before), 200);
      await clock.set(0);
      await grown(3);
      // All of the day before the true time.
      await hasClockGaps(server, [24 * HOUR_S]);
      await reports(server, 'clock', /stepped by \d+/);
      assert.equal(await statusOf(server, before), 401, 'a session of long ago has expired');
      assert.equal(await statusOf(server, await signIn(server)), 200);
      following.over();
      await recorder.recheck(server, { killed: false });
      assertLists(recorder);
    });
  }
});

/** Signs a browser in. @returns its cookie */
async function signIn(server: Server): Promise<string> {
  const answer = await server.fetch('/api/v1/sessions', {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: server.url },
    body: JSON.stringify({ token: ADMIN_TOKEN }),
  });
  assert.equal(answer.status, 201);
  return answer.headers.getSetCookie()[0]!.split(';')[0]!;
}

/** Status of what needs an administrator, for a browser. */
async function statusOf({ url }: Server, cookie: string): Promise<number> {
  return (await fetch(`${url}/api/v1/sessions?all=true`, { headers: { cookie } })).status;
}

/** Resolves when the clock gaps of the timeline are as long as these steps, seconds. */
async function hasClockGaps(server: Server, stepsS: readonly number[]): Promise<void> {
  await until(`gaps of ${stepsS} s`, async () => {
    const timeline = await server.timeline('pulled', around());
    const found = stretchesOf(timeline).filter(({ kind }) => kind === 'clock');
    const lengths = found.map(({ fromMs, toMs }) => (toMs - fromMs) / 1000);
    const areRight = lengths.length === stepsS.length && lengths.every((s, i) => Math.abs(s - stepsS[i]!) < SLACK_S);
    if (!areRight) throw new Error(`${lengths} s; gaps: ${JSON.stringify(timeline.gaps)}`);
    assertCovered(timeline);
    return true;
  });
}

/** Resolves when a check of /health says so. */
async function reports(server: Server, name: string, what: RegExp): Promise<void> {
  await until(`${name} is ${what}`, async () => {
    const { checks } = await server.json<HealthReport>('/health');
    const { detail } = checks.find((check) => check.name === name)!;
    if (!what.test(detail)) throw new Error(detail);
    return true;
  });
  assert.equal((await server.fetch('/ready')).status, 200);
}

/** All that a viewer got is valid; UTC rises with the MSN, over all lists and processes. */
function assertLists({ shown, problems }: PlaylistRecorder): void {
  assert.deepEqual(problems, []);
  const dates = new Map<number, number>();
  for (const [path, texts] of shown) {
    const findings = texts.flatMap(({ text, life }, i) => {
      const before = texts[i - 1];
      const isReload = before?.life === life;
      return [...checkMediaPlaylist(path, text), ...(isReload ? checkReload(path, before!.text, text) : [])];
    });
    // The dates of what follows a step move, without a DISCONTINUITY (docs/media.md 1).
    const broken = findings.filter(({ rule, severity }) => severity === 'must' && rule !== 'date-agrees');
    assert.equal(printFindings(broken), '', path);
    for (const { text } of texts) {
      for (const { uri, dateText, dateMs } of allSegments(readMedia(path, text))) {
        const msn = /(\d+)\.m4s$/.exec(uri)?.[1];
        if (!path.includes('/av0/') || msn === undefined || dateText === undefined) continue;
        assert.equal(dates.get(Number(msn)) ?? dateMs, dateMs, `the date of ${msn} has not changed`);
        dates.set(Number(msn), dateMs);
      }
    }
  }
  const inOrder = [...dates].sort(([a], [b]) => a - b);
  assert.ok(inOrder.length > 5, `${inOrder.length} dates`);
  for (const [i, [msn, ms]] of inOrder.entries()) {
    assert.ok(i === 0 || ms > inOrder[i - 1]![1], `UTC runs back at ${msn}`);
  }
}
