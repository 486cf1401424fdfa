import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { crc32 } from 'node:zlib';
import type { Frame, TextTrack } from '@oxbow/media/frame';
import { fragmentLength, printFragment } from '@oxbow/media/isobmff/fragment';
import type { DateRangeTag } from '@oxbow/media/m3u8/playlist';
import { usToTicks } from '@oxbow/media/run';
import type { SegmentGroup } from '@oxbow/media/segment';
import { parseVtt } from '@oxbow/media/webvtt/parse';
import { printSample } from '@oxbow/media/webvtt/sample';
import { printTextHeader } from '@oxbow/media/webvtt/traits';
import { START_US } from '../recording/recording.fixture.ts';
import { type Delivery, generation, makeGroup, openDelivery, tracks } from './delivery.fixture.ts';

const text = (id: number, language: string, label: string, isDefault = false): TextTrack => ({
  id,
  kind: 'text',
  timescale: 90_000,
  language,
  label,
  config: { codec: 'webvtt', record: printTextHeader('WEBVTT', { isDefault, forced: false }), codecs: 'wvtt' },
});
const both = [...tracks, text(3, 'eng', 'English', true), text(4, 'deu', '')];

/** A segment that says something in English, be it sealed in the live list or written into the recording. */
function speaking(delivery: Delivery, msn: number, words: string | undefined): SegmentGroup {
  const init = delivery.inits.of(both);
  const group = makeGroup({ msn, init, without: [3, 4] }, init);
  if (words === undefined) return group;
  const dts = usToTicks(group.startUs + 500_000, 90_000);
  const data = printSample([{ id: '', settings: '', text: words, before: 0, after: 0 }]);
  const frames: Frame[] = [{ trackId: 3, dts, pts: dts, duration: 90_000, key: true, data }];
  const bytes = new Uint8Array(fragmentLength(frames));
  printFragment(bytes, 0, { sequence: 1, trackId: 3, tfdt: dts, frames });
  const own = { trackId: 3, bytes, tfdt: dts, duration: 90_000, firstPtsOffset: 0, samples: 1 };
  return { ...group, tracks: [...group.tracks, { ...own, independent: true, damaged: false, crc: crc32(bytes) }] };
}

async function openSpeaking(): Promise<{ delivery: Delivery; groups: SegmentGroup[] }> {
  const delivery = await openDelivery();
  delivery.listWriter.begin(generation, both);
  const groups = ['a', undefined, 'c'].map((words, i) => {
    const msn = 100 + i;
    const init = delivery.inits.of(both);
    delivery.open({ msn, init });
    for (let part = 0; part < 10; part++) delivery.part({ msn, init, without: [3, 4] }, part);
    const group = speaking(delivery, msn, words);
    delivery.listWriter.seal(group);
    return group;
  });
  return { delivery, groups };
}

const WINDOW = `${START_US / 1000}/6s`;

