/* SPDX-License-Identifier: MIT */
/*
 * One connection: a WebSocket at a time, and what lasts from one to the next (the session, the counts). States:
 *
 *   queued -> connecting -> open -> leaving -> closed
 *                 ^                               |
 *                 +------------ waiting <---------+   reconnecting by itself
 *
 * What happens is told to one listener, emit(what, connection, detail): state, note, out, in, moved, trip, error.
 */
import { describeClose, ID_RULE, isFinal, isGoodId } from "./codes.js";
import { duration } from "./dom.js";

const PENDING_MOST = 5000;
const BACKOFF_MS = 500;
const BACKOFF_MOST_MS = 10000;

export class Connection {
	constructor(id, settings, emit) {
		this.id = id;
		this.settings = settings; /* shared: base of the address, auto, why(), reopen(connection) */
		this.emit = emit;
		this.state = "queued";
		this.text = "waiting for its turn";
		this.bad = false;
		this.socket = null;
		this.session = null;
		this.instance = "";
		this.trail = []; /* instances that have answered this connection since it was opened */
		this.openedAt = 0;
		this.endedAt = 0;
		this.count = 0;
		this.resumed = false;
		this.goodbye = null;
		this.trip = null;
		this.pingedAt = 0;
		this.opens = 0;
		this.attempts = 0;
		this.wanted = true; /* false: it ended because the user said so */
		this.next = 1;
		this.pending = new Map(); /* message id -> when it was sent */
		this.timer = 0;
	}

	get uptime() {
		if (this.openedAt === 0)
			return 0;
		return (this.endedAt || performance.now()) - this.openedAt;
	}

	set(state, text, bad = false) {
		this.state = state;
		this.text = text;
		this.bad = bad;
		this.emit("state", this, text);
	}

	address() {
		const url = new URL(this.settings.base + encodeURIComponent(this.id));

		if (this.session)
			url.searchParams.set("session", this.session);
		return url;
	}

	open() {
		let socket;

		clearTimeout(this.timer);
		this.wanted = true;
		this.goodbye = null;
		this.established = false;
		this.set("connecting", this.session ? "connecting, with the session" : "connecting");
		try {
			socket = new WebSocket(this.address());
		} catch (error) {
			this.set("closed", error.message, true);
			return;
		}
		this.socket = socket;
		socket.onmessage = (event) => this.onMessage(event.data);
		socket.onclose = (event) => this.onClose(event);
	}

	/* Sends a message object; false if the connection is not open. */
	transmit(message) {
		if (this.state !== "open" || this.socket.readyState !== WebSocket.OPEN)
			return false;
		const text = JSON.stringify(message);

		this.socket.send(text);
		this.emit("out", this, { text, type: message.type });
		return true;
	}

	expect(id, now) {
		if (this.pending.size >= PENDING_MOST)
			this.pending.delete(this.pending.keys().next().value);
		this.pending.set(id, now);
	}

	send(data) {
		const id = this.next++;

		this.expect(id, performance.now());
		return this.transmit({ type: "message", id, data });
	}

	ping(now) {
		this.pingedAt = now;
		this.expect("ping", now);
		this.transmit({ type: "ping", id: "ping" });
	}

	/* Asks the server to end the connection, and its session. */
	disconnect() {
		this.wanted = false;
		clearTimeout(this.timer);
		if (this.transmit({ type: "disconnect" })) {
			this.session = null;
			this.set("leaving", "disconnecting");
		} else {
			this.drop();
		}
	}

	/* Closes the socket; the session can be resumed. */
	drop() {
		this.wanted = false;
		clearTimeout(this.timer);
		if (this.socket) {
			this.set("leaving", "closing");
			this.socket.close(1000);
		} else {
			this.set("closed", this.endedAt ? this.text : "not connected");
		}
	}

	/* ---- what the server says ---- */

	onMessage(text) {
		let message = null;

		try {
			message = JSON.parse(text);
		} catch (error) {
			this.emit("error", this, "that was not JSON: " + error.message);
		}
		if (message === null || typeof message !== "object")
			return;
		this.emit("in", this, { text, type: message.type });
		if (typeof message.count === "number")
			this.count = message.count;
		if (message.id !== undefined)
			this.answered(message.id);
		switch (message.type) {
		case "connection_established":
			this.onEstablished(message);
			break;
		case "pong":
		case "heartbeat":
			this.onInstance(message.instance);
			break;
		case "error":
			this.emit("error", this, message.code + ": " + message.message);
			break;
		case "goodbye":
			this.onGoodbye(message);
			break;
		default:
			break;
		}
	}

	answered(id) {
		const began = this.pending.get(id);

		if (began === undefined)
			return;
		this.pending.delete(id);
		this.trip = performance.now() - began;
		this.emit("trip", this, this.trip);
	}

	onEstablished(message) {
		this.established = true;
		this.openedAt = performance.now();
		this.endedAt = 0;
		this.pingedAt = 0;
		this.opens++;
		this.attempts = 0;
		this.session = message.session;
		this.resumed = message.resumed === true;
		this.instance = message.instance || "";
		this.trail = [this.instance];
		this.set("open", this.resumed ? "session resumed at " + message.count : "open");
		this.emit("note", this, this.resumed ? "connected to " + this.instance + ", session resumed at count " + message.count :
		    "connected to " + this.instance + ", new session");
	}

	/* Another instance answers, and the socket never closed. */
	onInstance(instance) {
		if (!instance || instance === this.instance)
			return;
		const before = this.instance;

		this.instance = instance;
		this.trail.push(instance);
		this.emit("moved", this, "moved from " + before + " to " + instance + " after " + duration(this.uptime) +
		    ", and still open");
	}

	onGoodbye(message) {
		let text = "goodbye: " + message.reason;

		this.goodbye = message;
		if (message.reconnect)
			text += ", come back in " + message.retryAfter + " ms";
		this.set("leaving", text);
		this.emit("note", this, text);
	}

	/* ---- the end ---- */

	onClose(event) {
		const goodbye = this.goodbye;
		let text = "closed: " + describeClose(event.code, event.reason);

		if (this.established)
			this.endedAt = performance.now();
		else if (this.wanted)
			text = "refused: " + (isGoodId(this.id) ? this.settings.why() : ID_RULE);
		if (goodbye)
			text += " (goodbye: " + goodbye.reason + ")";
		this.socket = null;
		this.pending.clear();
		this.emit(event.code === 1000 ? "note" : "error", this, text);
		this.set("closed", text, event.code !== 1000);
		if (this.settings.auto && this.wanted && this.opens > 0)
			this.comeBack(event.code, text);
	}

	/* How long to wait before the next attempt; null: it should not come back. */
	delay(code) {
		if (this.goodbye)
			return this.goodbye.reconnect ? this.goodbye.retryAfter : null;
		if (isFinal(code))
			return null;
		const most = Math.min(BACKOFF_MOST_MS, BACKOFF_MS * 2 ** this.attempts++);

		return most / 2 + Math.random() * most / 2;
	}

	comeBack(code, text) {
		const delay = this.delay(code);

		if (delay === null)
			return;
		this.set("waiting", text + "; reconnecting in " + (delay / 1000).toFixed(1) + " s", true);
		this.timer = setTimeout(() => this.settings.reopen(this), delay);
	}
}
