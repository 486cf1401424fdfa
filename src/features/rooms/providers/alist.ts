/**
 * Alist and OpenList. Entries are paths.
 * In: answers of /api/auth and /api/fs. Out: entries, media at its storage.
 */
import { OxbowError, sentenceOf } from '../../../lib/errors.ts';
import type { Provider } from './provider.ts';
import { type Fields, type ProviderClient, type ProviderRequest, refused } from './provider-client.ts';

const PAGE = 200;
/** `type` of a video and of audio. */
const MEDIA: readonly (number | undefined)[] = [2, 3];
/** Storages sign their addresses for 15 minutes or more. */
const VALID_MS = 10 * 60_000;
const SUBTITLES = /\.(?:srt|vtt|ass|ssa)$/i;

/** The provider. */
export const alist: Provider = {
  async connect({ url: address, username, password }, client) {
    const url = address.replace(/\/+$/, '');
    if (username === '') return { url, headers: {} };
    const data = await call(client, `${url}/api/auth/login`, { json: { username, password } });
    const token = data.text('token');
    return { url, token, headers: { authorization: token } };
  },

  async list({ url, headers }, folder, cursor, client) {
    const page = Number(cursor ?? 1);
    const path = folder === '' ? '/' : folder;
    const json = { path, password: '', page, per_page: PAGE, refresh: false };
    const data = await call(client, `${url}/api/fs/list`, { json, headers });
    const entries = data.list('content').map((item) => ({
      id: `${path.replace(/\/$/, '')}/${item.text('name')}`,
      name: item.text('name'),
      isFolder: item.flag('is_dir'),
      isMedia: MEDIA.includes(item.number('type')),
      ...(item.number('size') !== undefined && { size: item.number('size')! }),
    }));
    const shown = entries.filter(({ isFolder, isMedia }) => isFolder || isMedia);
    return {
      entries: shown.map(({ isMedia: _, ...entry }) => entry),
      next: page * PAGE < (data.number('total') ?? 0) && entries.length > 0 ? String(page + 1) : undefined,
    };
  },

  async open({ url, headers }, entry, client) {
    const data = await call(client, `${url}/api/fs/get`, { json: { path: entry, password: '' }, headers });
    const address = data.text('raw_url');
    if (address === '') throw new OxbowError('source-failed', 'The media server returned no address of the file.');
    const folder = entry.slice(0, entry.lastIndexOf('/') + 1);
    const subtitles = await Promise.all(
      data
        .list('related')
        .map((file) => file.text('name'))
        .filter((name) => SUBTITLES.test(name))
        .slice(0, 16)
        .map(async (name) => {
          const file = await call(client, `${url}/api/fs/get`, {
            json: { path: `${folder}${name}`, password: '' },
            headers,
          });
          return { name, url: new URL(file.text('raw_url'), url).href };
        }),
    );
    return {
      // Local storages answer with a path of their server.
      url: new URL(address, url).href,
      type: /\.m3u8(?:\?|$)/i.test(address) ? 'hls' : 'file',
      headers: {},
      subtitles,
      validMs: VALID_MS,
    };
  },
};

/** Its answers have the status in the body. */
async function call(client: ProviderClient, url: string, request: ProviderRequest): Promise<Fields> {
  const answer = await client.json(url, request);
  const code = answer.number('code');
  if (code === 401 || code === 403 || (code === 400 && url.endsWith('/login'))) throw refused();
  if (code !== 200) {
    throw new OxbowError(
      'source-failed',
      `The media server answered: ${sentenceOf(answer.text('message').slice(0, 200))}`,
    );
  }
  return answer.object('data');
}
