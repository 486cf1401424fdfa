/**
 * The page /embed/{stream}: the embedded player in an iframe.
 * In: the address. Out: EmbedPlayer in #app.
 */
import '../app.css';
import './page.css';
import { mount } from 'svelte';
import { setWatchToken, watchTokenIn, watchTokenOf } from '../api/server.ts';
import { preferences } from '../shell/preferences.svelte.ts';
import EmbedPlayer from './EmbedPlayer.svelte';
import { readEmbedAddress } from './options.ts';
import { EmbedSession } from './session.svelte.ts';

preferences.apply();
const options = readEmbedAddress(location.pathname, location.search);
if (options) setWatchToken(options.stream, watchTokenIn(location.search) ?? watchTokenOf(options.stream) ?? null);
document.title = options ? `${options.stream} · oxbow` : 'oxbow';
mount(EmbedPlayer, {
  target: document.getElementById('app')!,
  props: {
    session: options ? new EmbedSession(options) : null,
    controls: options?.controls ?? true,
    watchOn: location.origin,
    wholePage: true,
  },
});
