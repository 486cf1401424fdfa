import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { nameKeyOf, readName } from './user-name.ts';

suite('names of users', () => {
  const refused = (name: string) =>
    assert.throws(() => readName(name), { code: 'bad-user-name' }, JSON.stringify(name));

  test('are shown as they were written, without spaces around them', () => {
    for (const name of ['Zoë', '小明', 'Ω', 'o’Brien', '7', 'a b', 'नमस्ते', '🐘']) assert.equal(readName(name), name);
    assert.equal(readName('  a   b '), 'a b');
    assert.equal(readName('Zoe\u0308'), 'Zoë');
  });

  test('have no characters that are not shown, and at most 32', () => {
    for (const hidden of [
      '\u0000',
      '\n',
      '\u200b',
      '\u200d',
      '\u202e',
      '\u2066',
      '\ufeff',
      '\u00ad',
      '\u3164',
      '\u2028',
      '\u00a0',
      '\ue000',
      '\u{e0041}',
      '\ufe0f',
    ]) {
      refused(`a${hidden}b`);
    }
    refused('');
    refused('   ');
    refused('\u0301');
    refused(`a${'\u0301'.repeat(8)}`);
    refused('x'.repeat(33));
    assert.equal(readName('𝔵'.repeat(32)), '𝔵'.repeat(32));
  });

  test('that look like those of the server are for administrators to give', () => {
    for (const name of [
      'admin',
      'ADMIN',
      'Аdmin',
      'adm1n',
      'a.d.m.i.n',
      'Administrator',
      '0xbow',
      'ｏｘｂｏｗ',
      'öxböw',
      'Sуstem',
      'adm\u0131n',
      'adrnin',
      ...['ɑdmin', 'ᴀdmin', 'ⲁdmin', 'Ꭺdmin', 'ꓮdmin', '𐊠dmin', 'аԁⅿіո', 'օxbow', 'oxbovv', 'ꮪystem', 'rооt'],
    ])
      refused(name);
    assert.equal(readName('Admin', { mayBeReserved: true }), 'Admin');
    for (const name of ['Admiral', 'Владимир', 'Αθηνά', 'Արամ', 'Vernon', '密码']) assert.equal(readName(name), name);
  });

  test('are the same name if only case or composition differ', () => {
    const same = [
      ['Straße', 'STRASSE'],
      ['Ünal', 'u\u0308NAL'],
      ['ｗｉｄｅ', 'wide'],
      ['ΟΔΟΣ', 'οδος'],
      ['①', '1'],
    ];
    for (const [one, other] of same) assert.equal(nameKeyOf(one!), nameKeyOf(other!), one);
    assert.notEqual(nameKeyOf('a'), nameKeyOf('b'));
  });

  test('of any text are refused or stay what they are, and their keys too', () => {
    const random = seeded(15);
    for (let round = 0; round < 5000; round++) {
      const units = Array.from({ length: 1 + random(6) }, () => random(random(2) === 0 ? 0x500 : 0x1_fa00));
      const text = units.map((unit) => (unit >= 0xd800 && unit < 0xe000 ? 'x' : String.fromCodePoint(unit))).join('');
      let name: string;
      try {
        name = readName(text);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'bad-user-name', JSON.stringify(text));
        continue;
      }
      assert.equal(readName(name), name);
      const key = nameKeyOf(name);
      assert.notEqual(key, '', JSON.stringify(name));
      assert.equal(nameKeyOf(key), key, JSON.stringify(name));
    }
  });
});
