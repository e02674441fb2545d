// SPDX-License-Identifier: MIT
// The package `ws` on Node doing wsd's job (answer.js). For loadtest/bench/run.
// usage: node node_ws_server.js PORT     (with NODE_PATH where `ws` is installed)

const http = require("http");
const { WebSocketServer } = require("ws");
const { answer, greeting } = require("./answer.js");

const port = Number(process.argv[2] || 3011);

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
		ws.send(greeting(data.id, "node"));
	});
});
server.listen({ port, host: "0.0.0.0", backlog: 4096 }, () => console.log(`listening on ${port}`));
