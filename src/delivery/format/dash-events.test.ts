import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { DateRangeTag } from '@oxbow/media/m3u8/playlist';
import { type Element, named, parseXml } from '../../../test/conformance/mpd.ts';
import { eventStreams } from './dash-events.ts';

const START_MS = 1_795_000_000_000;
const id3 = (atMs: number, id = `id3-${atMs}`): DateRangeTag => ({
  id,
  startDateMs: START_MS + atMs,
  attributes: { CLASS: '"oxbow.id3"', 'X-OXBOW-ID3-LENGTH': '3', 'X-OXBOW-ID3': '0x494433' },
});

/** The streams of a Period of 60 s that begins at `fromMs`. */
function streamsOf(ranges: readonly DateRangeTag[], { fromMs = 0, isFirst = true } = {}): Element[] {
  const startUs = (START_MS + fromMs) * 1000;
  const period = eventStreams(ranges, { startUs, endUs: startUs + 60_000_000 }, isFirst).join('\n');
  return named(parseXml(`<Period>${period}</Period>`), 'EventStream');
}
const eventsOf = (streams: readonly Element[]) => streams.flatMap((stream) => named(stream, 'Event'));
const timesOf = (streams: readonly Element[]) => eventsOf(streams).map(({ attributes }) => attributes.presentationTime);

suite('timed metadata in DASH manifests (ISO 23009-1 5.10.2)', () => {
  test('an ID3 tag is an event of the scheme that players know, in base64', () => {
    const [stream] = streamsOf([id3(1500)]);
    assert.deepEqual(stream!.attributes, { schemeIdUri: 'https://aomedia.org/emsg/ID3', timescale: '1000' });
    const [event] = eventsOf([stream!]);
    const { id, ...attributes } = event!.attributes;
    assert.deepEqual(attributes, { presentationTime: '1500', duration: '0', contentEncoding: 'base64' });
    assert.ok(Number(id) < 2 ** 32);
    assert.equal(event!.text, Buffer.from('ID3').toString('base64'));
    assert.deepEqual(streamsOf([{ ...id3(0), attributes: { CLASS: '"oxbow.id3"' } }]), [], 'a tag that is too long');
  });

  test('a break is an event at its out and one at its in point (SCTE 214-1)', () => {
    const attributes = { 'PLANNED-DURATION': '30', 'SCTE35-OUT': '0xFC01', DURATION: '26', 'SCTE35-IN': '0xFC02' };
    const streams = streamsOf([{ id: 'splice-9', startDateMs: START_MS + 4000, attributes }, id3(5000)]);
    const [splices] = streams;
    assert.equal(splices!.attributes.schemeIdUri, 'urn:scte:scte35:2014:xml+bin');
    const [out, back] = eventsOf([splices!]);
    assert.deepEqual([out!.attributes.presentationTime, out!.attributes.duration], ['4000', '30000']);
    assert.deepEqual([back!.attributes.presentationTime, back!.attributes.duration], ['30000', undefined]);
    assert.notEqual(out!.attributes.id, back!.attributes.id);
    const [signal] = named(out!, 'Signal');
    assert.equal(signal!.attributes.xmlns, 'http://www.scte.org/schemas/35/2016');
    assert.equal(named(signal!, 'Binary')[0]!.text, Buffer.from([0xfc, 1]).toString('base64'));
  });

  test("a source's own range has its attribute list", () => {
    const attributes = { CLASS: '"com.example.show"', DURATION: '3.5', 'X-NAME': '"A & B"' };
    const [event] = eventsOf(streamsOf([{ id: 'own', startDateMs: START_MS + 1000, attributes }]));
    assert.equal(event!.attributes.duration, '3500');
    assert.equal(
      event!.text,
      `ID="own",CLASS="com.example.show",START-DATE="${new Date(START_MS + 1000).toISOString()}",DURATION=3.5,X-NAME="A & B"`,
    );
  });

  test('events are in order, each in the Period in which it begins', () => {
    const attributes = { 'SCTE35-OUT': '0xFC01', DURATION: '40', 'SCTE35-IN': '0xFC02' };
    const first = { id: 'splice-1', startDateMs: START_MS, attributes };
    const second = { ...first, id: 'splice-2', startDateMs: START_MS + 30_000 };
    assert.deepEqual(timesOf(streamsOf([first, second])), ['0', '30000', '40000']);
    assert.deepEqual(timesOf(streamsOf([first, second], { fromMs: 60_000, isFirst: false })), ['10000']);
  });

  test('the first Period has what began before it, shortened, with the same id', () => {
    const range = { id: 'own', startDateMs: START_MS, attributes: { DURATION: '20' } };
    const [whole] = eventsOf(streamsOf([range]));
    const [rest] = eventsOf(streamsOf([range], { fromMs: 5000 }));
    assert.deepEqual([rest!.attributes.presentationTime, rest!.attributes.duration], ['0', '15000']);
    assert.equal(rest!.attributes.id, whole!.attributes.id);
    assert.deepEqual(streamsOf([range], { fromMs: 5000, isFirst: false }), []);
    assert.deepEqual(streamsOf([range], { fromMs: 20_000 }), []);
  });
});
