/**
 * Serves the built interface from web/dist, with a strict Content-Security-Policy; watch pages with a link
 * preview.
 * In: GET of `/`, `/watch/…`, `/embed/…` and their files. Out: files; index.html or embed.html for every page
 * address; index.html with 404 for a browser at an unknown address, which shows the error in the user's
 * language.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import { FormatError } from '@oxbow/media/errors';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { may } from '../../accounts/permissions.ts';
import { anonymous } from '../../accounts/principal.ts';
import { clipTokenNameOf } from '../../api/clips/clips-api.ts';
import { parseInstant } from '../../api/instant.ts';
import { isStreamName } from '../../api/stream/stream-name.ts';
import { createPublicAddress } from '../../serve/client/public-address.ts';
import { matchesEtag } from '../../serve/exchange/conditions.ts';
import { requestSourceOf } from '../../serve/exchange/request-source.ts';
import type { HttpDeps } from '../deps.ts';
import { seenView } from '../route/visible-past.ts';
import { discardUnread } from '../uploads/unread-body.ts';
import { type PageKind, policyOf } from './page-policy.ts';
import { insertPreview, type Preview, type PreviewTime, previewOf, previewOfClip, previewOfSite } from './preview.ts';

/** Addresses that the interface routes in the browser. */
const pages = [
  '/',
  '/index.html',
  '/watch/*',
  '/c/*',
  '/clips',
  '/go-live',
  '/go-live/*',
  '/studio',
  '/studio/*',
  '/mixer/*',
  '/record',
  '/library',
  '/library/*',
  '/rooms',
  '/rooms/*',
  '/upload',
  '/api/docs',
  '/sign-in',
  '/sign-up',
  '/reset-password',
  '/verify-email',
  '/cases',
  '/cases/*',
  '/me',
  '/multi',
  '/verify',
  '/tv',
  '/tv/*',
  '/admin',
  '/admin/*',
  '/embed/*',
] as const;

/** Paths for programs: an unknown one is answered with a problem document, whatever `Accept` says. */
const FOR_PROGRAMS = /^(?:api|live|vod|clip|thumb|start|ui)(?:\/|$)/;

const missing = `<!doctype html>
<meta charset="utf-8">
<title>oxbow</title>
<h1>The web interface of oxbow has not been built</h1>
<p>The server is running. Run <code>npm run build</code> in the folder of oxbow, then restart it.</p>
`;

/**
 * Registers the pages. If the interface was not built, registers a page that says how to build it.
 *
 * @param deps `webRoot` is the folder with index.html; `streams` provide the previews
 */
export async function registerInterface(app: FastifyInstance, deps: HttpDeps): Promise<void> {
  const root = deps.webRoot;
  if (!existsSync(join(root, 'index.html'))) {
    for (const page of pages) {
      app.get(page, { schema: { hide: true } }, async (_, reply) => {
        reply.code(503).headers({
          ...policyOf('page'),
          'cache-control': 'no-store',
          'content-type': 'text/html; charset=utf-8',
        });
        return missing;
      });
    }
    return;
  }
  const { default: fastifyStatic } = await import('@fastify/static');
  await app.register(fastifyStatic, {
    root,
    serve: false,
    cacheControl: false,
    dotfiles: 'ignore',
    preCompressed: true, // the build writes .br and .gz files
  });
  const { staticUrl } = deps;
  const templates = {
    page: new Template(join(root, 'index.html'), staticUrl),
    embed: new Template(join(root, 'embed.html'), staticUrl),
  };
  const elsewhere = staticUrl === undefined ? undefined : new URL(staticUrl).origin;
  await app.register(registerShareTarget);
  const preview = createPreviewer(deps);
  const policy = (of: PageKind) => policyOf(of, { media: deps.direct?.origins(), files: elsewhere });
  for (const page of pages) {
    const kind = page === '/embed/*' ? 'embed' : 'page';
    app.get(page, { schema: { hide: true } }, async (request, reply) => {
      const { status, ...shown } = await preview(request);
      const html = insertPreview(await templates[kind].read(), shown);
      return status === undefined
        ? sendPage(request, reply, policy(kind), html)
        : sendMissing(reply, status, policy('page'), html);
    });
  }
  app.get<{ Params: { '*': string } }>('/*', { schema: { hide: true } }, async (request, reply) => {
    const file = request.params['*'];
    if (isNavigation(request, file) && !(await isBuilt(root, file))) {
      const html = insertPreview(await templates.page.read(), await preview(request));
      return sendMissing(reply.header('vary', 'accept'), 404, policy('page'), html);
    }
    // Files in ui/ carry a hash of their content in their names.
    const caching = file.startsWith('ui/') ? 'public, max-age=31536000, immutable' : 'no-cache';
    return reply.headers({ ...policyOf('file'), 'cache-control': caching }).sendFile(file);
  });
}

/**
 * Files that the system shares to oxbow: the service worker answers this request. Without one the files are
 * not read, and the upload page says that they did not arrive.
 */
async function registerShareTarget(app: FastifyInstance): Promise<void> {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.post('/upload/share', { schema: { hide: true } }, (request, reply) => {
    discardUnread(request.raw, reply.raw);
    return reply.headers({ ...policyOf('page'), 'cache-control': 'no-store' }).redirect('/upload?shared', 303);
  });
}

type PolicyFields = Readonly<Record<string, string>>;

/** Whether a browser opens an address as a page, as opposed to a program that requests a file. */
function isNavigation({ headers }: FastifyRequest, path: string): boolean {
  return !FOR_PROGRAMS.test(path) && /\btext\/html\b/.test(headers.accept ?? '');
}

