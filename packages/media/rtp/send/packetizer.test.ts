import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { concatBytes } from '../../bytes.ts';
import { VP9_KEY } from '../../flv/forms.fixture.ts';
import { allTracks, audioTrack, textTrack } from '../../isobmff/media.fixture.ts';
import { PPS, printSlice, printSps } from '../../mpegts/packets.fixture.ts';
import { formatOf } from './format.ts';
import { fuzzPacketizers } from './fuzz.fixture.ts';
import { createPacketizer } from './packetizer.ts';
import { profileLevelId } from './profile-level-id.ts';
import { ReorderingWatch } from './reordering.ts';
import {
  filled,
  frameOf,
  hevcSets,
  hex,
  packetizerOf,
  readBack,
  sampleOf,
  tracks,
  withRecord,
} from './send.fixture.ts';

suite('H.264 (RFC 6184)', () => {
  test('a key frame begins with the parameter sets of the record, together with other small units (5.7.1)', () => {
    const idr = printSlice(true, 30);
    const payloads = packetizerOf(tracks.h264).payloads(frameOf(sampleOf(idr)));
    assert.equal(payloads.length, 1);
    const expected = concatBytes([printSps(), PPS, idr].flatMap((nal) => [Uint8Array.of(0, nal.length), nal]));
    assert.equal(hex(payloads[0]!), `78${hex(expected)}`);
  });

  test('a unit that is alone is its own payload, and no copy (5.6)', () => {
    const slice = printSlice(false, 500);
    const data = sampleOf(slice);
    const [payload, ...others] = packetizerOf(tracks.h264).payloads(frameOf(data, { key: false }));
    assert.deepEqual(others, []);
    assert.deepEqual(payload, slice);
    assert.equal(payload!.buffer, data.buffer);
  });

  test('a large unit is sent in fragments of about one size, whose first and last have the bits S and E (5.8)', () => {
    const slice = printSlice(false, 2500);
    const payloads = packetizerOf(tracks.h264).payloads(frameOf(sampleOf(slice), { key: false }));
    assert.deepEqual(
      payloads.map((payload) => [payload.length, hex(payload.subarray(0, 2))]),
      [
        [835, '5c81'],
        [835, '5c01'],
        [835, '5c41'],
      ],
    );
    assert.deepEqual(concatBytes([slice.subarray(0, 1), ...payloads.map((payload) => payload.subarray(2))]), slice);
  });

  test('a unit of exactly the limit is sent alone, one byte more in two fragments', () => {
    const { payloads } = packetizerOf(tracks.h264, 100);
    const lengths = (size: number) =>
      payloads(frameOf(sampleOf(printSlice(false, size)), { key: false })).map(({ length }) => length);
    assert.deepEqual(lengths(100), [100]);
    assert.deepEqual(lengths(101), [52, 52]);
  });

  test('delimiters and filler are not sent; a frame of nothing else gives no payload, also a key frame', () => {
    const { payloads } = packetizerOf(tracks.h264);
    const [delimiter, filler] = [Uint8Array.of(9, 0xf0), filled(40, 12)];
    const sei = Uint8Array.of(6, 5, 0, 0x80);
    const sent = payloads(frameOf(sampleOf(delimiter, sei, filler), { key: false }));
    assert.deepEqual(sent.map(hex), ['06050080']);
    assert.deepEqual(payloads(frameOf(sampleOf(delimiter, filler))), []);
    assert.deepEqual(payloads(frameOf(new Uint8Array(0))), []);
  });

  test('parameter sets within a frame are sent once, and before later key frames too', () => {
    const { payloads } = packetizerOf(tracks.h264, 1100);
    const sps = printSps(8, 6);
    const idr = printSlice(true, 1090);
    const first = payloads(frameOf(sampleOf(sps, idr)));
    assert.deepEqual(first.length, 2);
    assert.equal(hex(first[0]!), `7800${'04'}${hex(PPS)}000${sps.length.toString(16)}${hex(sps)}`);
    const second = payloads(frameOf(sampleOf(idr)));
    assert.ok(hex(second[0]!).includes(hex(sps)));
    assert.ok(!hex(second[0]!).includes(hex(printSps())));
  });

  test('a receiver reads the same frames', () => {
    const { payloads } = packetizerOf(tracks.h264, 300);
    const samples = [
      sampleOf(printSlice(true, 4000), printSlice(true, 50, false), printSlice(true, 60, false)),
      sampleOf(printSlice(false, 20)),
      sampleOf(Uint8Array.of(6, 5, 0, 0x80), printSlice(false, 299), printSlice(false, 900, false)),
    ];
    const sent = samples.map((data, i) => payloads(frameOf(data, { key: i === 0 })));
    assert.ok(sent.flat().every(({ length }) => length <= 300));
    const units = readBack('h264', sent);
    assert.deepEqual(
      units.map(({ key, data }) => [key, hex(data)]),
      samples.map((data, i) => [i === 0, hex(data)]),
    );
  });

  test('a unit that ends after its frame is refused with its offset', () => {
    const data = concatBytes([sampleOf(printSlice(false, 9)), Uint8Array.of(0, 0, 0, 9, 1)]);
    assert.throws(() => packetizerOf(tracks.h264).payloads(frameOf(data)), { name: 'FormatError', offset: 13 });
  });

  test('the profile-level-id has only bits and levels that browsers know (8.1)', () => {
    const of = (...bytes: number[]) => profileLevelId(Uint8Array.of(1, ...bytes, 0xff));
    assert.equal(of(0x42, 0xc0, 0x1f), '42e01f');
    assert.equal(of(0x42, 0x00, 0x1e), '42001e');
    assert.equal(of(0x4d, 0x40, 0x28), '4d4028');
    assert.equal(of(0x4d, 0x28, 0x28), '4d0028');
    assert.equal(of(0x64, 0x00, 0x28), '640028');
    assert.equal(of(0x64, 0x0c, 0x28), '640c28');
    assert.equal(of(0x64, 0x08, 0x3e), '640034');
    assert.equal(of(0x42, 0xd0, 0x0b), '42f00b'); // level 1b
    assert.equal(of(0x64, 0x00, 0x09), '640009'); // level 1b
    assert.equal(of(0x64, 0x00, 0x05), '64000a');
    assert.equal(of(0x64, 0x00, 0x21), '640020');
  });
});

