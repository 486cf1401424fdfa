/**
 * The page between another service and a page of this site. The session cookie is SameSite=Strict: a browser
 * sends it with a navigation that this page begins, and not with a redirect in an answer to the other
 * service's.
 * In: a path of this site. Out: HTML without scripts. RFC 6265bis 5.2.
 */

/** Header fields of the page. The address of this page has a code: no one else gets it. */
export const returnPageFields = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
  'referrer-policy': 'no-referrer',
} as const;

/** The page. @param path begins with one slash */
export function printReturnPage(path: string): string {
  const href = path.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  return `<!doctype html>
<html><head><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=${href}"><title>oxbow</title></head>
<body><a href="${href}">oxbow</a></body></html>
`;
}
