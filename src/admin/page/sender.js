/* SPDX-License-Identifier: MIT */
/* Sends messages: one, or many at a steady rate, typed or random, to one connection or to all. */
import { at, count, setText } from "./dom.js";
import { fillChoice } from "./log.js";

const TURN_MS = 50;
const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";

function randomText(length) {
	const numbers = crypto.getRandomValues(new Uint8Array(length));
	let text = "";

	for (const n of numbers)
		text += LETTERS[n % LETTERS.length];
	return text;
}

/* What was typed, as JSON if it is that, else as text. */
function typed(text) {
	try {
		return JSON.parse(text);
	} catch (error) {
		return text;
	}
}

export class Sender {
	constructor(fleet, say) {
		this.fleet = fleet;
		this.say = say;
		this.timer = 0;
		this.sent = 0;
		this.limit = 0; /* messages a second that the server takes of one connection; 0: any number */
		at("send-form").addEventListener("submit", (event) => {
			event.preventDefault();
			if (this.once() === 0)
				this.say("nobody to send to");
		});
		at("repeat-form").addEventListener("submit", (event) => {
			event.preventDefault();
			if (this.timer)
				this.stop();
			else
				this.start();
		});
		at("data").addEventListener("keydown", (event) => {
			if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
				event.preventDefault();
				at("send-form").requestSubmit(at("send"));
			}
		});
		for (const radio of document.querySelectorAll("[name=kind]"))
			radio.addEventListener("change", () => this.showKind());
		at("rate").addEventListener("input", () => this.showLimit());
		this.showKind();
	}

	get random() {
		return document.querySelector("[name=kind]:checked").value === "random";
	}

	showKind() {
		at("data-field").hidden = this.random;
		at("size-field").hidden = !this.random;
		at("size").disabled = !this.random; /* or a wrong value that nobody sees would keep the form back */
	}

	setLimit(limit) {
		this.limit = limit;
		this.showLimit();
	}

	showLimit() {
		const over = this.limit > 0 && Number(at("rate").value) > this.limit;

		setText(at("rate-hint"), over ? `More than the server takes of one connection: ${this.limit} a second.` : "");
	}

	data() {
		return this.random ? randomText(Number(at("size").value)) : typed(at("data").value);
	}

	targets() {
		const open = this.fleet.list("open"), to = at("target").value;

		if (to === "all")
			return open;
		if (to === "any")
			return open.length > 0 ? [open[Math.floor(Math.random() * open.length)]] : [];
		return open.filter((one) => one.id === to);
	}

	/* To each target; how many there were. */
	once() {
		const targets = this.targets();

		for (const one of targets)
			one.send(this.data());
		return targets.length;
	}

	start() {
		this.sent = 0;
		this.turnAt = performance.now();
		setText(at("repeat"), "Stop");
		this.timer = setInterval(() => this.turn(), TURN_MS);
	}

	/* What is due by now. While nobody is connected, such as during a restart, it waits. */
	turn() {
		const now = performance.now();
		const rate = Number(at("rate").value) || 0, times = Number(at("times").value) || Infinity;
		let due = Math.floor((now - this.turnAt) * rate / 1000);

		if (due > 0)
			this.turnAt += due * 1000 / rate;
		/* what was missed, in a tab that was not shown, is not made up for */
		due = Math.min(due, Math.ceil(rate), times - this.sent);
		for (; due > 0 && this.once() > 0; due--)
			this.sent++;
		setText(at("repeat-state"), `${count(this.sent)} sent to each`);
		if (this.sent >= times)
			this.stop();
	}

	stop() {
		clearInterval(this.timer);
		this.timer = 0;
		setText(at("repeat"), "Repeat");
	}

	/* The open connections have changed. */
	setConnections(ids, open) {
		fillChoice(at("target"), 2, ids);
		at("send").disabled = open === 0;
		at("repeat").disabled = open === 0 && !this.timer;
	}
}
