// SPDX-License-Identifier: MIT
// wsd's job for a connection and for a message: JSON.parse, count, JSON.stringify of the same answer. For the servers that
// loadtest/bench/run measures wsd against.

function greeting(id, instance) {
	return JSON.stringify({
		type: "connection_established",
		connectionId: id,
		count: 0,
		timestamp: new Date().toISOString(),
		instance,
		heartbeatInterval: 30000,
	});
}

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

module.exports = { answer, greeting };
