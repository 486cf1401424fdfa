import assert from 'node:assert/strict';
import { test } from 'node:test';
import { text } from '../../text/text.ts';
import '../../text/account.ts';
import '../../text/admin.ts';
import { auditName } from './name.ts';

const inEnglish = (name: string) => auditName(name, (key, values) => text('en', key, values));

test('people of the audit log are named in the language of the reader', () => {
  assert.equal(inEnglish('admin Ann Lee'), 'Ann Lee (administrator)');
  assert.equal(inEnglish('guest ben'), 'ben (guest)');
  assert.equal(inEnglish('admin token'), 'Admin token');
  assert.equal(inEnglish('deleted user'), 'Deleted account');
  assert.equal(inEnglish(''), 'not signed in');
  assert.equal(
    auditName('user ann', (key, values) => text('zh-CN', key, values)),
    'ann（用户）',
  );
  assert.equal(inEnglish('something new'), 'something new');
});
