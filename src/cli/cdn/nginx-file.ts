/**
 * The configuration of an nginx in front of oxbow (1.22, Debian 12). nginx verifies no token: it asks oxbow
 * about each (`auth_request`), keeps the answer, and gives the copy that all viewers share.
 * In: a plan. Out: a file for `/etc/nginx/conf.d`. Pure. docs/9-run/cdn.md.
 */
import { isIP } from 'node:net';
import { type CachePlan, portOf } from './cache-plan.ts';
import { ASSET, DIRECTIVE_VALUE, DIRECTIVES, LIVE_LISTS, LIVE_MEDIA, PAST, STREAM, TOKEN } from './cached-paths.ts';

/** Prints the file. */
export function printNginx(plan: CachePlan): string {
  const body = [shared(plan), forwarded(plan), open(plan), signed(plan), purge(plan)].join('\n');
  return `${head(plan)}\n${maps(plan)}\n${servers(plan)}\n${indented(body)}}\n`;
}

const indented = (text: string): string => text.replaceAll(/^(?=.)/gm, '    ');
/** A location whose pattern has braces is in quotes. */
const location = (pattern: string): string => `location ~ "^${pattern}$"`;
const addressOf = (plan: CachePlan): string => `${plan.origin.protocol}//${plan.name}_origin`;

function head({ name, origin, publicUrl }: CachePlan): string {
  return `# nginx 1.22 (Debian 12) or newer in front of oxbow, for viewers at ${publicUrl.origin}.
# Made by \`oxbow cdn print nginx\`; what it does: docs/9-run/cdn.md.
#
# Copy this file to /etc/nginx/conf.d/, look at the lines marked CHANGE, then \`nginx -t && systemctl reload nginx\`.
# oxbow must trust the address of this nginx: \`trustedProxies\`.

upstream ${name}_origin {
    server ${origin.hostname}:${portOf(origin)};
    keepalive 256;
    # Shorter than oxbow's 75 s, so that no request uses a connection that oxbow is closing.
    keepalive_timeout 60s;
}

# nginx creates the last folder; its parent exists on Debian and Ubuntu.
proxy_cache_path /var/lib/nginx/${name} levels=1:2 keys_zone=${name}_cache:20m max_size=10g inactive=24h use_temp_path=off; # CHANGE
`;
}

/** Variables of a request that decide what is kept, and under which key. */
function maps({ name, recheckS }: CachePlan): string {
  const pieces = DIRECTIVES.map(
    (directive) => `map $arg_${directive} $${name}${directive} {
    default "";
    "~^${DIRECTIVE_VALUE}$" "&${directive}=$arg_${directive}";
}
`,
  );
  return `# Answers of oxbow about playback tokens.
proxy_cache_path /var/lib/nginx/${name}_answers keys_zone=${name}_answers:10m max_size=100m inactive=${recheckS}s use_temp_path=off; # CHANGE

# The cache needs only two forms of a playlist, gzipped and plain; media has one.
map "$request_uri $http_accept_encoding" $${name}_coding {
    default "";
    "~^[^? ]*[.](?:m4s|mp4|ts|jpg)(?:[?][^ ]*)? " "";
    "~* .*\\bgzip\\b" gzip;
}

# Rooms and events use a WebSocket; all other requests have no such header and use keep-alive.
map $http_upgrade $${name}_connection {
    default "";
    "~*^websocket$" upgrade;
}

# The query of a playlist that is part of the key, in one order; other media has none. oxbow gets what the key says and
# nothing else.
map $request_uri $${name}_is_list {
    default "";
    "~^[^?]*[.]m3u8(?:[?]|$)" list;
}
${pieces.join('')}map "$${name}_is_list${DIRECTIVES.map((directive) => `$${name}${directive}`).join('')}" $${name}_query {
    default "";
    "~^list&(?<${name}_rest>.+)$" "?$${name}_rest";
}

# Paths that programs read differently are forwarded; so are requests of administrators.
map "$http_authorization $request_uri" $${name}_forwards {
    default "";
    "~^[^ ]" 1;
    "~^ [^?]*(?:%|//|/[.])" 1;
}

# A stream whose copies are all void has another number here, in a file that you write: docs/9-run/cdn.md.
map $request_uri $${name}_round {
    default 0;
    include /etc/nginx/${name}_purged*.map; # CHANGE
}

# What oxbow does not want to be kept for anyone.
map $upstream_http_cache_control $${name}_drops {
    default "";
    "~*no-store|no-cache" 1;
}
`;
}

