// Draws the pictures that are no screenshots: the icon (128 px), the heat bars of the views. Only
// Node is needed: a PNG is a few chunks around compressed rows.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32, deflateSync } from 'node:zlib';

const media = resolve(dirname(fileURLToPath(import.meta.url)), '../media');
mkdirSync(resolve(media, 'heat'), { recursive: true });

// The icon: four goroutines on one line of time. They wait (hairline), run (light), and the costly
// wait is amber; the wake that ends it is a vertical line.
const SIZE = 128;
const OVER = 4; // samples per pixel and axis: smooth edges
const shapes = [
  { x: 0, y: 0, w: 128, h: 128, r: 24, color: [0x1f, 0x1f, 0x1f] },
  { x: 20, y: 33, w: 88, h: 2, r: 1, color: [0x5c, 0x5c, 0x5c] },
  { x: 20, y: 28, w: 30, h: 12, r: 3, color: [0xb3, 0xc2, 0xd1] },
  { x: 78, y: 28, w: 30, h: 12, r: 3, color: [0xb3, 0xc2, 0xd1] },
  { x: 20, y: 57, w: 14, h: 12, r: 3, color: [0xb3, 0xc2, 0xd1] },
  { x: 36, y: 57, w: 46, h: 12, r: 3, color: [0xff, 0xc0, 0x4d] },
  { x: 84, y: 57, w: 24, h: 12, r: 3, color: [0xb3, 0xc2, 0xd1] },
  { x: 20, y: 91, w: 88, h: 2, r: 1, color: [0x5c, 0x5c, 0x5c] },
  { x: 52, y: 86, w: 30, h: 12, r: 3, color: [0xb3, 0xc2, 0xd1] },
  { x: 81, y: 66, w: 3, h: 27, r: 0, color: [0xe6, 0xe6, 0xe6] },
];
const holds = ({ x, y, w, h, r }, px, py) => {
  if (px < x || px >= x + w || py < y || py >= y + h) return false;
  const dx = Math.max(x + r - px, px - (x + w - r), 0);
  const dy = Math.max(y + r - py, py - (y + h - r), 0);
  return dx * dx + dy * dy <= r * r;
};
const rows = Buffer.alloc((SIZE * 4 + 1) * SIZE);
for (let y = 0; y < SIZE; y += 1) {
  for (let x = 0; x < SIZE; x += 1) {
    const sum = [0, 0, 0, 0];
    for (let s = 0; s < OVER * OVER; s += 1) {
      const px = x + ((s % OVER) + 0.5) / OVER;
      const py = y + (Math.floor(s / OVER) + 0.5) / OVER;
      const top = shapes.findLast((shape) => holds(shape, px, py));
      if (!top) continue;
      top.color.forEach((c, i) => {
        sum[i] += c;
      });
      sum[3] += 1;
    }
    const at = y * (SIZE * 4 + 1) + 1 + x * 4;
    for (let i = 0; i < 3; i += 1) rows[at + i] = sum[3] ? Math.round(sum[i] / sum[3]) : 0;
    rows[at + 3] = Math.round((sum[3] / (OVER * OVER)) * 255);
  }
}
const chunk = (type, data) => {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
};
const header = Buffer.alloc(13);
header.writeUInt32BE(SIZE, 0);
header.writeUInt32BE(SIZE, 4);
header.set([8, 6, 0, 0, 0], 8); // 8 bits, with alpha
const png = [
  Buffer.from('89504e470d0a1a0a', 'hex'),
  chunk('IHDR', header),
  chunk('IDAT', deflateSync(rows, { level: 9 })),
  chunk('IEND', Buffer.alloc(0)),
];
writeFileSync(resolve(media, 'icon.png'), Buffer.concat(png));

// In the views: the bar that a line has at its left. Colours as in package.json.
const heat = {
  dark: [null, '#7C6A3E', '#9A7628', '#CF9426', '#FFC04D'],
  light: [null, '#C49A45', '#AE7E1F', '#976000', '#7A3A00'],
};
for (const [theme, colors] of Object.entries(heat)) {
  colors.forEach((color, level) => {
    const bar = color ? `<path fill="${color}" d="M7 1h3v14H7z"/>` : '';
    writeFileSync(
      resolve(media, `heat/${theme}-${level}.svg`),
      `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16">${bar}</svg>\n`,
    );
  });
}
// The activity bar takes a shape in one colour.
const bars =
  '<path d="M3 5h8v2.5H3zM13 6h5v.8h-5zM3 10.75h3v2.5H3zM8 10.75h9v2.5H8zM19 10.75h2v2.5h-2zM3 17.3h6v.8H3zM11 16.5h7v2.5h-7z"/>';
writeFileSync(
  resolve(media, 'waitline.svg'),
  `<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" fill="#C5C5C5">${bars}</svg>\n`,
);
writeFileSync(
  resolve(media, 'timeline.svg'),
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16" height="16" fill="#8A8A8A">${bars}</svg>\n`,
);
