/**
 * The pages: the built interface from web/dist under a strict Content-Security-Policy, each watch page with a preview of its moment.
 * In: GET of `/`, `/watch/…`, `/embed/…` and the files they name. Out: files; index.html or embed.html for every page address;
 * index.html with 404, which says so in the reader's language, where a browser opens what is not there.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { parseInstant } from '../../api/instant.ts';
import { isStreamName } from '../../api/stream-name.ts';
import { FormatError } from '../../lib/errors.ts';
import { createPublicAddress } from '../client/public-address.ts';
import type { HttpDeps } from '../deps.ts';
import { matchesEtag } from '../media/conditions.ts';
import { type PageKind, policyOf } from './page-policy.ts';
import { type Preview, previewOf, previewOfSite, putPreview, type WhenAsked } from './preview.ts';

/** Addresses that the interface itself takes apart. */
const pages = [
  '/',
  '/index.html',
  '/watch/*',
  '/clips',
  '/record',
  '/api/docs',
  '/sign-in',
  '/admin',
  '/admin/*',
  '/embed/*',
] as const;

/** What programs ask for: they get a problem document, whatever they say they take. */
const FOR_PROGRAMS = /^(?:api|live|vod|clip|thumb|start|ui)(?:\/|$)/;

const missing = `<!doctype html>
<meta charset="utf-8">
<title>oxbow</title>
<h1>The pages of oxbow have not been built</h1>
<p>oxbow itself runs. Type <code>npm run build</code> in its folder, then start it again.</p>
`;

/**
 * Registers the pages; where the interface was not built, a page that says how to build it.
 *
 * @param deps `webRoot` is the folder with index.html; `streams` are asked for what a preview shows; of private ones where the address
 *   carries a right to watch
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
  await app.register(fastifyStatic, {
    root,
    serve: false,
    cacheControl: false,
    dotfiles: 'ignore',
    preCompressed: true, // beside each file that is worth it, the build writes .br and .gz
  });
  const templates = { page: new Template(join(root, 'index.html')), embed: new Template(join(root, 'embed.html')) };
  const preview = createPreviewer(deps);
  for (const page of pages) {
    const kind = page === '/embed/*' ? 'embed' : 'page';
    app.get(page, { schema: { hide: true } }, async (request, reply) =>
      sendPage(request, reply, kind, putPreview(await templates[kind].read(), await preview(request))),
    );
  }
  app.get<{ Params: { '*': string } }>('/*', { schema: { hide: true } }, async (request, reply) => {
    const file = request.params['*'];
    if (opensPage(request, file) && !(await isBuilt(root, file))) {
      const html = putPreview(await templates.page.read(), await preview(request));
      reply.code(404).headers({ ...policyOf('page'), 'cache-control': 'no-store', vary: 'accept' });
      return reply.header('content-type', 'text/html; charset=utf-8').send(html);
    }
    // Files in ui/ carry a hash of their content in their names.
    const caching = file.startsWith('ui/') ? 'public, max-age=31536000, immutable' : 'no-cache';
    return reply.headers({ ...policyOf('file'), 'cache-control': caching }).sendFile(file);
  });
}

/** Whether somebody opens an address as a page, rather than a program asking for a file. */
function opensPage({ headers }: FastifyRequest, path: string): boolean {
  return !FOR_PROGRAMS.test(path) && /\btext\/html\b/.test(headers.accept ?? '');
}

/** Whether the build has a file of that name. Outside of its folder nothing is looked at: an absolute path has nothing above it. */
async function isBuilt(root: string, name: string): Promise<boolean> {
  const found = await stat(join(root, normalize(`/${name}`))).catch(() => null); // not there, or no name of a file
  return found?.isFile() ?? false;
}

/** A page made for this request, with a validator of its own. */
function sendPage(request: FastifyRequest, reply: FastifyReply, kind: PageKind, html: string): FastifyReply {
  const etag = `"${createHash('sha256').update(html).digest('base64url').slice(0, 22)}"`;
  // What an address with a right says is for whoever has it.
  const caching = new URLSearchParams(request.url.split('?', 2)[1]).has('token') ? 'private, no-cache' : 'no-cache';
  reply.headers({ ...policyOf(kind), 'cache-control': caching, etag });
  const given = request.headers['if-none-match'];
  if (given !== undefined && matchesEtag(given, etag)) return reply.code(304).send();
  return reply.header('content-type', 'text/html; charset=utf-8').send(html);
}

/** A page as it was built; read once, and again when it was built anew while oxbow runs. While a build is put in place, as it was. */
class Template {
  readonly #path: string;
  #html = '';
  #mtimeMs = Number.NaN;

  constructor(path: string) {
    this.#path = path;
  }

  async read(): Promise<string> {
    try {
      const { mtimeMs } = await stat(this.#path);
      if (mtimeMs !== this.#mtimeMs) {
        this.#html = await readFile(this.#path, 'utf8');
        this.#mtimeMs = mtimeMs;
      }
    } catch (error) {
      if (this.#html === '' || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    return this.#html;
  }
}

/**
 * Tells what a page says of itself. Of a stream that is not for everyone, where the address carries no right to watch it, that is what it
 * says of those that are not there: nothing.
 */
function createPreviewer(deps: HttpDeps): (request: FastifyRequest) => Promise<Preview> {
  const publicAddress = createPublicAddress(deps.publicUrl, deps.trustedProxies ?? []);
  return async ({ headers, protocol, socket, url }) => {
    const [path = '', query = ''] = url.split('?', 2);
    const base = publicAddress({
      headers,
      remoteAddress: socket.remoteAddress ?? '',
      secure: protocol === 'https',
    });
    const [, name = ''] = /^\/(?:watch|embed)\/([^/]*)\/?$/.exec(path) ?? [];
    if (!isStreamName(name)) return previewOfSite(base);
    const search = new URLSearchParams(query);
    const token = search.get('token');
    const nowMs = deps.clock.nowMs();
    const right =
      token !== null && deps.access.watch.verify(token, name, 'playlist', nowMs) === 'ok' ? token : undefined;
    const isHidden = () => right === undefined && deps.streams.isPrivate(name);
    if (isHidden()) return previewOfSite(base);
    const stream = await deps.streams.get(name);
    if (!stream || isHidden()) return previewOfSite(base);
    return previewOf(stream, readWhen(search), base, nowMs, right);
  };
}

/** The moment and span of an address; what is no time is as if it were not there. */
function readWhen(query: URLSearchParams): WhenAsked {
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