function servers({ publicUrl, name }: CachePlan): string {
  const port = portOf(publicUrl);
  const host = publicUrl.hostname;
  if (publicUrl.protocol === 'http:')
    return `server {
    listen ${port}; # CHANGE
    listen [::]:${port}; # CHANGE
    server_name ${host};
`;
  return `server {
    listen 80; # CHANGE
    listen [::]:80; # CHANGE
    server_name ${host};
    return 308 ${publicUrl.origin}$request_uri;
}

server {
    listen ${port} ssl http2; # CHANGE
    listen [::]:${port} ssl http2; # CHANGE
    server_name ${host};
    ssl_certificate /etc/ssl/oxbow/fullchain.pem; # CHANGE
    ssl_certificate_key /etc/ssl/oxbow/privkey.pem; # CHANGE
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:${name}_tls:10m;
    ssl_session_tickets off;
`;
}

/** Directives of the whole server. */
function shared({ name, origin, originHost, longestWaitS }: CachePlan): string {
  const secure =
    origin.protocol === 'https:'
      ? `proxy_ssl_server_name on;
proxy_ssl_name ${origin.hostname};
proxy_ssl_verify on;
proxy_ssl_verify_depth 3;
proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt; # CHANGE
`
      : '';
  return `keepalive_timeout 75s;
server_tokens off;
# What is forwarded after an error page may have one too.
recursive_error_pages on;

proxy_http_version 1.1;
proxy_set_header Connection $${name}_connection;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Host ${originHost};
proxy_set_header X-Forwarded-Host $http_host;
proxy_set_header X-Forwarded-For $remote_addr;
proxy_set_header X-Forwarded-Proto $scheme;
# The equivalent standard field: drop the value that a client sends.
proxy_set_header Forwarded "";
proxy_set_header Accept-Encoding $${name}_coding;
${secure}# oxbow holds a reload until the media exists, and sends nothing meanwhile.
proxy_read_timeout 120s;
proxy_send_timeout 120s;
# No request is sent twice: oxbow itself sends Retry-After to clients.
proxy_next_upstream off;
# Do not buffer large clips on disk.
proxy_max_temp_file_size 0;
proxy_buffers 32 32k;
# An expired copy is confirmed by its ETag.
proxy_cache_revalidate on;
# The key contains the coding.
proxy_ignore_headers Vary;
# Of equal requests one is sent to oxbow. nginx looks only every half second whether its answer is there: docs/9-run/cdn.md
# has what this costs. A request that waits longer than a segment is sent to oxbow too, so that viewers do not wait one after the
# other for an answer that is not kept.
proxy_cache_lock on;
proxy_cache_lock_age 120s;
proxy_cache_lock_timeout ${longestWaitS}s;
`;
}

function forwarded(plan: CachePlan): string {
  return `# Pages, the API, clips, reports of players: forwarded without caching or buffering.
location / {
    proxy_pass ${addressOf(plan)};
    proxy_buffering off;
    client_max_body_size 0;
    proxy_request_buffering off;
    error_page 502 504 = @${plan.name}_away;
}

# oxbow does not answer: players try again, and no cache keeps this.
location @${plan.name}_away {
    default_type text/plain;
    add_header Cache-Control no-store always;
    add_header Retry-After 1 always;
    add_header Access-Control-Allow-Origin * always;
    return 503 "oxbow does not answer.";
}

# What is not kept, and what oxbow refuses: its answer, as it is.
location @${plan.name}_forward {
    proxy_pass ${addressOf(plan)};
    proxy_buffering off;
    error_page 502 504 = @${plan.name}_away;
}
`;
}

/** What the locations of copies begin with. */
const unlessForwarded = (name: string): string => `error_page 502 504 = @${name}_away;
    error_page 418 = @${name}_forward;
    if ($${name}_forwards) {
        return 418;
    }
    proxy_cache ${name}_cache;`;

