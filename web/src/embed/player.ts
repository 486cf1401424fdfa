/**
 * The entry of /player.js: defines `<oxbow-player>`.
 * In: the page. Out: a custom element.
 */
import '../app.css';
import './host.css';
import { OxbowPlayer } from './element.ts';

// A page may load the script twice.
if (!customElements.get('oxbow-player')) customElements.define('oxbow-player', OxbowPlayer);
