import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Track, VideoTrack } from '../frame.ts';
import { BoxWriter, fourccAt, readBoxes } from './box.ts';
import { fuzzSampleEntries } from './fuzz.fixture.ts';
import { chunkMoovOffset, parseInit, parseMoov, printChunkStart, printInit } from './init.ts';
import { allTracks, audioTrack, dataTrack, fuzz, hevcTrack, mp3Track, textTrack, videoTrack } from './media.fixture.ts';
import { printEmptyTables, printMvhd, printTrak } from './movie/movie.ts';

/** A moov with edits, as another muxer would write it. */
function moovWithEdits(edits: { duration: number; mediaTime: number }[]): Uint8Array {
  const writer = new BoxWriter(new Uint8Array(2048));
  const moov = writer.open('moov');
  printMvhd(writer, 0, 2);
  printTrak(writer, { track: videoTrack, duration: 0, presented: 0, edits, tables: printEmptyTables });
  writer.close(moov);
  return writer.bytes.slice(0, writer.offset);
}

/** A moov with zeros at the end of a box on the way to its first sample entry. */
function withZeros(moov: Uint8Array, type: string, zeros: number): Uint8Array {
  const bytes = Buffer.from(moov);
  const path = ['moov', 'trak', 'mdia', 'minf', 'stbl', 'stsd', 'avc1'];
  let end = 0;
  for (const name of path.slice(0, path.indexOf(type) + 1)) {
    const start = bytes.indexOf(name) - 4;
    end = start + bytes.readUInt32BE(start);
    bytes.writeUInt32BE(end - start + zeros, start);
  }
  return Buffer.concat([bytes.subarray(0, end), Buffer.alloc(zeros), bytes.subarray(end)]);
}

