/**
 * The page /embed/{stream}: the player alone, filling its frame.
 * In: the address. Out: EmbedPlayer in #app.
 */
import '../app.css';
import './page.css';
import { mount } from 'svelte';
import { giveRight, rightIn, rightTo } from '../api/server.ts';
import { preferences } from '../shell/preferences.svelte.ts';
import EmbedPlayer from './EmbedPlayer.svelte';
import { EmbedSession } from './session.svelte.ts';
import { readEmbedAddress } from './wish.ts';

preferences.apply();
const wish = readEmbedAddress(location.pathname, location.search);
if (wish) giveRight(wish.stream, rightIn(location.search) ?? rightTo(wish.stream) ?? null);
document.title = wish ? `${wish.stream} · oxbow` : 'oxbow';
mount(EmbedPlayer, {
  target: document.getElementById('app')!,
  props: {
    session: wish ? new EmbedSession(wish) : null,
    controls: wish?.controls ?? true,
    watchOn: location.origin,
    wholePage: true,
  },
});
