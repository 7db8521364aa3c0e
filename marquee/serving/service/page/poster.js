// A poster for a movie nobody sent a picture of: two inks and one shape from its genres, varied by its title.

import { makeSvg } from "./dom.js";

// Genres from the most telling to the least: the first that a movie has gives the shape, another one the inks.
const INKS = {
  Western: ["#a4541f", "#f6d8a4"],
  "Film-Noir": ["#20202a", "#cfc7b4"],
  Musical: ["#8f2a66", "#f9cfe0"],
  Animation: ["#1f7392", "#ffd97a"],
  Documentary: ["#4f626b", "#ece5d2"],
  "Sci-Fi": ["#14365e", "#86d5e4"],
  War: ["#4d5038", "#dccb9c"],
  Horror: ["#1d1b26", "#d8404a"],
  Children: ["#d0662f", "#fff0c4"],
  Fantasy: ["#493a78", "#cbb9f4"],
  Mystery: ["#21474f", "#a8d8ce"],
  Romance: ["#b23f60", "#ffe0d4"],
  Crime: ["#2d2f47", "#dcd6c8"],
  Adventure: ["#2b6249", "#ecce78"],
  Action: ["#a93629", "#f6ca62"],
  Thriller: ["#353c2c", "#cfdc5a"],
  Comedy: ["#c98a12", "#5e2014"],
  Drama: ["#732a38", "#ebd0b0"],
};
const UNKNOWN = ["#4a4540", "#d8cdbd"];

const circle = (cx, cy, r, rest) => ["circle", { cx, cy, r, ...rest }];
const path = (d, rest) => ["path", { d, ...rest }];
const line = (d, width) => path(d, { fill: "none", stroke: "currentColor", "stroke-width": width });
const range = (n) => [...Array(n).keys()];
const bars = (n, height, gap, top) => range(n).map((i) => ["rect", { x: 0, y: top + i * (height + gap), width: 60, height }]);
const burst = (points, outer, inner) =>
  path(`M${range(points * 2).map((i) => {
    const [r, angle] = [i % 2 ? inner : outer, (i * Math.PI) / points];
    return `${(30 + r * Math.sin(angle)).toFixed(1)} ${(45 - r * Math.cos(angle)).toFixed(1)}`;
  }).join("L")}z`);

// On a canvas 60 wide and 90 high.
const SHAPES = {
  Western: [circle(30, 50, 18), ...bars(4, 4, 4, 58)],
  "Film-Noir": [path("M30-4 74 94H-4z", { opacity: 0.9 }), circle(36, 72, 8, { fill: "var(--poster)" })],
  Musical: range(4).map((i) => line(`M-4 ${26 + i * 13}q17-20 34 0t34 0`, 4)),
  Animation: [circle(22, 34, 16), circle(40, 48, 16, { opacity: 0.65 }), circle(24, 60, 16, { opacity: 0.4 })],
  Documentary: [line("M4 45q26-32 52 0q-26 32-52 0z", 4), circle(30, 45, 10)],
  "Sci-Fi": [circle(30, 42, 15), line("M4 54C14 62 52 44 57 31", 3.5)],
  War: range(4).map((i) => line(`M-4 ${44 + i * 13} 30 ${22 + i * 13} 64 ${44 + i * 13}`, 5)),
  Horror: [circle(38, 28, 14), path("M0 90V66l10 12 10-18 10 16 10-20 10 18 10-12v28z")],
  Children: [circle(20, 30, 11), circle(40, 40, 11, { opacity: 0.7 }), line("M20 41q6 24 10 49M40 51q-8 18-10 39", 1.8)],
  Fantasy: [burst(4, 30, 7), circle(48, 18, 3), circle(12, 74, 2.5), circle(50, 70, 2)],
  Mystery: [circle(30, 36, 13), path("M25 42h10l6 28H19z")],
  Romance: [circle(23, 45, 16, { opacity: 0.95 }), circle(37, 45, 16, { opacity: 0.6 })],
  Crime: range(7).map((i) => path(`M-4 ${4 + i * 13}l68-10v6l-68 10z`)),
  Adventure: [circle(42, 24, 8), path("M-4 90 20 42l12 20 8-12 24 40z"), path("M20 42l6 10-6 4-5-4z", { fill: "var(--poster)" })],
  Action: [burst(9, 34, 15)],
  Thriller: range(4).map((i) => line(`M${30 + i * 1.5} ${12 + i * 7}a${28 - i * 7} ${28 - i * 7} 0 1 1-.1 0z`, 3)),
  Comedy: [0, 1, 2].map((i) => line(`M${8 + i * 8} 38a${22 - i * 8} ${22 - i * 8} 0 0 0 ${44 - i * 16} 0`, 5)),
  Drama: range(5).map((i) => path(`M${i * 12 + 1} 0h7q4 46 0 ${62 + (i % 2) * 12}h-7q-4-46 0-${62 + (i % 2) * 12}z`)),
};
const ANY_SHAPE = [circle(30, 45, 18), circle(30, 45, 6, { fill: "var(--poster)" })];

/** A number from a text, the same every time (FNV-1a). */
function hash(text) {
  let value = 2166136261;
  for (const character of text) value = Math.imul(value ^ character.codePointAt(0), 16777619) >>> 0;
  return value;
}

export function poster({ title, year, genres }) {
  const known = Object.keys(INKS).filter((genre) => genres.includes(genre));
  const chance = hash(`${title} ${year}`);
  const [paper, ink] = INKS[known[chance % (known.length || 1)]] ?? UNKNOWN;
  const tilt = known[0] === "Western" || known[0] === "Adventure" ? 0 : ((chance >>> 8) % 25) - 12;
  const mirror = (chance >>> 16) % 2 ? "translate(60 0) scale(-1 1)" : "";
  const grow = 1 + ((chance >>> 20) % 4) / 12;
  const about = `translate(30 45) rotate(${tilt}) scale(${grow.toFixed(2)}) translate(-30 -45)`;
  const shape = (SHAPES[known[0]] ?? ANY_SHAPE).map(([tag, attributes]) => makeSvg(tag, attributes));
  const drawing = makeSvg("g", { transform: `${mirror} ${about}`, fill: "currentColor" }, ...shape);
  const sheet = makeSvg("rect", { width: 60, height: 90, fill: "var(--poster)" });
  const svg = makeSvg("svg", { class: "poster", viewBox: "0 0 60 90", "aria-hidden": "true" }, sheet, drawing);
  svg.style.setProperty("--poster", paper);
  svg.style.color = ink;
  return svg;
}
