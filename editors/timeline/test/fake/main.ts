// The page with the made-up trace behind it.
import { start } from '../../src/start.ts';
import { FakeHost } from './host.ts';

start(new FakeHost(), {});
