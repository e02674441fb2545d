/* SPDX-License-Identifier: MIT */
/* What happened in each of the last seconds: messages both ways, and round trips with their percentiles. Bounded: of a
 * second with many round trips a random part is kept. */

export const SECONDS = 60;
const WINDOW = 30; /* seconds that the percentiles beside the plot are taken over */
const SAMPLES_MOST = 1000; /* of one second */

/* Nearest rank, of sorted values: the smallest that q of all do not exceed. null: there are none. */
export function percentile(sorted, q) {
	return sorted.length === 0 ? null : sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)];
}

export function percentiles(values) {
	const sorted = Float64Array.from(values).sort();

	return { p50: percentile(sorted, 0.5), p95: percentile(sorted, 0.95), p99: percentile(sorted, 0.99) };
}

class Second {
	constructor() {
		this.sent = 0;
		this.received = 0;
		this.trips = 0;
		this.samples = [];
		this.moves = new Set(); /* instances that connections came to */
		this.shown = percentiles([]); /* once it is over */
	}
}

export class Stats {
	constructor() {
		this.sent = 0;
		this.received = 0;
		this.errors = 0;
		this.moved = 0;
		this.now = new Second();
		this.endsAt = performance.now() + 1000; /* of that second */
		this.past = []; /* the oldest first */
	}

	onSent() {
		this.sent++;
		this.now.sent++;
	}

	onReceived() {
		this.received++;
		this.now.received++;
	}

	onMoved(instance) {
		this.moved++;
		this.now.moves.add(instance);
	}

	onTrip(ms) {
		const { samples } = this.now;

		this.now.trips++;
		if (samples.length < SAMPLES_MOST) {
			samples.push(ms);
			return;
		}
		const place = Math.floor(Math.random() * this.now.trips);

		if (place < SAMPLES_MOST)
			samples[place] = ms;
	}

	/* True if a second is over, or several if this was called late. */
	turn(now) {
		if (now < this.endsAt)
			return false;
		while (now >= this.endsAt) {
			this.now.shown = percentiles(this.now.samples);
			this.past.push(this.now);
			this.now = new Second();
			this.endsAt = Math.max(this.endsAt + 1000, now - SECONDS * 1000);
		}
		this.past.splice(0, this.past.length - SECONDS);
		return true;
	}

	get last() {
		return this.past[this.past.length - 1] || this.now;
	}

	recent() {
		const all = [];

		for (const second of this.past.slice(-WINDOW))
			for (const ms of second.samples)
				all.push(ms);
		return percentiles(all);
	}
}
