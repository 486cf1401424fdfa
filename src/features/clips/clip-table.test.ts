import { openTemporaryStore } from '../../store/store.fixture.ts';
import { clipTableContract } from './clip-table.contract.ts';

clipTableContract('SQLite', openTemporaryStore);
