import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, suite, test } from 'node:test';
import { need } from '../../../test/fixtures/need.ts';
import { FPS, listOf, makeMedia, pull, pullOverNetwork, removeMedia, requested, ts } from './pull.fixture.ts';
import { spanOf } from './run/recording-input.fixture.ts';

/** Limits of failed segments without the minimum of 30 s or 60 s. */
const short = { limits: { minWaitMs: 0, endedWaitMs: 0 } };

/** When a live playlist that fails from its second load on is reported as down. */
const DOWN_AT_MS = 2125;

suite('pulling HLS from an origin that fails', { skip: need('ffmpeg') }, () => {
  before(() => makeMedia({ ts: { seconds: 8 }, apart: { seconds: 3, container: 'fmp4', audio: 'separate' } }));
  after(removeMedia);

  test('a segment that fails at first is retried, and nothing is missing', async () => {
    await using p = await pull('/ts/index.m3u8', {}, (origin) => {
      origin.fault('seg2.ts', { kind: 'status', status: 404 }, 2);
      origin.fault('seg4.ts', { kind: 'cut', bytes: 500 }, 1);
      origin.fault('seg5.ts', { kind: 'status', status: 503 }, 1);
    });
    await p.end();
    assert.equal(p.input.videoFrames, 8 * FPS);
    assert.equal(p.input.runs.length, 1);
    assert.deepEqual(p.input.absences, []);
    assert.equal(p.counts.retries, 4);
    assert.equal(p.time.nowMs, 187.5 + 375, 'the third try of the first one');
  });

  test('so is one whose connection breaks, over a socket', async () => {
    await using p = await pullOverNetwork('/ts/index.m3u8', (origin) =>
      origin.fault('seg4.ts', { kind: 'cut', bytes: 500 }, 1),
    );
    await p.done;
    assert.deepEqual([p.input.videoFrames, p.input.absences, p.counts.retries], [8 * FPS, [], 1]);
  });

  test('a segment that stays unavailable is a gap with its cause; the UTC offset is the same on both sides', async () => {
    await using p = await pull('/ts/index.m3u8', {}, (origin) => {
      origin.fault('seg3.ts', { kind: 'status', status: 410 });
    });
    await p.end();
    assert.deepEqual(p.input.absences, ['source-skipped seg3.ts answered with HTTP 410 (1 try)']);
    assert.equal(p.input.runs.length, 2);
    const [a, b] = p.input.runs;
    assert.equal(a!.start.utcOffsetUs, b!.start.utcOffsetUs);
    assert.ok(Math.abs(spanOf(b!).fromUs - spanOf(a!).toUs - 1e6) < 100_000, 'the gap is as long as the segment');
    assert.equal(p.input.videoFrames, 7 * FPS);
    assert.equal(p.counts.skipped, 1);
  });

  test('a segment is given up once it has left the playlist', async () => {
    // The blocking reload is answered at once: far sooner than three target durations after the first
    // playlist.
    const head = '#EXT-X-TARGETDURATION:60\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES\n';
    await using p = await pull('/live.m3u8', {}, (origin) => {
      origin.fault('seg2.ts', { kind: 'status', status: 404 });
      origin.put('/live.m3u8', async ({ query }) => {
        const first = query.has('_HLS_msn') ? 3 : 0;
        if (first === 3) await origin.asked('seg2.ts', 2);
        return listOf({ segments: ts(0, 1, 2, 3, 4, 5).slice(first, first + 3), first, end: first === 3, head });
      });
    });
    await p.end();
    assert.deepEqual(p.input.absences, ['source-skipped seg2.ts answered with HTTP 404 (2 tries)']);
    assert.deepEqual([p.time.nowMs, p.counts.retries], [187.5, 1], 'at its next failure');
    assert.equal(p.input.videoFrames, 5 * FPS);
  });

  test('a very slow response is aborted after three target durations, and the segments meanwhile are published', async () => {
    await using p = await pull('/live.m3u8', short, (origin) => {
      origin.fault('seg1.ts', { kind: 'drip', bytes: 100, everyMs: 50 });
      origin.put('/live.m3u8', () => listOf({ segments: ts(0, 1, 2) }));
    });
    await p.until(() => p.input.segments === 2);
    assert.equal(p.time.nowMs, 3000);
    const detail = `${p.origin.url}/***/seg1.ts took longer than 3000 ms (1 try)`;
    assert.deepEqual(p.input.absences, [`source-skipped ${detail}`]);
    assert.equal(p.input.videoFrames, 2 * FPS);
  });

  test('a segment that is listed twice is published once', async () => {
    await using p = await pull('/live.m3u8', {}, (origin) => {
      origin.put('/live.m3u8', listOf({ segments: ts(0, 1, 1, 2, 0, 3), end: true }));
    });
    await p.end();
    assert.equal(p.input.videoFrames, 4 * FPS);
    assert.equal(p.input.runs.length, 1);
    assert.equal(p.counts.duplicates, 2);
    assert.deepEqual(requested(p.origin), ['seg0.ts', 'seg1.ts', 'seg2.ts', 'seg3.ts']);
  });

  test('skipped sequence numbers are a gap', async () => {
    await using p = await pull('/live.m3u8', {}, (origin) => {
      let loads = 0;
      origin.put('/live.m3u8', () =>
        loads++ === 0
          ? listOf({ segments: ts(0, 1, 2), first: 10 })
          : listOf({ segments: ts(5, 6), first: 15, end: true }),
      );
    });
    await p.end();
    assert.deepEqual(p.input.absences, ['source-skipped 2 segments left the playlist before they were fetched']);
    const [a, b] = p.input.runs;
    assert.equal(a!.start.utcOffsetUs, b!.start.utcOffsetUs);
    assert.ok(Math.abs(spanOf(b!).fromUs - spanOf(a!).toUs - 2e6) < 100_000);
    assert.equal(p.counts.skipped, 2);
  });

  test('an origin that restarts its sequence numbers is pulled in a new run', async () => {
    await using p = await pull('/live.m3u8', {}, (origin) => {
      let loads = 0;
      origin.put('/live.m3u8', () =>
        loads++ === 0
          ? listOf({ segments: ts(4, 5, 6), first: 100 })
          : listOf({ segments: ['ts/seg0.ts', 'ts/seg1.ts'], first: 0, end: true }),
      );
    });
    await p.end();
    assert.equal(p.counts.resets, 1);
    assert.equal(p.input.runs.length, 2);
    assert.equal(p.input.videoFrames, 5 * FPS);
    const [a, b] = p.input.runs;
    assert.ok(spanOf(b!).fromUs >= spanOf(a!).toUs - 1000, 'UTC does not run back');
  });

  test('timestamps that jump without a DISCONTINUITY begin a run; nothing is lost when they go back', async () => {
    await using p = await pull('/live.m3u8', {}, (origin) => {
      origin.put('/live.m3u8', listOf({ segments: ts(0, 1, 5, 6, 2), end: true }));
    });
    await p.end();
    assert.deepEqual(p.input.absences, ['source-skipped the source jumped ahead by 3.0 s']);
    assert.ok(p.input.damages.some((reason) => /back/.test(reason)));
    assert.equal(p.input.videoFrames, 5 * FPS);
    const spans = p.input.runs.map(spanOf);
    spans.slice(1).forEach(({ fromUs }, i) => {
      assert.ok(fromUs >= spans[i]!.toUs - 1000, 'UTC does not run back');
    });
  });

  test('a failing source is reported as down, retried, and continues with the same UTC offset', async () => {
    await using p = await pull('/live.m3u8', {}, (origin) => {
      origin.put('/live.m3u8', listOf({ segments: ts(0, 1, 2) }));
    });
    await p.until(() => p.input.segments === 3);
    p.origin.fault('live.m3u8', { kind: 'status', status: 500 });
    await p.until(() => p.input.absences.length === 1);
    assert.deepEqual(p.input.absences, [`source-down ${p.origin.url}/live.m3u8 answered with HTTP 500`]);
    assert.equal(p.time.nowMs, DOWN_AT_MS);
    p.origin.put('/live.m3u8', listOf({ segments: ts(1, 2, 3, 4), first: 1, end: true }));
    p.origin.heal('live.m3u8');
    await p.end();
    assert.equal(p.input.videoFrames, 5 * FPS);
    assert.equal(p.input.runs.length, 2);
    assert.equal(p.input.runs[0]!.start.utcOffsetUs, p.input.runs[1]!.start.utcOffsetUs);
  });

  test('a source is down when its playlist does not change for three target durations', async () => {
    await using p = await pull('/live.m3u8', {}, (origin) => {
      origin.put('/live.m3u8', listOf({ segments: ts(0, 1, 2) }));
    });
    await p.until(() => p.input.absences.length === 1);
    assert.deepEqual(p.input.absences, ['source-down the playlist has not changed for 4 s']);
    assert.equal(p.time.nowMs, 3500, 'at the first reload after them');
  });

  test('a pull waits for a source that does not exist yet', async () => {
    await using p = await pull('/late.m3u8');
    await p.until(() => p.input.absences.length === 1);
    assert.deepEqual(p.input.absences, [`source-down ${p.origin.url}/late.m3u8 answered with HTTP 404`]);
    assert.equal(p.time.nowMs, 0);
    p.origin.put('/late.m3u8', listOf({ segments: ts(0, 1), end: true }));
    await p.end();
    assert.equal(p.input.videoFrames, 2 * FPS);
  });

  test('a Media Playlist that moves is located again through the Multivariant Playlist', async () => {
    const master = (name: string) => `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${name}.m3u8\n`;
    await using p = await pull('/master.m3u8', {}, (origin) => {
      origin.put('/master.m3u8', master('old'));
      origin.put('/old.m3u8', listOf({ segments: ts(0, 1, 2) }));
    });
    await p.until(() => p.input.segments === 3);
    p.origin.put('/old.m3u8', () => undefined);
    p.origin.put('/master.m3u8', master('new'));
    p.origin.put('/new.m3u8', listOf({ segments: ts(2, 3), first: 2, end: true }));
    await p.end();
    assert.equal(p.input.videoFrames, 4 * FPS);
    assert.equal(p.origin.requests.filter((path) => path === '/master.m3u8').length, 2);
  });

  test('a Media Playlist that is located again in time was never down', async () => {
    const master = (name: string) => `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${name}.m3u8\n`;
    await using p = await pull('/master.m3u8', {}, (origin) => {
      origin.put('/master.m3u8', master('old'));
      origin.put('/old.m3u8', listOf({ segments: ts(0, 1, 2) }));
    });
    await p.until(() => p.input.segments === 3);
    p.origin.put('/old.m3u8', () => ({ status: 503 }));
    p.origin.put('/master.m3u8', master('new'));
    p.origin.put('/new.m3u8', listOf({ segments: ts(0, 1, 2, 3), end: true }));
    await p.end();
    assert.equal(p.input.videoFrames, 4 * FPS);
    assert.deepEqual(p.input.absences, []);
    assert.equal(p.input.runs.length, 1);
  });

  test('a Media Playlist that is missing at its new URL too is down', async () => {
    await using p = await pull('/master.m3u8', {}, (origin) => {
      origin.put('/master.m3u8', '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlive.m3u8\n');
      origin.put('/live.m3u8', listOf({ segments: ts(0, 1, 2) }));
    });
    await p.until(() => p.input.segments === 3);
    p.origin.put('/live.m3u8', () => undefined);
    await p.until(() => p.input.absences.length === 1);
    assert.deepEqual(p.input.absences, [`source-down ${p.origin.url}/live.m3u8 answered with HTTP 404`]);
    assert.equal(p.time.nowMs, DOWN_AT_MS);
  });

  test('the source is down during a long search for its Media Playlist', async () => {
    const requested: AbortSignal[] = [];
    const locate = async ({ signal }: { signal: AbortSignal }) => {
      if (requested.push(signal) > 1) await once(signal, 'abort');
      return { url: new URL(`${origin.url}/live.m3u8`) };
    };
    let { origin }: { origin: { url: string } } = { origin: { url: '' } };
    await using p = await pull('/page', { locate }, (opened) => {
      origin = opened;
      opened.put('/live.m3u8', listOf({ segments: ts(0, 1, 2) }));
    });
    await p.until(() => p.input.segments === 3);
    p.origin.put('/live.m3u8', () => ({ status: 403 }));
    await p.until(() => p.input.absences.length === 1);
    assert.deepEqual(p.input.absences, [`source-down ${p.origin.url}/live.m3u8 answered with HTTP 403`]);
    assert.equal(p.time.nowMs, 2500);
    assert.equal(requested.length, 2);
  });

  test('a server that does not block reloads as promised is not polled without pauses', async () => {
    const loadedAtMs: number[] = [];
    await using p = await pull('/live.m3u8', {}, (origin, time) => {
      origin.put('/live.m3u8', () => {
        loadedAtMs.push(time.nowMs);
        const head = `#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES\n# ${loadedAtMs.length}\n`;
        return listOf({ segments: ts(0, 1, 2), head, end: time.nowMs > 2500 });
      });
    });
    await p.end();
    assert.deepEqual(loadedAtMs, [0, 0, 0, 0, 1000, 2000, 3000], 'after three that were not held');
  });

  test('a segment that stays unreadable is a gap with cause bad-media, and the next one is pulled', async () => {
    await using p = await pull('/ts/index.m3u8', short, (origin) => {
      origin.fault('seg3.ts', { kind: 'body', body: '<html>captive portal</html>' });
    });
    await p.end();
    assert.deepEqual(p.input.absences, ['bad-media seg3.ts: the segment is a web page (8 tries)']);
    assert.equal(p.time.nowMs, 187.5 + 6 * 375, 'another pause would end after three target durations');
    assert.equal(p.input.videoFrames, 7 * FPS);
  });

  test('EXT-X-GAP is a gap, and is not fetched', async () => {
    await using p = await pull('/live.m3u8', {}, (origin) => {
      origin.put('/live.m3u8', listOf({ segments: ['ts/seg0.ts', '#EXT-X-GAP\nts/seg1.ts', 'ts/seg2.ts'], end: true }));
    });
    await p.end();
    assert.deepEqual(p.input.absences, ['source-skipped EXT-X-GAP seg1.ts']);
    assert.deepEqual(requested(p.origin), ['seg0.ts', 'seg2.ts']);
  });

  test('a protected source is refused with the name of its protection', async () => {
    const message = 'The source is protected by FairPlay (SAMPLE-AES); oxbow cannot record protected streams.';
    const key = 'METHOD=SAMPLE-AES,KEYFORMAT="com.apple.streamingkeydelivery",URI="skd://k"';
    await using p = await pull('/live.m3u8', {}, (origin) => {
      origin.put('/live.m3u8', listOf({ segments: [`#EXT-X-KEY:${key}\nts/seg0.ts`], end: true }));
    });
    await assert.rejects(p.end(), { name: 'OxbowError', code: 'unsupported-media', message });
    await using second = await pull('/master.m3u8', {}, (origin) => {
      origin.put('/master.m3u8', `#EXTM3U\n#EXT-X-SESSION-KEY:${key}\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlive.m3u8`);
    });
    await assert.rejects(second.end(), { name: 'OxbowError', code: 'unsupported-media', message });
    assert.deepEqual(second.origin.requests, ['/master.m3u8']);
    await using none = await pull('/live.m3u8', {}, (origin) => {
      origin.put('/live.m3u8', listOf({ segments: ['#EXT-X-KEY:METHOD=NONE\nts/seg0.ts'], end: true }));
    });
    await none.end();
  });

  test('a playlist must not refer to another private host, and an untrusted URL to none', async () => {
    await using p = await pull('/live.m3u8', {}, (origin) => {
      const segments = [`http://127.0.0.2:${origin.port}/ts/seg0.ts`, 'file:///etc/passwd', 'ts/seg2.ts', 'http://['];
      origin.put('/live.m3u8', listOf({ segments, end: true }));
    });
    await p.end();
    assert.equal(p.input.videoFrames, FPS);
    assert.match(p.input.absences[0]!, /127\.0\.0\.2 is not a public address/);
    assert.deepEqual(requested(p.origin), ['seg2.ts']);
    await using user = await pull('/ts/index.m3u8', { trusted: false });
    await assert.rejects(user.end(), { code: 'address-refused' });
    assert.equal(user.origin.requests.length, 0);
  });

  test('abort rejects with its reason and stops all requests', async () => {
    await using p = await pull('/live.m3u8', {}, (origin) => {
      origin.fault('seg1.ts', { kind: 'hang' });
      origin.put('/live.m3u8', listOf({ segments: ts(0, 1, 2) }));
    });
    await p.until(() => p.input.segments === 1);
    const reason = new Error('stopped by hand');
    p.stop(reason);
    await assert.rejects(p.end(), reason);
  });

  test('video continues without its audio until that returns', async () => {
    await using silent = await pull('/apart/master.m3u8', {}, (origin) => {
      origin.fault('0-index.m3u8', { kind: 'status', status: 404 });
    });
    await using halting = await pull('/apart/master.m3u8', {}, (origin) => {
      origin.fault('0-seg1.m4s', { kind: 'status', status: 410 });
    });
    await silent.end();
    await halting.end();
    assert.equal(silent.input.videoFrames, 3 * FPS);
    assert.deepEqual(
      silent.input.runs.map(({ start }) => start.tracks.length),
      [1],
    );
    assert.equal(halting.input.videoFrames, 3 * FPS);
    assert.equal(halting.input.runs.length, 1);
    const [run] = halting.input.runs;
    const audio = run!.frames.filter(({ trackId }) => trackId === run!.start.tracks[1]!.id);
    assert.equal(audio.length, 94, 'two seconds of 1,024 samples each');
  });

  test('a pull that falls behind gives up the oldest waiting segments and reports it', async () => {
    await using p = await pull('/live.m3u8', {}, (origin) => {
      let loads = 0;
      origin.fault('seg0.ts', { kind: 'hang' });
      origin.put('/live.m3u8', () => {
        const first = 5 * loads++;
        const segments = ts(0, 1, 2, 3, 4).map((uri, i) =>
          i === 2 ? `${uri.replace('2', '0')}?${first}` : `${uri.replace('0', '5')}?${first + i}`,
        );
        return listOf({ segments, first });
      });
    });
    await p.until(() => p.input.absences.some((reason) => reason.includes('fell behind')));
    const slow = `source-skipped ${p.origin.url}/***/seg0.ts sent nothing for 2000 ms (1 try)`;
    // The third list arrives in the moment in which the first request ends.
    assert.deepEqual(p.input.absences, [slow, 'source-skipped oxbow fell behind by 6 segments']);
    assert.equal(p.counts.skipped, 7);
    assert.equal(p.time.nowMs, 2000);
  });
});
