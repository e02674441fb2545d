/* SPDX-License-Identifier: MIT */
/* What the server tells of itself: facts once, health and metrics every two seconds while the page is shown. */
import { at, bytes, count, duration, make, rate, setText, showBadge } from "./dom.js";

const EVERY_MS = 2000;

/* Of the folder that the page is in, which is / unless a proxy shows wsd below another path. */
async function get(path) {
	const answer = await fetch(path, { cache: "no-store" });

	if (!answer.ok)
		throw new Error(path + " answered " + answer.status);
	return answer;
}

/* "name{labels} value" lines: sums by name, and each sample by its full name. */
function parseMetrics(text) {
	const values = new Map();

	for (const line of text.split("\n")) {
		const match = /^([a-z_]+)(\{.*\})? (\S+)$/.exec(line);

		if (!match)
			continue;
		const value = Number(match[3]);

		values.set(match[1], (values.get(match[1]) || 0) + value);
		if (match[2])
			values.set(match[1] + match[2], value);
	}
	return values;
}

/* Rows of a list of facts, made once and then changed. */
class Facts {
	constructor(list) {
		this.list = list;
		this.values = new Map();
	}

	show(name, value) {
		if (!this.values.has(name)) {
			const dd = make("dd", "");

			this.values.set(name, dd);
			this.list.append(make("div", "", make("dt", "", name), dd));
		}
		setText(this.values.get(name), value);
	}
}

export class Server {
	/* onFacts(facts): what the page has to know; onChange(text): it says something else than before. */
	constructor(onFacts, onChange) {
		this.onFacts = onFacts;
		this.onChange = onChange;
		this.facts = null;
		this.health = null;
		this.healthList = new Facts(at("health"));
		this.metricsList = new Facts(at("metrics"));
		this.before = null;
		this.beforeAt = 0;
		this.turn();
		setInterval(() => {
			if (!document.hidden)
				this.turn();
		}, EVERY_MS);
		document.addEventListener("visibilitychange", () => {
			if (!document.hidden)
				this.turn();
		});
	}

	/* Why a connection may have been refused, as far as it can be known here: browsers do not tell. */
	why() {
		if (!this.health)
			return "the server does not answer";
		if (this.health.state !== "running")
			return "the server is in state " + this.health.state;
		return "browsers do not tell why; the id may be in use elsewhere, or a limit reached";
	}

	async turn() {
		if (this.busy)
			return;
		this.busy = true;
		try {
			if (!this.facts)
				await this.askFacts();
			this.showHealth(await (await get("health")).json());
			if (this.facts.metrics)
				this.showMetrics(parseMetrics(await (await get("metrics")).text()));
		} catch (error) {
			this.showAway();
		} finally {
			this.busy = false;
		}
	}

	async askFacts() {
		this.facts = await (await get("client.json")).json();
		this.showLinks(this.facts.links);
		if (!this.facts.metrics)
			setText(at("metrics-note"), this.facts.side === "admin" ? "METRICS_ALLOW of the server does not list your address." :
			    "Only on the admin address of an instance, not on this public one.");
		this.onFacts(this.facts);
	}

	showLinks(links) {
		const named = { grafana: "Grafana", prometheus: "Prometheus" };

		for (const [name, text] of Object.entries(named)) {
			if (!links[name])
				continue;
			const link = make("a", "", text);

			link.href = links[name];
			link.target = "_blank";
			link.rel = "noopener noreferrer";
			at("links").append(link);
			at("links").hidden = false;
		}
	}

	showHealth(health) {
		const before = this.health;

		this.health = health;
		showBadge(at("serving-instance"), health.instance);
		setText(at("serving-text"), health.state + ", up " + duration(health.uptime * 1000));
		at("serving-text").className = health.status === "ok" ? "" : "warn";
		this.healthList.show("Status", health.status);
		this.healthList.show("Instance", health.instance);
		this.healthList.show("State", health.state);
		this.healthList.show("Connections", count(health.connections));
		this.healthList.show("Up", duration(health.uptime * 1000));
		if (health.version) /* not on the public side */
			this.healthList.show("Version", health.version);
		if (before && before.instance !== health.instance)
			this.onChange(`this address is answered by ${health.instance} now, no longer by ${before.instance}`);
		else if (before && before.state !== health.state)
			this.onChange(`${health.instance} is ${health.state} now`);
	}

	showAway() {
		if (this.health)
			this.onChange("the server does not answer");
		this.health = null;
		setText(at("serving-text"), "does not answer");
		at("serving-text").className = "bad";
		this.healthList.show("Status", "does not answer");
	}

	showMetrics(values) {
		const now = performance.now(), { before } = this;
		const seconds = (now - this.beforeAt) / 1000;
		const value = (name) => values.get(name) || 0;
		/* a counter that went back was that of another process */
		const each = (name) => (before ? Math.max(0, value(name) - (before.get(name) || 0)) / seconds : 0);
		const list = this.metricsList;

		list.show("Connections", count(value("websocket_connections_active")));
		list.show("Opened", count(value("websocket_connections_opened_total")));
		list.show("Moved in, out", count(value('websocket_connections_moved_total{direction="in"}')) + ", " +
		    count(value('websocket_connections_moved_total{direction="out"}')));
		list.show("Refused", count(value("websocket_handshakes_refused_total")));
		list.show("Messages", count(value("websocket_messages_total")));
		list.show("Messages/s", rate(each("websocket_messages_total")));
		list.show("Errors", count(value("websocket_errors_total")));
		list.show("Received/s", bytes(each("websocket_received_bytes_total")));
		list.show("Sent/s", bytes(each("websocket_sent_bytes_total")));
		list.show("CPU", (100 * each("process_cpu_seconds_total")).toFixed(0) + " %");
		list.show("Memory", bytes(value("process_resident_memory_bytes")));
		this.before = values;
		this.beforeAt = now;
		at("metrics").hidden = false;
		if (!at("metrics-note").firstElementChild) {
			const link = make("a", "", "All metrics");

			link.href = "metrics";
			at("metrics-note").replaceChildren(link);
		}
	}
}
