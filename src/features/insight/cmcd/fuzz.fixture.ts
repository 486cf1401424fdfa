/**
 * Generated reports for the parser of CMCD.
 * In: a seed, a number. Out: nothing; throws if the parser throws anything but FormatError, or returns a fact
 * out of its range.
 */
import assert from 'node:assert/strict';
import { FormatError } from '@oxbow/media/errors';
import { seeded } from '@oxbow/media/random.fixture';
import { parseCmcd } from './report.ts';

const LINES = [
  'bl=(2100;v),br=(3200;v 128;a),bs,cid="door",e=ps,ltc=3400,pr=1.5,pt=12500,sid="a-1",sta=r,ts=1700000000000,v=2',
  'br=2500,cid="a \\"b\\"",d=4004,nor="..%2Fx.m4s",ot=v,sf=h,sid="s",st=v,su',
  'bsa=(3 1),bsda=(4200),ec=("x" "y"),msd=812,sid="a",url="https://cdn.example/live/door/v0/1.m4s"',
];
const PIECES = [
  '"',
  '\\',
  '(',
  ')',
  ',',
  ';',
  '=',
  '?',
  '?1',
  ' ',
  '-',
  '1e9',
  '9'.repeat(20),
  'sid="z"',
  '\0',
  'é',
  '\ud800',
  '@1',
];

/** Parses `count` changed reports. */
export function fuzzCmcd(seed: number, count: number): void {
  const random = seeded(seed);
  for (let i = 0; i < count; i++) {
    let text = LINES[random(LINES.length)]!;
    for (let changes = random(6); changes > 0; changes--) {
      const at = random(text.length + 1);
      const piece = PIECES[random(PIECES.length)]!;
      text = text.slice(0, at) + (random(10) < 7 ? piece : '') + text.slice(at + random(4));
    }
    try {
      const report = parseCmcd(text);
      if (report) checkRanges(report);
    } catch (error) {
      if (!(error instanceof FormatError)) throw new Error(`${JSON.stringify(text)} of seed ${seed}`, { cause: error });
      assert.ok(error.offset >= 0 && error.offset <= text.length, text);
    }
  }
}

function checkRanges(report: NonNullable<ReturnType<typeof parseCmcd>>): void {
  assert.ok(report.session.length >= 1 && report.session.length <= 64);
  for (const [name, value] of Object.entries(report)) {
    if (typeof value === 'number') assert.ok(value >= 0 && Number.isFinite(value), name);
  }
}
