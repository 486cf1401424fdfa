import { openTemporaryStore } from '../../store/store.fixture.ts';
import { reportTableContract } from './report-table.contract.ts';

reportTableContract('SQLite', openTemporaryStore);
