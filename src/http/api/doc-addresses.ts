/**
 * Common documentation addresses: redirects to the API's pages, and a page for the `type` of every problem.
 * In: the table of errors. Out: `/docs`, `/openapi.json`, `/docs/errors`, `/docs/errors/{code}`. RFC 9457
 * 3.1.1.
 */
import type { FastifyInstance } from 'fastify';
import { type RefusalCode, refusals } from '../../lib/errors.ts';
import { policyOf } from '../pages/page-policy.ts';

const redirects = { '/docs': '/api/docs', '/docs/': '/api/docs', '/openapi.json': '/api/v1/openapi.json' } as const;

/** Registers these addresses. */
export function registerDocAddresses(app: FastifyInstance): void {
  for (const [from, to] of Object.entries(redirects)) {
    app.get(from, { schema: { hide: true } }, async (_, reply) => reply.redirect(to, 302));
  }
  app.get('/docs/errors', { schema: { hide: true } }, async (_, reply) => reply.headers(headers).send(errorsPage()));
  app.get<{ Params: { code: string } }>('/docs/errors/:code', { schema: { hide: true } }, async (request, reply) => {
    const { code } = request.params;
    const isKnown = Object.hasOwn(refusals, code);
    return reply.redirect(isKnown ? `/docs/errors#${code}` : '/docs/errors', 302);
  });
}

const headers = {
  ...policyOf('page'),
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-cache',
};

function errorsPage(): string {
  const rows = (Object.keys(refusals) as RefusalCode[]).sort().map((code) => {
    const { status, title, hint } = refusals[code];
    return `<h2 id="${code}"><code>${code}</code> (${status})</h2>\n<p>${escapeText(title)}. ${escapeText(hint)}</p>`;
  });
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Errors · oxbow</title>
<h1>Errors</h1>
<p>Each error of the API: its code, the HTTP status, and what to do. <a href="/api/docs">The API</a></p>
${rows.join('\n')}
</html>
`;
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
