// SPDX-License-Identifier: MIT
// Bun.serve doing wsd's job for a message: JSON.parse, count, JSON.stringify of the same answer. For loadtest/bench/run.
// usage: bun bun_server.js PORT

const port = Number(process.argv[2] || 3010);
const HEARTBEAT_INTERVAL = 30000;

// What wsd says of a message that it does not accept.
function refusal(code, message, id) {
	return JSON.stringify({ type: "error", code, message, timestamp: new Date().toISOString(), id });
}

function answer(data, raw) {
	let message;
	try {
		message = JSON.parse(raw);
	} catch {
		return refusal("invalid_json", "not JSON");
	}
	if (message === null || typeof message !== "object")
		return refusal("invalid_json", "not an object");
	switch (message.type) {
	case "message":
		data.count++;
		return JSON.stringify({
			type: "message_response",
			count: data.count,
			timestamp: new Date().toISOString(),
			id: message.id,
		});
	case "ping":
		return JSON.stringify({ type: "pong", timestamp: new Date().toISOString(), id: message.id });
	default:
		return refusal("unknown_type", "unknown type", message.id);
	}
}

Bun.serve({
	port,
	hostname: "0.0.0.0",
	fetch(request, server) {
		const path = new URL(request.url).pathname;
		if (path.startsWith("/ws/chat/") && server.upgrade(request, { data: { id: path.slice(9), count: 0 } }))
			return undefined;
		return new Response("not found\n", { status: 404 });
	},
	websocket: {
		idleTimeout: 300,
		maxPayloadLength: 65536,
		backpressureLimit: 1048576,
		perMessageDeflate: false,
		open(ws) {
			ws.send(JSON.stringify({
				type: "connection_established",
				connectionId: ws.data.id,
				count: 0,
				timestamp: new Date().toISOString(),
				instance: "bun",
				heartbeatInterval: HEARTBEAT_INTERVAL,
			}));
		},
		message(ws, raw) {
			ws.send(answer(ws.data, raw));
		},
	},
});
console.log(`listening on ${port}`);
