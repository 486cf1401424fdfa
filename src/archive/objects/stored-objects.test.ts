import { openTemporaryStore } from '../../store/store.fixture.ts';
import { storedObjectsContract } from './stored-objects.contract.ts';

storedObjectsContract('SQLite', openTemporaryStore);
