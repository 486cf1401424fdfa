/**
 * Random and scrambled SOAP messages.
 * In: a seed and a count. Out: nothing, or a failed assertion. Used by tests and by `npm run fuzz`.
 */
import assert from 'node:assert/strict';
import { FormatError } from '@oxbow/media/errors';
import { seeded } from '@oxbow/media/random.fixture';
import { parseProbeMatches } from './discovery.ts';
import { parseNotifications, parsePullPoint } from './events.ts';
import { parseDevice, parseMediaUri, parseProfiles } from './media.ts';
import { parsePresets } from './ptz.ts';
import { parseReplayUri, parseResults, parseSearchToken, parseServices, parseTime } from './recordings.ts';
import { parseSoap, SoapFault } from './soap.ts';

const NAMES = [
  'Envelope',
  'Body',
  'Fault',
  'Code',
  'Subcode',
  'Value',
  'ResultList',
  'RecordingInformation',
  'Profiles',
  'NotificationMessage',
  'Topic',
  'Message',
  'ProbeMatch',
  'Preset',
];
const TEXTS = ['2026-11-30T00:00:00Z', '7', '', '&amp;', 'Completed', '&#x0;', '<', 'x'.repeat(300)];

function element(random: (below: number) => number, depth: number): string {
  const name = `${random(2) ? 's:' : ''}${NAMES[random(NAMES.length)]}`;
  const children = depth > 4 ? '' : Array.from({ length: random(3) }, () => element(random, depth + 1)).join('');
  return `<${name}>${TEXTS[random(TEXTS.length)]}${children}</${name}>`;
}

/** Whatever a camera answers, it is read, a fault or a FormatError. */
export function fuzzSoap(seed: number, count: number): void {
  const random = seeded(seed);
  for (let i = 0; i < count; i++) {
    const inner = element(random, 0);
    let text = random(3) ? `<s:Envelope><s:Body>${inner}</s:Body></s:Envelope>` : inner;
    if (random(2)) text = text.slice(0, random(text.length + 1)) + TEXTS[random(TEXTS.length)];
    try {
      const response = parseSoap(text);
      parseTime(response);
      assert.ok(parseServices(response).size <= 256);
      parseSearchToken(response);
      parseReplayUri(response);
      parseDevice(response);
      parseMediaUri(response);
      parseProfiles(response);
      parseNotifications(response);
      parsePullPoint(response, text);
      parsePresets(response);
      parseProbeMatches(text, () => true);
      for (const { token } of parseResults(response).recordings) assert.notEqual(token, '');
    } catch (error) {
      assert.ok(error instanceof FormatError || error instanceof SoapFault, String(error));
    }
  }
}
