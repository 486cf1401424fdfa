import { openTemporaryStore } from '../store/store.fixture.ts';
import { sharedRowsContract } from './shared-rows.contract.ts';

sharedRowsContract('SQLite', openTemporaryStore);
