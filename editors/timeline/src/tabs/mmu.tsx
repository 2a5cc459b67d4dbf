import type { Props } from '../ui/page.tsx';

export function Mmu(_: Props) {
  return <div class="empty" />;
}
