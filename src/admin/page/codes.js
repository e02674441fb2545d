/* SPDX-License-Identifier: MIT */
/* What ends a connection: close codes, and after which of them it makes sense to come back. wsd.protocol(7). */

const MEANINGS = {
	1000: "asked for",
	1001: "the server shuts down",
	1002: "protocol error",
	1003: "kind of data not supported",
	1005: "no code given",
	1006: "cut without a close frame",
	1007: "invalid text",
	1008: "policy",
	1009: "message too large",
	1011: "server error",
	1012: "the server restarts",
	1013: "too slow, or the server is overloaded",
	4001: "replaced by another connection",
};

/* Ends that would only repeat themselves, or that were wanted. */
const FINAL = new Set([1000, 1002, 1003, 1007, 1008, 1009, 4001]);

const ID = /^[A-Za-z0-9._~-]{1,128}$/;

export const ID_RULE = "an id is 1 to 128 ASCII letters, digits, or . _ ~ -";

export function describeClose(code, reason) {
	const meaning = reason || MEANINGS[code] || "";

	return meaning ? code + " " + meaning : String(code);
}

export function isFinal(code) {
	return FINAL.has(code);
}

/* Only the server's word counts; this tells beforehand, since a browser does not show why it was refused. */
export function isGoodId(id) {
	return ID.test(id) && id !== "." && id !== "..";
}
