/* SPDX-License-Identifier: MIT */
/* The headers that every answer in HTTP has here, whichever part of the program gives it. Any thread. */
#ifndef WSD_BASE_HTTP_HEADERS_H
#define WSD_BASE_HTTP_HEADERS_H

/* X(name, value) */
#define HTTP_SECURITY_HEADERS(X) \
	X("Cross-Origin-Opener-Policy", "same-origin") \
	X("Cross-Origin-Resource-Policy", "same-origin") \
	X("Referrer-Policy", "no-referrer") \
	X("X-Content-Type-Options", "nosniff") \
	X("X-Frame-Options", "DENY")

/* Of Content-Security-Policy, for all but pages. */
#define HTTP_POLICY_NONE "default-src 'none'; frame-ancestors 'none'"

/* Of Strict-Transport-Security, which is for answers that travel by TLS (RFC 6797, 7.2); for printf. */
#define HTTP_HSTS_FORMAT "max-age=%u"

#endif
