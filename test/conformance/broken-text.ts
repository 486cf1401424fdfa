/**
 * Broken cases of the text of one list, and of reloads.
 * In: the example. Out: cases for rulebook.test.ts.
 */
import { type Broken, type Edit, index, live, past, reload, reloadOf, swap, without } from './broken.ts';
import { exampleLive, examplePast, LIVE } from './harness/example-presentation.ts';

const event: Edit = swap('#EXT-X-PLAYLIST-TYPE:VOD', '#EXT-X-PLAYLIST-TYPE:EVENT');
const growing: Edit = (text) => without(/#EXT-X-ENDLIST/)(event(text));
const twice: Edit = (text) => text.replace(/^(#EXT-X-TARGETDURATION.*)$/m, '$1\n$1');

const ofText: readonly Broken[] = [
  live('extm3u-first', (text) => `\n${text}`),
  live('line-form', swap('#EXTINF:2.00000,\n103', '#EXTINF:2.00000, \n103')),
  live('line-form', (text) => text.trimEnd()),
  live('line-form', swap('100.m4s', '100\u0007.m4s')),
  live('attribute-form', swap('CAN-BLOCK-RELOAD=YES,CAN', 'CAN-BLOCK-RELOAD=YES, CAN'), {
    also: ['part-hold-back-least'],
  }),
  live('attribute-form', swap('DURATION=0.20000,URI="109.0', 'DURATION=0.20000,DURATION=0.20000,URI="109.0')),
  live('attribute-type', swap('HOLD-BACK=6.00000', 'HOLD-BACK="6.00000"')),
  live('attribute-type', swap('INDEPENDENT=YES', 'INDEPENDENT=NO')),
  index('attribute-type', swap(/RESOLUTION=160x96/, 'RESOLUTION=160:96')),
  live('attribute-required', swap(/,LAST-MSN=\d+/, '')),
  index('attribute-required', swap(/BANDWIDTH=\d+,/, '')),
  live('tag-known', swap('#EXT-X-MAP', '#EXT-X-MAPS:a\n#EXT-X-MAP')),
  live('tag-once', twice),
  index('tag-place', swap('#EXT-X-MEDIA', '#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA')),
  live('version-high-enough', swap('VERSION:6', 'VERSION:5')),
  live('version-high-enough', swap('#EXT-X-MAP', '#EXT-X-GAP\n#EXT-X-MAP')),
];

const ofMediaText: readonly Broken[] = [
  live('extinf-form', swap('#EXTINF:2.00000,\n101', '#EXTINF:2.00000\n101'), { also: ['date-agrees'] }),
  past('extinf-form', without(/#EXTINF:2\.00000,/), { also: ['date-agrees'] }),
  live('segment-tags-once', swap('#EXT-X-DISCONTINUITY\n', '#EXT-X-DISCONTINUITY\n#EXT-X-DISCONTINUITY\n')),
  past('targetduration-said', without(/#EXT-X-TARGETDURATION/)),
  live('targetduration-holds', swap('#EXTINF:2.00000,\n100', '#EXTINF:2.50000,\n100'), { also: ['date-agrees'] }),
  live('header-before-segments', (text) =>
    swap('100.m4s\n', '100.m4s\n#EXT-X-MEDIA-SEQUENCE:100\n')(without(/#EXT-X-MEDIA-SEQUENCE/)(text)),
  ),
  live('map-before-segments', without(/#EXT-X-MAP/)),
  live('map-change-discontinuity', swap('#EXTINF:2.00000,\n101', '#EXT-X-MAP:URI="init-2.mp4"\n#EXTINF:2.00000,\n101')),
  live('date-form', swap('2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000')),
  live('date-form', swap('2026-01-01T00:00:00.000Z', '2026-01-01 00:00:00.000Z')),
  live('date-present', (text) => text.replaceAll(/^#EXT-X-PROGRAM-DATE-TIME.*\n/gm, '')),
  live('date-forward', swap('00:00:06.700Z', '00:00:03.000Z'), { also: ['date-agrees'] }),
  live('date-agrees', swap('00:00:02.000Z', '00:00:02.060Z'), {}),
  live('discontinuity-sequence-said', without(/#EXT-X-DISCONTINUITY-SEQUENCE/)),
  past('playlist-type', swap('TYPE:VOD', 'TYPE:DVR')),
  past('playlist-type', without(/#EXT-X-ENDLIST/)),
  live('uri-once', swap('102.m4s', '101.m4s')),
  live('six-segments', (text) => {
    const from = text.indexOf('#EXT-X-MAP');
    const to = text.indexOf('#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:14.700Z');
    const map = '#EXT-X-MAP:URI="init-1.mp4"\n';
    const head = text.slice(0, from).replace('SEQUENCE:100', 'SEQUENCE:107').replace('SEQUENCE:7', 'SEQUENCE:8');
    return head + map + text.slice(to);
  }),
  {
    rule: 'target-six-seconds',
    run: async () => {
      const six = swap('TARGETDURATION:2', 'TARGETDURATION:6');
      const { good } = await past('', (text) => text).run();
      const { bad } = await past('', six).run();
      return { good: bad, bad: good };
    },
  },
  live('sequence-numbers', swap('#EXT-X-MEDIA-SEQUENCE:100', '#EXT-X-MEDIA-SEQUENCE:1e2')),
];

const ofParts: readonly Broken[] = [
  live('part-inf-present', without(/#EXT-X-PART-INF/)),
  live('part-not-above-target', swap('DURATION=0.20000,URI="111.9', 'DURATION=0.20200,URI="111.9')),
  live('part-not-too-short', swap('DURATION=0.20000,URI="112.1', 'DURATION=0.17000,URI="112.1')),
  live('part-sum', without(/#EXT-X-PART:DURATION=0\.20000,URI="110\.9/)),
  live('parts-near-end', (text) => {
    const part = (i: number) => `#EXT-X-PART:DURATION=0.20000,URI="@.${i}.m4s"${i === 0 ? ',INDEPENDENT=YES' : ''}`;
    const parts = Array.from({ length: 10 }, (_, i) => part(i)).join('\n');
    let edited = text;
    for (const msn of [104, 105, 106, 107]) {
      edited = swap(`#EXTINF:2.00000,\n${msn}.m4s`, `${parts.replaceAll('@', `${msn}`)}\n$&`)(edited);
    }
    return edited;
  }),
  live('parts-unbroken', (text) => text.replaceAll(/^#EXT-X-PART:.*URI="110\..*\n/gm, '')),
  live('parts-unbroken', (text) => text.replaceAll(/^#EXT-X-PART:.*URI="(108|109|110)\..*\n/gm, '')),
  live('part-hold-back-least', swap(',PART-HOLD-BACK=0.60300', '')),
  live('part-hold-back-least', swap('PART-HOLD-BACK=0.60300', 'PART-HOLD-BACK=0.40000'), {
    also: ['part-hold-back-three'],
  }),
  live('part-hold-back-three', swap('PART-HOLD-BACK=0.60300', 'PART-HOLD-BACK=0.50000')),
  live('hold-back-least', swap(',HOLD-BACK=6.00000', ',HOLD-BACK=5.00000')),
  live('can-skip-until-least', swap('CAN-SKIP-UNTIL=12.00000', 'CAN-SKIP-UNTIL=11.00000')),
  live('can-block-reload', swap('CAN-BLOCK-RELOAD=YES,', '')),
  live('preload-hint-present', without(/#EXT-X-PRELOAD-HINT/)),
  live('preload-hint-next', swap('HINT:TYPE=PART,URI="112.4', 'HINT:TYPE=PART,URI="112.3')),
  live('preload-hint-next', swap(/(#EXT-X-PRELOAD-HINT.*\n)/, '$1$1')),
  live('preload-hint-next', (text) => `${text}#EXT-X-ENDLIST\n`),
  live('gap-parts-marked', (text) =>
    swap('#EXTINF:2.00000,\n110', '#EXT-X-GAP\n#EXTINF:2.00000,\n110')(swap('VERSION:6', 'VERSION:8')(text)),
  ),
  live('independent-part-present', (text) => text.replaceAll(',INDEPENDENT=YES', '')),
];

const ofIndex: readonly Broken[] = [
  index('stream-inf-uri', swap('v0/g1.m3u8\n', '')),
  index('codecs-said', swap(/CODECS="avc1[^"]*",RESOLUTION=160x96,FRAME-RATE=25.000,/, ''), {
    also: ['several-bit-rates'],
  }),
  index('resolution-said', swap('RESOLUTION=160x96,', '')),
  index('frame-rate-said', swap('FRAME-RATE=25.000,', '')),
  index('average-bandwidth-said', swap(/,AVERAGE-BANDWIDTH=\d+/, '')),
  index('group-exists', swap('AUDIO="audio"', 'AUDIO="sound"')),
  index('captions-agree', swap('AUDIO="audio"', 'AUDIO="audio",CLOSED-CAPTIONS=NONE')),
  index('captions-within', swap(/(#EXT-X-MEDIA.*)/, '$1,INSTREAM-ID="CC1"')),
  index('group-members', swap(/(#EXT-X-MEDIA.*\n)/, '$1$1')),
  index(
    'group-members',
    swap(/(#EXT-X-MEDIA.*\n)/, '$1#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="x",LANGUAGE="en",DEFAULT=YES\n'),
  ),
  index('group-language', swap('LANGUAGE="de",', '')),
  index('independent-segments-said', without(/#EXT-X-INDEPENDENT-SEGMENTS/)),
  index('i-frame-playlists', without(/#EXT-X-I-FRAME-STREAM-INF/)),
  index('several-bit-rates', swap(/#EXT-X-STREAM-INF.*\nv0.*\n/, '')),
];

const atEnd = (text: string) => `${text.replace(/#EXT-X-PRELOAD-HINT.*\n/, '')}#EXT-X-ENDLIST\n`;

const ofReload: readonly Broken[] = [
  reload('reload-targets', { after: swap('TARGETDURATION:2', 'TARGETDURATION:3') }, { also: ['reload-parts-stay'] }),
  reload('reload-targets', { after: swap('PART-TARGET=0.201', 'PART-TARGET=0.202') }),
  reload('reload-control', { after: swap(',HOLD-BACK=6.0', ',HOLD-BACK=7.0') }),
  reloadOf(
    'reload-type',
    [growing(examplePast()), growing(examplePast())],
    [growing(examplePast()), without(/#EXT-X-ENDLIST/)(examplePast())],
  ),
  reloadOf(
    'reload-sequence-forward',
    [exampleLive('v0', { ...LIVE, from: 2 }), exampleLive('v0', { ...LIVE, from: 2 })],
    [exampleLive('v0', { ...LIVE, from: 2 }), exampleLive('v0')],
  ),
  reloadOf(
    'reload-grows',
    [exampleLive('v0'), exampleLive('v0')],
    [exampleLive('v0'), exampleLive('v0', { ...LIVE, open: 3 })],
    {
      also: ['reload-parts-kept'],
    },
  ),
  reloadOf(
    'reload-grows',
    [exampleLive('v0'), exampleLive('v0')],
    [exampleLive('v0'), exampleLive('v0', { ...LIVE, sealed: 11 })],
    {
      also: ['reload-parts-kept', 'reload-segment-kept'],
    },
  ),
  reload('reload-segment-kept', { after: swap('105.m4s', '105b.m4s') }),
  reload('reload-segment-kept', { after: swap('#EXTINF:2.00000,\n105', '#EXTINF:1.99900,\n105') }),
  reload('reload-segment-kept', { before: swap('#EXTINF:2.00000,\n105', '#EXT-X-GAP\n#EXTINF:2.00000,\n105') }),
  reload('reload-segment-kept', { after: swap('00:00:08.700Z', '00:00:08.701Z') }),
  reload('reload-segment-kept', { after: swap('URI="init-1', 'URI="init-2') }, { also: ['reload-open-kept'] }),
  reload('reload-open-kept', { after: swap('00:00:22.700Z', '00:00:22.719Z') }),
  reload('reload-parts-kept', { after: swap('DURATION=0.20000,URI="111.3', 'DURATION=0.19900,URI="111.3') }),
  reload('reload-parts-kept', { after: swap('URI="110.0.m4s",INDEPENDENT=YES', 'URI="110.0.m4s"') }),
  reload('reload-parts-stay', { after: (text) => text.replaceAll(/^#EXT-X-PART:.*URI="(109|110)\..*\n/gm, '') }),
  reload('reload-removal', {
    before: (text) => keepLast(text, 108),
    after: (text) => keepLast(text, 110),
  }),
  reloadOf(
    'reload-removal',
    [growing(examplePast()), growing(examplePast())],
    [
      growing(examplePast()),
      swap('SEQUENCE:100', 'SEQUENCE:101')(growing(examplePast(7)).replace(/#EXT-X-PROG.*\n#EXTINF.*\n100.*\n/, '')),
    ],
  ),
  reload('reload-discontinuity-sequence', { after: swap('DISCONTINUITY-SEQUENCE:7', 'DISCONTINUITY-SEQUENCE:8') }),
  reloadOf(
    'reload-ended-is-final',
    [exampleLive('v0'), exampleLive('v0')],
    [atEnd(exampleLive('v0')), exampleLive('v0')],
  ),
  reloadOf(
    'reload-ended-is-final',
    [event(examplePast()), event(examplePast())],
    [event(examplePast()), event(examplePast(7))],
  ),
  reloadOf(
    'reload-vod-frozen',
    [examplePast(), examplePast()],
    [examplePast(), swap('VERSION:6', 'VERSION:7')(examplePast())],
  ),
];

/** A live list that begins with `msn`, behind the DISCONTINUITY. */
function keepLast(text: string, msn: number): string {
  const at = text.indexOf(`${msn - 1}.m4s\n`) + `${msn - 1}.m4s\n`.length;
  const head = text.slice(0, text.indexOf('#EXT-X-MAP')).replace('SEQUENCE:100', `SEQUENCE:${msn}`);
  return `${head.replace('SEQUENCE:7', 'SEQUENCE:8')}#EXT-X-MAP:URI="init-1.mp4"\n${text.slice(at)}`;
}

/** All of them. */
export const brokenTexts: readonly Broken[] = [...ofText, ...ofMediaText, ...ofParts, ...ofIndex, ...ofReload];
