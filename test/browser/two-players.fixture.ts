/**
 * A page with two players, built for its test.
 * In: #app of a page of the server. Out: two players.
 */
import '../../web/src/app.css';
import { mount } from 'svelte';
import { preferences } from '../../web/src/viewer/preferences.svelte.ts';
import TwoPlayers from './two-players.fixture.svelte';

preferences.apply();
mount(TwoPlayers, { target: document.getElementById('app')! });
