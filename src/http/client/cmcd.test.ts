import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seeded } from '../../lib/random.fixture.ts';
import { readCmcd } from './cmcd.ts';

const ofQuery = (told: string) => readCmcd(`_HLS_msn=7&CMCD=${encodeURIComponent(told)}`, {});

suite('what players tell of themselves (CTA-5004)', () => {
  test('is nothing where neither query nor headers hold it', () => {
    assert.equal(readCmcd('', {}), undefined);
    assert.equal(readCmcd('_HLS_msn=7&cmcd=bs', {}), undefined);
    assert.equal(readCmcd('', { 'user-agent': 'CMCD=bs' }), undefined);
  });

  test('a buffer that ran empty is told by the key bs, alone or among others, by query or by header', () => {
    for (const told of ['bs', 'bl=0,bs', 'bs,sid="a"', ' bl=0, bs , sid="a"', 'nor="..%2F7.m4s",bs']) {
      assert.equal(ofQuery(told)?.isStarved, true, told);
      assert.equal(readCmcd('', { 'cmcd-status': told })?.isStarved, true, told);
    }
    assert.equal(readCmcd('', { 'cmcd-session': 'bs' })?.isStarved, false, 'it stands in CMCD-Status');
  });

  test('neither a longer name, nor a value, nor a quoted text is taken for it', () => {
    for (const told of [
      '',
      'bl=300',
      'obs',
      'bsx',
      'sid="a,bs,b"',
      'sid="a\\",bs,b"',
      'sid="never closed,bs',
      'x=bs',
    ]) {
      assert.equal(ofQuery(told)?.isStarved, false, told);
    }
  });

  test('the session is told by the key sid, by query or by header', () => {
    for (const [told, session] of [
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
      assert.equal(ofQuery(told)?.session, session, told);
      assert.equal(readCmcd('', { 'cmcd-session': told })?.session, session, told);
    }
    assert.equal(readCmcd('', { 'cmcd-request': 'sid="a"' })?.session, undefined, 'it stands in CMCD-Session');
  });

  test('whatever is sent, it is read without an error', () => {
    const random = seeded(17);
    const alphabet = ['bs', 'sid="', ',', '"', '\\', '=', '%', '%2', '%22', '&', 'CMCD=', '\u{1f600}', ' ', 'a'];
    for (let i = 0; i < 2000; i++) {
      let text = '';
      for (let length = i % 12; length > 0; length--) {
        text += alphabet[random(alphabet.length)];
      }
      const told = readCmcd(`CMCD=${text}`, { 'cmcd-status': text });
      assert.equal(typeof told?.isStarved, 'boolean');
      const { session = 'x' } = told!;
      assert.ok(session.length >= 1 && session.length <= 64);
    }
    assert.deepEqual(ofQuery(`${'"'.repeat(100_000)},bs`), { isStarved: false, session: undefined });
  });
});
