/* SPDX-License-Identifier: MIT */
/* A small plot of the last minute: lines in an SVG that stretches, with its two labels beside it as plain text. */
import { make, makeSvg, setText, tint } from "./dom.js";
import { SECONDS } from "./stats.js";

const WIDTH = SECONDS - 1;
const HEIGHT = 100;

/* The next of 1, 2, 5, 10, 20, ... */
function niceAbove(value) {
	const power = 10 ** Math.floor(Math.log10(value));

	for (const step of [1, 2, 5])
		if (step * power >= value)
			return step * power;
	return 10 * power;
}

export class Plot {
	/* names: of the lines, as classes; least: of the scale; text(value): as its label. */
	constructor(box, names, least, text) {
		this.names = names;
		this.least = least;
		this.text = text;
		this.svg = makeSvg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
		for (const y of [0, 0.5, 1])
			this.svg.append(makeSvg("line", { class: "grid", x1: 0, x2: WIDTH, y1: HEIGHT * y, y2: HEIGHT * y }));
		this.area = makeSvg("path", { class: "area " + names[0] });
		this.marks = makeSvg("g", {});
		this.svg.append(this.area, this.marks);
		this.lines = names.map((name) => makeSvg("path", { class: "line " + name }));
		this.svg.append(...this.lines.reverse());
		this.lines.reverse();
		this.top = make("span", "scale", "");
		box.append(this.svg, this.top);
	}

	/* seconds: the oldest first; value(second, name): a number, or null where there is none. */
	draw(seconds, value, moves, label) {
		let most = 0;

		for (const second of seconds)
			for (const name of this.names)
				most = Math.max(most, value(second, name) || 0);
		const scale = niceAbove(Math.max(most * 1.05, this.least));

		const first = SECONDS - seconds.length;
		const y = (v) => (HEIGHT - HEIGHT * v / scale).toFixed(2);

		this.names.forEach((name, i) => {
			let path = "", area = "", drawing = false;

			seconds.forEach((second, n) => {
				const v = value(second, name);

				if (v === null) {
					drawing = false;
					return;
				}
				if (!drawing)
					area += `${area ? `V${HEIGHT}` : ""}M${first + n} ${HEIGHT}`;
				path += `${drawing ? "L" : "M"}${first + n} ${y(v)}`;
				area += `L${first + n} ${y(v)}`;
				drawing = true;
			});
			this.lines[i].setAttribute("d", path);
			if (i === 0)
				this.area.setAttribute("d", area ? area + `V${HEIGHT}` : "");
		});
		this.drawMarks(seconds, first, moves);
		setText(this.top, this.text(scale));
		this.svg.setAttribute("aria-label", label);
	}

	/* When connections changed their instance. */
	drawMarks(seconds, first, moves) {
		this.marks.replaceChildren();
		if (!moves)
			return;
		seconds.forEach((second, n) => {
			for (const instance of second.moves)
				this.marks.append(makeSvg("line", { class: "mark " + tint(instance), x1: first + n, x2: first + n, y1: 0, y2: HEIGHT }));
		});
	}
}
