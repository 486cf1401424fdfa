/**
 * Security header fields of pages, by kind of page.
 * In: servers that media comes from. Out: header fields. Content Security Policy Level 3; Permissions
 * Policy; Trusted Types.
 */

/**
 * A page of the interface, the player for frames of other sites, or a file that pages of other sites may
 * load.
 */
export type PageKind = 'page' | 'embed' | 'file';

/**
 * Browser features that the interface does not use, disabled so that injected code cannot use them either.
 */
const unused = [
  'accelerometer',
  'browsing-topics',
  'geolocation',
  'gyroscope',
  'magnetometer',
  'midi',
  'payment',
  'serial',
  'usb',
];
/**
 * What the studio and the calls of rooms use. The policy is that of the page that was loaded, and the
 * interface goes from page to page without loading another: therefore each of its pages has them.
 */
const devices = ['camera', 'display-capture', 'microphone'];

function permissionsPolicy(ofDevices: '()' | '(self)'): string {
  const allowed = [...unused.map((feature) => [feature, '()']), ...devices.map((feature) => [feature, ofDevices])];
  return allowed.map((each) => each.join('=')).join(', ');
}

/** @param origins of further servers that scripts request media from */
function contentSecurityPolicy(frameAncestors: string, origins: readonly string[]): string {
  return [
    "default-src 'self'",
    // hls.js loads an empty data: file for each subtitle track; rooms play video files of other servers.
    "media-src 'self' blob: data: https:",
    "worker-src 'self' blob:",
    "img-src 'self' blob:",
    ["connect-src 'self'", ...origins].join(' '),
    "style-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    `frame-ancestors ${frameAncestors}`,
    // Only Svelte's own templates, fixed at build time, may turn text into markup.
    "require-trusted-types-for 'script'",
    'trusted-types svelte-trusted-html',
  ].join('; ');
}

const pageFields = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'permissions-policy': permissionsPolicy('()'),
} as const;

function fieldsWith(origins: readonly string[]): Readonly<Record<PageKind, Readonly<Record<string, string>>>> {
  return {
    page: {
      ...pageFields,
      'permissions-policy': permissionsPolicy('(self)'),
      'content-security-policy': contentSecurityPolicy("'self'", origins),
    },
    embed: { ...pageFields, 'content-security-policy': contentSecurityPolicy('*', origins) },
    file: {
      ...pageFields,
      'content-security-policy': contentSecurityPolicy("'self'", []),
      'access-control-allow-origin': '*',
      'cross-origin-resource-policy': 'cross-origin',
    },
  };
}

const fields = fieldsWith([]);

/**
 * The header fields of a kind of page.
 *
 * @param origins of object stores that viewers are redirected to, such as `https://s3.example`
 */
export function policyOf(kind: PageKind, origins: readonly string[] = []): Readonly<Record<string, string>> {
  return (origins.length === 0 ? fields : fieldsWith(origins))[kind];
}