suite('an init segment', () => {
  test('says of each track exactly what went in', () => {
    for (const tracks of [[videoTrack], [audioTrack], [hevcTrack, audioTrack], [videoTrack, audioTrack]]) {
      assert.deepEqual(parseInit(printInit(tracks)), tracks);
      assert.deepEqual(parseInit(printChunkStart(tracks)), tracks);
    }
  });

  test('keeps languages of any form, labels in any script, and rates above 16 bits', () => {
    const tracks: Track[] = [
      { ...audioTrack, language: 'pt-BR', label: 'Comentário 解説' },
      { ...audioTrack, id: 3, language: 'und', label: '' },
      {
        ...audioTrack,
        id: 255,
        kind: 'audio',
        timescale: 96_000,
        config: {
          codec: 'aac',
          record: Uint8Array.of(0x10, 0x10),
          codecs: 'mp4a.40.2',
          sampleRate: 96_000,
          channels: 2,
        },
      },
    ];
    assert.deepEqual(parseInit(printInit(tracks)), tracks);
  });

  test('keeps which derived quality a track is, with its label or without', () => {
    const tracks: Track[] = [videoTrack, { ...(videoTrack as VideoTrack), id: 101, rung: '480', label: 'Small' }];
    assert.deepEqual(parseInit(printInit(tracks)), tracks);
    assert.deepEqual(parseInit(printInit([{ ...(videoTrack as VideoTrack), rung: '360' }]))[0], {
      ...videoTrack,
      rung: '360',
    });
  });

  test('takes the derived quality from separate files only: the tracks of a movie are those of a source', () => {
    const init = printInit([{ ...(videoTrack as VideoTrack), rung: '480' }]);
    assert.equal((parseMoov(init, readBoxes(init)[1]!)[0]!.track as VideoTrack).rung, undefined);
  });

  test('does not change the bytes it reads, not even those of a Buffer', () => {
    const init = Buffer.from(printInit([videoTrack]));
    const at = init.indexOf('avcC') + 4;
    init[at + 4] = 0xfd; // lengths of 2 bytes
    const [track] = parseInit(init);
    assert.equal(init[at + 4], 0xfd);
    assert.equal(track!.config.record[4], 0xff);
    const moov = readBoxes(init)[1]!;
    assert.equal(parseMoov(init, moov)[0]!.nalLengthBytes, 2);
  });

  test('begins with 32 bytes of ftyp; in a chunk file a placeholder of 16 bytes follows', () => {
    const start = printChunkStart([videoTrack, audioTrack]);
    assert.deepEqual(
      readBoxes(start).map(({ type, start: at }) => [type, at]),
      [
        ['ftyp', 0],
        ['free', 32],
        ['moov', chunkMoovOffset],
      ],
    );
    assert.equal(fourccAt(printInit([videoTrack]), 36), 'moov');
  });

  test('an edit list shifts times: media_time back, an empty edit forward (8.6.6)', () => {
    for (const [edits, shift, many, end] of [
      [[], 0, false, undefined],
      [[{ duration: 0, mediaTime: 7200 }], -7200, false, undefined],
      [
        [
          { duration: 9000, mediaTime: -1 },
          { duration: 90_000, mediaTime: 3600 },
        ],
        5400,
        false,
        99_000,
      ],
      [
        [
          { duration: 9000, mediaTime: 0 },
          { duration: 90_000, mediaTime: 36_000 },
        ],
        0,
        true,
        9000,
      ],
      // Two edits, the second of which begins where the first ends, show one stretch.
      [
        [
          { duration: 9000, mediaTime: 3600 },
          { duration: 4500, mediaTime: 12_600 },
        ],
        -3600,
        false,
        13_500,
      ],
    ] as const) {
      const moov = moovWithEdits([...edits]);
      const [track] = parseMoov(moov, readBoxes(moov)[0]!);
      assert.equal(track!.editShift, shift);
      assert.equal(track!.manyEdits, many);
      assert.equal(track!.editEnd, end);
    }
  });

  test('a malformed track costs that track where another one can be read, if the caller wants it', () => {
    for (const name of ['stsd', 'stbl', 'mdhd', 'tkhd']) {
      const init = Buffer.from(printInit([videoTrack, audioTrack]));
      init.write('xxxx', init.lastIndexOf(name), 'latin1');
      const moov = readBoxes(init)[1]!;
      assert.throws(() => parseMoov(init, moov), { name: 'FormatError' }, name);
      const [video, audio] = parseMoov(init, moov, { keepsOthers: true });
      assert.deepEqual([video!.track, audio!.track], [videoTrack, undefined]);
      assert.deepEqual(audio!.leftOut, { kind: 'unknown', name: 'a damaged track' });
      init.write('xxxx', init.indexOf(name), 'latin1');
      assert.throws(() => parseMoov(init, moov, { keepsOthers: true }), { name: 'FormatError' }, name);
    }
  });

  test('zeros behind the boxes of a sample entry or of another list are no box, as QuickTime ends them', () => {
    for (const zeros of [1, 4, 7]) {
      for (const type of ['avc1', 'stsd', 'stbl', 'trak', 'moov']) {
        const moov = withZeros(moovWithEdits([{ duration: 9000, mediaTime: 0 }]), type, zeros);
        const [track] = parseMoov(moov, readBoxes(moov)[0]!);
        assert.equal(track!.track?.kind, 'video', `${zeros} in ${type}`);
        assert.equal(track!.leftOut, undefined);
      }
    }
  });

  test('a track that we cannot take is named, not dropped', () => {
    const init = Buffer.from(printInit([videoTrack, audioTrack]));
    init.write('vp08', init.indexOf('avc1'));
    const [video, audio] = parseMoov(init, readBoxes(init)[1]!);
    assert.equal(video!.track, undefined);
    assert.deepEqual(video!.leftOut, { kind: 'video', name: 'VP8 video' });
    init.write('jxsm', init.indexOf('vp08'));
    assert.equal(parseMoov(init, readBoxes(init)[1]!)[0]!.leftOut!.name, 'JPEG XS video');
    init.write('ab d', init.indexOf('jxsm'));
    assert.equal(parseMoov(init, readBoxes(init)[1]!)[0]!.leftOut!.name, "video of unknown codec 'ab d'");
    assert.deepEqual(audio!.track, audioTrack);
    init.write('enca', init.indexOf('mp4a', 60));
    assert.match(parseMoov(init, readBoxes(init)[1]!)[1]!.leftOut!.name, /encrypted/);
  });

  test('what an mp4a entry holds other than AAC and MP3 is named by its object type', () => {
    const init = Buffer.from(printInit([audioTrack]));
    init[init.indexOf(Buffer.from([0x40, 0x15]))] = 0xa9; // DTS
    assert.deepEqual(parseInit(init), []);
    assert.equal(parseMoov(init, readBoxes(init)[1]!)[0]!.leftOut!.name, 'DTS audio');
  });

  for (const track of allTracks) {
    test(`${track.config.codec} comes back from its sample entry as it went in`, () => {
      assert.deepEqual(parseInit(printInit([track])), [track]);
    });
  }

  test('text and metadata have handlers and headers of their own (14496-12, 8.4.3 and 8.4.5.2)', () => {
    const init = Buffer.from(printInit([textTrack, dataTrack]));
    for (const piece of ['text\0', 'meta\0', 'nmhd', 'wvtt', 'urim', 'urn:scte:scte35:2013:bin\0']) {
      assert.ok(init.includes(piece, 0, 'latin1'), piece);
    }
    assert.ok(!init.includes('smhd') && !init.includes('vmhd'));
  });

  test('metadata under an unknown URI and titles of chapters are no media that is missing', () => {
    const init = Buffer.from(printInit([dataTrack]));
    init.write('urn:other', init.indexOf('urn:scte'));
    assert.deepEqual(parseInit(init), []);
    assert.equal(parseMoov(init, readBoxes(init)[1]!)[0]!.leftOut, undefined);
    const chapters = Buffer.from(printInit([textTrack]));
    chapters.write('text', chapters.indexOf('wvtt'));
    assert.equal(parseMoov(chapters, readBoxes(chapters)[1]!)[0]!.leftOut, undefined);
  });

  test('MP3 is known by its QuickTime entry too, and by its rate whether it is that of MPEG-2', () => {
    const track: Track = { ...mp3Track, config: { ...mp3Track.config, codecs: 'mp4a.69', sampleRate: 22_050 } };
    const init = Buffer.from(printInit([track]));
    init.write('.mp3', init.indexOf('mp4a', 60));
    assert.deepEqual(parseInit(init), [track]);
    assert.deepEqual(parseInit(printInit([track])), [track]);
  });

  test('what has no moov or no track is refused', () => {
    assert.throws(() => parseInit(printInit([videoTrack]).subarray(0, 32)), { name: 'FormatError', offset: 32 });
    assert.throws(() => parseInit(printInit([])), { name: 'FormatError', message: /no track/ });
  });

  test('damaged inits are refused with FormatError and nothing else', () => {
    fuzz(printInit([videoTrack, audioTrack]), 1500, (bytes) => parseInit(bytes));
    fuzz(printInit([hevcTrack]), 700, (bytes) => parseInit(bytes));
  });

  test('so are damaged sample entries of every codec', () => fuzzSampleEntries(3, 2000));
});
