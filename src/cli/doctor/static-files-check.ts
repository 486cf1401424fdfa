/**
 * The doctor's look at the server that browsers get the files of pages from.
 * In: `staticUrl`, the build of the interface, how a URL is asked. Out: a finding.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../lib/errors.ts';
import type { AskedAnswer } from './ask-server.ts';
import { type Finding, ok, warning } from './finding.ts';

const NAME = 'static files';

/**
 * Checks that the first script of the pages is there, is that of this version, and may be used by pages of
 * another origin: browsers load modules with CORS.
 *
 * @param webRoot the build
 */
export async function checkStaticFiles(
  staticUrl: string,
  webRoot: string,
  ask: (url: string) => Promise<AskedAnswer>,
): Promise<Finding> {
  const warn = (text: string, hint: string) => warning(NAME, text, hint);
  const html = await readFile(join(webRoot, 'index.html'), 'utf8');
  const path = /<script [^>]*src="(\/ui\/[^"]+)"/.exec(html)?.[1];
  if (path === undefined) return warn('the interface has not been built', 'npm run build');
  const url = staticUrl + path;
  try {
    const { status, text, headers } = await ask(url);
    if (status !== 200) return warn(`${url} answers ${status}: pages stay empty`, COPY);
    if (text !== (await readFile(join(webRoot, path), 'utf8')))
      return warn(`${url} is another file than that of this version: pages may stay empty`, COPY);
    if (!/^(text|application)\/(x-)?javascript\b/.test(headers['content-type'] ?? ''))
      return warn(`${url} comes as ${headers['content-type']}: browsers do not run it`, 'Let it be text/javascript.');
    if ((headers['access-control-allow-origin'] ?? '') === '')
      return warn(`${url} comes without Access-Control-Allow-Origin: browsers refuse it`, CORS);
    return ok(NAME, `${staticUrl} has the files of this version`);
  } catch (error) {
    return warn(`${url} cannot be reached: ${messageOf(error)}`, 'Check the name and the firewall.');
  }
}

const COPY = 'Copy them with each version: oxbow cdn files FOLDER, before the server is updated.';
const CORS = 'Allow GET for any origin in the CORS rules of the bucket or server.';
