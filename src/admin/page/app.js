/* SPDX-License-Identifier: MIT */
/* Puts the parts together: forms, keys, and who hears of what. */
import { ID_RULE, isGoodId } from "./codes.js";
import { at, setText } from "./dom.js";
import { Fleet } from "./fleet.js";
import { Live } from "./live.js";
import { Log } from "./log.js";
import { Sender } from "./sender.js";
import { Server } from "./server.js";
import { Stats } from "./stats.js";
import { Table } from "./table.js";

const MANY_MOST = 200; /* Chromium has room for 255 WebSockets, Firefox for 200 */
const DRAW_MS = 250;

const stats = new Stats();
const log = new Log();
const settings = { base: "", auto: true, why: () => server.why(), reopen: (one) => fleet.reopen(one) };
const fleet = new Fleet(settings, heard);
const table = new Table({
	disconnect: (one) => one.disconnect(),
	drop: (one) => (one.state === "queued" ? fleet.withdraw(one) : one.drop()),
	reconnect: (one) => fleet.reopen(one),
	remove: (one) => remove([one]),
});
const sender = new Sender(fleet, say);
const live = new Live(stats, fleet);
const server = new Server(onFacts, (text) => {
	log.add("note", null, text);
	say(text);
});

/* For screen readers: what a glance at the page would tell. */
function say(text) {
	setText(at("status"), text);
}

function heard(what, one, detail) {
	switch (what) {
	case "out":
		stats.onSent();
		log.add("out", one, detail.text, detail.type);
		break;
	case "in":
		stats.onReceived();
		log.add("in", one, detail.text, detail.type);
		break;
	case "trip":
		stats.onTrip(detail);
		break;
	case "moved":
		stats.onMoved(one.instance);
		table.moved(one);
		log.add("note", one, detail);
		say(one.id + " " + detail);
		break;
	case "note":
		log.add("note", one, detail);
		say(one.id + " " + detail);
		break;
	case "error":
		stats.errors++;
		log.add("bad", one, detail);
		say(one.id + " " + detail);
		break;
	case "state":
		table.add(one);
		table.show(one);
		changed();
		break;
	default:
		break;
	}
}

let changing = false;

/* Once for all that changes in a moment. */
function changed() {
	if (changing)
		return;
	changing = true;
	queueMicrotask(() => {
		changing = false;
		const ids = fleet.list().map((one) => one.id), open = fleet.list("open");

		sender.setConnections(open.map((one) => one.id), open.length);
		log.setConnections(ids);
		at("all-disconnect").disabled = open.length === 0;
		at("all-drop").disabled = ids.length === fleet.list("closed").length;
		at("all-reconnect").disabled = fleet.list("closed").length + fleet.list("waiting").length === 0;
		at("all-remove").disabled = fleet.list("closed").length === 0;
		live.draw();
	});
}

function remove(list) {
	for (const one of list) {
		fleet.remove(one);
		table.remove(one);
	}
	changed();
}

/* Beside the page, wherever a proxy shows it; from the admin side at the instance's own public port. */
function socketBase(facts) {
	const admin = facts.side === "admin";
	const url = new URL(admin ? "/ws/chat/" : "ws/chat/", location.href);

	url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
	if (admin)
		url.port = facts.publicPort;
	return url.href;
}

function onFacts(facts) {
	settings.base = socketBase(facts);
	fleet.setLimit(facts.connectLimit);
	sender.setLimit(facts.messageLimit.rate);
	if (facts.side === "admin" && !facts.publicPort)
		setText(at("id-hint"), "This instance serves WebSockets on no TCP port.");
	else
		at("connect").disabled = false;
}

/* ---- forms ---- */

function namesOf(id, many) {
	return many === 1 ? [id] : Array.from({ length: many }, (_, i) => id + "-" + (i + 1));
}

function connect(event) {
	const id = at("id").value.trim();
	const names = namesOf(id, Number(at("many").value));

	event.preventDefault();
	const room = MANY_MOST - fleet.list().filter((one) => one.state !== "closed").length;

	if (names.length > room) {
		hint(`A browser has room for about ${MANY_MOST} connections, so ${room} more can be opened here.`);
		return;
	}
	const taken = names.filter((name) => !fleet.add(name));

	if (taken.length > 0)
		hint(`${taken.length === 1 ? taken[0] + " is" : taken.length + " of them are"} connected here already.`);
	else
		checkId();
}

function hint(text) {
	setText(at("id-hint"), text);
}

function checkId() {
	const id = at("id").value.trim();

	hint(id && !isGoodId(namesOf(id, Number(at("many").value)).pop()) ? "The server will refuse it: " + ID_RULE : "");
}

/* Keys for those who don't use a mouse; not while they type. */
function onKey(event) {
	const targets = { "/": "filter", c: "id", m: "data" };

	if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select"))
		return;
	if (event.key === "p") {
		event.preventDefault();
		log.pause(!log.paused);
	} else if (targets[event.key]) {
		event.preventDefault();
		at(targets[event.key]).focus();
	}
}

function start() {
	at("id").value = "browser-" + crypto.getRandomValues(new Uint32Array(1))[0].toString(36);
	at("connect").disabled = true;
	at("connect-form").addEventListener("submit", connect);
	at("id").addEventListener("input", checkId);
	at("many").addEventListener("input", checkId);
	at("auto").addEventListener("change", () => {
		settings.auto = at("auto").checked;
	});
	settings.auto = at("auto").checked;
	at("all-disconnect").addEventListener("click", () => fleet.list("open").forEach((one) => one.disconnect()));
	at("all-drop").addEventListener("click", () => {
		for (const one of fleet.list())
			if (one.state === "queued")
				fleet.withdraw(one);
			else if (one.state !== "closed")
				one.drop();
	});
	at("all-reconnect").addEventListener("click", () =>
		[...fleet.list("closed"), ...fleet.list("waiting")].forEach((one) => fleet.reopen(one)));
	at("all-remove").addEventListener("click", () => remove(fleet.list("closed")));
	document.addEventListener("keydown", onKey);
	setInterval(() => {
		if (stats.turn(performance.now()))
			live.turn();
		table.draw();
		live.draw();
	}, DRAW_MS);
	changed();
}

start();
