import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openVirtualTime, type TestTime } from '../../../test/fixtures/virtual-time.ts';
import { MailQueue } from '../../accounts/mail/mail-queue.ts';
import type { MailContent } from '../../accounts/mail/messages.ts';
import type { AlarmCode } from '../../api/alarms/alarm-rules.ts';
import type { EventData } from '../../api/events.ts';
import { createManualClock } from '../../lib/clock.ts';
import type { RunContext } from '../../live/sink.ts';
import { createSilentLog } from '../../observe/log.ts';
import { createMetrics } from '../../observe/metrics.ts';
import { openStore } from '../../store/db.ts';
import { serveHere } from '../../store/store.fixture.ts';
import { START_MS, temporaryFolder } from '../../streams/streams.fixture.ts';
import { AlarmCenter } from './alarm-center.ts';
import { AlarmMailer } from './alarm-mail.ts';
import { AlarmTable } from './alarm-table.ts';
import { goodFigures, type TestStream, watchedStream } from './alarms.fixture.ts';

interface Published {
  readonly type: string;
  readonly stream: string | undefined;
  readonly data: EventData<'alarm.raised'>;
}

/** A center on a database, with a clock. */
async function openCenter(options: { rules?: string; mailer?: AlarmMailer; file?: string } = {}) {
  const folder = await temporaryFolder();
  const store = await openStore({
    file: options.file ?? `${folder.path}/oxbow.db`,
    log: createSilentLog(),
    start: serveHere,
  });
  const clock = createManualClock(START_MS);
  const metrics = createMetrics();
  const published: Published[] = [];
  const failures: unknown[] = [];
  const rig = {
    table: new AlarmTable(store.db),
    clock,
    metrics,
    published,
    failures,
    noRoom: false,
    mirrorBehindS: 0,
    rules: options.rules ?? '',
    store,
    center: undefined as unknown as AlarmCenter,
    /** A center as after a restart. */
    restart(): AlarmCenter {
      rig.center = new AlarmCenter({
        clock,
        metrics,
        table: rig.table,
        mailer: options.mailer,
        settings: {
          get now() {
            return { alarms: { rules: rig.rules, mail: [], mailLanguage: 'en', keep: 1 } } as const;
          },
        },
        events: {
          publish: (type, data, subject) => published.push({ type, stream: subject?.name, data: data as never }),
        },
        noRoom: () => rig.noRoom,
        mirrorBehindS: () => rig.mirrorBehindS,
        failed: (error) => failures.push(error),
      });
      return rig.center;
    },
    /** Begins to watch: what an earlier process has left is read. */
    async begin(...streams: TestStream[]): Promise<void> {
      rig.center.tick(streams);
      await rig.center.flush();
    },
    /** Seconds pass; returns `alarm.raised code` and so on. */
    pass(seconds: number, ...streams: TestStream[]): string[] {
      const before = published.length;
      for (let s = 0; s < seconds; s++) {
        clock.advance(1000);
        rig.center.tick(streams);
      }
      return published.slice(before).map(({ type, data }) => `${type} ${data.alarm}`);
    },
    async [Symbol.asyncDispose]() {
      await rig.center.flush();
      await store[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
      metrics[Symbol.dispose]();
    },
  };
  rig.restart();
  return rig;
}

suite('alarms of streams', () => {
  test('each rule is raised by what it is about, and cleared when that is over', async () => {
    await using rig = await openCenter({ rules: 'no-publisher on, low-bitrate on, high-bitrate on' });
    const stream = watchedStream();
    await rig.begin(stream);
    stream.figures = goodFigures({});
    assert.deepEqual(rig.pass(120, stream), [], 'a good stream raises nothing');
    const cases: [AlarmCode, (is: boolean) => void][] = [
      ['low-fps', (is) => (stream.figures = goodFigures(is ? { fps: 12 } : {}))],
      ['low-bitrate', (is) => (stream.figures = goodFigures(is ? { bitrate: 300_000 } : {}))],
      ['high-bitrate', (is) => (stream.figures = goodFigures(is ? { bitrate: 7_000_000 } : {}))],
      ['long-gop', (is) => (stream.figures = goodFigures(is ? { gopS: 15 } : {}))],
      ['loss', (is) => (stream.figures = goodFigures({ loss: is ? 0.08 : 0.001 }))],
      ['damage', (is) => (stream.figures = goodFigures(is ? { damaged: 50 } : {}))],
      ['no-video', (is) => (stream.figures = goodFigures(is ? { videoSilentS: 9 } : {}))],
      ['no-audio', (is) => (stream.figures = goodFigures(is ? { audioSilentS: 9 } : {}))],
      [
        'off-clock',
        (is) => {
          const context = { pace: { kind: 'continuous' }, run: { clock: 'arrival' } } as RunContext;
          stream.stream = {
            placement: { context: is ? context : undefined, skewUs: undefined },
            edge: { endUs: (rig.clock.nowMs() + 3_600_000) * 1000 },
          };
        },
      ],
      ['not-recording', (is) => (rig.noRoom = is)],
      ['mirror-behind', (is) => (rig.mirrorBehindS = is ? 30 : 1)],
      ['no-publisher', (is) => (stream.status.state = is ? 'unpublished' : 'live')],
      [
        'no-media',
        (is) => {
          stream.status.state = is ? 'waiting' : 'live';
          stream.status.silence = is ? 'the publisher sends nothing' : '';
        },
      ],
      [
        'gaps',
        (is) => {
          const atMs = rig.clock.nowMs();
          stream.entries = is ? Array.from({ length: 7 }, () => ({ atMs, kind: 'gap', detail: '' })) : [];
        },
      ],
    ];
    for (const [code, set] of cases) {
      set(true);
      assert.deepEqual(rig.pass(40, stream), [`alarm.raised ${code}`]);
      assert.equal((await rig.metrics.print()).includes(`oxbow_alarm_active{stream="door",alarm="${code}"} 1`), true);
      set(false);
      assert.deepEqual(rig.pass(90, stream), [`alarm.cleared ${code}`]);
    }
    await rig.center.flush();
    const rows = await rig.table.page({ state: 'all', limit: 100 });
    assert.equal(rows.length, cases.length);
    assert.ok(rows.every(({ clearedMs, fromMs, raisedMs }) => clearedMs! > fromMs && raisedMs >= fromMs));
    assert.deepEqual(rig.failures, []);
  });

  test('an alarm says since when, how far and beyond what; the id is the same when it is cleared', async () => {
    await using rig = await openCenter();
    const stream = watchedStream();
    await rig.begin(stream);
    stream.figures = goodFigures({});
    rig.pass(100, stream);
    stream.figures = goodFigures({ fps: 10 });
    const fromMs = rig.clock.nowMs() + 1000;
    rig.pass(30, stream);
    stream.figures = goodFigures({});
    rig.pass(30, stream);
    const [raised, cleared] = rig.published;
    assert.equal(raised!.stream, 'door');
    assert.deepEqual(
      [raised!.data.value, raised!.data.threshold, Date.parse(raised!.data.from), raised!.data.to],
      [10, 17.5, fromMs, null],
    );
    assert.equal(cleared!.data.id, raised!.data.id);
    assert.equal(Date.parse(cleared!.data.to!), fromMs + 30_000);
  });

  test('a restart continues what was raised: it is not raised again, and it is cleared', async () => {
    await using rig = await openCenter();
    const stream = watchedStream();
    await rig.begin(stream);
    rig.noRoom = true;
    assert.deepEqual(rig.pass(10, stream), ['alarm.raised not-recording']);
    await rig.center.flush();
    rig.restart();
    await rig.begin(stream);
    assert.deepEqual(rig.pass(60, stream), []);
    rig.noRoom = false;
    assert.deepEqual(rig.pass(10, stream), ['alarm.cleared not-recording']);
    assert.equal(rig.published[0]!.data.id, rig.published[1]!.data.id);
  });

  test('a muted stream raises nothing, and afterwards what still is the case; other streams are not muted', async () => {
    await using rig = await openCenter();
    const [door, hall] = [watchedStream(), watchedStream({ name: 'hall' })];
    await rig.begin(door, hall);
    const untilMs = rig.clock.nowMs() + 60_000;
    await rig.center.mute({ streamId: door.definition.id, untilMs, by: 'ada', reason: 'maintenance' });
    rig.noRoom = true;
    rig.pass(30, door, hall);
    assert.deepEqual(
      rig.published.map(({ stream }) => stream),
      ['hall'],
    );
    await rig.center.flush();
    rig.restart();
    await rig.begin(door, hall);
    assert.equal(rig.center.muteOf(door.definition.id)?.by, 'ada', 'a restart does not end it');
    rig.pass(60, door, hall);
    assert.deepEqual(
      rig.published.map(({ stream }) => stream),
      ['hall', 'door'],
    );
  });

  test('rules of a stream are in force at once when they change', async () => {
    await using rig = await openCenter();
    const stream = watchedStream({ alarms: 'not-recording off' });
    await rig.begin(stream);
    rig.noRoom = true;
    assert.deepEqual(rig.pass(60, stream), []);
    const changed = watchedStream();
    assert.deepEqual(rig.pass(10, changed), ['alarm.raised not-recording']);
    rig.rules = 'not-recording off';
    assert.deepEqual(rig.pass(1, changed), ['alarm.cleared not-recording']);
  });

  test('without a database alarms are published, and the lost rows are counted', async () => {
    await using rig = await openCenter();
    const stream = watchedStream();
    await rig.begin(stream);
    rig.table.add = () => Promise.reject(new Error('the disk is full'));
    rig.noRoom = true;
    assert.deepEqual(rig.pass(10, stream), ['alarm.raised not-recording']);
    await rig.center.flush();
    assert.match(await rig.metrics.print(), /oxbow_alarm_records_lost_total\{what="alarm"\} 1/);
    assert.equal(rig.failures.length, 1);
  });
});

suite('e-mail about alarms', () => {
  function openMailer(time: TestTime, addresses: readonly string[], language: 'en' | 'zh' = 'en') {
    const sent: { to: string; content: MailContent }[] = [];
    const ends = new AbortController();
    const failures: unknown[] = [];
    const mailer = new AlarmMailer({
      settings: { now: { alarms: { rules: '', mail: addresses, mailLanguage: language, keep: 1 } } },
      mail: {
        publicUrl: 'https://tv.example',
        queue: { add: async ({ to, content }) => sent.push({ to, content }) > 0, forget: MailQueue.prototype.forget },
      },
      clock: time.clock,
      signal: ends.signal,
      failed: (error) => failures.push(error),
    });
    const allSent = () => time.settled('all messages are sent', mailer.close());
    return { mailer, sent, failures, ends, allSent };
  }

  test('a storm of fifty alarms is one message to each address', async () => {
    using time = openVirtualTime();
    const { mailer, sent, failures, allSent } = openMailer(time, ['ops@tv.example', 'night@tv.example']);
    await using rig = await openCenter({ mailer });
    const streams = Array.from({ length: 50 }, (_, i) => watchedStream({ name: `cam-${i}` }));
    await rig.begin(...streams);
    rig.noRoom = true;
    rig.pass(10, ...streams);
    assert.equal(rig.published.length, 50);
    await allSent();
    assert.deepEqual([failures, time.nowMs], [[], 5000]);
    assert.deepEqual(
      sent.map(({ to, content }) => [to, content.subject]),
      [
        ['ops@tv.example', '50 alarms at tv.example'],
        ['night@tv.example', '50 alarms at tv.example'],
      ],
    );
    assert.equal(sent[0]!.content.text.match(/Recording paused since/g)?.length, 50);
  });

  test('one alarm is named, with links to what happened and to a still picture; in two languages', async () => {
    for (const [language, subject] of [
      ['en', 'Alarm: Recording paused, door'],
      ['zh', '告警：录制已暂停, door'],
    ] as const) {
      using time = openVirtualTime();
      const { mailer, sent, allSent } = openMailer(time, ['ops@tv.example'], language);
      await using rig = await openCenter({ mailer });
      const stream = watchedStream();
      await rig.begin(stream);
      rig.noRoom = true;
      rig.pass(10, stream);
      await allSent();
      const seconds = Math.floor((START_MS + 1000) / 1000);
      const [{ content }] = sent as [(typeof sent)[0]];
      assert.equal(content.subject, subject);
      assert.ok(content.text.includes(`https://tv.example/admin/history/door?t=${seconds}\n`), content.text);
      assert.ok(content.text.includes(`https://tv.example/thumb/door/${seconds + 1}.jpg`), content.text);
      assert.ok(content.html.includes(`<a href="https://tv.example/thumb/door/${seconds + 1}.jpg">`));
    }
  });

  test('what was raised and cleared meanwhile is one line; without addresses nothing is sent', async () => {
    using time = openVirtualTime();
    const { mailer, sent, allSent } = openMailer(time, ['ops@tv.example']);
    await using rig = await openCenter({ mailer });
    const stream = watchedStream();
    await rig.begin(stream);
    rig.noRoom = true;
    rig.pass(10, stream);
    rig.noRoom = false;
    rig.pass(10, stream);
    await allSent();
    assert.deepEqual(
      sent.map(({ content }) => content.subject),
      ['Cleared: Recording paused, door'],
    );
    const none = openMailer(time, []);
    none.mailer.add({ id: 'x' } as never);
    await none.mailer.close();
    assert.deepEqual(none.sent, []);
  });

  test('at the end what waits is sent at once', async () => {
    using time = openVirtualTime();
    const { mailer, sent, ends, allSent } = openMailer(time, ['ops@tv.example']);
    await using rig = await openCenter({ mailer });
    const stream = watchedStream();
    await rig.begin(stream);
    rig.noRoom = true;
    rig.pass(10, stream);
    ends.abort();
    await allSent();
    assert.deepEqual([sent.length, time.nowMs], [1, 0]);
  });
});
