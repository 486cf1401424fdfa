import { openTemporaryStore } from '../../store/store.fixture.ts';
import { placementFaultsContract } from './placement-faults.contract.ts';
import { sharedPlacementContract } from './shared-placement.contract.ts';

sharedPlacementContract('SQLite', openTemporaryStore);
placementFaultsContract('SQLite', openTemporaryStore);
