/**
 * Jellyfin and Emby. The server decides whether the browser plays the file itself or an HLS transcode.
 * In: answers of /Users, /Items. Out: entries, media. Their OpenAPI: UserController, ItemsController,
 * MediaInfoController.
 */
import { version } from '../../../lib/version.ts';
import type { Provider, ProviderMedia, ServerSession } from './provider.ts';
import type { Fields } from './provider-client.ts';

const PAGE = 200;
const TICKS_PER_SECOND = 10_000_000;
const DAY_MS = 24 * 3_600_000;

/** The formats that browsers play, in the server's terms. */
const deviceProfile = {
  DirectPlayProfiles: [
    { Type: 'Video', Container: 'mp4,m4v,mov', VideoCodec: 'h264', AudioCodec: 'aac,mp3' },
    { Type: 'Video', Container: 'webm', VideoCodec: 'vp8,vp9', AudioCodec: 'opus,vorbis' },
    { Type: 'Audio', Container: 'mp3,aac,m4a,flac,ogg' },
  ],
  TranscodingProfiles: [
    { Type: 'Video', Container: 'ts', Protocol: 'hls', VideoCodec: 'h264', AudioCodec: 'aac', Context: 'Streaming' },
  ],
  SubtitleProfiles: [{ Format: 'vtt', Method: 'External' }],
};

/** The provider. */
export const jellyfin: Provider = {
  async connect({ url: address, username, password }, client) {
    const url = address.replace(/\/+$/, '');
    const answer = await client.json(`${url}/Users/AuthenticateByName`, {
      json: { Username: username, Pw: password },
      headers: authorization(),
    });
    const token = answer.text('AccessToken');
    return { url, user: answer.object('User').text('Id'), token, headers: authorization(token) };
  },

  async list({ url, user, headers }, folder, cursor, client) {
    if (folder === '') {
      const views = await client.json(`${url}/Users/${encodeURIComponent(user!)}/Views`, { headers });
      return { entries: views.list('Items').map(entryOf), next: undefined };
    }
    const start = Number(cursor ?? 0);
    const query = new URLSearchParams({
      ParentId: folder,
      StartIndex: String(start),
      Limit: String(PAGE),
      SortBy: 'IsFolder,SortName',
      Fields: 'MediaSources',
      EnableUserData: 'false',
    });
    const page = await client.json(`${url}/Users/${encodeURIComponent(user!)}/Items?${query}`, { headers });
    const items = page.list('Items');
    const end = start + items.length;
    const hasMore = items.length > 0 && end < (page.number('TotalRecordCount') ?? 0);
    return { entries: items.map(entryOf), next: hasMore ? String(end) : undefined };
  },

  async open(session, entry, client) {
    const { url, user, headers } = session;
    const id = encodeURIComponent(entry);
    const info = await client.json(`${url}/Items/${id}/PlaybackInfo?UserId=${encodeURIComponent(user!)}`, {
      json: { DeviceProfile: deviceProfile, EnableDirectPlay: true, EnableTranscoding: true },
      headers,
    });
    const [source] = info.list('MediaSources');
    return mediaOf(session, id, source!);
  },
};

function mediaOf({ url, headers }: ServerSession, id: string, source: Fields | undefined): ProviderMedia {
  const sourceId = source?.text('Id') ?? '';
  const transcoded = source?.text('TranscodingUrl') ?? '';
  const subtitles = (source?.list('MediaStreams') ?? [])
    .filter((stream) => stream.text('Type') === 'Subtitle' && stream.flag('IsTextSubtitleStream'))
    .map((stream) => ({
      name: stream.text('DisplayTitle') || stream.text('Language') || 'Subtitles',
      url: `${url}/Videos/${id}/${encodeURIComponent(sourceId)}/Subtitles/${stream.text('Index')}/Stream.vtt`,
    }));
  const common = { headers, subtitles, validMs: DAY_MS };
  if (transcoded !== '' && !source?.flag('SupportsDirectPlay')) {
    return { ...common, url: new URL(transcoded.replace(/^\//, ''), `${url}/`).href, type: 'hls' };
  }
  const query = new URLSearchParams({ static: 'true', mediaSourceId: sourceId });
  return { ...common, url: `${url}/Videos/${id}/stream?${query}`, type: 'file' };
}

function entryOf(item: Fields) {
  const ticks = item.number('RunTimeTicks');
  const series = item.text('Type') === 'Episode' ? episode(item) : '';
  return {
    id: item.text('Id'),
    name: `${series}${item.text('Name')}`,
    isFolder: item.flag('IsFolder'),
    ...(ticks !== undefined && { duration: ticks / TICKS_PER_SECOND }),
  };
}

/** `S01E02 `; empty if the numbers are missing. */
function episode(item: Fields): string {
  const [season, number] = [item.number('ParentIndexNumber'), item.number('IndexNumber')];
  const two = (value: number) => String(value).padStart(2, '0');
  return season === undefined || number === undefined ? '' : `S${two(season)}E${two(number)} `;
}

/** Jellyfin reads the first header, Emby and older versions the others. */
function authorization(token?: string): Record<string, string> {
  const client = `MediaBrowser Client="oxbow", Device="server", DeviceId="oxbow", Version="${version}"`;
  const full = token === undefined ? client : `${client}, Token="${token}"`;
  return {
    authorization: full,
    'x-emby-authorization': full,
    ...(token !== undefined && { 'x-emby-token': token }),
  };
}
