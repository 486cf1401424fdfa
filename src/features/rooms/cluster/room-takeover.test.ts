import { openTemporaryStore } from '../../../store/store.fixture.ts';
import { roomTakeoverContract } from './room-takeover.contract.ts';

roomTakeoverContract('SQLite', openTemporaryStore);