suite('HEVC (RFC 7798)', () => {
  const slice = (size: number) => filled(size, 0x02, 0x01);
  const idr = (size: number) => filled(size, 0x26, 0x01);

  test('a key frame begins with the parameter sets in one aggregation packet (4.4.2)', () => {
    const payloads = packetizerOf(tracks.hevc).payloads(frameOf(sampleOf(idr(1090))));
    const { vps, sps, pps } = hevcSets;
    assert.equal(hex(payloads[0]!), `60010004${hex(vps)}0005${hex(sps)}0003${hex(pps)}`);
    assert.deepEqual(payloads.slice(1), [idr(1090)]);
  });

  test('an aggregation packet has the least layer and temporal id of its units (4.4.2)', () => {
    const first = filled(10, 0x02, (2 << 3) | 3);
    const second = filled(10, 0x02, (1 << 3) | 4);
    const [payload] = packetizerOf(tracks.hevc).payloads(frameOf(sampleOf(first, second), { key: false }));
    assert.equal(hex(payload!.subarray(0, 2)), '600b');
  });

  test('fragments keep layer and temporal id, and the type of their unit (4.4.3)', () => {
    const unit = idr(250);
    const payloads = packetizerOf(tracks.hevc, 100)
      .payloads(frameOf(sampleOf(unit)))
      .slice(1);
    assert.deepEqual(
      payloads.map((payload) => hex(payload.subarray(0, 3))),
      ['620193', '620113', '620153'],
    );
    assert.ok(payloads.every(({ length }) => length <= 100));
    assert.deepEqual(concatBytes([unit.subarray(0, 2), ...payloads.map((payload) => payload.subarray(3))]), unit);
  });

  test('delimiters are not sent, and a frame without parameter sets gets none if it is no key frame', () => {
    const data = sampleOf(Uint8Array.of(0x46, 1, 0x50), slice(40));
    assert.deepEqual(packetizerOf(tracks.hevc).payloads(frameOf(data, { key: false })), [slice(40)]);
  });
});

