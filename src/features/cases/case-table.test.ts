import { openTemporaryStore } from '../../store/store.fixture.ts';
import { caseTableContract } from './case-table.contract.ts';

caseTableContract('SQLite', openTemporaryStore);
