import type { Props } from '../ui/page.tsx';

export function Tasks(_: Props) {
  return <div class="empty" />;
}
