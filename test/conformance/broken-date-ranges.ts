/**
 * Broken cases of EXT-X-DATERANGE.
 * In: the example. Out: cases for rulebook.test.ts.
 */
import { type Broken, type Edit, live, past, reload, subject } from './broken.ts';
import { exampleLive, LIVE } from './harness/example-presentation.ts';
import { readMedia } from './media-text.ts';
import { rulesOfDelta } from './rules/rules-of-blocking.ts';

const START = 'START-DATE="2026-01-01T00:00:02.000Z"';

/** Puts tags behind the segments. */
const said = (...attributes: readonly string[]): Edit => {
  const lines = attributes.map((list) => `#EXT-X-DATERANGE:${list}\n`).join('');
  return (text) => text.replace(/#EXT-X-(PRELOAD-HINT|ENDLIST)/, `${lines}$&`);
};
const whole = readMedia('/example/v0/g1.m3u8', said(`ID="a",${START}`)(exampleLive('v0')));
const delta = (edit: Edit) => readMedia('/example/v0/g1.m3u8', edit(exampleLive('v0', LIVE, { skip: true })));

/** All of them. */
export const brokenDateRanges: readonly Broken[] = [
  live('attribute-required', said(`ID="a"`)),
  live('daterange-dates', said('ID="a",START-DATE="2026-01-01 00:00"')),
  past('daterange-dates', said(`ID="a",${START},END-DATE="2026-01-01T00:00:01.000Z"`)),
  live('daterange-end-agrees', said(`ID="a",${START},END-DATE="2026-01-01T00:00:04.000Z",DURATION=2.5`)),
  live('daterange-end-on-next', said(`ID="a",${START},END-ON-NEXT=YES`)),
  live('daterange-end-on-next', said(`ID="a",CLASS="c",${START},END-ON-NEXT=YES,DURATION=2`)),
  live('daterange-one-word', said(`ID="a",${START},DURATION=2`, `ID="a",${START},DURATION=3`)),
  live('daterange-attributes', said(`ID="a",${START},COLOUR="red"`)),
  past('daterange-attributes', said(`ID="a",${START},SCTE35-OUT="0xFC30"`)),
  live('daterange-date-present', (text) => said(`ID="a",${START}`)(text.replaceAll(/^#EXT-X-PROGRAM-DATE.*\n/gm, '')), {
    also: ['date-present'],
  }),
  reload('reload-daterange-kept', {
    before: said(`ID="a",${START},PLANNED-DURATION=9`),
    after: said(`ID="a",${START},DURATION=8`),
  }),
  reload('reload-daterange-kept', {
    before: said(`ID="a",${START}`),
    after: said('ID="a",START-DATE="2026-01-01T00:00:02.001Z"'),
  }),
  subject(
    rulesOfDelta,
    'delta-dateranges-kept',
    { full: whole, delta: delta(said(`ID="a",${START}`)) },
    { full: whole, delta: delta((text) => text) },
    { also: ['delta-is-list'] },
  ),
];
