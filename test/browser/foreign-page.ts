/**
 * A third-party web site at its own origin, whose page shows a stream: in an iframe, with `<oxbow-player>`,
 * or with media-chrome around that.
 * In: the address of an oxbow server. Out: addresses of pages.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

const mediaChrome = fileURLToPath(new URL('../../node_modules/media-chrome/dist/iife/index.js', import.meta.url));

/** A running web site. */
export interface ForeignSite extends AsyncDisposable {
  /** Its origin. */
  readonly url: string;
}

/** @param oxbow origin of the server that has the stream `demo` */
export async function openForeignSite(oxbow: string): Promise<ForeignSite> {
  const script = `<script type="module" src="${oxbow}/player.js"></script>`;
  const pages: Readonly<Record<string, string>> = {
    '/frame': `<iframe src="${oxbow}/embed/demo?autoplay&muted" allow="autoplay; fullscreen" width="640" height="360"></iframe>`,
    '/waiting': `<iframe src="${oxbow}/embed/demo" width="640" height="360"></iframe>`,
    '/own': `<iframe src="${oxbow}/watch/demo" width="640" height="360"></iframe>`,
    '/element': `${script}<oxbow-player stream="demo" muted autoplay controls></oxbow-player>`,
    '/chrome': `<script src="/media-chrome.js"></script>${script}
      <media-controller noautoseektolive><oxbow-player slot="media" stream="demo" muted autoplay></oxbow-player>
        <media-control-bar><media-play-button></media-play-button><media-live-button></media-live-button>
        <media-time-range></media-time-range><media-time-display></media-time-display>
        <media-playback-rate-button></media-playback-rate-button><media-mute-button></media-mute-button></media-control-bar>
      </media-controller>`,
  };
  /** As strict as a page can be that still allows the player. */
  const policy = `default-src 'none'; script-src 'self' ${oxbow}; style-src ${oxbow}; media-src blob: data:; img-src ${oxbow}; connect-src ${oxbow}; frame-src ${oxbow}; worker-src 'none'`;
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://site');
    if (pathname === '/media-chrome.js') {
      response.writeHead(200, { 'content-type': 'text/javascript' }).end(await readFile(mediaChrome));
      return;
    }
    const page = pages[pathname];
    if (page === undefined) {
      response.writeHead(pathname === '/favicon.ico' ? 204 : 404).end();
      return;
    }
    response.setHeader('content-type', 'text/html; charset=utf-8');
    // media-chrome creates style elements, which no strict page allows.
    if (pathname !== '/chrome') response.setHeader('content-security-policy', policy);
    response.end(`<!doctype html><html lang="en"><title>${pathname}</title><h1>Another site</h1>${page}</html>`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
