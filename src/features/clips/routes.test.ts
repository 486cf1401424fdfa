import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { usualSettings } from '../../accounts/users/account-settings.ts';
import type { ClipFacts, ClipRequest, ClipsApi } from '../../api/clips/clips-api.ts';
import { clipTokenNameOf } from '../../api/clips/clips-api.ts';
import type { EdgePurgeView } from '../../api/deletions/edge-purge-shapes.ts';
import { asAdmin, shareTestServer, signedInAs, textReply } from '../../http/fixture.ts';
import { OxbowError } from '../../lib/errors.ts';
import { clips as feature } from './feature.ts';

const base = { stream: 'private', title: 'Goal', fromMs: 0, toMs: 4000, isLost: false, owner: 'user:ada' };
const known: Readonly<Record<string, ClipFacts>> = {
  open: { ...base, visibility: 'public' },
  unlisted: { ...base, visibility: 'unlisted' },
  signed: { ...base, visibility: 'signed' },
  private: { ...base, visibility: 'private' },
  lost: { ...base, visibility: 'public', isLost: true },
};

suite('routes of clips', () => {
  const created: ClipRequest[] = [];
  const unknown = async (id: string): Promise<never> => {
    throw new OxbowError('clip-unknown', `no ${id}`);
  };
  const clips: ClipsApi = {
    list: async () => ({ items: [], nextCursor: null }),
    update: unknown,
    remove: async () => {},
    facts: (id) => (Object.hasOwn(known, id) ? known[id] : undefined),
    get: async (id, client) => ({ ...viewOf(id), title: client.token ?? 'no token' }),
    async create(request) {
      created.push(request);
      const isOpened = request.confirm && request.visibility === 'public';
      return { view: { ...viewOf('new'), visibility: 'public' }, openedFrom: isOpened ? 'private' : undefined };
    },
  };
  const settings = { ...usualSettings, uploads: true };
  const purge = { id: 'p1' } as EdgePurgeView;
  const shared = shareTestServer(
    () => ({
      clips,
      features: new Map([['clips', clips]]),
      edgePurges: { begunFor: async (_, name) => (name === 'open' ? purge : undefined) },
      answer: () => textReply('media'),
    }),
    { accounts: () => settings, routes: feature.routes },
  );

  const get = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(shared().url + path, { headers });
    const body = await response.text();
    return response.ok ? response.status : `${response.status} ${JSON.parse(body).code}`;
  };
  const post = async (body: object, headers: Record<string, string>) =>
    fetch(`${shared().url}/api/v1/clips`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  const span = { from: '2026-11-19T07:00:00.250Z', to: '90s' };

  test('a player that seeks in a shared clip does not use up the limit of clips', async () => {
    const limitOf = async (path: string, range: string) => {
      const response = await fetch(shared().url + path, { headers: { range, 'x-forwarded-for': '192.0.2.77' } });
      await response.text();
      return response.headers.get('ratelimit-policy');
    };
    const counted = '"clips";q=120;w=60';
    assert.equal(await limitOf('/c/open/clip.mp4', 'bytes=0-'), counted);
    assert.equal(await limitOf('/c/open/clip.mp4', 'bytes=70000-'), null);
  });

  test('those who may upload create clips of streams that they may watch', async () => {
    const { headers } = await signedInAs(shared(), 'user', 'Ada');
    const made = await post({ stream: 'public', ...span }, headers);
    assert.deepEqual([made.status, made.headers.get('location')], [201, '/api/v1/clips/new']);
    const fromMs = Date.parse(span.from);
    const usual = { title: '', visibility: undefined, confirm: false };
    assert.deepEqual(created.pop(), { stream: 'public', fromMs, toMs: fromMs + 90_000, ...usual });
    assert.equal((await post({ stream: 'private', ...span }, headers)).status, 404);
    const { headers: guest } = await signedInAs(shared(), 'guest', 'Gast');
    assert.equal((await post({ stream: 'public', ...span }, guest)).status, 403);
    assert.equal((await post({ stream: 'public', ...span }, {})).status, 401);
    assert.equal((await post({ stream: 'public', ...span, to: 'soon' }, headers)).status, 400);
    assert.deepEqual(created, []);
  });

  test('a repeated request with the same key creates one clip', async () => {
    const headers = { ...asAdmin, 'idempotency-key': 'k1' };
    for (let i = 0; i < 2; i++) assert.equal((await post({ stream: 'public', ...span }, headers)).status, 201);
    assert.equal(created.splice(0).length, 1);
  });

  test('a clip that is more open than its stream has its own line in the audit log', async () => {
    const { access } = shared().deps;
    await post({ stream: 'private', ...span, visibility: 'public' }, asAdmin);
    await post({ stream: 'private', ...span, visibility: 'public', confirm: true }, asAdmin);
    created.length = 0;
    await access.audit.flush();
    const lines = (await access.audit.page({ limit: 100, action: 'openClip' })).map(({ name, request }) => [
      name,
      request,
    ]);
    assert.deepEqual(lines, [['admin token', 'clip new of private stream private: public']]);
  });

  test('a deletion names the purge of edges that it has begun', async () => {
    const purgeOf = async (id: string) => {
      const answer = await fetch(`${shared().url}/api/v1/clips/${id}`, { method: 'DELETE', headers: asAdmin });
      return [answer.status, answer.headers.get('oxbow-edge-purge')];
    };
    assert.deepEqual(await purgeOf('open'), [204, '/api/v1/edge-purges?clip=open']);
    assert.deepEqual(await purgeOf('private'), [204, null]);
  });

  test('the media of a clip is for viewers that its visibility admits, whatever that of its stream', async () => {
    assert.equal(await get('/live/private/av0/1.m4s'), '404 stream-unknown');
    for (const file of ['clip.mp4', 'preview.jpg']) {
      assert.equal(await get(`/c/open/${file}`), 200);
      assert.equal(await get(`/c/unlisted/${file}`), 200);
      assert.equal(await get(`/c/lost/${file}`), '410 clip-lost');
      for (const id of ['signed', 'private', 'none']) {
        assert.equal(await get(`/c/${id}/${file}`), '404 clip-unknown');
        assert.equal(await get(`/c/${id}/${file}`, { authorization: 'Bearer wrong' }), '404 clip-unknown');
      }
      assert.equal(await get(`/c/private/${file}`, asAdmin), 200);
      assert.equal(await get(`/c/none/${file}`, asAdmin), '404 clip-unknown');
    }
    const { headers } = await fetch(`${shared().url}/c/private/clip.mp4`, { headers: asAdmin });
    assert.match(headers.get('cache-control')!, /private/);
    assert.match((await fetch(`${shared().url}/c/open/clip.mp4`)).headers.get('cache-control')!, /public/);
  });

  test('a playback token of the clip or of its stream is enough, and one of another is not', async () => {
    const { access, clock } = shared().deps;
    const sign = (name: string) => access.watch.sign(name, clock.nowMs() + 60_000);
    for (const name of [clipTokenNameOf('private'), 'private']) {
      const token = sign(name);
      assert.equal(await get(`/t/${token}/c/private/clip.mp4`), 200);
      const answer = await fetch(`${shared().url}/t/${token}/api/v1/clips/private`);
      const view = (await answer.json()) as { title: string };
      assert.equal(view.title, token);
    }
    const other = sign(clipTokenNameOf('signed'));
    for (const path of ['c/private/clip.mp4', 'c/open/clip.mp4', 'c/none/clip.mp4', 'api/v1/clips/private']) {
      assert.equal(await get(`/t/${other}/${path}`), '403 watch-refused', path);
    }
    const redirect = await fetch(`${shared().url}/t/${other}/c/signed`, { redirect: 'manual' });
    assert.deepEqual([redirect.status, redirect.headers.get('location')], [302, `/c/signed?token=${other}`]);
  });
});

function viewOf(id: string) {
  return {
    id,
    stream: 'private',
    title: '',
    from: '',
    to: '',
    durationS: 4,
    visibility: 'private' as const,
    createdAt: '',
    createdBy: null,
    url: `/c/${id}`,
    mayChange: false,
    media: { file: '', startS: 0, endS: 4, preview: '', sizeBytes: 1 },
  };
}
