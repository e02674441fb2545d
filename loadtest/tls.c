/* SPDX-License-Identifier: MIT */
/* TLS by OpenSSL, or the lack of it. */
#include "loadtest/tls.h"

#include "config.h"

#ifdef WSLOAD_TLS

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "base/err.h"

struct tls {
	SSL_CTX *ctx;
	bool insecure;
};

bool
tls_available(void)
{
	return true;
}

struct tls *
tls_create(const char *ca_file, bool insecure)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->insecure = insecure;
	t->ctx = SSL_CTX_new(TLS_client_method());
	if (!t->ctx)
		goto fail;
	SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION);
	SSL_CTX_set_mode(t->ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
					 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_verify(t->ctx, insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	if (ca_file ? SSL_CTX_load_verify_file(t->ctx, ca_file) != 1 : SSL_CTX_set_default_verify_paths(t->ctx) != 1)
		goto fail;
	return t;
fail:
	tls_destroy(&t);
	return NULL;
}

void
tls_destroy(struct tls **t)
{
	if (*t) {
		SSL_CTX_free((*t)->ctx);
		free(*t);
	}
	*t = NULL;
}

static bool
is_address(const char *host)
{
	struct in6_addr any;

	return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

static bool
expect_host(SSL *ssl, const char *host)
{
	if (is_address(host))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	return SSL_set_tlsext_host_name(ssl, host) == 1 && SSL_set1_host(ssl, host) == 1;
}

struct tls_session *
tls_start(struct tls *t, int fd, const char *host)
{
	SSL *ssl = SSL_new(t->ctx);

	if (!ssl)
		return NULL;
	if (SSL_set_fd(ssl, fd) != 1 || (!expect_host(ssl, host) && !t->insecure)) {
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_connect_state(ssl);
	return (struct tls_session *)ssl;
}

void
tls_end(struct tls_session **s)
{
	if (*s)
		SSL_free((SSL *)*s);
	*s = NULL;
}

int
tls_handshake(struct tls_session *s, bool *want_write)
{
	int rc;

	ERR_clear_error();
	rc = SSL_do_handshake((SSL *)s);
	if (rc == 1)
		return WSD_OK;
	rc = SSL_get_error((SSL *)s, rc);
	*want_write = rc == SSL_ERROR_WANT_WRITE;
	return rc == SSL_ERROR_WANT_READ || rc == SSL_ERROR_WANT_WRITE ? -EAGAIN : WSD_E_LIBRARY;
}

static ssize_t
outcome(SSL *ssl, int rc, size_t n)
{
	if (rc == 1)
		return (ssize_t)n;
	switch (SSL_get_error(ssl, rc)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		errno = ECONNRESET;
		return -1;
	}
}

ssize_t
tls_recv(struct tls_session *s, void *buf, size_t room)
{
	size_t n = 0;
	int rc;

	ERR_clear_error();
	rc = SSL_read_ex((SSL *)s, buf, room, &n);
	return outcome((SSL *)s, rc, n);
}

ssize_t
tls_send(struct tls_session *s, const void *data, size_t len)
{
	size_t n = 0;
	int rc;

	ERR_clear_error();
	rc = SSL_write_ex((SSL *)s, data, len, &n);
	return outcome((SSL *)s, rc, n);
}

#else

#include <errno.h>

#include "base/err.h"

bool
tls_available(void)
{
	return false;
}

struct tls *
tls_create(const char *ca_file, bool insecure)
{
	return NULL;
}

void
tls_destroy(struct tls **t)
{
}

struct tls_session *
tls_start(struct tls *t, int fd, const char *host)
{
	return NULL;
}

void
tls_end(struct tls_session **s)
{
}

int
tls_handshake(struct tls_session *s, bool *want_write)
{
	return WSD_E_UNSUPPORTED;
}

ssize_t
tls_recv(struct tls_session *s, void *buf, size_t room)
{
	errno = ENOTSUP;
	return -1;
}

ssize_t
tls_send(struct tls_session *s, const void *data, size_t len)
{
	errno = ENOTSUP;
	return -1;
}

#endif
