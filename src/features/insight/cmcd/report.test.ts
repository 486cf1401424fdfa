import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { FormatError } from '@oxbow/media/errors';
import { fuzzCmcd } from './fuzz.fixture.ts';
import { MAX_CHARACTERS, parseCmcdKeys } from './keys.ts';
import { parseCmcd } from './report.ts';

suite('CMCD', () => {
  test('an event of version 2 gives its facts (CTA-5004-B)', () => {
    const report = parseCmcd(
      'bl=(2100;v 1800;a),br=(3200;v 128;a),bs,cid="door",e=ps,ltc=3400,pr=1.5,pt=12500,sid="a-1",sta=r,st=ll,ts=1700000000000,v=2',
    );
    assert.deepEqual(report, {
      session: 'a-1',
      event: 'ps',
      tsMs: 1_700_000_000_000,
      state: 'r',
      content: 'door',
      url: undefined,
      host: undefined,
      isLive: true,
      bitrateKbps: 3200,
      latencyMs: 3400,
      playheadMs: 12_500,
      startupMs: undefined,
      stalls: undefined,
      stalledMs: undefined,
      isStarved: true,
      rate: 1.5,
      errors: 0,
    });
  });

  test('data of version 1 is read by the same rules, with quotes and commas in texts', () => {
    const report = parseCmcd('br=2500,bs=?0,cid="a \\"b\\", c",d=4004,nor="..%2Fx.m4s",ot=v,sf=h,sid="s 1",st=v,su');
    assert.equal(report?.content, 'a "b", c');
    assert.equal(report?.isLive, false);
    assert.equal(report?.bitrateKbps, 2500);
    assert.equal(report?.isStarved, false);
    assert.equal(report?.session, 's 1');
  });

  test('totals of stalls, the start-up time and error codes are read; an error without a code is one', () => {
    const report = parseCmcd('bsa=(3;v 1),bsda=(4200),ec=("bufferStalledError" "x"),msd=812,sid="a"');
    assert.deepEqual([report?.stalls, report?.stalledMs, report?.errors, report?.startupMs], [4, 4200, 2, 812]);
    assert.equal(parseCmcd('e=e,sid="a"')?.errors, 1);
  });

  test('values that are out of range or of another type are left out', () => {
    const report = parseCmcd('br=-1,ltc="soon",msd=99999999999,pr=400,sid="a",sta=zz,ts=-5');
    assert.deepEqual(
      [report?.bitrateKbps, report?.latencyMs, report?.startupMs, report?.rate, report?.state, report?.tsMs],
      [undefined, undefined, undefined, 1, undefined, undefined],
    );
  });

  test('without a session there is no report', () => {
    assert.equal(parseCmcd(''), undefined);
    assert.equal(parseCmcd('sta=p,sid=""'), undefined);
    assert.equal(parseCmcd(`sid="${'x'.repeat(65)}"`), undefined);
  });

  for (const text of ['=', 'sid=', 'sid="a', 'a=(1 2', 'a,,b', 'a,', 'A=1', 'a=1 b=2', 'a=?2', 'a=()x', 'a;=1']) {
    test(`"${text}" is malformed, and the error has a position in it`, () => {
      assert.throws(
        () => parseCmcdKeys(text),
        (error) => error instanceof FormatError && error.offset >= 0 && error.offset <= text.length,
      );
    });
  }

  test('lists, keys and texts have bounds', () => {
    assert.throws(() => parseCmcdKeys('a'.repeat(MAX_CHARACTERS + 1)), FormatError);
    assert.throws(() => parseCmcdKeys(Array.from({ length: 101 }, (_, i) => `k${i}`).join(',')), FormatError);
    assert.throws(() => parseCmcdKeys(`a=(${'1 '.repeat(101)})`), FormatError);
    assert.throws(() => parseCmcdKeys('k,'.repeat(101)), /more than 100 keys/);
    assert.throws(() => parseCmcdKeys(`a=1${';b=2'.repeat(101)}`), /more than 100 parameters/);
    assert.doesNotThrow(() => parseCmcdKeys(`a=1${';b=2'.repeat(100)}`));
  });

  test('random changes of reports are read or malformed, nothing else', () => fuzzCmcd(7, 2000));

  test('the longest text of quotes and backslashes takes no longer than a long one of letters', () => {
    // Quadratic work would be some 10^8 steps here, and is seen as a timeout.
    for (const piece of ['"', '\\', '"\\', '(', ';a=', '?1,a']) {
      assert.doesNotThrow(() => {
        try {
          parseCmcdKeys(`a="${piece.repeat(MAX_CHARACTERS / piece.length - 4)}`.slice(0, MAX_CHARACTERS));
        } catch (error) {
          if (!(error instanceof FormatError)) throw error;
        }
      });
    }
  });
});
