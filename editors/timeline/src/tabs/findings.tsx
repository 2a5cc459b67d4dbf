import type { Props } from '../ui/page.tsx';

export function Findings(_: Props) {
  return <div class="empty" />;
}