/**
 * Whether the build has the file. Normalizing an absolute path removes `..`, so no file outside of the folder
 * is checked.
 */
async function isBuilt(root: string, name: string): Promise<boolean> {
  const file = await stat(join(root, normalize(`/${name}`))).catch(() => null); // it does not exist, or the name is invalid
  return file?.isFile() ?? false;
}

/** Sends a page that says in the browser what is missing. */
function sendMissing(reply: FastifyReply, status: 404 | 410, policy: PolicyFields, html: string): FastifyReply {
  reply.code(status).headers({ ...policy, 'cache-control': 'no-store' });
  return reply.header('content-type', 'text/html; charset=utf-8').send(html);
}

/** Sends a page that was rendered for this request, with its own ETag. */
function sendPage(request: FastifyRequest, reply: FastifyReply, policy: PolicyFields, html: string): FastifyReply {
  const etag = `"${createHash('sha256').update(html).digest('base64url').slice(0, 22)}"`;
  // A page with a playback token may show a restricted stream or clip.
  const caching = new URLSearchParams(request.url.split('?', 2)[1]).has('token') ? 'private, no-cache' : 'no-cache';
  reply.headers({ ...policy, 'cache-control': caching, etag });
  const ifNoneMatch = request.headers['if-none-match'];
  if (ifNoneMatch !== undefined && matchesEtag(ifNoneMatch, etag)) return reply.code(304).send();
  return reply.header('content-type', 'text/html; charset=utf-8').send(html);
}

/**
 * A built page. Read again after its file has changed; while a new build replaces the file, the old content
 * is used.
 */
class Template {
  readonly #path: string;
  readonly #staticUrl: string;
  #html = '';
  #mtimeMs = Number.NaN;

  /** @param staticUrl where its files are; default the server of the page */
  constructor(path: string, staticUrl = '') {
    this.#path = path;
    this.#staticUrl = staticUrl;
  }

  async read(): Promise<string> {
    try {
      const { mtimeMs } = await stat(this.#path);
      if (mtimeMs !== this.#mtimeMs) {
        const html = await readFile(this.#path, 'utf8');
        this.#html = html.replaceAll('="/ui/', `="${this.#staticUrl}/ui/`);
        this.#mtimeMs = mtimeMs;
      }
    } catch (error) {
      if (this.#html === '' || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    return this.#html;
  }
}

/** A preview; of a clip that there is not, or not any more, with the status of its page. */
type PagePreview = Preview & { readonly status?: 404 | 410 };

/**
 * Creates previews of pages. Without a playback token, the preview of a restricted stream or clip is the same
 * as that of an unknown one.
 */
function createPreviewer(deps: HttpDeps): (request: FastifyRequest) => Promise<PagePreview> {
  const publicAddress = createPublicAddress(deps.publicUrl, deps.trustedProxies ?? []);
  return async ({ raw, protocol, url }) => {
    const [path = '', query = ''] = url.split('?', 2);
    const base = publicAddress({ ...requestSourceOf(raw), secure: protocol === 'https' });
    const clip = /^\/c\/([^/]*)\/?$/.exec(path)?.[1];
    if (clip !== undefined) return previewClip(deps, clip, new URLSearchParams(query).get('token'), base);
    const [, name = ''] = /^\/(?:watch|embed)\/([^/]*)\/?$/.exec(path) ?? [];
    if (!isStreamName(name)) return previewOfSite(base);
    const search = new URLSearchParams(query);
    const token = search.get('token');
    const nowMs = deps.clock.nowMs();
    if (token !== null) await deps.access.watch.admit(token, nowMs);
    const validToken =
      token !== null && deps.access.watch.verify(token, name, 'playlist', nowMs) === 'ok' ? token : undefined;
    const isHidden = () => validToken === undefined && deps.streams.isPrivate(name);
    if (isHidden()) return previewOfSite(base);
    const stream = await deps.streams.get(name);
    if (!stream || isHidden()) return previewOfSite(base);
    // Messengers show the preview to everyone: as viewers see the stream.
    const caller = { principal: anonymous, token: undefined };
    const seen = seenView(stream, caller, deps);
    return previewOf(seen, readTimes(search), base, nowMs - 1000 * (stream.past?.delay ?? 0), validToken);
  };
}

async function previewClip(
  { access, clips, clock, streams }: HttpDeps,
  id: string,
  token: string | null,
  base: string | undefined,
): Promise<PagePreview> {
  const nowMs = clock.nowMs();
  if (token !== null) await access.watch.admit(token, nowMs);
  const clip = clips.facts(id);
  const isValid =
    token !== null &&
    [clipTokenNameOf(id), ...(clip ? [clip.stream] : [])].some(
      (name) => access.watch.verify(token, name, 'playlist', nowMs) === 'ok',
    );
  if (!clip || !(isValid || may(anonymous, 'watchClip', clip))) return { ...previewOfSite(base), status: 404 };
  if (clip.isLost) return { ...previewOfSite(base), status: 410 };
  return previewOfClip(id, clip, await streams.get(clip.stream), base, isValid ? token : undefined);
}

/** The instant and range in an address; invalid times are ignored. */
function readTimes(query: URLSearchParams): PreviewTime {
  const [atMs, fromMs, toMs] = ['t', 'from', 'to'].map((key) => readTime(query.get(key)));
  const span = fromMs != null && toMs != null && toMs > fromMs ? { fromMs, toMs } : null;
  return { atMs: atMs ?? span?.fromMs ?? null, span };
}

function readTime(text: string | null): number | null {
  if (text === null) return null;
  try {
    return parseInstant(text);
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}
