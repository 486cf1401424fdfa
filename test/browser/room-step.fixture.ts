/**
 * A page with one player in a room, built for its test.
 * In: #app of a page of the server; the room and the stream in its query. Out: a player; `oxbowRoom` for the test.
 */
import '../../web/src/app.css';
import { mount } from 'svelte';
import { preferences } from '../../web/src/shell/preferences.svelte.ts';
import RoomStep from './room-step.fixture.svelte';

preferences.apply();
mount(RoomStep, { target: document.getElementById('app')! });
