/**
 * Bilibili: videos by BV number, with their pages, and live rooms. Without an account, or with the cookie
 * SESSDATA of one.
 * In: answers of its web API. Out: entries, media as one MP4 file or live HLS.
 */
import { OxbowError, sentenceOf } from '../../../lib/errors.ts';
import type { Provider, ProviderMedia } from './provider.ts';
import { type Fields, type ProviderClient, refused } from './provider-client.ts';

const API = 'https://api.bilibili.com';
const LIVE_API = 'https://api.live.bilibili.com';
/** Its media servers refuse other pages. */
const REFERER = 'https://www.bilibili.com/';
/** 720p, the best of MP4 without an account. */
const QUALITY = 64;
const HOUR_MS = 3_600_000;
const NOT_SIGNED_IN = -101;

/** The provider. Folders are BV numbers; entries are `BV…/cid`, or `live/room`. */
export const bilibili: Provider = {
  async connect({ password }, client) {
    const headers: Record<string, string> = {
      referer: REFERER,
      // The password field takes the cookie: its sign-in needs a captcha.
      ...(password !== '' && { cookie: `SESSDATA=${password.replace(/[^\w%*,.-]/g, '')}` }),
    };
    if (password !== '') {
      const { code } = await call(client, `${API}/x/web-interface/nav`, headers, [0, NOT_SIGNED_IN]);
      if (code !== 0) throw refused('Bilibili does not know this SESSDATA.');
    }
    return { url: 'https://www.bilibili.com', headers };
  },

  async list({ headers }, folder, _, client) {
    const bv = /BV[0-9A-Za-z]{10}/.exec(folder)?.[0];
    if (bv === undefined) return { entries: [], next: undefined };
    const { data } = await call(client, `${API}/x/web-interface/view?bvid=${bv}`, headers);
    const title = data.text('title');
    const pages = data.list('pages');
    const entries = pages.map((page) => ({
      id: `${bv}/${page.text('cid')}`,
      name: pages.length > 1 ? `${title} · ${page.text('part')}` : title,
      isFolder: false,
      ...(page.number('duration') !== undefined && { duration: page.number('duration')! }),
    }));
    return { entries, next: undefined };
  },

  async open({ headers }, entry, client) {
    const live = /^live\/(\d{1,12})$/.exec(entry)?.[1];
    if (live !== undefined) return openLive(live, headers, client);
    const [, bv, cid] = /^(BV[0-9A-Za-z]{10})\/(\d{1,18})$/.exec(entry) ?? [];
    if (bv === undefined)
      throw new OxbowError('bad-request', 'An entry of Bilibili is a BV number with a page, or a live room.');
    const query = new URLSearchParams({
      bvid: bv,
      cid: cid!,
      qn: String(QUALITY),
      fnval: '1',
      platform: 'html5',
      high_quality: '1',
    });
    const { data } = await call(client, `${API}/x/player/playurl?${query}`, headers);
    return mediaOf(data, 'file', headers);
  },
};

async function openLive(
  room: string,
  headers: Readonly<Record<string, string>>,
  client: ProviderClient,
): Promise<ProviderMedia> {
  const { data } = await call(client, `${LIVE_API}/room/v1/Room/playUrl?cid=${room}&quality=4&platform=h5`, headers);
  return { ...mediaOf(data, 'hls', headers), live: true };
}

function mediaOf(data: Fields, type: 'file' | 'hls', headers: Readonly<Record<string, string>>): ProviderMedia {
  const url = data.list('durl')[0]?.text('url') ?? '';
  if (url === '') throw new OxbowError('source-failed', 'Bilibili returned no address: the video may need an account.');
  // The cookie stays at the API.
  return { url, type, headers: { referer: headers.referer! }, subtitles: [], validMs: HOUR_MS };
}

async function call(
  client: ProviderClient,
  url: string,
  headers: Readonly<Record<string, string>>,
  expected: readonly number[] = [0],
): Promise<{ readonly code: number; readonly data: Fields }> {
  const answer = await client.json(url, { headers });
  const code = answer.number('code') ?? Number.NaN;
  if (!expected.includes(code)) {
    throw new OxbowError(
      'source-failed',
      `Bilibili answered: ${sentenceOf(answer.text('message') || `code ${code}`).slice(0, 200)}`,
    );
  }
  return { code, data: answer.object('data') };
}
