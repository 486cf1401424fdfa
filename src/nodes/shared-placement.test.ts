import { openTemporaryStore } from '../store/store.fixture.ts';
import { sharedPlacementContract } from './shared-placement.contract.ts';

sharedPlacementContract('SQLite', openTemporaryStore);
