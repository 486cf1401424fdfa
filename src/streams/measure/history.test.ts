import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { FormatError } from '@oxbow/media/errors';
import { HistoryRows, unpackWindow } from './history-rows.ts';
import { historySteps, SeriesBuilder } from './history-series.ts';
import { type LinkRow, unpackLinks } from './link-rows.ts';
import { LinkSeries } from './link-series.ts';

/** A ten-minute mark, ms since 1970. */
const START_MS = 1_795_000_200_000;

function second(bytes = 1000) {
  return { coveredMs: 1000, videoBytes: bytes, videoFrames: 25, audioBytes: 100, viewers: 3 };
}

function seriesOf(rows: HistoryRows, fromMs: number, toMs: number, resS = 5) {
  const builder = new SeriesBuilder(historySteps(fromMs, toMs, resS));
  for (const [number, values] of rows.between(fromMs, toMs)) builder.add(number, values);
  return builder.series;
}

suite('the history of figures', () => {
  test('has rates per step, and null where nothing was measured', () => {
    const rows = new HistoryRows();
    for (let s = 0; s < 10; s++) rows.add(START_MS + s * 1000, second());
    for (let s = 15; s < 20; s++) rows.add(START_MS + s * 1000, { ...second(2000), rttMs: s, packets: 90, lost: 10 });
    const series = seriesOf(rows, START_MS, START_MS + 20_000);
    assert.deepEqual(series.videoBitrate, [8000, 8000, null, 16_000]);
    assert.deepEqual(series.frameRate, [25, 25, null, 25]);
    assert.deepEqual(series.rtt, [null, null, null, 19]);
    assert.deepEqual(series.loss, [null, null, null, 0.1]);
    assert.deepEqual(series.viewers, [3, 3, null, 3]);
  });

  test('a step that is longer than a row has the mean of the time that was measured', () => {
    const rows = new HistoryRows();
    for (let s = 0; s < 5; s++) rows.add(START_MS + s * 1000, second(1000));
    for (let s = 5; s < 10; s++) rows.add(START_MS + s * 1000, second(3000));
    const series = seriesOf(rows, START_MS, START_MS + 30_000, 15);
    assert.deepEqual(series.videoBitrate, [16_000, null]);
  });

  test('a burst is spread over the time since the one before', () => {
    const rows = new HistoryRows();
    rows.spread(START_MS + 2000, START_MS + 8000, { coveredMs: 6000, videoBytes: 6000, keyFrameIntervalMs: 2000 });
    const series = seriesOf(rows, START_MS, START_MS + 10_000);
    assert.deepEqual(series.videoBitrate, [8000, 8000]);
    assert.deepEqual(series.keyFrameInterval, [2, 2]);
  });

  test('a packed window has the same rows, and says so once', () => {
    const rows = new HistoryRows();
    for (let s = 0; s < 600; s += 3) rows.add(START_MS + s * 1000, { ...second(s), jitterMs: 1.5 });
    assert.deepEqual(rows.changed, [START_MS * 1000]);
    const packed = rows.pack(START_MS * 1000);
    assert.deepEqual(rows.changed, []);
    const again = new HistoryRows();
    again.unpack(START_MS * 1000, packed);
    assert.deepEqual(seriesOf(again, START_MS, START_MS + 600_000), seriesOf(rows, START_MS, START_MS + 600_000));
    assert.deepEqual(again.changed, [], 'it is in the database already');
    assert.ok(packed.length < 2500, `${packed.length} bytes for ten minutes`);
  });

  test('an hour is in memory, older rows give way to newer ones and never come back', () => {
    const rows = new HistoryRows();
    for (let minute = 0; minute < 120; minute++) rows.add(START_MS + minute * 60_000, second());
    const all = [...rows.between(0, START_MS + 120 * 60_000)];
    assert.equal(all.length, 70, 'an hour, and the window that has begun');
    rows.add(START_MS, second());
    assert.equal([...rows.between(START_MS, START_MS + 5000)].length, 0);
  });

  test('bytes that are not a packed window are refused', () => {
    const read = (bytes: Uint8Array) => [...unpackWindow(START_MS * 1000, bytes)];
    const rows = new HistoryRows();
    rows.add(START_MS, second());
    const packed = rows.pack(START_MS * 1000);
    assert.equal(read(packed).length, 1);
    let seed = 7;
    for (let i = 0; i < 2000; i++) {
      const bytes = Uint8Array.from(packed);
      for (let change = 0; change < 3; change++) {
        seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
        bytes[seed % bytes.length] = (seed >> 8) & 255;
      }
      try {
        read(bytes.subarray(0, seed % (bytes.length + 1)));
        read(bytes);
      } catch (error) {
        assert.ok(error instanceof FormatError, String(error));
      }
    }
    assert.throws(() => read(new Uint8Array()), FormatError);
  });

  test('a range has at most 2,000 steps, whatever is requested', () => {
    const day = 86_400_000;
    assert.deepEqual(historySteps(START_MS, START_MS + 600_000, 0), { fromMs: START_MS, resS: 5, count: 120 });
    assert.deepEqual(historySteps(START_MS, START_MS + 600_000, 7).resS, 10);
    assert.ok(historySteps(START_MS, START_MS + 31 * day, 5).count <= 2001);
    assert.ok(historySteps(START_MS, START_MS + 31 * day, 0).count <= 1001);
  });

  test('has the links of a bonded publisher, packed with the window, and no byte of them without', () => {
    const link = { number: 2, isUp: true, rttMs: 60, bytes: 125_000, packets: 92, lost: 8 };
    const [rows, plain] = [new HistoryRows(), new HistoryRows()];
    for (let s = 0; s < 10; s++) {
      for (const each of [rows, plain]) each.add(START_MS + s * 1000, second());
      rows.addLinks(START_MS + s * 1000, 1000, [
        { ...link, number: 1, lost: 0 },
        { ...link, rttMs: 60 + s },
      ]);
    }
    const linksOf = (found: Iterable<LinkRow>) => {
      const series = new LinkSeries(historySteps(START_MS, START_MS + 15_000, 5));
      for (const row of found) series.add(row);
      return series.links;
    };
    const expected = [
      { number: 1, bitrate: [1_000_000, 1_000_000, null], loss: [0, 0, null], rtt: [60, 60, null] },
      { number: 2, bitrate: [1_000_000, 1_000_000, null], loss: [0.08, 0.08, null], rtt: [64, 69, null] },
    ];
    assert.deepEqual(linksOf(rows.linksBetween(START_MS, START_MS + 15_000)), expected);
    const windowUs = START_MS * 1000;
    const [packed, without] = [rows.pack(windowUs), plain.pack(windowUs)];
    assert.deepEqual(linksOf(unpackLinks(windowUs, packed)), expected);
    assert.deepEqual(linksOf(unpackLinks(windowUs, without)), []);
    assert.deepEqual(packed.subarray(0, without.length), without, 'readers that do not know links stop there');
    assert.deepEqual([...unpackWindow(windowUs, packed)], [...unpackWindow(windowUs, without)]);
    const again = new HistoryRows();
    again.unpack(windowUs, packed);
    assert.deepEqual(linksOf(again.linksBetween(START_MS, START_MS + 15_000)), expected);
    for (let at = without.length; at < packed.length - 4; at++) {
      const damaged = Uint8Array.from(packed);
      damaged[at]! ^= 0xff;
      try {
        linksOf(unpackLinks(windowUs, damaged));
      } catch (error) {
        assert.ok(error instanceof FormatError, String(error));
      }
    }
  });
});
