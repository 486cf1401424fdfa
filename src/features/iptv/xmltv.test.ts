import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printXmltv } from './xmltv.ts';

test('a guide is XMLTV: channels first, times in UTC, texts escaped, pictures of the start', () => {
  const fromMs = Date.UTC(2026, 10, 20, 8, 5, 9);
  const text = printXmltv([
    {
      id: 'door',
      title: 'Front "door" & more',
      logo: undefined,
      programmes: [
        { fromMs, toMs: fromMs + 60_000, title: 'A < B\u0007', description: 'One\nTwo', recordedMs: fromMs + 1500 },
        { fromMs: fromMs + 60_000, toMs: fromMs + 120_000, title: 'Next', description: '', recordedMs: undefined },
      ],
      stillAt: (ms) => `http://tv.example/thumb/door/${ms}.jpg?a&b`,
    },
    { id: 'radio', title: 'Radio', logo: 'http://tv.example/r.png', programmes: [], stillAt: undefined },
  ]);
  assert.equal(
    text,
    `<?xml version="1.0" encoding="UTF-8"?>
<tv generator-info-name="oxbow">
<channel id="door">
<display-name>Front &quot;door&quot; &amp; more</display-name>
</channel>
<channel id="radio">
<display-name>Radio</display-name>
<icon src="http://tv.example/r.png"/>
</channel>
<programme start="20261120080509 +0000" stop="20261120080609 +0000" channel="door">
<title>A &lt; B </title>
<desc>One
Two</desc>
<icon src="http://tv.example/thumb/door/${fromMs + 1500}.jpg?a&amp;b"/>
</programme>
<programme start="20261120080609 +0000" stop="20261120080709 +0000" channel="door">
<title>Next</title>
</programme>
</tv>
`,
  );
});

test('a guide without channels is a document', () => {
  assert.equal(printXmltv([]), '<?xml version="1.0" encoding="UTF-8"?>\n<tv generator-info-name="oxbow"/>\n');
});
