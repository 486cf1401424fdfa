import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seeded } from '../../lib/random.fixture.ts';
import { readCmcd } from './cmcd.ts';

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
});