/** Media of streams and assets that anyone may watch. oxbow says how long it is kept. */
function open(plan: CachePlan): string {
  const { name } = plan;
  const live = `live/${STREAM}/(?:${LIVE_MEDIA}|${LIVE_LISTS})`;
  return `# Media without a token: oxbow says how long it is kept, and whether.
${location(`/(?:${live}|(?:vod|thumb)/${STREAM}/${PAST}|assets/(?:${ASSET}))`)} {
    ${unlessForwarded(name)}
    proxy_cache_key "$${name}_round $uri$${name}_query $${name}_coding";
    proxy_no_cache $${name}_drops;
    proxy_pass ${addressOf(plan)}$uri$${name}_query;
}
`;
}

/** Media of streams with a token. oxbow marks it as private, so the file says how long it is kept. */
function signed(plan: CachePlan): string {
  const { name, recheckS } = plan;
  const kinds = [
    ['media: its bytes never change', `live/(?<${name}_m>${STREAM})/${LIVE_MEDIA}`, `$${name}_m`, '1h'],
    ['live playlists', `live/(?<${name}_l>${STREAM})/${LIVE_LISTS}`, `$${name}_l`, '1s'],
    ['windows of the past, stills', `(?:vod|thumb)/(?<${name}_p>${STREAM})/${PAST}`, `$${name}_p`, '10s'],
  ] as const;
  const locations = kinds.map(
    ([what, pattern, stream, kept]) => `# With a token, ${what}.
${location(`/t/(?<${name}_token>${TOKEN})(?<${name}_path>/${pattern})`)} {
    ${unlessForwarded(name)}
    set $${name}_stream ${stream};
    auth_request /_${name}/ask;
    # What oxbow refuses, it answers itself.
    error_page 401 403 500 = @${name}_forward;
    # All tokens share the copy; an address without a token has another key.
    proxy_cache_key "/t $${name}_round $${name}_path$${name}_query $${name}_coding";
    proxy_ignore_headers Vary Cache-Control Expires;
    proxy_cache_valid 200 ${kept};
    proxy_no_cache $${name}_drops;
    proxy_pass ${addressOf(plan)}/t/$${name}_token$${name}_path$${name}_query;
}
`,
  );
  return `# May the client watch the stream? The answer holds for its token and address.
location = /_${name}/ask {
    internal;
    proxy_cache ${name}_answers;
    proxy_cache_key "$${name}_token $${name}_stream $remote_addr";
    proxy_ignore_headers Vary Cache-Control Expires;
    proxy_cache_valid 200 ${recheckS}s;
    # Any other answer takes the place of an acceptance.
    proxy_cache_valid any 1s;
    # One request asks again, while the others go by the last answer.
    proxy_cache_lock off;
    proxy_cache_use_stale updating;
    proxy_cache_background_update on;
    proxy_cache_revalidate off;
    proxy_pass_request_body off;
    proxy_pass ${addressOf(plan)}/t/$${name}_token/live/$${name}_stream/time.txt;
}

${locations.join('\n')}`;
}

/**
 * Purges of one address: oxbow is asked again for each of its keys, and the answer, whatever it is, replaces
 * the copy for a second.
 */
function purge(plan: CachePlan): string {
  const { name, purgeFrom } = plan;
  const networks = purgeFrom.filter((item) => isIP(item.split('/')[0]!) !== 0);
  const allowed = networks.map((network) => `    allow ${network};\n`).join('');
  const asks = (key: string) => `    proxy_cache ${name}_cache;
    proxy_cache_key "${key}";
    proxy_cache_bypass 1;
    proxy_cache_lock off;
    proxy_cache_revalidate off;
    proxy_ignore_headers Vary Cache-Control Expires;
    proxy_cache_valid any 1s;
    proxy_pass ${addressOf(plan)}$${name}_gone$${name}_query;`;
  const object = `$${name}_round $${name}_gone$${name}_query`;
  const others = [`${object} gzip`, `/t ${object} `, `/t ${object} gzip`];
  const internals = others.map(
    (key, index) => `location = /_${name}/purge-${index} {
    internal;
${asks(key)}
}
`,
  );
  return `# GET /_${name}/purge/live/door/v0/12.m4s, for these addresses only${networks.length === 0 ? ': none yet' : ''}.
${location(`/_${name}/purge(?<${name}_gone>/(?:live|vod|thumb|assets)/[A-Za-z0-9/_.:-]+)`)} {
    if ($http_x_forwarded_for) {
        return 403;
    }
${allowed}    deny all; # CHANGE
${others.map((_, index) => `    mirror /_${name}/purge-${index};\n`).join('')}    mirror_request_body off;
${asks(`${object} `)}
}
${internals.join('')}`;
}
