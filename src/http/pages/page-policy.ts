/**
 * Security header fields of pages, by kind of page.
 * In: servers that media and files of pages come from. Out: header fields. Content Security Policy Level 3;
 * Permissions Policy; Trusted Types.
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

/** Further servers of a page, as origins: `https://cdn.example`. */
export interface PageOrigins {
  /** Object stores that viewers are redirected to. */
  readonly media?: readonly string[] | undefined;
  /** Has scripts, styles and pictures of the interface. */
  readonly files?: string | undefined;
}

function contentSecurityPolicy(frameAncestors: string, { media = [], files }: PageOrigins): string {
  const own = files === undefined ? "'self'" : `'self' ${files}`;
  return [
    `default-src ${own}`,
    // hls.js loads an empty data: file for each subtitle track; rooms play video files of other servers.
    "media-src 'self' blob: data: https:",
    "worker-src 'self' blob:",
    `img-src ${own} blob:`,
    ["connect-src 'self'", ...media].join(' '),
    `style-src ${own}`,
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    `frame-ancestors ${frameAncestors}`,
    // Svelte's own templates, fixed at build time, may turn text into markup; one address starts a worker.
    "require-trusted-types-for 'script'",
    'trusted-types svelte-trusted-html oxbow-service-worker',
  ].join('; ');
}

const pageFields = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'permissions-policy': permissionsPolicy('()'),
} as const;

function fieldsWith(origins: PageOrigins): Readonly<Record<PageKind, Readonly<Record<string, string>>>> {
  return {
    page: {
      ...pageFields,
      'permissions-policy': permissionsPolicy('(self)'),
      'content-security-policy': contentSecurityPolicy("'self'", origins),
    },
    embed: { ...pageFields, 'content-security-policy': contentSecurityPolicy('*', origins) },
    file: {
      ...pageFields,
      'content-security-policy': contentSecurityPolicy("'self'", {}),
      'access-control-allow-origin': '*',
      'cross-origin-resource-policy': 'cross-origin',
    },
  };
}

const fields = fieldsWith({});

/** The header fields of a kind of page. */
export function policyOf(kind: PageKind, origins: PageOrigins = {}): Readonly<Record<string, string>> {
  const { media = [], files } = origins;
  return (media.length === 0 && files === undefined ? fields : fieldsWith(origins))[kind];
}
