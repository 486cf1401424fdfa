/**
 * The pages /embed/{stream} and /embed/asset/{id}: an embedded player in an iframe.
 * In: the address. Out: EmbedPlayer or EmbedAsset in #app.
 */
import '../app.css';
import '../pages.css';
import './page.css';
import { mount } from 'svelte';
import { setWatchToken, watchTokenIn, watchTokenOf } from '../api/server.ts';
import { preferences } from '../viewer/preferences.svelte.ts';
import EmbedPlayer from './EmbedPlayer.svelte';
import { readEmbedAddress, readEmbedAsset } from './options.ts';
import { EmbedSession } from './session.svelte.ts';

preferences.apply();
await preferences.ready();
const target = document.getElementById('app')!;
const asset = readEmbedAsset(location.pathname);
if (asset !== undefined) {
  const { default: EmbedAsset } = await import('../library/EmbedAsset.svelte');
  mount(EmbedAsset, { target, props: { id: asset } });
} else {
  const options = readEmbedAddress(location.pathname, location.search);
  if (options) setWatchToken(options.stream, watchTokenIn(location.search) ?? watchTokenOf(options.stream) ?? null);
  document.title = options ? `${options.stream} · oxbow` : 'oxbow';
  mount(EmbedPlayer, {
    target,
    props: {
      session: options ? new EmbedSession(options) : null,
      controls: options?.controls ?? true,
      watchOn: location.origin,
      wholePage: true,
    },
  });
}
