# TLS of the load generator.
AC_DEFUN([WSD_LOADTEST], [
	AC_ARG_WITH([openssl],
		[AS_HELP_STRING([--with-openssl=auto|yes|no], [let wsload speak TLS (default: auto)])],
		[], [with_openssl=auto])
	have_openssl=no
	AS_IF([test "x$with_openssl" != xno],
		[PKG_CHECK_MODULES([OPENSSL], [openssl >= 3.0], [have_openssl=yes],
			[AS_IF([test "x$with_openssl" = xyes], [AC_MSG_ERROR([--with-openssl needs OpenSSL 3])])])])
	AS_IF([test "x$have_openssl" = xyes], [AC_DEFINE([WSLOAD_TLS], [1], [wsload speaks TLS])])
])
