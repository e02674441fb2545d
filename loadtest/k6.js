// SPDX-License-Identifier: MIT
// wsload's profiles for k6: the same connections over time, the protocol of wsd, the same thresholds.
//
//	k6 run -e PROFILE=spike -e URL=ws://127.0.0.1:3001 loadtest/k6.js
//
// PROFILE: smoke, ramp, stress or spike (smoke). SCALE: factor on all durations (1). URL: address of the server.
// INTERVAL: seconds between two messages of a connection (the profile's).
//
// One difference is k6's own: latency counts from when a message was sent, and a client that is behind sends later. wsload
// counts from when it was due, so that a server that stalls is not flattered.
import ws from "k6/ws";
import { check } from "k6";
import exec from "k6/execution";
import { Counter, Rate, Trend } from "k6/metrics";

const PROFILES = {
	smoke: { connections: 20, interval: 0.2, up: 1, hold: 5, down: 0, strict: true },
	ramp: { connections: 1000, interval: 1, up: 240, hold: 60, down: 30 },
	stress: { connections: 2000, interval: 1, up: 30, hold: 600, down: 30 },
	spike: { connections: 5000, interval: 1, up: 30, hold: 60, down: 30 },
};

const name = __ENV.PROFILE || "smoke";
const profile = PROFILES[name];
if (!profile)
	throw new Error(`no profile ${name}; there are ${Object.keys(PROFILES).join(", ")}`);
const scale = Number(__ENV.SCALE || 1);
const url = (__ENV.URL || "ws://127.0.0.1:3001").replace(/\/$/, "");
const interval = Number(__ENV.INTERVAL || profile.interval) * 1000;
const seconds = s => `${Math.max(1, Math.round(s * scale))}s`;

const connect = new Trend("connect", true);
const latency = new Trend("latency", true);
const success = new Rate("success");
const errors = new Rate("errors");
const closed = new Counter("closed");
const lost = new Counter("lost");
const repeated = new Counter("repeated");
const outOfOrder = new Counter("out_of_order");

const thresholds = {
	connect: ["p(95)<2000"],
	latency: ["p(95)<1000"],
	success: ["rate>0.95"],
	errors: ["rate<0.01"],
};
if (profile.strict)
	Object.assign(thresholds, { closed: ["count<1"], lost: ["count<1"], repeated: ["count<1"] });

export const options = {
	scenarios: {
		[name]: {
			executor: "ramping-vus",
			startVUs: 0,
			stages: [
				{ duration: seconds(profile.up), target: profile.connections },
				{ duration: seconds(profile.hold), target: profile.connections },
				...(profile.down ? [{ duration: seconds(profile.down), target: 0 }] : []),
			],
			gracefulRampDown: "5s",
			gracefulStop: "5s",
		},
	},
	thresholds,
};

// When the virtual user's connection should end, so that it closes in order instead of being cut off.
function stayFor() {
	const total = (profile.up + profile.hold + profile.down) * scale * 1000;
	const mine = exec.vu.idInTest / profile.connections; // the last to come are the first to go
	const leave = total - profile.down * scale * 1000 * mine;
	return Math.max(1000, leave - exec.instance.currentTestRunDuration);
}

export default function () {
	const waiting = new Map(); // id to the time of sending
	let next = 1, highest = 0, asked = false;

	function answer(message) {
		const id = Number(message.id);
		const sent = waiting.get(id);
		if (sent === undefined) {
			repeated.add(1);
			errors.add(true);
			return;
		}
		const late = id < highest;
		waiting.delete(id);
		if (late)
			outOfOrder.add(1);
		highest = Math.max(highest, id);
		errors.add(message.type === "error" || late);
		if (message.type === "message_response")
			latency.add(Date.now() - sent);
	}

	const begun = Date.now();
	const response = ws.connect(`${url}/ws/chat/load-${exec.vu.idInTest}`, {}, socket => {
		socket.on("open", () => connect.add(Date.now() - begun));
		socket.on("message", text => {
			const message = JSON.parse(text);
			if (message.type === "connection_established") {
				socket.setInterval(() => {
					if (asked)
						return;
					const id = next++;
					waiting.set(id, Date.now());
					socket.send(JSON.stringify({ type: "message", id: String(id).padStart(10, "0"),
						data: "abcdefghijklmnopqrstuvwxyzabcdef" }));
				}, interval);
			} else if (message.type === "message_response" || (message.type === "error" && message.id !== undefined)) {
				answer(message);
			}
		});
		socket.on("close", () => {
			if (!asked) {
				closed.add(1);
				errors.add(true);
			}
		});
		// stop sending first, leave a second for the last answers
		const stay = stayFor();
		socket.setTimeout(() => { asked = true; }, stay);
		socket.setTimeout(() => socket.close(), stay + 1000);
	});
	lost.add(waiting.size);
	for (let i = 0; i < waiting.size; i++)
		errors.add(true);
	success.add(response && response.status === 101);
	check(response, { "upgraded": r => r && r.status === 101 });
}
