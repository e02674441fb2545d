// SPDX-License-Identifier: MIT
// The package `ws` on Node doing wsd's job for a message: JSON.parse, count, JSON.stringify of the same answer. For
// loadtest/bench/run.
// usage: node node_ws_server.js PORT     (with NODE_PATH where `ws` is installed)

const http = require("http");
const { WebSocketServer } = require("ws");

const port = Number(process.argv[2] || 3011);
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

const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: 65536 });
const server = http.createServer((request, response) => {
	response.writeHead(404);
	response.end("not found\n");
});
server.on("upgrade", (request, socket, head) => {
	if (!request.url.startsWith("/ws/chat/")) {
		socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
		return;
	}
	sockets.handleUpgrade(request, socket, head, (ws) => {
		const data = { id: request.url.slice(9), count: 0 };
		ws.on("message", (raw) => ws.send(answer(data, raw.toString())));
		ws.on("error", () => ws.terminate());
		ws.send(JSON.stringify({
			type: "connection_established",
			connectionId: data.id,
			count: 0,
			timestamp: new Date().toISOString(),
			instance: "node",
			heartbeatInterval: HEARTBEAT_INTERVAL,
		}));
	});
});
server.listen({ port, host: "0.0.0.0", backlog: 4096 }, () => console.log(`listening on ${port}`));
