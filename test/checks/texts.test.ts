import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { missingTexts, readEnglish, readFurther, wrongTexts } from '../../scripts/check-texts.ts';
import { loadTexts, needPack, onPackNeeded } from '../../web/src/text/further/further.ts';
import { chooseLanguage, furtherName, type TextKey, text } from '../../web/src/text/text.ts';

const key = (name: string) => name as TextKey;
const web = join(import.meta.dirname, '..', '..', 'web');
/** Plain JavaScript of the build, without types. */
const load = async (name: string) => import(join(web, name));

test('a further language has no keys that English does not have, the same placeholders, and its plural forms', () => {
  const english = readEnglish();
  const languages = readFurther();
  assert.ok(languages.has('de'));
  for (const [tag, texts] of languages) assert.deepEqual(wrongTexts(tag, texts, english), []);
});

test('the check of a language names every kind of mistake, and missing texts with their English', () => {
  const english = new Map([
    ['a', 'Now: {name}'],
    ['b', 'Added: {count}'],
    ['c', 'Yes'],
    ['d', 'No'],
  ]);
  const wrong = (texts: object) => wrongTexts('de', { language: 'Deutsch', ...texts }, english).join(' ');
  assert.equal(wrong({ a: 'Jetzt: {name}', b: { one: 'Eins', other: '{count} neu' }, c: 'Ja' }), '');
  assert.match(wrong({ x: 'X' }), /x: English has no such key/);
  assert.match(wrong({ a: 'Jetzt: {nam}' }), /a: the placeholders are \{nam\}, in English \{name\}/);
  assert.match(wrong({ b: { other: '{count} neu' } }), /the plural forms are other; de has one, other/);
  assert.match(wrong({ a: { one: '{name}', other: '{name}' } }), /plural forms need a text with \{count\}/);
  assert.match(wrong({ c: ' ' }), /c: the text is empty/);
  assert.match(wrongTexts('de', {}, english).join(), /the name of the language is missing/);
  assert.deepEqual([...missingTexts({ a: '', b: '', c: '' }, english)], [['d', 'No']]);
});

test('a page loads the packs that it needs, of one language; the rest is English', async () => {
  const loads: string[] = [];
  const pack = (tag: string, name: string, texts: object) => async () => {
    loads.push(`${tag} ${name}`);
    return { default: texts as Record<string, string> };
  };
  let fails = true;
  const languages = {
    xx: {
      name: 'X',
      packs: {
        start: pack('xx', 'start', {
          'home.title': 'Ströme',
          'bar.gaps': { one: '{count} Loch', other: '{count} Löcher' },
        }),
        rooms: pack('xx', 'rooms', { 'emoji.moon': 'Mond' }),
        more: async () => {
          if (fails) throw new Error('offline');
          return { default: { 'state.live': 'Lebendig' } };
        },
      },
    },
    yy: { name: 'Y', packs: { start: pack('yy', 'start', {}) } },
  };
  assert.equal(await loadTexts('xx', languages), true);
  assert.equal(await loadTexts('xx', languages), false);
  assert.equal(await loadTexts('en', languages), false);
  assert.deepEqual(loads, ['xx start']);
  assert.equal(text('xx', key('home.title')), 'Ströme');
  assert.equal(text('xx', key('home.filter')), 'Find a stream');
  assert.equal(text('xx', key('bar.gaps'), { count: 1 }), '1 Loch');
  assert.equal(text('xx', key('bar.gaps'), { count: 2 }), '2 Löcher');
  assert.equal(text('xx', key('bar.gaps'), { count: '1,234' }), '1,234 Löcher');
  let needed = 0;
  onPackNeeded(() => needed++);
  needPack('rooms');
  needPack('rooms');
  assert.equal(needed, 1);
  assert.equal(furtherName('xx', 'emoji', 'moon'), undefined);
  await loadTexts('xx', languages);
  assert.equal(furtherName('xx', 'emoji', 'moon'), 'Mond');
  needPack('more');
  assert.equal(await loadTexts('xx', languages), false, 'a pack that cannot be loaded leaves English');
  fails = false;
  assert.equal(await loadTexts('xx', languages), true, 'and is tried again');
  assert.equal(text('xx', key('state.live')), 'Lebendig');
});

test('a reader of another variant of a language gets the one that exists', () => {
  const supported = ['en', 'zh-CN', 'de', 'pt-BR'];
  assert.equal(chooseLanguage(['de-AT', 'en'], supported), 'de');
  assert.equal(chooseLanguage(['pt'], supported), 'pt-BR');
  assert.equal(chooseLanguage(['EN-us'], supported), 'en');
});

test('the build finds every language, and no text of one is lost between its packs', async () => {
  const { readLanguages } = await load('texts-plugin.js');
  const languages: Map<string, { name: string; packs: Map<string, object> }> = readLanguages();
  assert.deepEqual([...languages.keys()], ['zh-CN', 'de']);
  const { name, packs } = languages.get('de')!;
  assert.equal(name, 'Deutsch');
  const keys = [...packs.values()].flatMap((texts) => Object.keys(texts));
  assert.equal(keys.length, Object.keys(readFurther().get('de')!).length - 1); // without the name of the language
});

test('pages call operations without the class of all of them', async () => {
  const { readOperations, writeCalls } = await load('client-plugin.js');
  const source = readFileSync(join(web, '..', 'src', 'client', 'made', 'operations.ts'), 'utf8');
  const operations: Map<string, object> = readOperations(source);
  const names = [...source.matchAll(/^(\w+)\(.*/gm)].map(([, each]) => each);
  assert.deepEqual([...operations.keys()], names);
  const call = 'askServer(signal, (client, options) => client.getStream({ name }, options));';
  assert.equal(
    writeCalls(call, operations),
    call.replace('client.getStream(', "client.request({ method: 'GET', path: '/api/v1/streams/{name}' }, "),
  );
  const withoutInput = 'askServer(signal, (client, options) => client.getTime(options));';
  assert.match(writeCalls(withoutInput, operations), /path: '\/api\/v1\/time' \}, undefined, options\)/);
  const byName = "(client) => client[isPin ? 'deleteStreamPin' : 'deleteStreamMarker'](mark)";
  const others = ['(client) => client?.getTime()', '(client) => send(client.getTime)'];
  for (const wrong of ['(api) => api.getTime()', '(client) => client.getTimes()', byName, ...others])
    assert.throws(() => writeCalls(`askServer(signal, ${wrong})`, operations), /is no call of an operation/);
});
