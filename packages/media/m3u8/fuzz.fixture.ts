/**
 * Scrambled playlists for the parser.
 * In: a seed. Out: nothing, or what failed. Used by tests and `npm run fuzz`. Pure.
 */
import assert from 'node:assert/strict';
import { seeded } from '../random.fixture.ts';
import { parsePlaylist } from './parse.ts';
import { mediaPlaylistText } from './print.fixture.ts';
import { printMultivariantPlaylist } from './print.ts';

const pieces = [
  '#EXTM3U\n', '#EXTINF:', '#EXT-X-PART:', '#EXT-X-MAP:', '#EXT-X-STREAM-INF:', '#EXT-X-MEDIA:', '#EXT-X-KEY:',
  '#EXT-X-BYTERANGE:', '#EXT-X-DEFINE:', '#EXT-X-SKIP:', '#EXT-X-PROGRAM-DATE-TIME:', '#EXT-X-TARGETDURATION:',
  '#EXT-X-SERVER-CONTROL:', '#EXT-X-PRELOAD-HINT:', '#EXT-X-DISCONTINUITY\n', '#EXT-X-ENDLIST\n', '#EXT-X-DATERANGE:', 'ID="a",', 'START-DATE="2026-01-01T00:00:00Z",', 'X-A=', '#EXT-X-START:',
  'URI="', 'DURATION=', 'BANDWIDTH=', 'NAME="a",VALUE="', 'METHOD=', 'TYPE=', 'GROUP-ID=', 'BYTERANGE=', 'NONE', 'AUDIO',
  '4.5', '12', '@3', '-1', '99999999999999999999', 'NaN', '2026-01-01T00:00:00Z', 'a.ts', '{$a}', '{$', '"', ',', '=', '\n',
  '\r\n', '\0', '\uFEFF', '\u2028', 'é', ' ', '#', 'YES',
] as const; // biome-ignore format: a table

/**
 * Reads `count` playlists of scrambled pieces: each is a value that prints and reads again, or a FormatError.
 *
 * @returns how many were read
 * @throws AssertionError for anything else
 */
export function fuzzPlaylists(seed: number, count: number): number {
  const random = seeded(seed);
  let read = 0;
  for (let i = 0; i < count; i++) {
    let text = random(20) > 0 ? '#EXTM3U\n' : '';
    const tame = random(2) > 0 ? '#EXT-X-TARGETDURATION:4\n#EXTINF:4,\na.ts\n' : '';
    text += tame;
    for (let k = random(20); k > 0; k--) text += pieces[random(pieces.length)];
    try {
      const parsed = parsePlaylist(text);
      read += 1;
      const printed =
        parsed.kind === 'media' ? mediaPlaylistText(parsed.playlist) : printMultivariantPlaylist(parsed.playlist);
      assert.ok(printed.length < text.length * 8 + 400, 'printing does not multiply the input');
      if (parsed.kind === 'media') assert.equal(parsePlaylist(printed).kind, 'media');
    } catch (error) {
      assert.equal((error as Error).name, 'FormatError', `${JSON.stringify(text)}\n${(error as Error).stack}`);
    }
  }
  return read;
}

const attributes = [
  'ID="a"', 'ID="b"', 'ID=""', 'START-DATE="2026-01-01T00:00:00Z"', 'START-DATE="9999-12-31T23:59:59Z"', 'START-DATE=""', 'END-DATE="2026-01-01T00:00:02+14:00"',
  'DURATION=2.00001', 'DURATION=-1', 'PLANNED-DURATION=1e9', 'PLANNED-DURATION=999999999', 'END-ON-NEXT=YES', 'CLASS="c,d"', 'CLASS=c', 'CUE="PRE,ONCE"',
  'SCTE35-OUT=0xFC00', 'SCTE35-IN=FC', 'SCTE35-CMD="0xFC"', 'X-A="é\u2028"', 'X-A=1', 'X-__PROTO__=1', '__proto__="x"', 'METHOD=AES-128', 'METHOD=NONE',
  'METHOD="SAMPLE-AES"', 'METHOD=', 'URI="k"', 'URI="skd://a,b"', 'URI=k', 'IV=0x00112233445566778899aabbccddeeff', 'IV=0X1', 'IV="0x1"', 'IV=zz',
  'KEYFORMAT="identity"', 'KEYFORMAT="com.apple.streamingkeydelivery"', 'KEYFORMAT=""', 'KEYFORMATVERSIONS="1/2"', 'X-B="', '=', 'X-C', ' ',
] as const; // biome-ignore format: a table

/**
 * Reads `count` lists with keys and date ranges of scrambled attributes: printed and read again they are the
 * same.
 *
 * @returns how many keys and ranges were read
 * @throws AssertionError for anything else than that, or a FormatError
 */
export function fuzzKeysAndDateRanges(seed: number, count: number): number {
  const random = seeded(seed);
  const take = (text: string) => {
    const parsed = parsePlaylist(text);
    assert.ok(parsed.kind === 'media');
    return parsed.playlist;
  };
  let read = 0;
  for (let i = 0; i < count; i++) {
    const tag = () => {
      const isKey = random(2) === 0;
      // What a tag cannot do without, most of the time.
      const names: string[] = random(4) === 0 ? [] : isKey ? ['METHOD=AES-128', 'URI="k"'] : ['ID="a"'];
      for (let k = random(7); k > 0; k--)
        names.splice(random(names.length + 1), 0, attributes[random(attributes.length)]!);
      return `${isKey ? '#EXT-X-KEY' : '#EXT-X-DATERANGE'}:${names.join()}\n`;
    };
    let text = '#EXTM3U\n#EXT-X-TARGETDURATION:4\n';
    for (let k = random(4); k >= 0; k--) text += `${tag()}#EXTINF:4,\na.ts\n`;
    try {
      const list = take(text);
      const again = take(mediaPlaylistText(list));
      const keysOf = ({ segments }: typeof list) => segments.map(({ key }) => key);
      assert.deepEqual(keysOf(again), keysOf(list), text);
      assert.deepEqual(again.dateRanges, list.dateRanges, text);
      read += list.segments.filter(({ key }) => key).length + (list.dateRanges?.length ?? 0);
    } catch (error) {
      assert.equal((error as Error).name, 'FormatError', `${JSON.stringify(text)}\n${(error as Error).stack}`);
    }
  }
  return read;
}
