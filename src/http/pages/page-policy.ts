/**
 * What browsers are told a page may do, by the kind of page.
 * In: nothing. Out: header fields. Content Security Policy Level 3; Permissions Policy; Trusted Types.
 */

/** A page of the interface, the player for other people's frames, or a file that other people's pages may load. */
export type PageKind = 'page' | 'embed' | 'file';

/** What no page of ours uses, and nothing that finds its way into one may either. */
const permissionsPolicy = [
  'accelerometer',
  'browsing-topics',
  'camera',
  'display-capture',
  'geolocation',
  'gyroscope',
  'magnetometer',
  'microphone',
  'midi',
  'payment',
  'serial',
  'usb',
]
  .map((feature) => `${feature}=()`)
  .join(', ');

function contentSecurityPolicy(frameAncestors: string): string {
  return [
    "default-src 'self'",
    "media-src 'self' blob: data:", // hls.js gives each track of subtitles an empty file of its own
    "worker-src 'self' blob:",
    "img-src 'self' blob:",
    "connect-src 'self'",
    "style-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    `frame-ancestors ${frameAncestors}`,
    // Text becomes markup only by Svelte's own templates, which are fixed when the interface is built.
    "require-trusted-types-for 'script'",
    'trusted-types svelte-trusted-html',
  ].join('; ');
}

const pageFields = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'permissions-policy': permissionsPolicy,
} as const;

const fields: Readonly<Record<PageKind, Readonly<Record<string, string>>>> = {
  page: { ...pageFields, 'content-security-policy': contentSecurityPolicy("'self'") },
  embed: { ...pageFields, 'content-security-policy': contentSecurityPolicy('*') },
  file: {
    ...pageFields,
    'content-security-policy': contentSecurityPolicy("'self'"),
    'access-control-allow-origin': '*',
    'cross-origin-resource-policy': 'cross-origin',
  },
};

/** The header fields of a kind of page. */
export function policyOf(kind: PageKind): Readonly<Record<string, string>> {
  return fields[kind];
}
