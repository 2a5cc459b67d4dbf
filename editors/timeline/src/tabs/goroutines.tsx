import type { Props } from '../ui/page.tsx';

export function Goroutines(_: Props) {
  return <div class="empty" />;
}
