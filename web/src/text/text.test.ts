import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gapCauses } from '@oxbow/media/gap';
import './account.ts';
import './admin.ts';
import './audit.ts';
import './docs.ts';
import './edit.ts';
import './erase.ts';
import './evidence.ts';
import './library.ts';
import './go-live.ts';
import './goto.ts';
import './history.ts';
import './insight.ts';
import '../cameras/texts.ts';
import './media-servers.ts';
import './real-time.ts';
import './rooms.ts';
import './settings.ts';
import './studio.ts';
import './multi.ts';
import '../phone/texts.ts';
import './call.ts';
import './call-record.ts';
import '../cases/texts.ts';
import '../channel/texts.ts';
import './chat.ts';
import './clips.ts';
import './timelapse.ts';
import '../upload/trim/texts.ts';
import './unsupported.ts';
import { catalogues, chooseLanguage, isTextKey, type Language, text } from './text.ts';

const names = (sentence: string) => [...sentence.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();
const root = join(import.meta.dirname, '..');
const sources = globSync(['**/*.svelte', '**/*.ts'], { cwd: root, exclude: ['**/*.test.ts'] })
  .map((file) => readFileSync(join(root, file), 'utf8'))
  .join('\n');

test('every language has every text, with the same placeholders', () => {
  for (const [language, catalogue] of Object.entries(catalogues)) {
    assert.deepEqual(Object.keys(catalogue).sort(), Object.keys(catalogues.en).sort(), language);
    for (const [key, sentence] of Object.entries(catalogue)) {
      assert.notEqual(sentence.trim(), '', `${language} ${key}`);
      assert.deepEqual(names(sentence), names(catalogues.en[key as keyof typeof catalogues.en]), `${language} ${key}`);
    }
  }
});

test('a text is in one file', () => {
  for (const language of Object.keys(catalogues)) {
    const files = globSync(`text/${language}/*.json`, { cwd: root }).map((file) =>
      readFileSync(join(root, file), 'utf8'),
    );
    const keys = files.flatMap((file) => [...file.matchAll(/^ {2}"([^"]+)":/gm)].map(([, key]) => key));
    assert.deepEqual(keys.toSorted(), Object.keys(catalogues[language as keyof typeof catalogues]).sort());
  }
});

test('every text key of the pages exists', () => {
  const requested = [...sources.matchAll(/\bt\(\s*'([^']+)'/g)].map((match) => match[1]!);
  assert.ok(requested.length > 30, 'the search finds the calls');
  for (const key of requested) assert.ok(isTextKey(key), key);
});

test('no text is unused', () => {
  const families = [
    'failure.',
    'cause.',
    'clip.visibility.',
    'clip.visibilityHow.',
    'theme.',
    'bar.',
    'legend.',
    'state.',
    'length.',
    'keep.',
    'unsupported.',
    'admin.tab.',
    'history.event.',
    'history.kind.',
    'history.range.',
    'history.mute.',
    'push.kind.',
    'push.problem.',
    'mixer.place.',
    'mixer.state.',
    'insight.by.',
    'insight.range.',
    'alarms.state.',
    'angles.how.',
    'angles.missed.',
    'visibility.',
    'edit.encryption.',
    'edit.ladderMissing.',
    'edit.visibility.',
    'past.start.',
    'heal.choice.',
    'heal.clock.',
    'refusal.',
    'finding.',
    'evidence.break.',
    'evidence.finding.',
    'evidence.gone.',
    'scope.',
    'services.signUp.',
    'users.role.',
    'users.state.',
    'goLive.tool.',
    'goLive.light.',
    'goLive.protocol.',
    'goLive.visibility.',
    'goLive.in.',
    'goLive.second.',
    'goLive.away.',
    'signal.',
    'relay.state.',
    'library.order.',
    'asset.state.',
    'asset.visibility.',
    'asset.track.',
    'jobState.',
    'jobKind.',
    'audit.',
    'admin.source.',
    'channel.kind.',
    'channel.state.',
    'channel.means.',
    'channel.air.',
    'admin.visibility.',
    'workerMode.',
    'workerState.',
    'nodeState.',
    'setting.group.',
    'setting.name.',
    'setting.how.',
    'setting.value.',
    'setting.empty.',
    'rooms.screen.',
    'rooms.step.',
    'rooms.did.',
    'rooms.role.',
    'rooms.roles.',
    'rooms.kind.',
    'rooms.permission.',
    'chat.reason.',
    'call.device.',
    'callRecord.state.',
    'call.ended.',
    'call.problem.',
    'call.refused.',
    'danmaku.mode.',
    'servers.kind.',
    'servers.failed.',
    'studio.corner.',
    'studio.problem.',
    'studio.problemHow.',
    'studio.quality.',
    'studio.source.',
    'studio.start.',
    'trim.fault.',
    'studio.state.',
    'studio.stateHow.',
  ]; // made from codes
  for (const key of Object.keys(catalogues.en)) {
    const used = sources.includes(`'${key}'`) || families.some((family) => key.startsWith(family));
    assert.ok(used, key);
  }
});

test('every cause of a gap has a text', () => {
  for (const cause of gapCauses) assert.ok(isTextKey(`cause.${cause}`), cause);
});

test('no page has text outside of the catalogues', () => {
  for (const file of globSync('**/*.svelte', { cwd: root })) {
    const markup = readFileSync(join(root, file), 'utf8')
      .replace(/<(script|style)[\s\S]*?<\/\1>/g, '')
      .replace(/<!--[\s\S]*?-->/g, '')
      .replace(/<(code|kbd)[\s\S]*?<\/\1>/g, '')
      .replace(/\{[^{}]*(\{[^{}]*\}[^{}]*)*\}/g, '');
    for (const [, words] of markup.matchAll(/>([^<>]*)</g)) {
      assert.doesNotMatch(words!.replace('oxbow', ''), /\p{L}{2,}/u, `${file}: ${words!.trim()}`);
    }
    assert.doesNotMatch(markup, /(aria-label|title|alt|placeholder)="[^"{]*\p{L}{2,}/u, file);
    assert.doesNotMatch(markup, /\sstyle="/, `${file}: style attributes break the Content-Security-Policy`);
  }
});

test('values are inserted, and a missing one stays visible', () => {
  assert.equal(text('en', 'bar.gap', { cause: 'rain' }), 'Gap: rain');
  assert.equal(text('zh-CN', 'bar.gap'), '缺失：{cause}');
});

test('the first supported language of the reader is chosen', () => {
  const choices: [string[], Language][] = [
    [['zh-TW', 'en'], 'zh-CN'],
    [['fr', 'en-GB', 'zh'], 'en'],
    [['fr'], 'en'],
    [[], 'en'],
  ];
  for (const [wanted, language] of choices) assert.equal(chooseLanguage(wanted), language, wanted.join());
});
