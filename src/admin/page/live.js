/* SPDX-License-Identifier: MIT */
/* The figures and plots, once a second, and which instances answer the open connections. */
import { at, count, make, millis, rate, setClass, setText, tint } from "./dom.js";
import { Plot } from "./plot.js";

export class Live {
	constructor(stats, fleet) {
		this.stats = stats;
		this.fleet = fleet;
		this.latency = new Plot(at("latency-plot"), ["p50", "p95", "p99"], 1, millis);
		this.rates = new Plot(at("rate-plot"), ["received", "sent"], 10, (n) => count(n));
		this.parts = new Map(); /* instance -> its part of the bar */
		this.turn();
	}

	turn() {
		const { stats } = this;
		const recent = stats.recent();

		for (const name of ["p50", "p95", "p99"])
			setText(at(name), millis(recent[name]));
		setText(at("rate-out"), rate(stats.last.sent));
		setText(at("rate-in"), rate(stats.last.received));
		this.latency.draw(stats.past, (second, name) => second.shown[name], true,
		    `round trips of the last 30 seconds: median ${millis(recent.p50)}, 95th percentile ${millis(recent.p95)}, ` +
		    `99th ${millis(recent.p99)}`);
		this.rates.draw(stats.past, (second, name) => second[name], false,
		    `messages a second: ${rate(stats.last.sent)} sent, ${rate(stats.last.received)} received`);
	}

	/* What changes faster than once a second. */
	draw() {
		const { stats } = this;

		setText(at("n-open"), count(this.fleet.list("open").length));
		setText(at("n-sent"), count(stats.sent));
		setText(at("n-received"), count(stats.received));
		setText(at("n-errors"), count(stats.errors));
		setClass(at("n-errors"), stats.errors > 0 ? "bad" : "");
		setText(at("n-moved"), count(stats.moved));
		this.drawInstances();
	}

	drawInstances() {
		const counts = new Map();
		const bar = at("instances");

		for (const one of this.fleet.list("open"))
			counts.set(one.instance, (counts.get(one.instance) || 0) + 1);
		for (const instance of [...counts.keys()].sort()) {
			if (this.parts.has(instance))
				continue;
			const part = make("div", "part " + tint(instance), make("b", "", instance), make("span", "", ""));

			this.parts.set(instance, part);
			bar.append(part);
		}
		for (const [instance, part] of this.parts) {
			const n = counts.get(instance) || 0;

			/* by the object, not by an attribute, which the Content-Security-Policy forbids */
			part.style.flexGrow = String(n);
			part.classList.toggle("gone", n === 0);
			setText(part.lastElementChild, count(n));
		}
		const text = [...counts].map(([instance, n]) => `${n} answered by ${instance}`).join(", ");

		bar.setAttribute("aria-label", text || "no open connections");
		setClass(bar, counts.size > 0 ? "instances" : "instances none");
	}
}
