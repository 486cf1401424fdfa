import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { readCmcd, readReport } from './cmcd.ts';

const ofQuery = (cmcd: string) => readCmcd(`_HLS_msn=7&CMCD=${encodeURIComponent(cmcd)}`, {});

suite('CMCD of players (CTA-5004)', () => {
  test('is undefined if neither query nor headers have it', () => {
    assert.equal(readCmcd('', {}), undefined);
    assert.equal(readCmcd('_HLS_msn=7&cmcd=bs', {}), undefined);
    assert.equal(readCmcd('', { 'user-agent': 'CMCD=bs' }), undefined);
  });

  test('the key bs reports an empty buffer, alone or among others, in query or header', () => {
    for (const cmcd of ['bs', 'bl=0,bs', 'bs,sid="a"', ' bl=0, bs , sid="a"', 'nor="..%2F7.m4s",bs']) {
      assert.equal(ofQuery(cmcd)?.isStarved, true, cmcd);
      assert.equal(readCmcd('', { 'cmcd-status': cmcd })?.isStarved, true, cmcd);
    }
    assert.equal(readCmcd('', { 'cmcd-session': 'bs' })?.isStarved, false, 'it belongs in CMCD-Status');
  });

  test('neither a longer key, nor a value, nor a quoted text counts as bs', () => {
    for (const cmcd of [
      '',
      'bl=300',
      'obs',
      'bsx',
      'sid="a,bs,b"',
      'sid="a\\",bs,b"',
      'sid="never closed,bs',
      'x=bs',
    ]) {
      assert.equal(ofQuery(cmcd)?.isStarved, false, cmcd);
    }
  });

  test('the key sid is the session, in query or header', () => {
    for (const [cmcd, session] of [
      ['sid="6e2fb550-c457-11e9-bb97-0800200c9a66"', '6e2fb550-c457-11e9-bb97-0800200c9a66'],
      ['bl=300, sid="a,b=c", bs', 'a,b=c'],
      ['nor="sid=\\"x\\"",sid="y"', 'y'],
      [`sid="${'x'.repeat(64)}"`, 'x'.repeat(64)],
      [`sid="${'x'.repeat(65)}"`, undefined],
      ['sid=""', undefined],
      ['sid="open', undefined],
      ['sid=7', undefined],
      ['xsid="a"', undefined],
      ['', undefined],
    ] as const) {
      assert.equal(ofQuery(cmcd)?.session, session, cmcd);
      assert.equal(readCmcd('', { 'cmcd-session': cmcd })?.session, session, cmcd);
    }
    assert.equal(readCmcd('', { 'cmcd-request': 'sid="a"' })?.session, undefined, 'it belongs in CMCD-Session');
  });

  test('any input is read without an error', () => {
    const random = seeded(17);
    const alphabet = ['bs', 'sid="', ',', '"', '\\', '=', '%', '%2', '%22', '&', 'CMCD=', '\u{1f600}', ' ', 'a'];
    for (let i = 0; i < 2000; i++) {
      let text = '';
      for (let length = i % 12; length > 0; length--) {
        text += alphabet[random(alphabet.length)];
      }
      const cmcd = readCmcd(`CMCD=${text}`, { 'cmcd-status': text });
      assert.equal(typeof cmcd?.isStarved, 'boolean');
      const { session = 'x' } = cmcd!;
      assert.ok(session.length >= 1 && session.length <= 64);
    }
    assert.deepEqual(ofQuery(`${'"'.repeat(100_000)},bs`), { isStarved: false, session: undefined });
  });

  test('a report has the state of its session; what hls.js and shaka send in version 2 is read too', () => {
    const nothing = {
      state: undefined,
      isLive: undefined,
      latencyMs: undefined,
      bufferMs: undefined,
      bitrateKbps: undefined,
      rendition: undefined,
    };
    for (const [line, report] of [
      ['sid="a"', { session: 'a', hasLeft: false, ...nothing }],
      [
        'bl=800,br=3200,ltc=450,oxbow-rendition="v0-480",sid="a",st=ll,sta=p,v=2',
        {
          session: 'a',
          hasLeft: false,
          state: 'playing',
          isLive: true,
          latencyMs: 450,
          bufferMs: 800,
          bitrateKbps: 3200,
          rendition: 'v0-480',
        },
      ],
      [
        'bl=(2300;v 1800;a),br=(3200;v 128;a),cid="x,sid=",e=t,sid="a",sn=4,st=v,sta=r,ts=1795000000000,v=2',
        {
          session: 'a',
          hasLeft: false,
          state: 'buffering',
          isLive: false,
          latencyMs: undefined,
          bufferMs: 2300,
          bitrateKbps: 3200,
          rendition: undefined,
        },
      ],
      ['sid="a",sta=e', { session: 'a', hasLeft: true, ...nothing }],
      ['e=ps,sid="a",sta=f', { session: 'a', hasLeft: true, hasFailed: true, ...nothing }],
      ['sid="a",ltc=-5,bl=1.5,br=x,oxbow-rendition="<b>"', { session: 'a', hasLeft: false, ...nothing }],
      ['sid="a",sta=d', undefined],
      ['sta=p', undefined],
      ['', undefined],
      [`sid="a",cid="${'x'.repeat(5000)}"`, undefined],
    ] as const) {
      assert.deepEqual(readReport(line), report, line);
    }
  });

  test('any report is read without an error', () => {
    const random = seeded(18);
    const alphabet = [
      'sid="a"',
      'sta=',
      'p',
      'bl=(',
      ',',
      '"',
      '\\',
      '=',
      ';',
      '(',
      '9'.repeat(20),
      '\u{1f600}',
      ' ',
      'ltc=1',
    ];
    for (let i = 0; i < 2000; i++) {
      let text = '';
      for (let length = i % 12; length > 0; length--) text += alphabet[random(alphabet.length)];
      const report = readReport(text);
      assert.ok(report === undefined || (report.session.length <= 64 && (report.latencyMs ?? 0) < 1e12), text);
    }
  });
});
