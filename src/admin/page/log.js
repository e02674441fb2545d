/* SPDX-License-Identifier: MIT */
/* The log of messages and events: the latest of each kind, and the page's view of those that pass the filter. The
 * view is brought up to date a few times a second. */
import { at, make, setText } from "./dom.js";

/* Each kind is kept by itself: messages come by the thousand, and must not push out what they are measured by. */
const MOST = { message: 1000, event: 500, ping: 200 };
const SHOWN_MOST = 1000;
const TEXT_MOST = 2000;
const DRAW_MS = 150; /* more often would cost more than all else under load */

function keptAs(kind, type) {
	if (type === "ping" || type === "pong")
		return "ping";
	return kind === "in" || kind === "out" ? "message" : "event";
}

export class Log {
	constructor() {
		this.forget();
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
		new ResizeObserver(() => this.toLatest()).observe(this.view);
		at("filter").addEventListener("input", () => this.rebuild());
		for (const id of ["filter-kind", "filter-connection"])
			at(id).addEventListener("change", () => this.rebuild());
		at("pause").addEventListener("click", () => this.pause(!this.paused));
		at("clear").addEventListener("click", () => this.clear());
		this.rebuild();
	}

	forget() {
		this.kept = { message: [], event: [], ping: [] };
	}

	/* kind: out, in, note or bad; type: of the message, if it is one. */
	add(kind, connection, text, type = "") {
		const as = keptAs(kind, type), list = this.kept[as];
		const id = connection ? connection.id : "";
		const entry = { kind, as, id, text: text.slice(0, TEXT_MOST), at: new Date(), n: this.serial++ };

		list.push(entry);
		if (list.length > MOST[as])
			list.shift();
		if (!this.passes(entry))
			return;
		if (this.paused) {
			this.missed++;
		} else {
			this.fresh.push(entry);
			if (this.fresh.length > SHOWN_MOST)
				this.fresh.shift();
		}
		this.drawSoon();
	}

	passes(entry) {
		const kind = at("filter-kind").value, id = at("filter-connection").value;
		const text = at("filter").value.trim().toLowerCase();

		if ((kind === "ping") !== (entry.as === "ping") || (kind && kind !== "ping" && entry.kind !== kind))
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
		this.forget();
		this.missed = 0;
		this.rebuild();
	}

	/* All of the view anew: the filter has changed. */
	rebuild() {
		const all = Object.values(this.kept).flat().filter((entry) => this.passes(entry));

		this.fresh = all.sort((a, b) => a.n - b.n).slice(-SHOWN_MOST);
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
			while (view.childElementCount > SHOWN_MOST)
				view.firstElementChild.remove();
			this.toLatest();
		}
		const shown = view.childElementCount;
		const text = `${shown} line${shown === 1 ? "" : "s"}. The latest ${MOST.message} messages, ${MOST.event} events and ` +
		    `${MOST.ping} pings are kept.`;

		setText(at("log-state"), this.paused ? `Paused. ${this.missed} more since.` : text);
	}

	toLatest() {
		if (this.stick)
			this.view.scrollTop = this.view.scrollHeight;
	}

	line(entry) {
		const millis = make("i", "", "." + String(entry.at.getMilliseconds()).padStart(3, "0"));
		const time = make("time", "", entry.at.toTimeString().slice(0, 8), millis);
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
