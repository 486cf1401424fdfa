/**
 * The VCL of a Varnish in front of oxbow (7.1, Debian 12). Varnish collapses equal requests by itself. A
 * playback token is a question to oxbow, in a first pass of the request, whose answer is kept; the second
 * pass, a restart, reads the copy that all viewers share.
 * In: a plan. Out: VCL 4.1. Pure. docs/9-run/cdn.md.
 */
import { type CachePlan, portOf } from './cache-plan.ts';
import {
  ASSET,
  DIRECTIVE_VALUE,
  DIRECTIVES,
  LIVE_LISTS,
  LIVE_MEDIA,
  ODD_PATH,
  PAST,
  STREAM,
  TOKEN,
} from './cached-paths.ts';

const OF_STREAM = `live/${STREAM}/(?:${LIVE_MEDIA}|${LIVE_LISTS})|(?:vod|thumb)/${STREAM}/${PAST}`;

/** Prints the file. */
export function printVarnish(plan: CachePlan): string {
  return [head(plan), received(plan), asked, fetched(plan), delivered].join('\n');
}

function head({ name, origin, originHost, purgeFrom, publicUrl }: CachePlan): string {
  const entries = purgeFrom.map((item) => {
    const [address, bits] = item.split('/');
    return `    "${address}"${bits === undefined ? '' : `/${bits}`};`;
  });
  return `vcl 4.1;
# Varnish 7.1 (Debian 12) or newer in front of oxbow, for viewers at ${publicUrl.origin}.
# Made by \`oxbow cdn print varnish\`; what it does: docs/9-run/cdn.md.
#
#   varnishd -a :6081 -f /etc/varnish/${name}.vcl -s default,2G
#
# Varnish speaks no TLS: put a TLS terminator in front of it that uses the PROXY protocol (\`-a :6081,PROXY\`), so that
# the address of the client arrives. oxbow must trust the address of this Varnish: \`trustedProxies\`.

import std;

backend ${name} {
    .host = "${origin.hostname.replace(/^\[|\]$/g, '')}";
    .port = "${portOf(origin)}";
    .host_header = "${originHost}";
    .connect_timeout = 5s;
    # oxbow holds a reload until the media exists, and sends nothing meanwhile.
    .first_byte_timeout = 120s;
    .between_bytes_timeout = 120s;
}

# Who may purge.
acl ${name}_purgers {
${entries.join('\n')}
}
`;
}

function received(plan: CachePlan): string {
  const { name } = plan;
  return `sub vcl_recv {
    set req.backend_hint = ${name};
    if (req.restarts > 0) {
        # The second pass of a request with a token. What oxbow refused, it answers itself.
        if (req.http.X-Oxbow-Step == "shared") {
            return (hash);
        }
        return (pass);
    }
    unset req.http.X-Oxbow-Step;
    unset req.http.X-Oxbow-Url;
    # Varnish has put the address of the connection behind what the client sent.
    if (req.method == "PURGE") {
        if (client.ip !~ ${name}_purgers || req.http.X-Forwarded-For ~ ",") {
            return (synth(403, "Purging is not permitted from this address."));
        }
        call ${name}_purge;
    }
    set req.http.X-Forwarded-For = client.ip;
    set req.http.X-Forwarded-Proto = "${plan.publicUrl.protocol.slice(0, -1)}";
    set req.http.X-Forwarded-Host = req.http.Host;
    unset req.http.Forwarded;
    # Rooms and events over a WebSocket.
    if (req.http.Upgrade ~ "(?i)^websocket$") {
        return (pipe);
    }
    # Reports of players, changes, and what administrators see.
    if ((req.method != "GET" && req.method != "HEAD") || req.http.Authorization) {
        return (pass);
    }
    # Programs read such paths differently.
    if (req.url ~ "${ODD_PATH}") {
        return (pass);
    }
    if (req.url ~ "^/(?:${OF_STREAM}|assets/(?:${ASSET}))(?:\\?|$)") {
        call ${name}_directives;
        unset req.http.Cookie;
        return (hash);
    }
    if (req.url ~ "^/t/${TOKEN}/(?:${OF_STREAM})(?:\\?|$)") {
        call ${name}_directives;
        unset req.http.Cookie;
        # The first pass asks oxbow about the token, with an address that is the same for all media of the stream.
        set req.http.X-Oxbow-Step = "ask";
        set req.http.X-Oxbow-Url = req.url;
        set req.url = regsub(req.url, "^(/t/[^/]+)/[a-z]+/([^/]+)/.*$", "\\1/live/\\2/time.txt");
        return (hash);
    }
    # Pages, the API, clips, files, everything else.
    return (pass);
}

# Leaves of the query of a playlist what is part of the key, in one order; other media has none. oxbow gets what the key
# says and nothing else.
sub ${name}_directives {
    set req.http.X-Oxbow-Query = "";
    if (req.url ~ "^[^?]*[.]m3u8(?:\\?|$)") {
${DIRECTIVES.map(directive).join('\n')}
    }
    set req.url = regsub(req.url, "\\?.*$", "") + regsub(req.http.X-Oxbow-Query, "^&", "?");
    unset req.http.X-Oxbow-Query;
}

# PURGE /live/door/v0/12.m4s: this address, with every query and token. PURGE /live/door/: everything below.
sub ${name}_purge {
    if (req.url !~ "^/[A-Za-z0-9/_.:-]*$") {
        return (synth(400, "The path has a character that no media address has."));
    }
    if (req.url ~ "/$") {
        ban("obj.http.X-Oxbow-Path ~ ^" + regsuball(req.url, "[.]", "[.]"));
    } else {
        ban("obj.http.X-Oxbow-Path == " + req.url);
    }
    return (synth(200, "Purged"));
}
`;
}

