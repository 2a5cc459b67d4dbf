import { defineConfig } from 'vitest/config';

// Not a test: it prints figures, and no figure fails. TRACE=PATH npm run bench
export default defineConfig({
  test: { include: ['test/bench/**/*.bench.ts'], environment: 'node', testTimeout: 1_800_000, hookTimeout: 600_000 },
});
