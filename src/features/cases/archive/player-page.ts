/**
 * The page of an archive: plays all ranges on one clock from `file://`, without a server. A page of a file
 * may not fetch others, so the document is in it, and media is named by relative addresses.
 * In: the document. Out: HTML. Its texts come into it as text only.
 */
import type { CaseDocument } from './case-document.ts';
import { playerScript } from './player-script.ts';
import { playerStyle } from './player-style.ts';

/** The page as one file. */
export function printPlayerPage(document: CaseDocument): string {
  // In a script element only `<` can end or change it.
  const json = JSON.stringify(document).replaceAll('<', '\\u003c');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${escaped(document.title)}</title>
<style>${playerStyle}</style>
</head>
<body>
<header>
<h1 id="title">${escaped(document.title)}</h1>
<p id="description">${escaped(document.description)}</p>
<p id="facts" class="quiet"></p>
</header>
<main>
<section id="player" aria-labelledby="player-title">
<h2 id="player-title" class="unseen"></h2>
<div id="stage"><p id="empty" class="quiet"></p></div>
<div id="controls">
<button type="button" id="play"></button>
<button type="button" id="back"></button>
<button type="button" id="ahead"></button>
<output id="clock"></output>
<label><span id="speed-label"></span> <select id="speed">
<option value="0.25">¼×</option><option value="0.5">½×</option><option value="1" selected>1×</option>
<option value="2">2×</option><option value="4">4×</option><option value="8">8×</option>
</select></label>
<label><input type="checkbox" id="utc"> UTC</label>
</div>
<div id="timeline" role="slider" tabindex="0" aria-valuemin="0"></div>
</section>
<section aria-labelledby="ranges-title"><h2 id="ranges-title"></h2><ol id="ranges"></ol></section>
<section aria-labelledby="notes-title"><h2 id="notes-title"></h2><ul id="notes"></ul></section>
<section aria-labelledby="check-title"><h2 id="check-title"></h2><p id="check"></p><pre tabindex="0">sha256sum -c SHA256SUMS
oxbow verify media/…</pre></section>
</main>
<script type="application/json" id="case">${json}</script>
<script>${playerScript}</script>
</body>
</html>
`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
