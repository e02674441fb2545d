/* SPDX-License-Identifier: MIT */
/* All connections of this page: opened no faster than the server's limit allows, each asked for its instance and its round
 * trip about once a second. */
import { Connection } from "./connection.js";

const TURN_MS = 50;
const PING_MS = 1000;
const PINGS_A_SECOND = 200; /* of all connections together */
const PING_LOST_MS = 10000;
const CONNECTING_MOST = 20;

export class Fleet {
	constructor(settings, emit) {
		this.settings = settings;
		this.emit = emit;
		this.all = new Map(); /* id -> Connection */
		this.queue = [];
		this.limit = { rate: 0, burst: 0 }; /* connects a second; rate 0: any number */
		this.tokens = 0;
		this.turnAt = performance.now();
		setInterval(() => this.turn(), TURN_MS);
	}

	setLimit(limit) {
		this.limit = limit;
		this.tokens = Math.max(1, Math.floor(limit.burst * 0.9)); /* a few are left to others at this address */
	}

	list(state) {
		const found = [];

		for (const one of this.all.values())
			if (!state || one.state === state)
				found.push(one);
		return found;
	}

	/* The connection of this id, new or known; false if it is in use already. */
	add(id) {
		let one = this.all.get(id);

		if (one && one.state !== "closed" && one.state !== "waiting")
			return false;
		if (!one) {
			one = new Connection(id, this.settings, this.emit);
			this.all.set(id, one);
		}
		this.reopen(one);
		return true;
	}

	reopen(one) {
		clearTimeout(one.timer);
		if (!this.queue.includes(one))
			this.queue.push(one);
		one.set("queued", "waiting for its turn");
		this.turn();
	}

	remove(one) {
		clearTimeout(one.timer);
		this.all.delete(one.id);
		this.queue = this.queue.filter((other) => other !== one);
	}

	/* Takes back one that has not begun to connect. */
	withdraw(one) {
		this.queue = this.queue.filter((other) => other !== one);
		one.set("closed", "not connected");
	}

	turn() {
		const now = performance.now();

		this.tokens = Math.min(this.limit.burst, this.tokens + this.limit.rate * (now - this.turnAt) / 1000);
		this.turnAt = now;
		let room = CONNECTING_MOST - this.list("connecting").length;

		while (this.queue.length > 0 && room-- > 0 && (this.limit.rate === 0 || this.tokens >= 1)) {
			this.tokens--;
			this.queue.shift().open();
		}
		this.pingDue(now);
	}

	pingDue(now) {
		const open = this.list("open");
		const every = Math.max(PING_MS, 1000 * open.length / PINGS_A_SECOND);

		for (const one of open) {
			const waits = one.pending.has("ping") && now - one.pingedAt < PING_LOST_MS;

			if (!waits && now - one.pingedAt >= every)
				one.ping(one.pingedAt === 0 ? now - Math.random() * TURN_MS : now);
		}
	}
}