suite('AV1', () => {
  const header = tracks.av1.config.record.subarray(4);
  const obu = (type: number, size: number) => {
    const bytes = filled(size);
    return Uint8Array.from([(type << 3) | 2, (size & 0x7f) | 0x80, size >> 7, ...bytes]);
  };
  /** A frame OBU of a key frame or of another one. */
  const picture = (key: boolean, size: number) => {
    const bytes = obu(6, size);
    bytes[3] = key ? 0x10 : 0x30;
    return bytes;
  };

  test('OBUs are sent without sizes, delimiter and padding; a key frame begins a new sequence (4.4, 5)', () => {
    const data = concatBytes([Uint8Array.of(0x12, 0), header, picture(true, 20), obu(15, 8)]);
    const [payload, ...others] = packetizerOf(tracks.av1).payloads(frameOf(data));
    assert.deepEqual(others, []);
    assert.equal(
      hex(payload!),
      `28${(header.length - 1).toString(16).padStart(2, '0')}08${hex(header.subarray(2))}30${hex(picture(true, 20).subarray(3))}`,
    );
  });

  test('a key frame without a sequence header gets that of the record', () => {
    const { payloads } = packetizerOf(tracks.av1);
    const bare = picture(true, 20);
    assert.deepEqual(payloads(frameOf(bare)), payloads(frameOf(concatBytes([header, bare]))));
    assert.equal(payloads(frameOf(bare, { key: false })).length, 1);
  });

  test('an OBU that does not fit continues in the next packet: bits Y and Z (4.4)', () => {
    const data = concatBytes([picture(false, 250), picture(false, 20)]);
    const payloads = packetizerOf(tracks.av1, 100).payloads(frameOf(data, { key: false }));
    assert.deepEqual(
      payloads.map((payload) => [payload[0]!.toString(16), payload.length]),
      [
        ['50', 100],
        ['d0', 100],
        ['a0', 76],
      ],
    );
  });

  test('a receiver reads the same temporal units, also with many small OBUs', () => {
    const { payloads } = packetizerOf(tracks.av1, 120);
    const frames = [
      concatBytes([header, picture(true, 3000)]),
      picture(false, 15),
      concatBytes(Array.from({ length: 40 }, (_, i) => (i === 0 ? picture(false, 3) : obu(4, 1 + ((i * 37) % 140))))),
    ];
    const sent = frames.map((data, i) => payloads(frameOf(data, { key: i === 0 })));
    assert.ok(sent.flat().every(({ length }) => length <= 120));
    // Sizes are printed in their shortest form: compared as they are sent.
    const units = readBack('av1', sent);
    assert.deepEqual(
      units.map(({ key }) => key),
      [true, false, false],
    );
    const again = packetizerOf(tracks.av1, 120);
    const resent = units.map(({ key, data }) => again.payloads(frameOf(data, { key })));
    assert.deepEqual(
      resent.map((list) => list.map(hex)),
      sent.map((list) => list.map(hex)),
    );
  });

  test('an OBU that ends after its temporal unit is refused, and so are more than 4,096', () => {
    const { payloads } = packetizerOf(tracks.av1);
    for (const data of [picture(false, 40).subarray(0, 20), Uint8Array.of(0x34), Uint8Array.of(0x32, 0x80)]) {
      assert.throws(() => payloads(frameOf(data, { key: false })), { name: 'FormatError' });
    }
    const many = new Uint8Array(2 * 4097).map((_, i) => (i % 2 === 0 ? 0x32 : 0));
    assert.throws(() => payloads(frameOf(many, { key: false })), { name: 'FormatError' });
  });
});

suite('VP9 (RFC 9628)', () => {
  const key = (size: number) => concatBytes([VP9_KEY, filled(size)]);
  const inter = (size: number) => filled(size, 0x86);

  test('a key frame has picture id and size; other frames refer to the one before (4.2)', () => {
    const { payloads } = packetizerOf(tracks.vp9);
    const [first] = payloads(frameOf(key(20)));
    assert.equal(hex(first!.subarray(0, 11)), `8f8001${'18'}${'00a0'}${'005a'}010401`);
    assert.deepEqual(first!.subarray(11), key(20));
    const [second] = payloads(frameOf(inter(20), { key: false }));
    assert.equal(hex(second!.subarray(0, 3)), 'cd8002');
    assert.deepEqual(second!.subarray(3), inter(20));
  });

  test('the picture id wraps after 15 bits', () => {
    const { payloads } = packetizerOf(tracks.vp9);
    const ids = Array.from({ length: 0x8001 }, () =>
      hex(payloads(frameOf(inter(1), { key: false }))[0]!.subarray(1, 3)),
    );
    assert.deepEqual(ids.slice(-3), ['ffff', '8000', '8001']);
  });

  test('a receiver reads the same frames', () => {
    const { payloads } = packetizerOf(tracks.vp9, 64);
    const frames = [key(1000), inter(61), inter(62), inter(5000)];
    const sent = frames.map((data, i) => payloads(frameOf(data, { key: i === 0 })));
    assert.ok(sent.flat().every(({ length }) => length <= 64));
    assert.deepEqual(sent[1]!.length, 1);
    assert.deepEqual(
      readBack('vp9', sent).map(({ data }) => hex(data)),
      frames.map(hex),
    );
  });

  test('a frame that is marked as a key frame and is none is refused', () => {
    assert.throws(() => packetizerOf(tracks.vp9).payloads(frameOf(inter(20))), { name: 'FormatError' });
  });
});

