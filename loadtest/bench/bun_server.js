// SPDX-License-Identifier: MIT
// Bun.serve doing wsd's job (answer.js). For loadtest/bench/run.
// usage: bun bun_server.js PORT

const { answer, greeting } = require("./answer.js");

const port = Number(process.argv[2] || 3010);

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
			ws.send(greeting(ws.data.id, "bun"));
		},
		message(ws, raw) {
			ws.send(answer(ws.data, raw));
		},
	},
});
console.log(`listening on ${port}`);
