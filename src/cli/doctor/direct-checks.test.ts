import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startS3 } from '../../archive/objects/object-servers.fixture.ts';
import type { Config } from '../../config/schema.ts';
import { checkDirect } from './direct-checks.ts';

const { signal } = new AbortController();

test('a bucket without CORS rules is a warning for a target that viewers are redirected to, and for no other', async () => {
  await using bucket = await startS3();
  const defaults = { prefix: 'oxbow', region: 'us-east-1', forcePathStyle: 'on', checksums: 'required', directUrl: '' };
  const target = { ...defaults, secretAccessKeyFile: '', ...bucket.target() };
  const check = (direct: string, more = {}) => {
    const storage = { targets: { archive: { ...target, direct, ...more } } };
    return checkDirect({ storage } as unknown as Config, { signal });
  };
  assert.deepEqual(await check('off'), []);
  const [without] = await check('redirect');
  assert.deepEqual([without!.name, without!.state], ['pages and archive', 'warning']);
  assert.match(without!.hint, /CORS rules/);
  await bucket.allowPages();
  const [allowed] = await check('redirect');
  assert.deepEqual([allowed!.state, allowed!.text], ['ok', `http://127.0.0.1:${bucket.port} allows any page`]);
  const [away] = await check('redirect', { directUrl: 'http://127.0.0.1:9' });
  assert.match(away!.text, /cannot be asked/);
});
