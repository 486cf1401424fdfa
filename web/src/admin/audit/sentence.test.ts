import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Language, text } from '../../text/text.ts';
import '../../text/account.ts';
import '../../text/admin.ts';
import '../../text/audit.ts';
import { actionText, auditSentence, subjectOf } from './sentence.ts';

const names: Readonly<Record<string, string>> = { 'rooms 3TorAF3UGV': 'demo', 'assets bb96ae': 'Holiday' };
const say = (
  action: string,
  request: string,
  { status = 200, language = 'en' }: { status?: number | null; language?: Language } = {},
) =>
  auditSentence(
    { name: 'admin Anna', action, request, status },
    ({ of, id }) => names[`${of} ${id}`] ?? id,
    (key, values) => text(language, key, values),
  );

test('an entry says who did what to which stream, room or video', () => {
  assert.equal(say('joinRoom', 'POST /api/v1/rooms/3TorAF3UGV/join'), 'Anna (administrator) joined the room demo');
  assert.equal(say('createStream', 'POST /api/v1/streams'), 'Anna (administrator) created a stream');
  assert.equal(say('updateStream', 'PATCH /api/v1/streams/door'), 'Anna (administrator) changed the stream door');
  assert.equal(say('deleteAsset', 'DELETE /api/v1/assets/bb96ae'), 'Anna (administrator) deleted the video Holiday');
  assert.equal(say('createSession', 'POST /api/v1/sessions'), 'Anna (administrator) signed in');
  const unknown = { name: '', action: 'createSession', request: 'POST /api/v1/sessions', status: 201 };
  assert.equal(
    auditSentence(
      unknown,
      ({ id }) => id,
      (key, values) => text('en', key, values),
    ),
    'Someone signed in',
  );
  const chinese = { language: 'zh-CN' } as const;
  assert.equal(say('joinRoom', 'POST /api/v1/rooms/3TorAF3UGV/join', chinese), 'Anna（管理员）加入了房间 demo');
});

test('what was refused is not said to be done', () => {
  const refused = say('deleteStream', 'DELETE /api/v1/streams/door', { status: 403 });
  assert.equal(refused, 'Anna (administrator) could not delete the stream door');
  assert.equal(
    say('createSession', 'POST /api/v1/sessions', { status: 401 }),
    'Anna (administrator) could not sign in',
  );
});

test('a name in a path is decoded, one that is no encoding is shown as it is, and other paths have none', () => {
  assert.deepEqual(subjectOf('DELETE /api/v1/users/%C3%84nne'), { of: 'users', id: 'Änne' });
  assert.deepEqual(subjectOf('DELETE /api/v1/users/%C3'), { of: 'users', id: '%C3' });
  assert.equal(subjectOf('POST /api/v1/streams'), null);
  assert.equal(subjectOf('PUT /api/v1/me/password'), null);
});

test('every operation that is logged has a sentence in each language, and one of a later version has none', () => {
  const document = join(import.meta.dirname, '../../../../docs/reference/openapi.json');
  const { paths } = JSON.parse(readFileSync(document, 'utf8')) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string }>>>>;
  };
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId }]) => ({
      action: operationId,
      method: method.toUpperCase(),
      path,
    })),
  );
  assert.ok(operations.length > 150, 'operations are found');
  // Those of workers, edges, players, televisions that wait and servers with a vault, and parts of uploads,
  // are not logged.
  const isRoutine = (action: string) =>
    /^(heartbeat|result|failure)|Claim$|JobOutput|JobLease|UploadChunk$|EdgeReport$|Vault(Object|Upload)$|^cmcd$|^createTelevision(sSession)?$/.test(
      action,
    );
  const own = ['openClip', 'deleteRecording', 'deletedRecording', 'exportedCase', 'downloadedCase'].map((action) => ({
    action,
    path: 'clip 1',
  }));
  const logged = operations.filter(({ action, method }) => method !== 'GET' && !isRoutine(action));
  for (const { action, path } of [...logged, ...own]) {
    for (const language of ['en', 'zh-CN'] as const) {
      const sentence = say(action, `POST ${path.replace(/\{\w+\}/g, 'one')}`, { language });
      assert.ok(sentence, `${action} has words in ${language}`);
      assert.doesNotMatch(
        `${sentence} ${actionText(action, (key, values) => text(language, key, values))}`,
        /[{}]|audit\./,
      );
    }
  }
  assert.equal(say('teleportStream', 'POST /api/v1/streams/door/teleport'), null);
});
