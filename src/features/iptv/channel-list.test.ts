import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseMediaTarget } from '../../api/media-address.ts';
import { type CatchUpMode, type Channel, catchUpModes, printChannelList } from './channel-list.ts';
import { catchUpAddress, readChannels } from './player-rules.fixture.ts';

const GUIDE = 'http://tv.example/xmltv.xml';
const door: Channel = {
  name: 'door',
  title: 'Front "door", west\n#EXTINF',
  base: 'http://tv.example/t/AWr1',
  isRadio: false,
  logo: 'http://tv.example/t/AWr1/thumb/door/1795000000.jpg',
  days: 7,
  format: 'ts',
};
const radio: Channel = {
  name: 'radio',
  title: 'Radio',
  base: 'http://tv.example',
  isRadio: true,
  logo: undefined,
  days: undefined,
  format: 'ts',
};
const programme = { startS: 1_795_000_000, endS: 1_795_001_800, nowS: 1_795_100_000 };

suite('the channel list', () => {
  test('has one line of attributes and one address for each channel; a title ends neither', () => {
    assert.equal(
      printChannelList([door, radio], GUIDE, 'append'),
      `#EXTM3U url-tvg="${GUIDE}" x-tvg-url="${GUIDE}"
#EXTINF:-1 tvg-id="door" tvg-logo="http://tv.example/t/AWr1/thumb/door/1795000000.jpg" group-title="oxbow" catchup="append" catchup-source="?utc={utc}&lutc={lutc}&duration={duration}" catchup-days="7" tvg-rec="7" tvg-name="Front 'door', west #EXTINF",Front 'door', west #EXTINF
http://tv.example/t/AWr1/live/door/ts/index.m3u8
#EXTINF:-1 tvg-id="radio" group-title="oxbow" radio="true" tvg-name="Radio",Radio
http://tv.example/live/radio/ts/index.m3u8
`,
    );
  });

  test('without channels is a list', () => {
    assert.equal(printChannelList([], GUIDE, 'append'), `#EXTM3U url-tvg="${GUIDE}" x-tvg-url="${GUIDE}"\n`);
  });
});

suite('what a player forms of the list', () => {
  const addressIn = (mode: CatchUpMode, channel: Channel = door) =>
    catchUpAddress(readChannels(printChannelList([channel], GUIDE, mode)).channels[0]!, programme);

  const expected: Readonly<Record<CatchUpMode, string | undefined>> = {
    append: 'http://tv.example/t/AWr1/live/door/ts/index.m3u8?utc=1795000000&lutc=1795100000&duration=1800',
    default: 'http://tv.example/t/AWr1/live/door/ts/index-1795000000-1800.m3u8',
    shift: 'http://tv.example/t/AWr1/live/door/ts/index.m3u8?utc=1795000000&lutc=1795100000',
    flussonic: 'http://tv.example/t/AWr1/live/door/ts/timeshift_rel-100000.m3u8',
    off: undefined,
  };
  for (const mode of catchUpModes) {
    test(`${mode}: ${expected[mode] ?? 'no past'}`, () => {
      const address = addressIn(mode);
      assert.equal(address, expected[mode]);
      if (address === undefined) return;
      const { token, address: media } = parseMediaTarget(address.slice('http://tv.example'.length))!;
      assert.equal(token, 'AWr1');
      assert.ok(media.kind !== 'unknown' && media.stream === 'door');
    });
  }

  test('of fragmented MP4, in every mode but `off`: a window', () => {
    const hls: Channel = { ...door, format: 'hls' };
    for (const mode of catchUpModes) {
      const address = mode === 'off' ? undefined : 'http://tv.example/t/AWr1/vod/door/1795000000/1800/index.m3u8';
      assert.equal(addressIn(mode, hls), address, mode);
    }
    assert.equal(
      readChannels(printChannelList([hls], GUIDE, 'append')).channels[0]!.address,
      'http://tv.example/t/AWr1/live/door/index.m3u8',
    );
  });

  test('name, guide and days are those of the stream', () => {
    const { guide, channels } = readChannels(printChannelList([door, radio], GUIDE, 'shift'));
    assert.equal(guide, GUIDE);
    assert.deepEqual(
      channels.map(({ name, value }) => [name, value('tvg-id'), value('catchup-days'), value('radio')]),
      [
        ["Front 'door', west #EXTINF", 'door', '7', ''],
        ['Radio', 'radio', '', 'true'],
      ],
    );
  });
});
