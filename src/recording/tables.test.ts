import { openTemporaryStore } from '../store/store.fixture.ts';
import { recordingTablesContract } from './tables.contract.ts';

recordingTablesContract('SQLite', openTemporaryStore);
