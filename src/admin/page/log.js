/* SPDX-License-Identifier: MIT */
/* The log of messages and events: the last thousand lines that are wanted, and the page's view of those that pass the filter.
 * The view is brought up to date a few times a second. */
import { at, make, setText } from "./dom.js";

const LINES_MOST = 1000;
const PINGS_MOST = 200; /* kept apart, or they would push everything else out */
const TEXT_MOST = 2000;
const DRAW_MS = 150; /* more often would cost more than all else under load */

function isPing(entry) {
	return entry.type === "ping" || entry.type === "pong";
}

export class Log {
	constructor() {
		this.lines = [];
		this.pings = [];
		this.fresh = []; /* lines that the view does not have yet */
		this.paused = false;
		this.missed = 0; /* lines since the pause */
		this.serial = 0;
		this.drawing = false;
		this.view = at("log");
		this.stick = true; /* to the latest line, until the user scrolls up */
		this.view.addEventListener("scroll", () => {
			this.stick = this.view.scrollTop + this.view.clientHeight >= this.view.scrollHeight - 8;
		});
		at("filter").addEventListener("input", () => this.rebuild());
		for (const id of ["filter-kind", "filter-connection"])
			at(id).addEventListener("change", () => this.rebuild());
		at("pause").addEventListener("click", () => this.pause(!this.paused));
		at("clear").addEventListener("click", () => this.clear());
		this.rebuild();
	}

	/* kind: out, in, note or bad; type: of the message, if it is one. */
	add(kind, connection, text, type = "") {
		const entry = { kind, type, id: connection ? connection.id : "", text: text.slice(0, TEXT_MOST), at: new Date(), n: this.serial++ };
		const ping = isPing(entry);
		const list = ping ? this.pings : this.lines;

		list.push(entry);
		if (list.length > (ping ? PINGS_MOST : LINES_MOST))
			list.shift();
		if (!this.passes(entry))
			return;
		if (this.paused) {
			this.missed++;
		} else {
			this.fresh.push(entry);
			if (this.fresh.length > LINES_MOST)
				this.fresh.shift();
		}
		this.drawSoon();
	}

	passes(entry) {
		const kind = at("filter-kind").value, id = at("filter-connection").value;
		const text = at("filter").value.trim().toLowerCase();

		if (kind === "ping" ? !isPing(entry) : isPing(entry) || (kind && entry.kind !== kind))
			return false;
		if (id && entry.id !== id)
			return false;
		return !text || entry.text.toLowerCase().includes(text) || entry.id.toLowerCase().includes(text);
	}

	pause(paused) {
		this.paused = paused;
		this.missed = 0;
		at("pause").setAttribute("aria-pressed", String(paused));
		setText(at("pause"), paused ? "Go on" : "Pause");
		if (!paused)
			this.rebuild();
		this.drawSoon();
	}

	clear() {
		this.lines = [];
		this.pings = [];
		this.missed = 0;
		this.rebuild();
	}

	/* All of the view anew: the filter has changed. */
	rebuild() {
		const source = at("filter-kind").value === "ping" ? this.pings : this.lines;

		this.fresh = source.filter((entry) => this.passes(entry));
		this.view.replaceChildren();
		this.stick = true;
		this.missed = 0;
		this.draw();
	}

	drawSoon() {
		if (this.drawing)
			return;
		this.drawing = true;
		setTimeout(() => {
			this.drawing = false;
			this.draw();
		}, DRAW_MS);
	}

	draw() {
		const { view } = this;

		if (this.fresh.length > 0) {
			view.append(...this.fresh.map((entry) => this.line(entry)));
			this.fresh = [];
			while (view.childElementCount > LINES_MOST)
				view.firstElementChild.remove();
			if (this.stick)
				view.scrollTop = view.scrollHeight;
		}
		const shown = view.childElementCount, kept = this.lines.length;
		let text = shown === 0 ? "No line." : `${shown} of ${kept} lines` + (kept === LINES_MOST ? ", which is all that are kept" : "");

		if (at("filter-kind").value === "ping")
			text = `${shown} pings and pongs, the latest`;
		setText(at("log-state"), this.paused ? `Paused. ${this.missed} more since.` : text);
	}

	line(entry) {
		const time = make("time", "", entry.at.toTimeString().slice(0, 8), make("i", "", "." + String(entry.at.getMilliseconds()).padStart(3, "0")));
		const sign = { out: "\u2191", in: "\u2193", note: "\u2022", bad: "\u00d7" }[entry.kind];
		const spoken = { out: "sent", in: "received", note: "note", bad: "error" }[entry.kind];
		const mark = make("b", "sign", sign);

		time.dateTime = entry.at.toISOString();
		mark.title = spoken;
		return make("li", entry.kind, time, mark, make("span", "who", entry.id), make("span", "what", entry.text));
	}

	/* The choice of connections follows those that there are. */
	setConnections(ids) {
		fillChoice(at("filter-connection"), 1, ids);
	}
}

/* The options of a select beyond its first few are ids; what is chosen stays chosen. */
export function fillChoice(select, fixed, ids) {
	const chosen = select.value;
	const have = Array.from(select.options, (option) => option.value).slice(fixed);

	if (have.length === ids.length && have.every((id, i) => id === ids[i]))
		return;
	while (select.options.length > fixed)
		select.remove(fixed);
	for (const id of ids)
		select.add(new Option(id, id, false, id === chosen));
	if (select.value !== chosen) {
		select.selectedIndex = 0;
		select.dispatchEvent(new Event("change"));
	}
}
