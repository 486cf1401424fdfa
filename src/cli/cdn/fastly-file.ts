/**
 * The custom VCL of a Fastly service in front of oxbow. Fastly asks oxbow about no token: what has one is
 * forwarded.
 * In: a plan. Out: VCL in the dialect of Fastly. Pure; never run by the tests. docs/9-run/cdn.md.
 */
import { type CachePlan, portOf } from './cache-plan.ts';
import { ASSET, LIVE_LISTS, LIVE_MEDIA, ODD_PATH, PAST, STREAM } from './cached-paths.ts';

/** Prints the file. */
export function printFastly(plan: CachePlan): string {
  return [head(plan), received(plan), rest].join('\n');
}

function head({ name, origin, originHost, publicUrl }: CachePlan): string {
  const secure =
    origin.protocol === 'https:'
      ? `
    .ssl = true;
    .ssl_check_cert = always;
    .ssl_cert_hostname = "${origin.hostname}";
    .ssl_sni_hostname = "${origin.hostname}";`
      : '';
  return `# Fastly in front of oxbow, for viewers at ${publicUrl.origin}. Custom VCL of a service; choose it as the main file.
# Made by \`oxbow cdn print fastly\`; what it does: docs/9-run/cdn.md. It was not run at Fastly: try it in a
# service without viewers first.

backend F_${name} {
    .host = "${origin.hostname}";
    .port = "${portOf(origin)}";
    .host_header = "${originHost}";
    .always_use_host_header = true;
    .dynamic = true;
    .share_key = "${name}";
    .connect_timeout = 5s;
    # oxbow holds a reload until the media exists, and sends nothing meanwhile.
    .first_byte_timeout = 120s;
    .between_bytes_timeout = 120s;
    .max_connections = 1000;${secure}
}
`;
}

function received({ name, publicUrl }: CachePlan): string {
  const kept = [
    `live/${STREAM}/(?:${LIVE_MEDIA}|${LIVE_LISTS})`,
    `(?:vod|thumb)/${STREAM}/${PAST}`,
    `assets/(?:${ASSET})`,
  ].join('|');
  return `sub vcl_recv {
#FASTLY recv
    set req.backend = F_${name};
    # Purges need a token of the Fastly API.
    if (req.method == "FASTLYPURGE") {
        set req.http.Fastly-Purge-Requires-Auth = "1";
        return (lookup);
    }
    set req.http.X-Forwarded-For = client.ip;
    set req.http.X-Forwarded-Host = "${publicUrl.host}";
    set req.http.X-Forwarded-Proto = "${publicUrl.protocol.slice(0, -1)}";
    unset req.http.Forwarded;
    # Rooms and events. WebSockets are a product that is switched on for the service.
    if (req.http.Upgrade ~ "(?i)^websocket$") {
        return (upgrade);
    }
    # Reports of players, changes, and what administrators see.
    if ((req.method != "GET" && req.method != "HEAD") || req.http.Authorization) {
        return (pass);
    }
    # Programs read such paths differently.
    if (req.url ~ "${ODD_PATH}") {
        return (pass);
    }
    # What has a playback token does not match: oxbow answers it, and says private.
    if (req.url.path ~ "^/(?:${kept})$") {
        # The key is the path with the directives of HLS.
        set req.url = querystring.sort(querystring.regfilter_except(req.url, "^_HLS_(?:msn|part|skip)$"));
        unset req.http.Cookie;
        return (lookup);
    }
    return (pass);
}
`;
}

const rest = `sub vcl_hash {
    set req.hash += req.url;
    set req.hash += req.http.host;
#FASTLY hash
    return (hash);
}

sub vcl_hit {
#FASTLY hit
    return (deliver);
}

sub vcl_miss {
#FASTLY miss
    return (fetch);
}

sub vcl_pass {
#FASTLY pass
    return (pass);
}

sub vcl_fetch {
#FASTLY fetch
    # An expired copy is never served.
    set beresp.stale_while_revalidate = 0s;
    set beresp.stale_if_error = 0s;
    # Errors are not kept, except 410. No \`pass\` here: it would be remembered, and the part that did not exist yet would
    # be forwarded for every viewer.
    if ((beresp.status != 200 && beresp.status != 410) || beresp.http.Set-Cookie ||
        beresp.http.Cache-Control ~ "(?i)private|no-store|no-cache") {
        set beresp.ttl = 0s;
        set beresp.cacheable = false;
        return (deliver);
    }
    if (beresp.status == 410 && beresp.ttl > 60s) {
        set beresp.ttl = 60s;
    }
    return (deliver);
}

sub vcl_error {
#FASTLY error
    return (deliver);
}

sub vcl_deliver {
#FASTLY deliver
    return (deliver);
}

sub vcl_log {
#FASTLY log
}
`;
