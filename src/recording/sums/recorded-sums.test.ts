import { openTemporaryStore } from '../../store/store.fixture.ts';
import { recordedSumsContract } from './recorded-sums.contract.ts';

recordedSumsContract('SQLite', openTemporaryStore);