const directive = (name: string): string => `        if (req.url ~ "[?&]${name}=${DIRECTIVE_VALUE}(?:&|$)") {
            set req.http.X-Oxbow-Query = req.http.X-Oxbow-Query + "&${name}=" +
                regsub(req.url, "^.*?[?&]${name}=(${DIRECTIVE_VALUE})(?:&.*)?$", "\\1");
        }`;

const asked = `sub vcl_pipe {
    set bereq.http.Connection = "upgrade";
    set bereq.http.Upgrade = req.http.Upgrade;
    return (pipe);
}

sub vcl_hash {
    if (req.http.X-Oxbow-Step == "ask") {
        # An answer about a token holds for one client: an authorization server may decide by the address.
        hash_data("ask " + req.url + " " + client.ip);
    } else {
        # All tokens of a path share its copy. A path without a token has another copy, so it never gives private media.
        hash_data(regsub(req.url, "^/t/[^/]+", "/t"));
    }
    return (lookup);
}
`;

function fetched({ recheckS }: CachePlan): string {
  return `sub vcl_backend_fetch {
    unset bereq.http.X-Oxbow-Url;
    return (fetch);
}

sub vcl_backend_response {
    # An expired copy is never served, only confirmed by its ETag.
    set beresp.grace = 0s;
    set beresp.keep = 60s;
    # For purges: also the answers about tokens of a stream are below its path.
    set beresp.http.X-Oxbow-Path = regsub(regsub(bereq.url, "\\?.*$", ""), "^/t/[^/]+", "");
    if (bereq.http.X-Oxbow-Step == "ask") {
        set beresp.keep = 0s;
        if (beresp.status == 200) {
            set beresp.ttl = ${recheckS}s;
        } else {
            set beresp.uncacheable = true;
            set beresp.ttl = 1s;
        }
        return (deliver);
    }
    # Errors are not kept, except 410. For a second, requests that wait for such an answer go to oxbow at once,
    # instead of one after the other.
    if ((beresp.status != 200 && beresp.status != 410) || beresp.ttl <= 0s || beresp.http.Set-Cookie ||
        beresp.http.Cache-Control ~ "(?i)no-store|no-cache" ||
        (beresp.http.Cache-Control ~ "(?i)private" && bereq.http.X-Oxbow-Step != "shared")) {
        set beresp.uncacheable = true;
        set beresp.ttl = 1s;
    } else if (beresp.status == 410 && beresp.ttl > 60s) {
        set beresp.ttl = 60s;
    }
    return (deliver);
}
`;
}

const delivered = `sub vcl_deliver {
    if (req.http.X-Oxbow-Step == "ask") {
        set req.url = req.http.X-Oxbow-Url;
        unset req.http.X-Oxbow-Url;
        if (resp.status == 200) {
            set req.http.X-Oxbow-Step = "shared";
        } else {
            set req.http.X-Oxbow-Step = "refused";
        }
        return (restart);
    }
    unset resp.http.X-Oxbow-Path;
    unset resp.http.X-Varnish;
    return (deliver);
}

sub vcl_synth {
    set resp.http.Cache-Control = "no-store";
    set resp.http.Content-Type = "text/plain; charset=utf-8";
    set resp.body = resp.reason;
    return (deliver);
}

sub vcl_backend_error {
    # oxbow does not answer: players try again, and no copy of this is kept.
    set beresp.status = 503;
    set beresp.http.Cache-Control = "no-store";
    set beresp.http.Retry-After = "1";
    set beresp.http.Access-Control-Allow-Origin = "*";
    set beresp.http.Content-Type = "text/plain; charset=utf-8";
    set beresp.body = "oxbow does not answer.";
    set beresp.uncacheable = true;
    set beresp.ttl = 0s;
    return (deliver);
}
`;