suite('subtitles', () => {
  test('the multivariant playlists offer them, live and past, with names of their own', async () => {
    const { delivery, groups } = await openSpeaking();
    await using _ = delivery;
    await delivery.record(...groups);
    for (const path of ['/live/door/index.m3u8', `/vod/door/${WINDOW}/index.m3u8`]) {
      const list = await delivery.text(path);
      const lines = list.split('\n').filter((line) => line.includes('TYPE=SUBTITLES'));
      assert.equal(lines.length, 2, list);
      assert.match(
        lines[0]!,
        /GROUP-ID="subtitles",NAME="English",LANGUAGE="eng",DEFAULT=YES,AUTOSELECT=YES,URI="s0-eng/,
      );
      assert.match(lines[1]!, /NAME="deu",LANGUAGE="deu",AUTOSELECT=YES,URI="s1-deu/);
      assert.match(list, /CODECS="[^"]*mp4a[^"]*",.*SUBTITLES="subtitles"/);
      assert.doesNotMatch(list, /wvtt/);
    }
  });

  test('a list has a file for every segment of the pictures, at the same date, and no parts', async () => {
    const { delivery, groups } = await openSpeaking();
    await using _ = delivery;
    await delivery.record(...groups);
    const live = await delivery.text('/live/door/s0-eng/g7.m3u8');
    assert.doesNotMatch(live, /EXT-X-PART|EXT-X-MAP|EXT-X-GAP|PRELOAD|RENDITION-REPORT/);
    const past = await delivery.text(`/vod/door/${WINDOW}/s0-eng.m3u8`);
    const long = await delivery.text('/live/door/dvr-30m/s0-eng/g7.m3u8');
    for (const list of [live, past, long]) {
      assert.deepEqual(
        [...list.matchAll(/(\d+)\.vtt/g)].map(([, msn]) => Number(msn)),
        [100, 101, 102],
        list,
      );
      const pictures = await delivery.text(list === past ? `/vod/door/${WINDOW}/v0.m3u8` : '/live/door/v0/g7.m3u8');
      const datesOf = (one: string) => [...one.matchAll(/DATE-TIME:(.*)/g)].slice(0, 3).map(([, date]) => date);
      assert.deepEqual(datesOf(list), datesOf(pictures));
    }
  });

  test('a blocking request waits for the whole segment, whatever part it names', async () => {
    const { delivery } = await openSpeaking();
    await using _ = delivery;
    const init = delivery.inits.of(both);
    delivery.open({ msn: 103, init });
    delivery.part({ msn: 103, init, without: [3, 4] }, 0);
    let done = false;
    const asked = delivery.text('/live/door/s0-eng/g7.m3u8?_HLS_msn=103&_HLS_part=0').then((list) => {
      done = true;
      return list;
    });
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    assert.equal(done, false);
    delivery.listWriter.seal(speaking(delivery, 103, 'd'));
    assert.match(await asked, /103\.vtt/);
  });

  test('a file has the cues of its segment, the same from memory and from the recording; a segment without cues has a file too', async () => {
    const { delivery, groups } = await openSpeaking();
    await using _ = delivery;
    const before = await Promise.all([100, 101, 102].map((msn) => delivery.text(`/live/door/s0-eng/${msn}.vtt`)));
    await delivery.record(...groups);
    delivery.listWriter.recorded(102);
    const newer = [103, 104, 105, 106, 107, 108];
    for (const msn of newer) delivery.live({ msn });
    assert.equal(delivery.list.find(100)?.bytes, undefined, 'it has left memory');
    const after = await Promise.all([100, 101, 102].map((msn) => delivery.text(`/live/door/s0-eng/${msn}.vtt`)));
    assert.deepEqual(after, before);
    const files = before.map((one) => parseVtt(one));
    assert.deepEqual(
      files.map(({ cues }) => cues.map((cue) => [cue.text, cue.startMs - START_US / 1000, cue.endMs - cue.startMs])),
      [[['a', 500, 1000]], [], [['c', 4500, 1000]]],
    );
    const { mpegts, localMs } = files[1]!.timestampMap!;
    assert.deepEqual([localMs, mpegts], [START_US / 1000 + 2000, ((START_US / 1000 + 2000) * 90) % 2 ** 33]);
    const reply = await delivery.get('/live/door/s0-eng/100.vtt');
    assert.equal(reply.contentType, 'text/vtt; charset=utf-8');
    assert.match(reply.cacheControl, /immutable/);
    // A segment whose run had no such track says nothing, and is not missing.
    assert.equal(parseVtt(await delivery.text('/live/door/s1-deu/103.vtt')).cues.length, 0);
    await assert.rejects(delivery.get('/live/door/s0-eng/999.vtt'), { code: 'not-found' });
  });
});

suite('date ranges in lists', () => {
  const range = (id: string, s: number, durationS: number): DateRangeTag => ({
    id,
    startDateMs: START_US / 1000 + s * 1000,
    attributes: { DURATION: String(durationS) },
  });

  test('live, long and past lists name the same, by their starts; delta updates skip none; subtitles name none', async () => {
    const { delivery, groups } = await openSpeaking();
    await using _ = delivery;
    const told = [range('b', 3, 0.5), range('a', -10, 60)];
    delivery.listWriter.addDateRanges(told);
    await delivery.record({ ...groups[0]!, dateRanges: told }, ...groups.slice(1));
    const idsOf = async (path: string) =>
      [...(await delivery.text(path)).matchAll(/DATERANGE:ID="([^"]*)"/g)].map(([, id]) => id);
    for (const path of [
      '/live/door/v0/g7.m3u8',
      '/live/door/av0/g7.m3u8?_HLS_skip=YES',
      '/live/door/dvr-30m/v0/g7.m3u8',
    ]) {
      assert.deepEqual(await idsOf(path), ['a', 'b'], path);
    }
    assert.deepEqual(await idsOf(`/vod/door/${WINDOW}/v0.m3u8`), ['a', 'b']);
    assert.deepEqual(await idsOf(`/vod/door/${START_US / 1000 + 4500}/1s/v0.m3u8`), ['a'], 'it began before and lasts');
    assert.deepEqual(await idsOf('/live/door/s0-eng/g7.m3u8'), []);
  });

  test('a published range is listed at once', async () => {
    const { delivery } = await openSpeaking();
    await using _ = delivery;
    assert.doesNotMatch(await delivery.text('/live/door/v0/g7.m3u8'), /DATERANGE/);
    delivery.listWriter.addDateRanges([range('a', 1, 1)]);
    assert.match(await delivery.text('/live/door/v0/g7.m3u8'), /DATERANGE:ID="a"/);
    assert.match(await delivery.text('/live/door/dvr-30m/v0/g7.m3u8'), /DATERANGE:ID="a"/);
    delivery.listWriter.addDateRanges([range('a', 1, 5)]);
    assert.match(await delivery.text('/live/door/v0/g7.m3u8'), /DURATION=5/);
    assert.match(await delivery.text('/live/door/dvr-30m/v0/g7.m3u8'), /DURATION=5/);
  });
});
