/* SPDX-License-Identifier: MIT */
/* The table of connections: a row for each, brought up to date a few times a second. */
import { at, count, duration, make, millis, setClass, setText, showBadge, tint } from "./dom.js";

const ROW_MS = 6; /* between two updates for each row there is: more rows change less often */
const GLOW_MS = 4000; /* how long a row shows that its connection has just moved */

function cell(label, ...children) {
	const node = make("td", "", ...children);

	node.dataset.label = label;
	return node;
}

class Row {
	constructor(one, actions) {
		this.one = one;
		this.movedAt = 0;
		this.name = make("span", "name", one.id);
		this.dot = make("i", "dot");
		this.badge = make("span", "badge");
		this.trail = make("span", "trail");
		this.up = cell("Up");
		this.count = cell("Count");
		this.count.className = "figure";
		this.trip = cell("Round trip");
		this.trip.className = "figure";
		this.state = cell("State");
		this.state.className = "state";
		this.buttons = {};
		const bar = make("div", "actions");

		for (const [name, text] of [["disconnect", "Disconnect"], ["drop", "Drop"], ["reconnect", "Reconnect"], ["remove", "Remove"]]) {
			const button = make("button", "quiet small", text);

			button.type = "button";
			button.setAttribute("aria-label", text + " " + one.id);
			button.addEventListener("click", () => actions[name](one));
			this.buttons[name] = button;
			bar.append(button);
		}
		const head = make("th", "", this.dot, this.name);

		head.scope = "row";
		this.node = make("tr", "", head, cell("Instance", this.trail, this.badge), this.up, this.count, this.trip, this.state,
		    cell("", bar));
		this.node.dataset.id = one.id;
	}

	show(now) {
		const { one } = this;
		const live = one.state === "open" || one.state === "leaving";
		const before = one.trail.slice(-3, -1);

		setClass(this.dot, "dot " + one.state + (one.bad ? " bad" : ""));
		setClass(this.node, this.movedAt && now - this.movedAt < GLOW_MS ? "glow " + tint(one.instance) : "");
		showBadge(this.badge, one.instance);
		setText(this.trail, before.length > 0 ? before.join(" \u2192 ") + " \u2192" : "");
		setText(this.up, one.openedAt ? duration(one.uptime) : "–");
		setText(this.count, count(one.count));
		setText(this.trip, millis(live ? one.trip : null));
		setText(this.state, one.text);
		setClass(this.state, one.bad ? "state bad" : "state");
		this.node.dataset.state = one.state;
		this.buttons.disconnect.hidden = one.state !== "open";
		this.buttons.drop.hidden = one.state === "closed";
		setText(this.buttons.drop, live ? "Drop" : "Give up");
		this.buttons.reconnect.hidden = one.state !== "closed" && one.state !== "waiting";
		this.buttons.remove.hidden = one.state !== "closed";
	}
}

export class Table {
	constructor(actions) {
		this.actions = actions;
		this.rows = new Map();
		this.drawnAt = 0;
	}

	add(one) {
		if (this.rows.has(one.id))
			return;
		const row = new Row(one, this.actions);

		this.rows.set(one.id, row);
		at("rows").append(row.node);
		row.show(performance.now());
		this.showEmpty();
	}

	remove(one) {
		const row = this.rows.get(one.id);
		/* who used the keyboard goes on at the next row */
		const next = row.node.nextElementSibling || row.node.previousElementSibling;

		if (row.node.contains(document.activeElement))
			(next ? next.querySelector("button:not([hidden])") : at("id")).focus();
		row.node.remove();
		this.rows.delete(one.id);
		this.showEmpty();
	}

	moved(one) {
		this.rows.get(one.id).movedAt = performance.now();
	}

	showEmpty() {
		const none = this.rows.size === 0;

		at("table").hidden = none;
		at("table-empty").hidden = !none;
		setText(at("connections-count"), String(this.rows.size));
	}

	draw() {
		const now = performance.now();

		if (now - this.drawnAt < ROW_MS * this.rows.size)
			return;
		this.drawnAt = now;
		for (const row of this.rows.values())
			row.show(now);
	}

	/* A change of state shows at once, and the keyboard is not left on a button that is gone. */
	show(one) {
		const row = this.rows.get(one.id);

		if (!row)
			return;
		const had = row.node.contains(document.activeElement) ? document.activeElement : null;

		row.show(performance.now());
		if (had && had.hidden) {
			const other = row.node.querySelector("button:not([hidden])");

			if (other)
				other.focus();
		}
	}
}
