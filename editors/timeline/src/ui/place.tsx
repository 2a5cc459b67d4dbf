// A line of code as something to click: it opens beside, and the keyboard stays here; a double click goes there.
import type { App } from '../app.ts';
import { type Place, placeLabel } from '../model/protocol.ts';

export function PlaceLink({ app, place }: { app: App; place: Place | null }) {
  if (place === null) return null;
  const label = placeLabel(place);
  if (label === '') return null;
  if (place.uri === null) return <span class="mono dim">{label}</span>;
  const title = `${place.file}:${place.line !== null ? place.line + 1 : place.recorded}`;
  return (
    <button
      type="button"
      class="link mono"
      title={title}
      onClick={(e) => {
        e.stopPropagation();
        app.openPlace(place, false, true);
      }}
      onDblClick={(e) => {
        e.stopPropagation();
        app.openPlace(place, true);
      }}
      onKeyDown={(e) => {
        if (e.key !== 'Enter') return;
        e.preventDefault();
        e.stopPropagation();
        app.openPlace(place, true);
      }}
    >
      {label}
    </button>
  );
}