suite('formats', () => {
  test('an Opus packet is a payload; one that is too large is refused', () => {
    const { payloads } = packetizerOf(tracks.opus, 100);
    const data = filled(100, 0xfc);
    assert.deepEqual(payloads(frameOf(data)), [data]);
    assert.deepEqual(payloads(frameOf(new Uint8Array(0))), []);
    assert.throws(() => payloads(frameOf(filled(101, 0xfc))), { name: 'FormatError' });
  });

  test('the SDP describes each track', () => {
    assert.deepEqual(formatOf(tracks.h264), {
      encoding: 'H264',
      clockRate: 90_000,
      parameters: 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01e',
    });
    const parameters = Object.values(tracks).map((track) => packetizerOf(track).format.parameters);
    assert.deepEqual(parameters.slice(1), [
      'level-id=93;profile-id=1;tier-flag=1;tx-mode=SRST',
      'level-idx=1;profile=0;tier=0',
      'profile-id=0',
      'minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1',
    ]);
    const { encoding, clockRate, channels } = packetizerOf(tracks.opus).format;
    assert.deepEqual({ encoding, clockRate, channels }, { encoding: 'opus', clockRate: 48_000, channels: 2 });
  });

  test('what browsers cannot play is refused by its name', () => {
    assert.deepEqual(createPacketizer(audioTrack, 1100), {
      refused: 'AAC cannot be played over WebRTC. Convert it to Opus first.',
    });
    const { config } = tracks.opus;
    assert.ok(config.codec === 'opus');
    const surround = { ...tracks.opus, kind: 'audio', config: { ...config, channels: 6 } } as const;
    assert.match((createPacketizer(surround, 1100) as { refused: string }).refused, /6 channels/);
    assert.match((createPacketizer(textTrack, 1100) as { refused: string }).refused, /text/);
    const sent = allTracks.filter((track) => !('refused' in formatOf(track)));
    assert.deepEqual(
      sent.map(({ config: { codec } }) => codec),
      ['h264', 'hevc', 'av1', 'vp9', 'opus'],
    );
  });

  test('a malformed record is refused with a FormatError', () => {
    for (const track of Object.values(tracks).slice(0, 4)) {
      const broken = withRecord(track, track.config.record.subarray(0, 3));
      assert.throws(() => createPacketizer(broken, 1100), { name: 'FormatError' }, track.config.codec);
    }
  });

  test('2,000 random frames and records give payloads within the limit or a FormatError', () => {
    assert.ok(fuzzPacketizers(17, 2000) > 1000);
  });
});

suite('B-frames', () => {
  const times = (...pts: number[]) => pts.map((time, i) => ({ dts: i, pts: time }));

  test('a frame that is shown before an earlier one is recognized', () => {
    const watch = new ReorderingWatch();
    assert.deepEqual(
      times(2, 5, 3, 4).map((time) => watch.push(time)),
      [false, false, true, true],
    );
    const ordered = new ReorderingWatch();
    assert.ok(times(1, 2, 3, 7, 8).every((time) => !ordered.push(time)));
  });

  test('a new run with earlier times is no B-frame', () => {
    const watch = new ReorderingWatch();
    for (const time of times(10, 11, 12)) watch.push(time);
    assert.equal(watch.push({ dts: 0, pts: 0 }), false);
    assert.equal(watch.push({ dts: 1, pts: 3 }), false);
    assert.equal(watch.push({ dts: 2, pts: 2 }), true);
    assert.equal(watch.found, true);
  });
});
