import type { Props } from '../ui/page.tsx';

export function Profiles(_: Props) {
  return <div class="empty" />;
}
